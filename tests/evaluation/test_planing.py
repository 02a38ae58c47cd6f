"""Planed samples have one spectrum, and what a score knows beside the variable is left."""

import numpy as np
import pytest
from scipy.stats import norm

from novum.errors import ConfigError, InputError
from novum.evaluation import auc, plane


def samples(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, n), rng.normal(1, 1, n), rng


def test_signal_takes_the_spectrum_of_background_exactly():
    background = np.repeat([1.0, 2.0, 3.0], [30, 10, 20])
    signal = np.repeat([1.0, 2.0], [10, 40])
    found = plane(background, signal)
    # Bins of one value each; nothing of signal is at 3, so that background there has no say.
    np.testing.assert_allclose(found.background, np.repeat([1 / 40, 1 / 40, 0], [30, 10, 20]))
    np.testing.assert_allclose(found.signal, np.repeat([0.75 / 10, 0.25 / 40], [10, 40]))
    assert found.kept_background == pytest.approx(40 / 60)
    assert found.kept_signal == 1
    assert found.effective_background == pytest.approx(40)
    assert found.effective_signal == pytest.approx(1 / (0.75**2 / 10 + 0.25**2 / 40))


def test_background_takes_the_spectrum_of_signal_where_that_is_asked_for():
    background, signal, _ = samples()
    there = plane(background, signal, to="signal")
    back = plane(signal, background)  # the names are all that differs
    np.testing.assert_array_equal(there.background, back.signal)
    np.testing.assert_array_equal(there.signal, back.background)


def test_flat_spectra_weigh_every_bin_alike():
    background, signal, _ = samples()
    found = plane(background, signal, to="flat", bins=10)
    for m, w in ((background, found.background), (signal, found.signal)):
        sums, _ = np.histogram(m, found.edges, weights=w)
        filled = sums[sums > 0]
        np.testing.assert_allclose(filled, 1 / len(filled))
        assert w.sum() == pytest.approx(1)
    weighted = plane(background, signal, to="flat", bins=10, signal_weight=np.full(20_000, 3.0))
    np.testing.assert_allclose(weighted.signal, found.signal)


def test_auc_that_comes_from_the_variable_alone_is_taken_away():
    background, signal, _ = samples()
    assert auc(background, signal) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.01)
    found = plane(background, signal)
    after = auc(background, signal, found.background, found.signal)
    assert after == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("d", [0.0, 1.5])
def test_what_a_score_knows_beside_the_variable_is_left(d):
    background, signal, rng = samples()
    b, s = background + rng.normal(0, 1, 20_000), signal + rng.normal(d, 1, 20_000)
    found = plane(background, signal)
    after = auc(b, s, found.background, found.signal)
    # The masses are distributed alike: differences of scores are normal around d, variance 2 + 2.
    assert after == pytest.approx(norm.cdf(d / 2), abs=0.012)
    found = plane(background, signal, to="flat")
    after = auc(b, s, found.background, found.signal)
    filled = found.edges[:-1][
        np.histogram(background, found.edges, weights=found.background)[0] > 0
    ]
    width = filled[-1] - filled[0] + np.diff(found.edges)[0]
    m = width * rng.uniform(-1, 1, (2, 100_000)) / 2  # the masses of both are uniform
    assert after == pytest.approx(norm.cdf((d + m[0] - m[1]) / np.sqrt(2)).mean(), abs=0.03)


def test_weighted_auc_is_that_of_repeated_events():
    rng = np.random.default_rng(3)
    b, s = rng.integers(0, 6, 40).astype(float), rng.integers(1, 7, 30).astype(float)
    w, v = rng.integers(0, 4, 40), rng.integers(0, 4, 30)
    assert auc(b, s, w, v) == pytest.approx(auc(np.repeat(b, w), np.repeat(s, v)))
    assert auc(b, s, np.ones(40)) == pytest.approx(auc(b, s))


@pytest.mark.parametrize(
    ("background", "signal", "options", "message"),
    [
        (np.zeros(50), np.ones(50), {"bins": 1}, "at least 2 bins"),
        (np.zeros(50), np.ones(50), {}, "do not overlap"),
        (np.zeros(50), np.ones(50), {"to": "flat"}, "do not overlap"),
        (np.ones(50), np.ones(50), {}, "all values are equal"),
        (np.ones(0), np.ones(50), {}, "no events"),
        (np.full(50, np.nan), np.ones(50), {}, "not finite"),
    ],
)
def test_what_cannot_be_planed_is_refused(background, signal, options, message):
    with pytest.raises(ConfigError, match="to: must be one of"):
        plane(background, signal, to="nothing")
    with pytest.raises(InputError, match=message):
        plane(background, signal, **options)
