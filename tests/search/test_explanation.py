"""What is made for display: other working points, importance, separation, profiles."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from novum.resonant import CWoLa
from novum.search import HuntConfig, crossfit
from novum.search.analysis import analyse_window
from novum.search.checkpoint import Checkpoint
from novum.search.counting import on_off_counts
from novum.search.explanation import feature_records
from novum.search.importance import feature_losses
from novum.search.inputs import Sample
from novum.search.scan import plan_scan
from novum.search.selection import selected_share, thresholds
from novum.search.working_points import WORKING_POINTS, working_points
from novum.simulation.toy import FEATURES
from novum.statistics import final_fit
from novum.windows import Window

WINDOW = Window.around(3300, 3700)
CONFIG = HuntConfig(
    mass="mjj", features=FEATURES, window=(3300, 3700), folds=3, repeats=2, eps_b=0.03, n_params=3
)


class Constant(ClassifierMixin, BaseEstimator):
    """Every event looks the same."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X):
        return np.zeros(len(X))


def cross(sample, classifier=None, **changes):
    settings = {"folds": 3, "repeats": 2, "seed": 0, "n_jobs": 1, **changes}
    return crossfit(CWoLa(), classifier or LogisticRegression(), sample, WINDOW, **settings)


@pytest.fixture(scope="module")
def plan(toy_sample):
    return plan_scan(toy_sample.m, toy_sample.w, CONFIG)


@pytest.fixture(scope="module")
def fit(plan):
    return final_fit(plan.counts[plan.fit_bins], plan.fit_edges, WINDOW, plan.family, 3)


@pytest.fixture(scope="module")
def scores(toy_sample):
    return cross(toy_sample, importance=True)


@pytest.fixture(scope="module")
def outcome(toy_sample, scores, plan, fit):
    return analyse_window(toy_sample, scores, plan, fit, CONFIG)


# --- working points


def test_each_working_point_is_a_search_at_that_efficiency(toy_sample, scores, plan, fit, outcome):
    m, w = toy_sample.m, toy_sample.w
    counts = outcome.result.counts
    points = working_points(toy_sample, scores, plan, counts, CONFIG)
    assert len(points) > 4
    for point in points:
        share = selected_share(scores, m, w, point.eps_b)
        slow = on_off_counts(share, m, w, WINDOW, fit)
        assert (point.n_on, point.n_off) == pytest.approx((slow.n_on, slow.n_off))
        assert point.expected == pytest.approx(slow.n_off * counts.ratio)
        spectrum = np.histogram(m, plan.fit_edges, weights=w * share)[0]
        inside = np.asarray(point.selected_counts)[plan.fit_bins]
        np.testing.assert_allclose(inside, spectrum, atol=1e-6)


def test_the_headline_is_among_them_and_they_fall(outcome):
    result = outcome.result
    efficiencies = [p.eps_b for p in result.working_points]
    assert efficiencies == sorted(efficiencies, reverse=True)
    headline = result.working_points[efficiencies.index(CONFIG.eps_b)]
    c = result.counts
    assert (headline.n_on, headline.n_off) == pytest.approx((c.n_on, c.n_off))
    assert headline.expected_error == pytest.approx(c.expected_error)
    assert headline.z == pytest.approx(result.z)
    np.testing.assert_allclose(headline.selected_counts, result.selected_counts, atol=1e-6)


def test_points_without_a_sideband_event_a_fold_are_left_out(toy_sample, outcome):
    n = np.count_nonzero(WINDOW.in_sidebands(toy_sample.m))
    kept = {p.eps_b for p in outcome.result.working_points}
    assert kept == {e for e in WORKING_POINTS if e * n >= CONFIG.folds} | {CONFIG.eps_b}
    assert 0.001 not in kept, "the toy is that small"


def test_tied_scores_leave_the_headline_alone(toy_sample, plan, fit, outcome):
    tied = cross(toy_sample, Constant())
    points = working_points(toy_sample, tied, plan, outcome.result.counts, CONFIG)
    assert [p.eps_b for p in points] == [CONFIG.eps_b]


def test_thresholds_rise_as_the_efficiency_falls(toy_sample, scores):
    first = scores.by_repeat[0].astype(np.float64)
    fold = scores.fold_by_repeat[0]
    at = [thresholds(first, fold, toy_sample.m, toy_sample.w, WINDOW, e) for e in WORKING_POINTS]
    assert (np.diff(np.array(at), axis=0) >= 0).all()


def test_a_search_may_go_without(toy_sample, scores, plan, fit, outcome):
    bare = analyse_window(toy_sample, scores, plan, fit, CONFIG, explain=False).result
    assert (bare.features, bare.working_points, bare.sculpting) == ((), (), None)
    full = outcome.result
    shown = {k: getattr(full, k) for k in ("features", "working_points", "sculpting")}
    assert replace(bare, **shown) == full


