"""Classifiers for two-class problems, and the engine that fits many at once.

Any scikit-learn classifier whose `fit` takes ``sample_weight`` drops in. A new one of ours is
one file here and one line in `MEMBERS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

MEMBERS = {
    "MLPEnsemble": "novum.classifiers.mlp",
    "TreeEnsemble": "novum.classifiers.trees",
}
_FUNCTIONS = {"fit_tasks": "novum.classifiers.tasks"}

__all__ = ["MLPEnsemble", "TreeEnsemble", "fit_tasks"]


def __getattr__(name: str) -> Any:
    module = MEMBERS.get(name) or _FUNCTIONS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted([*MEMBERS, *_FUNCTIONS])
