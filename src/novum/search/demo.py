"""The demo: a toy sample with a resonance too small to see, and its background-only twin."""

from __future__ import annotations

from dataclasses import replace

from novum.events import Events
from novum.search.config import HuntConfig
from novum.simulation import toy_dijets
from novum.simulation.toy import FEATURES

N_BACKGROUND = 30000
N_SIGNAL = 100  # S/√B below 2 in the signal region, before any cut


def demo_events(seed: int, n_signal: int | None = None) -> Events:
    """The labelled toy sample of the demo; `n_signal` 0 gives its background-only twin."""
    signal = N_SIGNAL if n_signal is None else n_signal
    return toy_dijets(N_BACKGROUND, signal, seed=seed)


def demo_config(settings: HuntConfig) -> HuntConfig:
    """Settings of the demo: the columns of the toy sample, the rest as given."""
    return replace(settings, mass="mjj", features=FEATURES)
