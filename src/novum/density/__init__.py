"""Densities p(x | m) of features given the resonant variable: flows that train, sample and score.

A new density is one file here and one line in `MEMBERS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

MEMBERS = {
    "AutoregressiveSpline": "novum.density.spline",
    "FlowMatching": "novum.density.flow_matching",
    "MaskedAutoregressiveFlow": "novum.density.maf",
    "NeuralSplineFlow": "novum.density.nsf",
}

__all__ = ["AutoregressiveSpline", "FlowMatching", "MaskedAutoregressiveFlow", "NeuralSplineFlow"]


def __getattr__(name: str) -> Any:
    if name in MEMBERS:
        return getattr(import_module(MEMBERS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(MEMBERS)
