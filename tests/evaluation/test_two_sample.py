"""Classifier two-sample test: uniform p under the null, power, weights and the order of rows."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from novum.errors import InputError
from novum.evaluation import two_sample_test
from novum.evaluation.two_sample import against_permutations

FALSE_ALARM = 1e-3  # of every test that accepts a true null; seeds are fixed
SHIFT = 0.7  # between two Gaussians of unit width


def gaussian(n: int, seed: int, mean: float = 0.0, features: int = 2) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((n, features))
    x[:, 0] += mean
    return x


# --- laws


def test_p_is_uniform_where_both_samples_are_alike():
    """Samples of different size; Kolmogorov-Smirnov at the stated false-alarm rate."""
    p = [
        two_sample_test(
            gaussian(60, 2 * s, features=1),
            gaussian(80, 2 * s + 1, features=1),
            n_permutations=3,
            seed=s,
        ).p
        for s in range(40)
    ]
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM
    # The same check sees a p-value that is twice what it should be.
    assert stats.kstest(np.minimum(2 * np.array(p), 1), "uniform").pvalue < FALSE_ALARM


def test_a_shift_is_found():
    """AUC near that of the likelihood ratio, Φ(μ/√2); trees on few events lose some 0.04."""
    found = two_sample_test(gaussian(800, 1), gaussian(1200, 2, SHIFT), n_permutations=4)
    assert found.p < 1e-2
    best = stats.norm.cdf(SHIFT / np.sqrt(2))
    assert best - 0.08 < found.auc < best + 0.03
    assert found.null_mean == pytest.approx(0.5, abs=0.03)
    assert (found.n_x, found.n_y) == (800, 1200)


def test_a_dependence_without_a_shift_is_found():
    """Equal margins, opposite correlation: no test of single features sees it."""
    x, y = gaussian(1000, 3), gaussian(1000, 4)
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    y[:, 1] = -0.8 * y[:, 0] + 0.6 * y[:, 1]
    assert two_sample_test(x, y, n_permutations=4).p < 1e-3


def test_a_weighted_sample_equals_its_target():
    """Density-ratio weights turn the shifted Gaussian into the other one."""
    x, y = gaussian(800, 5), gaussian(1200, 6, SHIFT)
    ratio = np.exp(-SHIFT * y[:, 0] + SHIFT**2 / 2)
    weighted = two_sample_test(x, y, weight_y=ratio, n_permutations=4)
    assert weighted.p > FALSE_ALARM
    assert weighted.auc == pytest.approx(0.5, abs=0.05)
    assert (weighted.n_x, weighted.n_y) == (800, 800)
    assert two_sample_test(x, y, n_permutations=2).auc > 0.6


def test_weights_can_make_a_difference():
    x, y = gaussian(500, 7), gaussian(500, 8)
    found = two_sample_test(x, y, weight_y=np.exp(y[:, 0]), n_permutations=4)
    assert found.auc > 0.6
    assert found.p < 1e-2


def test_the_order_of_rows_does_not_matter():
    x, y = gaussian(150, 9), gaussian(170, 10, 0.3)
    w = np.random.default_rng(11).random(170)
    a, b = np.random.default_rng(12).permutation(150), np.random.default_rng(13).permutation(170)
    first = two_sample_test(x, y, weight_y=w, n_permutations=2, seed=4)
    assert two_sample_test(x[a], y[b], weight_y=w[b], n_permutations=2, seed=4) == first
    # Only ratios of weights count: a power of two changes no digit.
    assert two_sample_test(x, y, weight_y=8 * w, n_permutations=2, seed=4) == first
    other = two_sample_test(x, y, weight_y=w, n_permutations=2, seed=5)
    assert other.auc != first.auc


# --- units


def test_a_large_sample_is_cut_down(monkeypatch):
    monkeypatch.setattr("novum.evaluation.two_sample.MOST_EVENTS", 100)
    found = two_sample_test(gaussian(90, 1), gaussian(400, 2), n_permutations=2)
    assert (found.n_x, found.n_y) == (90, 100)


def test_samples_without_information_close():
    """No tree splits: all AUC are one half, and the rank of the observation is the last."""
    found = two_sample_test(np.ones((60, 2)), np.ones((70, 2)), n_permutations=3)
    assert (found.auc, found.null_mean, found.null_sd, found.p) == (0.5, 0.5, 0.0, 1.0)


def test_missing_values_are_a_value():
    x, y = gaussian(200, 1), gaussian(200, 2)
    y[:100, 1] = np.nan
    assert two_sample_test(x, y, n_permutations=2).auc > 0.6


def test_labels_that_are_given_make_the_null():
    """Permutations that keep the labels give a null at the observation."""
    X = np.vstack([gaussian(100, 1), gaussian(100, 2, 1.0)])
    y, fold = np.repeat([0, 1], 100), np.tile([0, 1], 100)
    found = against_permutations(X, y, fold, [y, y, 1 - y], seed=0)
    assert found.auc > 0.65
    assert found.null_sd > 0
    assert dataclasses.astuple(found)[-2:] == (100, 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros(100)}, "one row per event"),
        ({"X": np.zeros((49, 2))}, "X has 49"),
        ({"Y": np.full((100, 2), np.inf)}, "Y holds 200 infinite"),
        ({"Y": np.zeros((100, 3))}, "X has 2 features and Y has 3"),
        ({"weight_x": np.ones(99)}, "'weight_x'.*100 events"),
        ({"weight_y": np.full(100, -1.0)}, "'weight_y'.*the first is -1.0 in row 0"),
        ({"weight_y": np.zeros(100)}, "all weights are zero"),
        ({"n_permutations": 1}, "at least 2 permutations, got 1"),
    ],
)
def test_what_cannot_be_tested_is_refused(change, message):
    arguments = {"X": np.zeros((100, 2)), "Y": np.zeros((100, 2))} | change
    with pytest.raises(InputError, match=message):
        two_sample_test(arguments.pop("X"), arguments.pop("Y"), **arguments)
