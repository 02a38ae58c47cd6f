"""Figures and one self-contained HTML page from a finished search.

Everything comes from the `SearchResult`; no data are read again. Public names load on first use
(PEP 562), so that importing the package does not import matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MEMBERS = {
    "bibtex": "cite",
    "calibration": "figures",
    "compare": "compared",
    "compared_pvalues": "compared_figures",
    "compared_sic": "compared_figures",
    "displays": "figures",
    "evaluation": "figures",
    "features": "figures",
    "limit": "limit_figure",
    "pvalue_scan": "figures",
    "spectrum": "figures",
    "stability": "figures",
    "template": "figures",
    "trained_limit": "trained_limit_figure",
    "validation": "figures",
    "write_compared": "compared_page",
    "write_hepdata": "hepdata",
    "write_outlier_report": "outlier_page",
    "write_limit_figure": "limit_figure",
    "write_report": "write",
    "write_trained_limit_figure": "trained_limit_figure",
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
