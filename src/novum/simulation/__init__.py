"""Makers of events: Pythia 8 with a fast detector, toys, and injection of signal."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_LAZY = {
    "Injection": "injection",
    "inject": "injection",
    "inject_files": "injection",
    "simulate": "sampling",
    "simulate_file": "sampling",
    "toy_dijets": "toy",
}

__all__ = sorted(_LAZY)

if TYPE_CHECKING:
    from novum.simulation.injection import Injection as Injection
    from novum.simulation.injection import inject as inject
    from novum.simulation.injection import inject_files as inject_files
    from novum.simulation.sampling import simulate as simulate
    from novum.simulation.sampling import simulate_file as simulate_file
    from novum.simulation.toy import toy_dijets as toy_dijets


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'novum.simulation' has no attribute {name!r}")
    value = getattr(import_module(f"novum.simulation.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
