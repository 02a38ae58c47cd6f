"""Where a result comes from: the events that were read, and the versions that ran."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from novum.events import Events
from novum.search.inputs import Sample
from novum.search.records import InputRecord
from novum.search.scan import ScanPlan

VERSIONED = ("novum", "numpy", "scipy", "scikit-learn", "iminuit", "hist")


def versions(*members: Any) -> dict[str, str]:
    """Versions of what decides a result, of what only these members or their densities need too."""
    parts = [part for m in members for part in (m, getattr(m, "density", None))]
    needed = [name for part in parts for name in getattr(part, "packages", ())]
    names = dict.fromkeys((*VERSIONED, *needed))
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def input_record(events: Events, sample: Sample, plan: ScanPlan, digest: str) -> InputRecord:
    """What was read, and how much of it the search uses."""
    low, high = plan.fit_range
    return InputRecord(
        origin=events.meta.origin,
        n_events=len(events),
        n_used=int(((sample.m >= low) & (sample.m < high)).sum()),
        weighted=bool(np.any(sample.w != 1)),
        labelled=events.label is not None,
        sha256=digest,
    )
