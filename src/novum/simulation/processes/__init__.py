"""Processes that `novum simulate` knows: one file here is one process.

A file ``my_process.py`` holds the class ``MyProcess``; nothing else lists it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any


def _members() -> dict[str, str]:
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return {
        "".join(word.capitalize() for word in f.stem.split("_")): f"{__name__}.{f.stem}"
        for f in files
    }


MEMBERS = _members()

__all__ = sorted(MEMBERS)


def __getattr__(name: str) -> Any:
    if name in MEMBERS:
        return getattr(import_module(MEMBERS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(MEMBERS)
