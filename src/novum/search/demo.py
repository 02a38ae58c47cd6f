"""The demo: a toy sample with a resonance too small to see, and its background-only twin."""

from __future__ import annotations

from typing import Any

from novum.events import Events
from novum.simulation import toy_dijets
from novum.simulation.toy import FEATURES

# One member and one cross-fit: thousands of null searches of the demo take minutes, not hours.
# The stated range gives every sample the same windows, those of the calibration that novum brings.
DEMO_SETTINGS: dict[str, Any] = {
    "mass": "mjj",
    "features": list(FEATURES),
    "members": 1,
    "repeats": 1,
    "fit_range": [2400.0, 6000.0],
}
N_BACKGROUND = 30000
N_SIGNAL = 100  # S/√B below 2 in the signal region, before any cut


def demo_events(seed: int, n_signal: int | None = None) -> Events:
    """The labelled toy sample of the demo; `n_signal` 0 gives its background-only twin."""
    signal = N_SIGNAL if n_signal is None else n_signal
    return toy_dijets(N_BACKGROUND, signal, seed=seed)
