"""The demo: simulated dijets with a resonance too small to see, and their background-only twin.

The sample comes with novum; ``python benchmarks/demo.py`` makes it, and its calibration, again.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from novum.events import Events
from novum.io import open_events

SAMPLE = Path(str(files("novum.search") / "samples" / "demo.h5"))
ORIGIN = "the demo's dijets (Pythia 8 and a fast detector)"
# Two members and one cross-fit: hundreds of null searches of the demo take minutes, not hours.
# The stated range gives every sample the same windows, those of the calibration that novum brings.
DEMO_SETTINGS: dict[str, Any] = {
    "mass": "mjj",
    "features": ["mj_low", "delta_mj", "tau21_low", "tau21_high"],
    "members": 2,
    "repeats": 1,
    "fit_range": [2600.0, 6500.0],
}


def demo_events(signal: bool = True) -> Events:
    """The labelled sample of the demo, or without its signal.

    Returns
    -------
    Events
        30,000 QCD dijets, with W' → XY at 3.5 TeV injected; the most anomalous events have their
        constituents.
    """
    events = open_events(SAMPLE).read()
    events = replace(events, meta=replace(events.meta, origin=ORIGIN))
    return events if signal else events.take(np.flatnonzero(events.label == 0))
