"""Figures of merit: closed forms, the 25-event rule, and the evaluation that a search adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import novum
from novum.errors import InputError
from novum.evaluation import MIN_BACKGROUND, auc, sic_curve

UNIFORM = (np.arange(10000) + 0.5) / 10000


def test_a_perfect_classifier():
    curve = sic_curve(UNIFORM, np.full(50, 2.0))
    assert (curve.eps_s == 1).all()
    np.testing.assert_allclose(curve.sic, 1 / np.sqrt(curve.eps_b))
    sic, n_background = curve.best()
    assert n_background == 25
    assert sic == pytest.approx(np.sqrt(10000 / 25))
    assert auc(UNIFORM, np.full(50, 2.0)) == 1


def test_a_random_classifier():
    curve = sic_curve(UNIFORM, UNIFORM)
    np.testing.assert_allclose(curve.eps_s, curve.eps_b)
    np.testing.assert_allclose(curve.sic, np.sqrt(curve.eps_b))
    assert curve.best() == (1.0, 10000)
    assert auc(UNIFORM, UNIFORM) == 0.5


def test_a_worst_classifier():
    curve = sic_curve(UNIFORM, np.full(50, -1.0))
    assert (curve.sic == 0).all()
    assert auc(UNIFORM, np.full(50, -1.0)) == 0


def test_a_power_law():
    # signal scores s with ε_S(ε_B) = √ε_B: then SIC = 1 at every threshold
    signal = 1 - (1 - UNIFORM) ** 2
    curve = sic_curve(UNIFORM, signal)
    np.testing.assert_allclose(curve.sic, 1, atol=0.02)
    assert auc(UNIFORM, signal) == pytest.approx(2 / 3, abs=1e-3)


def test_no_point_with_fewer_than_25_background_events():
    assert MIN_BACKGROUND == 25
    curve = sic_curve(UNIFORM[:100], np.full(10, 0.5))
    assert curve.n_background.min() == 25
    assert curve.eps_b[0] == 0.25
    assert curve.n_total == (100, 10)


def test_too_few_background_events_give_no_figure():
    curve = sic_curve(UNIFORM[:24], np.full(10, 2.0))
    assert len(curve.sic) == 0
    assert curve.best() is None
    assert curve.at(0.5) is None


def test_the_rule_can_be_tightened():
    assert sic_curve(UNIFORM, UNIFORM, min_background=100).n_background.min() == 100


def test_figures_at_a_background_efficiency():
    curve = sic_curve(UNIFORM, np.full(50, 2.0))
    assert curve.at(0.01) == pytest.approx(10)
    assert curve.at(1) == pytest.approx(1)
    assert curve.at(0.0024) is None, "24 background events"
    assert curve.at(0.0025) == pytest.approx(20)
    assert curve.best(min_eps_b=0.01)[0] == pytest.approx(10, rel=0.01)
    assert curve.best(min_eps_b=1.0) is None


def test_tied_background_is_one_point():
    curve = sic_curve(np.zeros(40), np.array([0.0, 1.0, -1.0, -1.0]))
    assert curve.eps_b.tolist() == [1.0]
    assert curve.eps_s.tolist() == [0.5]


@pytest.mark.parametrize(("n_b", "n_s"), [(0, 5), (5, 0)])
def test_empty_samples_are_refused(n_b, n_s):
    with pytest.raises(InputError, match=f"got {n_b} and {n_s} events"):
        sic_curve(np.zeros(n_b), np.zeros(n_s))


SCORES = st.lists(st.integers(-50, 50), min_size=1, max_size=120)


@given(SCORES, SCORES, st.integers(1, 10))
def test_curves_are_counts(background, signal, least):
    b, s = np.array(background, dtype=float), np.array(signal, dtype=float)
    curve = sic_curve(b, s, least)
    assert (np.diff(curve.eps_b) > 0).all()
    assert (np.diff(curve.eps_s) >= 0).all()
    for eps_b, eps_s, n in zip(curve.eps_b, curve.eps_s, curve.n_background, strict=True):
        threshold = np.sort(b)[::-1][n - 1]
        assert n == (b >= threshold).sum()
        assert eps_b == pytest.approx(n / len(b))
        assert eps_s == pytest.approx((s >= threshold).mean())
    moved = sic_curve(np.exp(b / 10), np.exp(s / 10), least)
    np.testing.assert_array_equal(moved.sic, curve.sic)


@given(SCORES, SCORES)
def test_the_auc_is_the_chance_to_rank_right(background, signal):
    b, s = np.array(background), np.array(signal)
    wins = (s[:, None] > b).mean() + 0.5 * (s[:, None] == b).mean()
    assert auc(b, s) == pytest.approx(wins)


# --- in a search


@pytest.fixture(scope="module")
def searched(toy, quick):
    return quick(toy), quick(toy, probe=novum.toy_dijets(10, 2000, seed=8))


def test_the_evaluation_counts_the_signal_region(searched, toy):
    record = searched[0].evaluation[0]
    m = toy.column("mjj")
    inside = (m >= 3300) & (m < 3700)
    s, b = int((inside & (toy.label == 1)).sum()), int((inside & (toy.label == 0)).sum())
    assert (record.n_signal, record.n_background) == (s, b)
    assert record.significance_before == pytest.approx(s / np.sqrt(b))
    counts = searched[0].windows[0].counts
    assert record.selected_signal + record.selected_background == pytest.approx(counts.n_on)
    assert record.selected_signal / s > 2 * record.selected_background / b


def test_signal_in_the_sidebands_is_carried_to_the_expectation(searched, toy):
    result = searched[0]
    found, window = result.evaluation[0].contamination, result.windows[0]
    m, signal = toy.column("mjj"), toy.label == 1
    outside = (m < 3300) | (m >= 3700)
    assert found.outside == (outside & signal).sum() > 0
    assert found.share == pytest.approx((outside & signal).sum() / outside.sum())
    assert 0 <= found.selected <= found.outside
    assert found.expected == pytest.approx(found.selected * window.counts.ratio)
    assert found.z_without >= window.z


def test_the_evaluation_quotes_nothing_below_25_background_events(searched):
    for result in searched:
        record = result.evaluation[0]
        assert min(record.eps_b) * record.n_background >= 25 - 1e-9
        assert record.max_sic_n_background >= 25
        assert record.max_sic >= max(record.sic) - 1e-12
        assert record.sic_at_1e3 is None, "0.6 background events would pass there"
        assert record.auc > 0.7


def test_signal_that_was_never_injected_replaces_that_of_the_data(searched):
    own, probed = (r.evaluation[0] for r in searched)
    assert own.signal_sample == "injected"
    assert probed.signal_sample == "never injected"
    assert probed.eps_b == own.eps_b, "background stays that of the data"
    assert probed.auc == pytest.approx(own.auc, abs=0.1)
    assert probed.auc != own.auc


def test_windows_without_signal_are_not_evaluated(toy, quick):
    result = quick(toy, width=400, centers=(2800, 3500), step=700)
    assert len(result.windows) == 2
    assert [r.window.low for r in result.evaluation] == [3300]
