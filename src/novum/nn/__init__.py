"""Blocks of neural networks and losses, in torch; they know nothing of files or of training.

Members load on first use, and torch with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.nn.ensemble import EnsembleLinear as EnsembleLinear
    from novum.nn.ensemble import EnsembleMLP as EnsembleMLP
    from novum.nn.losses import weighted_bce as weighted_bce

_MEMBERS = {
    "EnsembleLinear": "novum.nn.ensemble",
    "EnsembleMLP": "novum.nn.ensemble",
    "weighted_bce": "novum.nn.losses",
}

__all__ = ["EnsembleLinear", "EnsembleMLP", "weighted_bce"]


def __getattr__(name: str) -> Any:
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MEMBERS[name]), name)


def __dir__() -> list[str]:
    return sorted(_MEMBERS)
