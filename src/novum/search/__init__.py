"""The search: composes scores, selections and statistics into one result."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.search.bump import BumpHuntResult as BumpHuntResult
    from novum.search.bump import bumphunt as bumphunt
    from novum.search.bump_config import BumpHuntConfig as BumpHuntConfig
    from novum.search.config import HuntConfig as HuntConfig
    from novum.search.config import read_config as read_config
    from novum.search.crossfitting import Scores as Scores
    from novum.search.crossfitting import crossfit as crossfit
    from novum.search.explained import Explanation as Explanation
    from novum.search.frozen_limits import FrozenLimit as FrozenLimit
    from novum.search.frozen_limits import frozen_limit as frozen_limit
    from novum.search.latent_scan import LatentScan as LatentScan
    from novum.search.latent_scan import scan_latent as scan_latent
    from novum.search.limit_config import LimitConfig as LimitConfig
    from novum.search.onnx_export import OnnxCheck as OnnxCheck
    from novum.search.onnx_export import OnnxExport as OnnxExport
    from novum.search.onnx_export import export_onnx as export_onnx
    from novum.search.outlier_explanation import explain as explain
    from novum.search.outliers import OutlierModel as OutlierModel
    from novum.search.outliers import fit_outlier as fit_outlier
    from novum.search.outliers import score_file as score_file
    from novum.search.procedure import hunt as hunt
    from novum.search.result import SearchResult as SearchResult
    from novum.search.selection import select as select
    from novum.search.selection import thresholds as thresholds

_PUBLIC = {
    "HuntConfig": "config",
    "Scores": "crossfitting",
    "SearchResult": "result",
    "crossfit": "crossfitting",
    "bumphunt": "bump",
    "BumpHuntConfig": "bump_config",
    "BumpHuntResult": "bump",
    "FrozenLimit": "frozen_limits",
    "frozen_limit": "frozen_limits",
    "LatentScan": "latent_scan",
    "LimitConfig": "limit_config",
    "scan_latent": "latent_scan",
    "Explanation": "explained",
    "explain": "outlier_explanation",
    "OnnxCheck": "onnx_export",
    "OnnxExport": "onnx_export",
    "OutlierModel": "outliers",
    "export_onnx": "onnx_export",
    "fit_outlier": "outliers",
    "score_file": "outliers",
    "hunt": "procedure",
    "read_config": "config",
    "select": "selection",
    "thresholds": "selection",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
