"""Fits, significances, toys and trials of a search; knows no machine learning.

Public names load on first use (PEP 562), so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MEMBERS = {
    "BatchFit": "batch",
    "BatchModel": "batch",
    "BumpHunterResult": "bumphunter",
    "BumpScan": "bumpscan",
    "Dijet": "families",
    "ExpPolynomial": "families",
    "Family": "families",
    "OrderTest": "spectrum",
    "PValue": "pvalue",
    "PeakFit": "peak",
    "ScanToys": "scan",
    "ShapeTest": "shape",
    "SpectrumFit": "spectrum",
    "bump_hunter": "bumphunter",
    "bump_scan": "bumpscan",
    "correlated_counts": "copula",
    "family": "families",
    "find_range": "ranges",
    "fit_batch": "batch",
    "fit_peak": "peak",
    "fit_spectrum": "fit",
    "gross_vitells": "trials",
    "minuit_fit": "minuit",
    "on_off_exact_p": "onoff",
    "on_off_p": "onoff",
    "on_off_scan_toys": "scan",
    "on_off_z": "onoff",
    "scan_toys": "scan",
    "shape_test": "shape",
}

__all__ = sorted(_MEMBERS)


def __getattr__(name: str) -> Any:
    if name not in _MEMBERS:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
