"""Distance correlation and mutual information: closed forms, definitions, invariances, p-values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from novum.errors import InputError
from novum.evaluation import distance_correlation, mass_dependence, mutual_information

FALSE_ALARM = 1e-3  # of every test that accepts a true null; seeds are fixed


def bivariate(rho: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.random.default_rng(seed).standard_normal((2, n))
    return x, rho * x + np.sqrt(1 - rho**2) * y


def normal_distance_correlation(rho: float) -> float:
    """Theorem 7 of Székely, Rizzo, Bakirov (2007)."""

    def covariance(r: float) -> float:
        return r * np.arcsin(r) + np.sqrt(1 - r**2) - r * np.arcsin(r / 2) - np.sqrt(4 - r**2) + 1

    return float(np.sqrt(covariance(rho) / covariance(1.0)))


def from_pairs(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Distance correlation by its definition, with doubly centred matrices of distances."""
    w = w / w.sum()

    def centred(v: np.ndarray) -> np.ndarray:
        d = np.abs(v[:, None] - v)
        mean = d @ w
        return d - mean[:, None] - mean + w @ mean

    a, b = centred(x), centred(y)
    ab, aa, bb = ((u * v * np.outer(w, w)).sum() for u, v in ((a, b), (a, a), (b, b)))
    return float(np.sqrt(max(ab, 0.0) / np.sqrt(aa * bb)))


# --- closed forms


@pytest.mark.parametrize("rho", [0.3, 0.8, -0.8])
def test_the_bivariate_normal(rho):
    """Within four standard deviations of samples of this size: 0.007 and 0.005."""
    x, y = bivariate(rho, 20_000, 1)
    assert distance_correlation(x, y) == pytest.approx(normal_distance_correlation(rho), abs=0.028)
    assert mutual_information(x, y) == pytest.approx(-np.log(1 - rho**2) / 2, abs=0.02)


def test_a_dependence_without_correlation_is_seen():
    x = np.random.default_rng(2).standard_normal(2000)
    y = x**2 + 0.1 * np.random.default_rng(3).standard_normal(2000)
    found = mass_dependence(x, y, feature="tau21", n_permutations=29)
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.1
    assert found.distance_correlation > 0.4
    assert found.mutual_information > 0.5
    assert found.p == found.p_mutual_information == 1 / 30
    assert (found.feature, found.n_events) == ("tau21", 2000)


def test_a_variable_and_itself():
    x = np.random.default_rng(4).exponential(size=500)
    assert distance_correlation(x, 3 - 2 * x) == pytest.approx(1)
    # Seven bins of equal content, less the bias that a full table would have.
    assert mutual_information(x, x) == pytest.approx(np.log(7), abs=0.01)


def test_independent_variables_share_no_information():
    """The plain estimate would be (B - 1)²/2n ; the mean of 40 samples has an error of 1.2e-3."""
    found = [mutual_information(*bivariate(0.0, 1000, s)) for s in range(40)]
    assert np.mean(found) == pytest.approx(0, abs=stats.norm.isf(FALSE_ALARM / 2) * 1.2e-3)


# --- properties


@given(st.integers(0, 2**32 - 1), st.integers(50, 140), st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_sums_by_merging_are_sums_over_pairs(seed, n, decimals):
    """With ties, weights, and weights of zero."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n).round(decimals)
    y = (x + rng.standard_normal(n)).round(decimals) + 3500
    w = rng.integers(0, 4, n) * rng.random(n)
    assert distance_correlation(x, y, w) == pytest.approx(from_pairs(x, y, w), abs=1e-9)
    assert distance_correlation(x, y) == pytest.approx(from_pairs(x, y, np.ones(n)), abs=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_units_and_order_do_not_matter(seed):
    x, y = bivariate(0.4, 300, seed)
    order = np.random.default_rng(seed).permutation(300)
    value = distance_correlation(x, y)
    assert 0 <= value <= 1
    assert distance_correlation(y, x) == pytest.approx(value)
    assert distance_correlation(1e3 * x + 1e4, -y) == pytest.approx(value, rel=1e-6)
    assert distance_correlation(x[order], y[order]) == pytest.approx(value)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_information_survives_monotone_transforms(seed):
    x, y = bivariate(0.6, 400, seed)
    value = mutual_information(x, y)
    assert mutual_information(np.exp(x), y**3) == pytest.approx(value, abs=1e-12)
    assert mutual_information(y, x) == pytest.approx(value, abs=1e-12)


def test_a_weight_of_two_is_an_event_twice():
    x, y = bivariate(0.5, 200, 5)
    k = np.random.default_rng(6).integers(0, 4, 200)
    twice = distance_correlation(np.repeat(x, k), np.repeat(y, k))
    assert distance_correlation(x, y, k) == pytest.approx(twice)


# --- p-values


def test_p_is_uniform_where_nothing_depends():
    """19 permutations: p is one of 20 values, equally likely. χ² at the stated false-alarm rate.

    The mutual information of few events has ties, which may only make its p larger.
    """
    found = []
    for s in range(150):
        rng = np.random.default_rng(s)
        x, m = rng.standard_normal(80), rng.exponential(size=80)
        found.append(mass_dependence(x, m, feature="x", n_permutations=19, seed=s))
    p = np.array([f.p for f in found])
    counts = np.histogram(p, np.linspace(0, 1, 6) + 0.01)[0]
    assert counts.sum() == len(p)
    assert stats.chisquare(counts).pvalue > FALSE_ALARM
    few = int(np.count_nonzero([f.p_mutual_information <= 0.1 for f in found]))
    assert stats.binomtest(few, 150, 0.1, alternative="greater").pvalue > FALSE_ALARM


def test_many_events_are_cut_down(monkeypatch):
    monkeypatch.setattr("novum.evaluation.dependence.MOST_EVENTS", 120)
    x, y = bivariate(0.5, 500, 7)
    one, same, other = (
        mass_dependence(x, y, feature="x", n_permutations=3, seed=s) for s in (1, 1, 2)
    )
    assert one == same
    assert one.distance_correlation != other.distance_correlation
    assert one.n_events == 120


# --- errors


@pytest.mark.parametrize(
    ("x", "m", "message"),
    [
        (np.zeros((60, 2)), np.arange(60.0), "'tau'.*one number per event"),
        (np.arange(60.0), np.arange(59.0), "'tau'.*60 values for 59 masses"),
        (np.arange(49.0), np.arange(49.0), "at least 50 events, got 49"),
        (np.arange(60.0), np.ones(60), "'m'.*all values are equal"),
        (np.r_[np.arange(59.0), np.nan], np.arange(60.0), "'tau'.*the first is nan in row 59"),
    ],
)
def test_what_cannot_be_measured_is_refused(x, m, message):
    with pytest.raises(InputError, match=message):
        mass_dependence(x, m, feature="tau")


def test_a_null_needs_permutations():
    with pytest.raises(InputError, match="permutations"):
        mass_dependence(*bivariate(0.0, 60, 1), feature="x", n_permutations=0)