# --- importance


def test_the_loss_is_that_of_the_feature_which_makes_the_score():
    rng = np.random.default_rng(4)
    X, m = rng.normal(size=(4000, 3)), rng.uniform(3100, 3900, 4000)
    score = X[:, 1]
    losses = feature_losses(lambda X, m: X[:, 1], lambda raw: raw, X, m, score, WINDOW, seed=1)
    rows = WINDOW.in_signal_region(m) & (score >= 2)
    assert losses[[0, 2]].tolist() == [0, 0]
    # mean of the rows minus that of as many normal numbers, five standard deviations
    assert losses[1] == pytest.approx(score[rows].mean(), abs=5 / np.sqrt(rows.sum()))


def test_without_a_tail_the_top_of_the_signal_region_is_taken():
    X, m = np.linspace(0, 1, 1000)[:, None], np.full(1000, 3500.0)
    m[::2] = 3200.0
    losses = feature_losses(lambda X, m: X[:, 0], lambda raw: raw, X, m, X[:, 0], WINDOW, seed=1)
    assert 0 < losses[0] < 1
    nowhere = np.full(1000, 3200.0)
    none = feature_losses(lambda X, m: X[:, 0], lambda raw: raw, X, nowhere, X[:, 0], WINDOW, 1)
    assert none.tolist() == [0]


def test_importance_finds_the_planted_features_whatever_the_workers(toy_sample, scores):
    noise = np.random.default_rng(0).normal(size=(len(toy_sample.m), 1))
    wider = Sample(np.hstack([toy_sample.X, noise]), toy_sample.m, toy_sample.w, toy_sample.ids)
    alone, shared = (cross(wider, importance=True, n_jobs=n).importance for n in (1, 2))
    np.testing.assert_array_equal(alone, shared)
    assert alone.argmax() == FEATURES.index("delta_mj")
    assert abs(alone[-1]) < 0.2 * alone.max()


def test_importance_changes_no_score_and_may_be_left_out(toy_sample, scores):
    bare = cross(toy_sample)
    assert bare.importance.shape == (0,)
    np.testing.assert_array_equal(bare.by_repeat, scores.by_repeat)
    share = np.zeros(len(toy_sample.m))
    records = feature_records(share, toy_sample, bare, FEATURES)
    assert [r.importance for r in records] == [0.0] * len(FEATURES)


def test_a_checkpoint_keeps_the_importance(scores, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run", "key")
    checkpoint.save(scores)
    again = checkpoint.load(WINDOW)
    np.testing.assert_array_equal(again.importance, scores.importance)


# --- features


def records_of(column, share=None, scores=None, m=None):
    rng = np.random.default_rng(2)
    m = rng.uniform(3100, 3900, len(column)) if m is None else m
    sample = Sample(column[:, None], m, np.ones(len(m)), np.arange(len(m), dtype=np.uint64))
    share = np.zeros(len(m)) if share is None else share
    return feature_records(share, sample, scores, ("x",))[0]


@pytest.fixture
def blank(scores):
    return replace(scores, importance=np.zeros(0))


def test_separation_is_one_where_the_selection_cuts_and_zero_where_it_is_blind(blank):
    x = np.linspace(0, 1, 20000)
    cut = records_of(x, (x > 0.5).astype(float), blank)
    assert cut.separation == pytest.approx(1, abs=1e-3), "one bin holds the cut"
    assert records_of(x, np.full(len(x), 0.5), blank).separation == pytest.approx(0, abs=1e-9)


def test_a_feature_that_follows_the_mass_is_seen(blank):
    m = np.random.default_rng(2).uniform(3100, 3900, 5000)
    record = records_of(m / 100, None, blank, m)
    assert record.mass_correlation == pytest.approx(1)
    assert (np.diff(record.profile.mean) > 0).all()
    assert (record.profile.edges[0], record.profile.edges[-1]) == (3100, 3900)


def test_a_feature_that_does_not_is_flat(blank):
    x = np.random.default_rng(3).normal(size=12000)
    profile = records_of(x, None, blank).profile
    pulls = np.array(profile.mean) / np.array(profile.error)
    assert np.abs(pulls).max() < 4.5, "false alarm once in 12 000 seeds"
    assert np.array(profile.error) == pytest.approx(np.full(12, 1 / np.sqrt(1000)), rel=0.15)


def test_constants_and_empty_bins_have_no_surprises(blank):
    m = np.where(np.arange(4000) % 2, 3150.0, 3850.0)
    m[:400] = 3500.0
    record = records_of(np.ones(4000), None, blank, m)
    assert record.mass_correlation == 0
    assert set(record.profile.mean) == {0.0, None}
