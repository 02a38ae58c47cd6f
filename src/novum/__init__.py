"""novum: anomalies in collision data, from a file of events to a p-value one may believe."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.calibration import calibrate as calibrate
    from novum.errors import NovumError as NovumError
    from novum.events import Events as Events
    from novum.io import open_events as open_events
    from novum.search import HuntConfig as HuntConfig
    from novum.search import SearchResult as SearchResult
    from novum.search import hunt as hunt
    from novum.simulation import toy_dijets as toy_dijets
    from novum.windows import Window as Window

__version__ = "0.1.0"

_PUBLIC = {
    "Events": "novum.events",
    "HuntConfig": "novum.search.config",
    "NovumError": "novum.errors",
    "SearchResult": "novum.search.result",
    "Window": "novum.windows",
    "calibrate": "novum.calibration.procedure",
    "hunt": "novum.search.procedure",
    "open_events": "novum.io",
    "toy_dijets": "novum.simulation",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'novum' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
