"""Resonant methods: overdensities in some features, localised in a resonant variable.

A new method is one file here and one line in `MEMBERS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

MEMBERS = {
    "ANODE": "novum.resonant.anode",
    "CATHODE": "novum.resonant.cathode",
    "CWoLa": "novum.resonant.cwola",
    "LaCATHODE": "novum.resonant.lacathode",
    "RANODE": "novum.resonant.ranode",
}
_BOUNDS = {
    "IdealisedDetector": "novum.resonant.bounds",
    "SupervisedClassifier": "novum.resonant.bounds",
}

__all__ = [
    "ANODE",
    "CATHODE",
    "RANODE",
    "CWoLa",
    "IdealisedDetector",
    "LaCATHODE",
    "SupervisedClassifier",
]


def __getattr__(name: str) -> Any:
    module = MEMBERS.get(name) or _BOUNDS.get(name)
    if module is not None:
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*MEMBERS, *_BOUNDS])
