"""Calibration: complete searches, retrained on background-only or injected data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.calibration.injection import inject_and_search as inject_and_search
    from novum.calibration.limits import TrainedLimit as TrainedLimit
    from novum.calibration.limits import retrained_limit as retrained_limit
    from novum.calibration.limits import trained_limit as trained_limit
    from novum.calibration.procedure import calibrate as calibrate
    from novum.calibration.study import InjectionStudy as InjectionStudy
    from novum.calibration.variation import Variation as Variation
    from novum.search.calibrated import Calibration as Calibration

_PUBLIC = {
    "Calibration": "novum.search.calibrated",
    "InjectionStudy": "novum.calibration.study",
    "TrainedLimit": "novum.calibration.limits",
    "Variation": "novum.calibration.variation",
    "calibrate": "novum.calibration.procedure",
    "inject_and_search": "novum.calibration.injection",
    "retrained_limit": "novum.calibration.limits",
    "trained_limit": "novum.calibration.limits",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
