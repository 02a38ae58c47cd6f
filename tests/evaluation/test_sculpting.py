"""Sculpting: uniform p for random selections, power, closed forms and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from novum.errors import InputError, WindowError
from novum.evaluation import Sculpting, sculpting

FALSE_ALARM = 1e-3  # of every test that accepts a true null; seeds are fixed


def falling(n: int, seed: int) -> np.ndarray:
    """Masses of a falling spectrum [GeV]."""
    return 2000 + 500 * np.random.default_rng(seed).exponential(size=n)


def at_random(n: int, n_pass: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).permutation(n) < n_pass


# --- laws


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_pass", [300, 2700])
def test_p_is_uniform_for_random_selections(weighted, n_pass):
    """Kolmogorov-Smirnov over 400 samples; weights follow the mass or not."""
    p = []
    for s in range(400):
        m = falling(3000, s)
        w = np.random.default_rng([s, 2]).random(3000) * m if weighted else None
        p.append(sculpting(m, at_random(3000, n_pass, s), weight=w).p)
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM


def test_a_selection_that_follows_the_mass_is_found():
    m = falling(5000, 1)
    u = np.random.default_rng(2).random(5000)
    assert sculpting(m, u < 0.1 * (m / m.mean()) ** 3).p < 1e-3
    assert sculpting(m, u < 0.1).p > FALSE_ALARM


def test_a_bump_is_found_unless_it_is_masked():
    m = falling(8000, 3)
    rate = np.where((m > 2500) & (m < 2700), 0.2, 0.1)
    passes = np.random.default_rng(4).random(8000) < rate
    assert sculpting(m, passes).p < 1e-5
    hidden = sculpting(m, passes, masked=(2500, 2700))
    assert hidden.p > FALSE_ALARM
    assert hidden.inclusive.sum() == ((m < 2500) | (m >= 2700)).sum()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_rising_transforms_of_the_mass_change_nothing(seed):
    m = falling(1000, seed)
    passes = at_random(1000, 200, seed)
    one, other = sculpting(m, passes), sculpting(np.log(m), passes)
    np.testing.assert_array_equal(np.log(one.edges), other.edges)
    np.testing.assert_array_equal(one.selected, other.selected)
    assert (one.chi2, one.p, one.jensen_shannon) == (other.chi2, other.p, other.jensen_shannon)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_what_passes_and_what_fails_are_one_question(seed):
    """A selection and its complement have the same χ², and so have events in another order."""
    m, w = falling(1000, seed), np.random.default_rng(seed).random(1000)
    passes = at_random(1000, 300, seed)
    order = np.random.default_rng(seed).permutation(1000)
    one = sculpting(m, passes, weight=w)
    for other in (
        sculpting(m, ~passes, weight=w),
        sculpting(m[order], passes[order], weight=10 * w[order]),
    ):
        assert other.chi2 == pytest.approx(one.chi2, rel=1e-6)
        assert other.jensen_shannon == pytest.approx(one.jensen_shannon, rel=1e-6, abs=1e-12)


# --- closed forms


def test_equal_weights_give_the_chi2_of_the_contingency_table():
    """(N - 1)/N times that of Pearson, for which the hypergeometric mean is the bins less one."""
    m, passes = falling(2000, 5), at_random(2000, 400, 5)
    found = sculpting(m, passes)
    table = np.array([found.selected, found.inclusive - found.selected])
    pearson = stats.chi2_contingency(table, correction=False)
    assert found.chi2 == pytest.approx(pearson.statistic * 1999 / 2000)
    assert found.ndf == pearson.dof == 15
    assert found.p == pytest.approx(stats.chi2(found.ndf).sf(found.chi2))
    assert found.jensen_shannon == pytest.approx(jensenshannon(*table, base=2) ** 2)


def test_divergence_in_bits():
    """Disjoint spectra are one bit apart; a random selection is as near as the docstring says."""
    m = np.arange(1000.0)
    assert sculpting(m, m >= 500, edges=[0, 500, 999]).jensen_shannon == pytest.approx(1)
    found = [sculpting(falling(4000, s), at_random(4000, 1000, s)) for s in range(100)]
    expected = found[0].ndf / (8 * np.log(2)) * (1 / 1000 + 1 / 3000)
    error = expected * np.sqrt(2 / found[0].ndf / 100)
    far = stats.norm.isf(FALSE_ALARM / 2) * error
    assert np.mean([f.jensen_shannon for f in found]) == pytest.approx(expected, abs=far)


def test_bins_have_equal_content():
    found = sculpting(falling(4001, 6), at_random(4001, 1000, 6))
    assert found.ndf == 19
    assert np.ptp(found.inclusive) <= 1
    assert found.inclusive.sum() == 4001
    assert found.selected.sum() == 1000


def test_thin_bins_are_joined():
    """A tail of the user's edges that expects fewer than 25 selected events."""
    m, passes = falling(3000, 7), at_random(3000, 300, 7)
    edges = np.linspace(2000, 6000, 81)
    found = sculpting(m, passes, edges=edges)
    assert set(found.edges) < set(edges)
    assert (found.edges[0], found.edges[-1]) == (2000, 6000)
    assert found.inclusive.min() >= 250
    assert found.inclusive.sum() == (m <= 6000).sum()


def test_equal_masses_stay_in_one_bin():
    m = falling(3000, 8).round(-2)
    found = sculpting(m, at_random(3000, 600, 8))
    place = np.clip(np.searchsorted(found.edges, m, "right") - 1, 0, found.ndf)
    np.testing.assert_array_equal(np.bincount(place), found.inclusive)
    assert found.inclusive.min() >= 125


# --- errors


def compare(**change: object) -> Sculpting:
    arguments = {"m": falling(1000, 9), "passes": at_random(1000, 200, 9)} | change
    return sculpting(arguments.pop("m"), arguments.pop("passes"), **arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"m": np.full(1000, np.nan)}, "'m'.*1000 of 1000 values are not finite"),
        ({"m": np.ones(1000)}, "'m'.*do not fill two bins of 125 events"),
        ({"passes": np.ones(1000)}, "'passes'.*booleans, got float64"),
        ({"passes": np.arange(1000) < 49}, "49 of 1000 events are selected"),
        ({"passes": np.arange(1000) < 951}, "951 of 1000 events are selected"),
        ({"weight": np.full(1000, -1.0)}, "'weight'.*negative"),
        ({"weight": 1.0 * ~at_random(1000, 200, 9)}, "has no weight"),
        ({"edges": [2000.0, 1000.0, 3000.0]}, "'edges'.*rising"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        compare(**change)


def test_a_masked_interval_is_not_empty():
    with pytest.raises(WindowError, match="2500 to 2500 is empty"):
        compare(masked=(2500.0, 2500.0))
