"""The sample that comes with novum is what the documentation says."""

import numpy as np

from novum.search.config import HuntConfig
from novum.search.demo import DEMO_SETTINGS, SAMPLE, demo_events


def test_the_resonance_cannot_be_seen_before_a_cut():
    events = demo_events()
    assert (events.label == 0).sum() == 30_000
    m = events.column("mjj")
    inside = (m >= 3300) & (m < 3700)
    s, b = (inside & (events.label == 1)).sum(), (inside & (events.label == 0)).sum()
    assert 1 < s / np.sqrt(b) < 2


def test_the_twin_is_the_same_background():
    twin, whole = demo_events(signal=False), demo_events()
    assert twin.label.sum() == 0
    assert np.array_equal(twin.column("mjj"), whole.column("mjj")[whole.label == 0])
    assert not (set(whole.id[whole.label == 1].tolist()) & set(twin.id.tolist()))


def test_the_file_is_small_and_says_how_it_was_made():
    assert SAMPLE.stat().st_size < 5_000_000
    meta = demo_events().meta
    assert "HardQCD:all = on" in meta.card
    assert meta.seed is not None
    assert meta.sqrt_s == 13000
    assert "pythia8mc" in meta.versions
    assert meta.origin == "the demo's dijets (Pythia 8 and a fast detector)"


def test_anomalous_events_have_their_constituents():
    events = demo_events()
    for name in ("jet_low", "jet_high"):
        n = (events.clouds[name].values[..., 0] > 0).sum(axis=1)
        assert 12 <= (n > 0).sum() <= 100
        assert n[n > 0].min() >= 3


def test_its_settings_are_settings():
    HuntConfig().with_values(DEMO_SETTINGS).validated()
