"""R-ANODE: the fraction it states, the lump it finds, and silence where there is neither."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from novum.density import AutoregressiveSpline
from novum.errors import InputError
from novum.resonant import RANODE, CWoLa
from novum.resonant.base import Estimate
from novum.resonant.residual import deal, fit_residual
from novum.statistics.fraction import FOUND, FractionData, fit_fraction
from novum.windows import Window

WINDOW = Window.around(3300, 3700)
LUMP, SD = np.array([2.0, -2.0, 0.5]), 0.4


def sample(n_background: int, n_signal: int, seed: int):
    """Falling masses and normal features; signal is a lump in both."""
    rng = np.random.default_rng(seed)
    m = 2600 + rng.exponential(900, n_background)
    X = rng.normal(size=(n_background, 3)) + 0.1 * np.log(m / 3500)[:, None]
    m = np.concatenate([m, rng.uniform(3300, 3700, n_signal)])
    X = np.concatenate([X, rng.normal(LUMP, SD, size=(n_signal, 3))])
    return X, m, np.arange(len(m)) >= n_background


def fitted(X, m, seed: int = 0, weight=None) -> RANODE:
    method = RANODE(AutoregressiveSpline((16,), knots=16, epochs=4))
    w = np.ones(len(m)) if weight is None else weight
    method.prepare(X, m, WINDOW, w, np.arange(len(m), dtype=np.uint64), seed)
    return method


def ratios(n: int, fraction: float, seed: int, warp: float = 0.0) -> FractionData:
    """A lump of sd 0.5 at 1.5 on a standard normal of one variable, the densities being known.

    With a warp, real background holds that much more under the lump than its density says.
    """
    rng = np.random.default_rng(seed)

    def background(size: int):
        z = rng.standard_normal(3 * size)
        kept = rng.random(3 * size) * (1 + warp) < np.where(abs(z - 1.5) < 0.7, 1 + warp, 1)
        return z[kept][:size]

    def ratio(z):
        return 2 * np.exp(0.5 * (z**2 - ((z - 1.5) / 0.5) ** 2))

    signal = rng.poisson(fraction * n)
    z = np.concatenate([rng.normal(1.5, 0.5, signal), background(n - signal)])
    control, draws = background(4 * n), rng.standard_normal(4 * n)
    fit = np.zeros(n, np.int64)
    return FractionData(
        ratio(z), fit, np.ones(n), ratio(control)[None], np.ones(4 * n), ratio(draws)[None]
    )


def test_the_fraction_is_covered_as_often_as_stated():
    """60 samples, 68 %: fewer than 31 or more than 50 covered has a chance of 1 %."""
    fits = [fit_fraction(ratios(1000, 0.1, 100 + i)) for i in range(60)]
    covered = sum(f.low <= 0.1 <= f.high for f in fits)
    assert binom.cdf(30, 60, 0.683) + binom.sf(50, 60, 0.683) < 0.02
    assert 31 <= covered <= 50
    pull = np.array([(f.value - 0.1) / ((f.high - f.low) / 2) for f in fits])
    assert abs(pull.mean()) < 3 / np.sqrt(60)  # false alarms: 0.3 %


def test_without_signal_the_interval_begins_at_zero():
    """At most 2.3 % of 60 begin above; more than 5 has a chance of 0.3 %."""
    fits = [fit_fraction(ratios(1000, 0.0, 300 + i)) for i in range(60)]
    assert sum(f.low > 0 for f in fits) <= 5
    assert all((f.low > 0) == (f.z > FOUND) for f in fits)


def test_control_events_tell_a_wrong_background_from_signal():
    """30 % more background under the lump than the density says, without signal."""
    warped = ratios(4000, 0.0, 5, warp=0.3)
    assert fit_fraction(warped).z < 3
    nothing = np.zeros(0)
    blind = FractionData(
        warped.ratio, warped.fit, warped.weight, nothing[None], nothing, warped.reference
    )
    trusting = FractionData(
        warped.ratio,
        warped.fit,
        warped.weight,
        warped.reference,
        np.full(16000, 1e3),
        warped.reference,
    )  # control events that swear to the density
    assert fit_fraction(trusting).z > 4
    assert fit_fraction(blind).low == 0  # without control events nothing is claimed


def test_wider_intervals_hold_narrower_ones():
    data = ratios(1000, 0.1, 7)
    one, two = fit_fraction(data), fit_fraction(data, 2.0)
    assert two.low < one.low < one.value < one.high < two.high
    assert one.value == two.value


def test_the_residual_is_the_lump():
    rng = np.random.default_rng(3)
    z = np.concatenate([rng.standard_normal((1500, 3)), rng.normal(LUMP, SD, (60, 3))])
    fit = fit_residual(z, np.ones(len(z)), 1, 0)
    mean = fit.share @ fit.mean
    np.testing.assert_allclose(mean, LUMP, atol=5 * SD / np.sqrt(60))
    assert fit.fraction == pytest.approx(60 / 1560, rel=0.4)


def test_the_ratio_of_densities_is_normalised():
    """Its mean over background is 1, to 5 standard errors."""
    rng = np.random.default_rng(4)
    z = np.concatenate([rng.standard_normal((800, 2)), rng.normal([1, -1], 0.6, (80, 2))])
    fit = fit_residual(z, np.ones(len(z)), 1, 0)
    ratio = np.exp(fit.log_ratio(rng.standard_normal((100_000, 2))))
    assert ratio.mean() == pytest.approx(1, abs=5 * ratio.std() / np.sqrt(100_000))


def test_copies_of_an_event_are_dealt_to_one_part():
    ids = np.random.default_rng(5).integers(0, 300, 1000).astype(np.uint64)
    part = deal(ids, 4, 1)
    for i in np.unique(ids):
        assert len(np.unique(part[ids == i])) == 1
    assert np.bincount(part).min() > 200


def test_it_states_the_fraction_and_finds_the_lump():
    """The 68 % intervals of two samples, each widened three times: false alarms below 1 %."""
    for seed in range(2):
        X, m, truth = sample(4000, 50, 20 + seed)
        method = fitted(X, m, seed)
        inside = WINDOW.in_signal_region(m)
        low, high = method.signal_fraction_interval_
        assert abs(method.signal_fraction_ - truth[inside].mean()) < 1.5 * (high - low)
        assert low > 0
        score = method.anomaly_score(X[inside], m[inside])
        assert roc_auc_score(truth[inside], score) > 0.97
        (estimate,) = method.summary()
        assert estimate == Estimate("signal fraction", method.signal_fraction_, low, high)


def test_it_states_none_where_there_is_none():
    """Four samples: at most 10 % begin above 0 each; two or more would be 5 %, three 0.4 %."""
    lows = [fitted(*sample(3000, 0, 40 + i)[:2], i).signal_fraction_interval_[0] for i in range(4)]
    assert sum(low > 0 for low in lows) < 3


def test_a_feature_of_two_values_is_no_signal():
    """Its values would be two lumps that no normal background has: a fraction of a half."""
    X, m, _ = sample(3000, 0, 45)
    X[:, 2] = X[:, 2] > 0.5
    method = fitted(X, m)
    assert method.signal_fraction_interval_[0] == 0
    assert method.signal_fraction_ < 0.03


def test_weights_are_shares_and_not_counts():
    X, m, _ = sample(2500, 50, 60)
    one, other = fitted(X, m), fitted(X, m, weight=np.full(len(m), 1e-3))
    assert one.signal_fraction_ == pytest.approx(other.signal_fraction_, rel=1e-3)
    assert one.signal_fraction_interval_ == pytest.approx(other.signal_fraction_interval_, rel=1e-3)


def test_a_signal_region_with_few_events_is_refused():
    X, m, _ = sample(5000, 0, 70)
    inside = np.flatnonzero(WINDOW.in_signal_region(m))
    kept = np.delete(np.arange(len(m)), inside[99:])
    with pytest.raises(InputError, match="holds 99 training events; a signal density needs"):
        fitted(X[kept], m[kept])


def test_an_empty_side_is_refused():
    X, m, _ = sample(5000, 0, 71)
    with pytest.raises(InputError, match="below the signal region"):
        fitted(X[m >= 3300], m[m >= 3300])


def test_methods_without_an_estimate_summarise_nothing():
    assert CWoLa().summary() == ()
