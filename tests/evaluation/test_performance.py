"""Figures of merit: closed forms, ties, the 25-event rule, bootstrap coverage and seeds."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from novum.errors import ConfigError, InputError
from novum.evaluation import MIN_BACKGROUND, auc, evaluate, over_seeds, sic_curve
from novum.evaluation.passing import Passing, count_passing, resampled, thinned_rows
from novum.evaluation.records import Estimate

SHIFT = 1.5  # between two Gaussians of unit width
N_B, N_S = 200_000, 20_000


def quantiles(n: int, mean: float = 0.0) -> np.ndarray:
    """A Gaussian sample without noise."""
    return norm.ppf((np.arange(n) + 0.5) / n) + mean


def eps_s_at(eps_b: float, shift: float = SHIFT) -> float:
    return float(norm.sf(norm.isf(eps_b) - shift))


@pytest.fixture(scope="module")
def gaussians():
    return evaluate(quantiles(N_B), quantiles(N_S, SHIFT), seed=1)


# --- closed forms


def test_two_gaussians(gaussians):
    figures = gaussians.figures
    assert figures.auc.value == pytest.approx(norm.cdf(SHIFT / np.sqrt(2)), abs=1e-5)
    for cut in figures.rejections:
        expected = 1 / norm.sf(SHIFT + norm.isf(cut.eps_s))
        assert cut.rejection.value == pytest.approx(expected, rel=1e-2)
        assert cut.n_background == pytest.approx(N_B / expected, rel=1e-2)
    assert [p.eps_b for p in figures.working_points] == [1e-2, 1e-3, 1e-4]
    assert [p.n_background for p in figures.working_points] == [2000, 200, 20]
    for point in figures.working_points[:2]:
        expected = eps_s_at(point.eps_b)
        assert point.eps_s.value == pytest.approx(expected, rel=5e-3)
        assert point.sic.value == pytest.approx(expected / np.sqrt(point.eps_b), rel=5e-3)
    assert gaussians.significance_before == pytest.approx(N_S / np.sqrt(N_B))
    assert (gaussians.n_signal, gaussians.n_background) == (N_S, N_B)


def test_the_largest_sic_of_two_gaussians(gaussians):
    eps_b = np.geomspace(1e-5, 1, 20_000)
    sic = norm.sf(norm.isf(eps_b) - SHIFT) / np.sqrt(eps_b)
    best = gaussians.figures.max_sic
    assert best.sic.value == pytest.approx(sic.max(), rel=1e-2)
    assert best.n_background == round(best.eps_b * N_B)
    assert best.n_background >= MIN_BACKGROUND


def test_the_curve_is_that_of_the_gaussians(gaussians):
    curve = gaussians.figures.curve
    assert curve[0].eps_b == 1
    assert curve[0].eps_s.value == pytest.approx(1, abs=1e-2)
    assert curve[-1].n_background >= MIN_BACKGROUND
    for point in curve[5:]:
        assert point.eps_s.value == pytest.approx(eps_s_at(point.eps_b), rel=0.02, abs=1e-3)
        assert point.sic.low <= point.sic.value <= point.sic.high


def test_the_error_of_the_auc_is_that_of_hanley_and_mcneil():
    """Two exponential samples, for which doi:10.1148/radiology.143.1.7063747 is exact."""
    n_b, n_s, theta = 1000, 400, 0.75
    u_b, u_s = ((np.arange(n) + 0.5) / n for n in (n_b, n_s))
    # densities λ exp(-λ x) with λ_s = 1: P(signal > background) = λ_b / (λ_b + λ_s)
    background, signal = -np.log(u_b) / (theta / (1 - theta)), -np.log(u_s)
    found = evaluate(background, signal, replicas=2000, seed=2).figures.auc
    q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
    # q1: two signal events above one of background; q2: one above two of background
    variance = theta * (1 - theta) + (n_s - 1) * (q1 - theta**2) + (n_b - 1) * (q2 - theta**2)
    expected = np.sqrt(variance / (n_s * n_b))
    assert found.value == pytest.approx(theta, abs=1e-3)
    assert (found.high - found.low) / (2 * norm.isf(0.16)) == pytest.approx(expected, rel=0.1)


# --- ties


def test_a_constant_score_is_a_random_choice():
    performance = evaluate(np.zeros(100), np.zeros(10))
    assert performance.figures.auc == Estimate(0.5, None, None)
    assert performance.figures.max_sic.sic.value == 1
    assert performance.figures.rejections[0].rejection.value == 1
    assert all(p.sic is None for p in performance.figures.working_points)
    assert [p.n_background for p in performance.figures.working_points] == [0, 0, 0]
    assert [p.eps_b for p in performance.figures.curve] == [1]


def test_events_of_equal_score_pass_together():
    background = np.repeat([0.0, 1.0, 2.0], [900, 60, 40])
    signal = np.repeat([0.0, 1.0, 2.0], [2, 4, 4])
    passing = count_passing(background, signal)
    assert passing.background.tolist() == [40, 100, 1000]
    assert passing.signal.tolist() == [4, 8, 10]
    figures = evaluate(background, signal).figures
    assert [c.n_background for c in figures.rejections] == [40, 100]
    assert [c.rejection.value for c in figures.rejections] == [25, 10]
    assert figures.max_sic.n_background == 100
    assert figures.max_sic.sic.value == pytest.approx(0.8 / np.sqrt(0.1))
    assert auc(background, signal) == pytest.approx((4 * 980 + 4 * 930 + 2 * 450) / 10_000)


SCORES = st.lists(st.integers(-30, 30), min_size=1, max_size=80)


@given(SCORES, SCORES)
def test_counts_are_counts_and_ties_count_one_half(background, signal):
    b, s = np.array(background, dtype=float), np.array(signal, dtype=float)
    passing = count_passing(b, s)
    thresholds = np.unique(np.concatenate([b, s]))[::-1]
    assert passing.background.tolist() == [(b >= t).sum() for t in thresholds]
    assert passing.signal.tolist() == [(s >= t).sum() for t in thresholds]
    expected = (s[:, None] > b).mean() + 0.5 * (s[:, None] == b).mean()
    assert passing.auc() == pytest.approx(expected, abs=1e-12)


@given(
    SCORES.map(lambda x: x * 6),
    SCORES,
    st.sampled_from([np.exp, np.arctan, lambda x: 3 * x - 7, lambda x: x**3]),
)
def test_only_the_order_of_scores_counts(background, signal, transform):
    b, s = np.array(background) / 10, np.array(signal) / 10
    assert evaluate(transform(b), transform(s), replicas=5) == evaluate(b, s, replicas=5)


def test_infinite_scores_are_ranked():
    finite = evaluate([0.0, 1.0, 2.0], [3.0, -1.0], replicas=5)
    assert evaluate([0.0, 1.0, 2.0], [np.inf, -np.inf], replicas=5) == finite


@given(SCORES, SCORES)
def test_figures_agree_with_the_sic_curve(background, signal):
    b = np.array(background * 5, dtype=float)
    s = np.array(signal, dtype=float)
    figures = evaluate(b, s, replicas=2).figures
    best = sic_curve(b, s).best()
    if best is None:
        assert figures.max_sic is None
    else:
        assert (figures.max_sic.sic.value, figures.max_sic.n_background) == best
    for point in figures.curve:
        assert point.sic.value == sic_curve(b, s).at(point.eps_b)


# --- at least 25 background events


def test_nothing_is_quoted_below_25_background_events():
    background, signal = np.arange(1000.0), np.full(50, 974.5)
    figures = evaluate(background, signal).figures
    assert [c.n_background for c in figures.rejections] == [25, 25]
    assert figures.rejections[0].rejection.value == 40
    one_less = evaluate(background, signal + 1).figures
    assert [c.n_background for c in one_less.rejections] == [24, 24]
    assert [c.rejection for c in one_less.rejections] == [None, None]
    assert one_less.max_sic.n_background == 25
    assert [p.n_background for p in figures.working_points] == [10, 1, 0]
    assert all(p.sic is None and p.eps_s is None for p in figures.working_points)
    assert min(p.n_background for p in figures.curve) >= 25


def test_too_few_background_events_leave_the_auc_only():
    figures = evaluate(np.arange(24.0), np.arange(30.0)).figures
    assert figures.max_sic is None
    assert figures.curve == ()
    assert figures.auc.value > 0.5


# --- the bootstrap


def test_intervals_cover_the_truth():
    """68 % intervals of 100 samples; each count is outside 54-82 with a chance of 0.3 %."""
    rng = np.random.default_rng(11)
    truth = np.array(
        [
            norm.cdf(SHIFT / np.sqrt(2)),
            1 / norm.sf(SHIFT + norm.isf(0.3)),
            1 / norm.sf(SHIFT + norm.isf(0.5)),
            eps_s_at(0.01),
            eps_s_at(0.01) / 0.1,
        ]
    )
    covered = np.zeros(len(truth))
    for seed in range(100):
        background, signal = rng.normal(size=3000), rng.normal(SHIFT, 1, 300)
        f = evaluate(background, signal, replicas=80, seed=seed).figures
        point = f.working_points[0]
        found = [f.auc, *(c.rejection for c in f.rejections), point.eps_s, point.sic]
        covered += [e.low <= t <= e.high for e, t in zip(found, truth, strict=True)]
    assert (covered >= 54).all(), covered
    assert (covered <= 82).all(), covered


def test_replicas_have_the_moments_of_a_redraw():
    """Counts are binomial; means of 4000 replicas lie within 5 σ (false alarms: 1e-6 a count)."""
    passing = Passing(np.array([3, 40, 100]), np.array([5, 5, 20]))
    drawn = list(resampled(passing, 4000, np.random.default_rng(3)))
    background = np.array([r.background for r in drawn])
    assert (background[:, -1] == 100).all()
    share = passing.background / 100
    sd = np.sqrt(100 * share * (1 - share))
    assert (np.abs(background.mean(axis=0) - passing.background) <= 5 * sd / np.sqrt(4000)).all()
    np.testing.assert_allclose(background.std(axis=0), sd, rtol=0.06)
    signal = np.array([r.signal for r in drawn])
    assert (signal[:, 0] == signal[:, 1]).all()
    correlation = np.corrcoef(background[:, 1], signal[:, 1])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(4000), "signal and background are drawn separately"


def test_thresholds_left_out_are_below_the_resolution():
    rng = np.random.default_rng(4)
    passing = count_passing(rng.normal(size=100_000), rng.normal(1, 1, 10_000))
    coarse = passing.take(thinned_rows(passing))
    assert len(coarse.background) < 12 * (np.sqrt(100_000) + np.sqrt(10_000))
    assert (coarse.n_background, coarse.n_signal) == (100_000, 10_000)
    for counts in (coarse.background, coarse.signal):
        gaps, below = np.diff(counts), counts[:-1]
        assert (gaps <= np.maximum(2, 0.3 * np.sqrt(below))).all()
    assert set(range(1, 26)) <= set(coarse.background.tolist())
    assert coarse.auc() == pytest.approx(passing.auc(), abs=1e-5)


def test_the_seed_makes_the_interval():
    b, s = quantiles(500), quantiles(60, 1)
    first = evaluate(b, s, seed=1)
    assert evaluate(b, s, seed=1) == first
    other = evaluate(b, s, seed=2)
    assert other.figures.auc.value == first.figures.auc.value
    assert other.figures.auc.low != first.figures.auc.low


def test_no_interval_where_replicas_do_not_vary():
    figures = evaluate(np.arange(10_000.0), np.full(50, -1.0)).figures
    assert figures.working_points[0].eps_s == Estimate(0, None, None)
    assert evaluate(np.zeros(100), np.ones(10)).figures.auc == Estimate(1, None, None)


# --- seeds


@pytest.fixture(scope="module")
def seeds():
    return [evaluate(quantiles(20_000), quantiles(500, s), replicas=5) for s in (1, 2, 1.2)]


def test_seeds_are_summarised_by_median_and_68_percent(seeds):
    figures = over_seeds(seeds)
    values = [s.figures.auc.value for s in seeds]
    assert figures.auc.value == np.median(values) == values[2]
    assert (figures.auc.low, figures.auc.high) == tuple(np.quantile(values, [0.16, 0.84]))
    largest = [s.figures.max_sic for s in seeds]
    assert figures.max_sic.sic.value == np.median([m.sic.value for m in largest])
    assert figures.max_sic.n_background == min(m.n_background for m in largest)
    sics = [s.figures.working_points[0].sic.value for s in seeds]
    assert figures.working_points[0].sic.value == np.median(sics)
    assert len(figures.curve) == len(seeds[0].figures.curve)


def test_a_seed_without_a_figure_leaves_the_median_without_it(seeds):
    sharp = evaluate(quantiles(20_000), quantiles(500, 6), replicas=5)
    assert sharp.figures.rejections[0].rejection is None
    figures = over_seeds([*seeds, sharp])
    assert figures.rejections[0].rejection is None
    assert figures.rejections[0].n_background == sharp.figures.rejections[0].n_background
    small = evaluate(quantiles(20), quantiles(20), replicas=5)
    assert over_seeds([seeds[0], small]).max_sic is None
    assert over_seeds([seeds[0], small]).curve == ()


def test_one_seed_keeps_its_bootstrap(seeds):
    assert over_seeds(seeds[:1]) is seeds[0].figures


# --- bad input


@pytest.mark.parametrize(
    ("background", "signal", "words"),
    [
        ([], [1.0], "got 0 and 1 events"),
        ([1.0], [], "got 1 and 0 events"),
        ([1.0, np.nan], [1.0], "1 of 2 background scores are NaN"),
        ([1.0], [np.nan], "1 of 1 signal scores are NaN"),
        ([[1.0]], [1.0], r"background scores need one number per event, got shape \(1, 1\)"),
    ],
)
def test_bad_scores_are_refused(background, signal, words):
    with pytest.raises(InputError, match=words):
        evaluate(background, signal)


def test_bad_numbers_are_refused(seeds):
    with pytest.raises(InputError, match="at least 2 replicas, got 1"):
        evaluate([1.0], [2.0], replicas=1)
    with pytest.raises(ConfigError, match="seed: must not be negative, got -1"):
        evaluate(np.zeros(9), np.ones(9), seed=-1)
    with pytest.raises(InputError, match="no seeds"):
        over_seeds([])


def test_records_are_frozen(gaussians):
    with pytest.raises(dataclasses.FrozenInstanceError):
        gaussians.n_signal = 3
