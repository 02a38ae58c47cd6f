"""From raw scores to a selection: tail scores, thresholds and the counts they give."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from novum.search import select, thresholds
from novum.search.crossfitting import TailScore
from novum.statistics import on_off_z
from novum.windows import Window

WINDOW = Window.around(3300, 3700)
RAW = st.floats(-50, 50, allow_nan=False)


# --- tail scores


def test_the_tail_score_is_the_logarithm_of_the_share_above():
    reference = np.arange(1.0, 101.0)
    score = TailScore(reference, np.ones(100))
    np.testing.assert_allclose(
        score(np.array([1.0, 51.0, 91.0, 100.0])), -np.log10([1, 0.5, 0.1, 0.01])
    )
    assert score(np.array([-5.0]))[0] == 0


def test_weights_make_the_shares():
    score = TailScore(np.array([1.0, 2.0, 3.0]), np.array([6.0, 3.0, 1.0]))
    np.testing.assert_allclose(score(np.array([1.0, 2.0, 3.0])), -np.log10([1, 0.4, 0.1]))


def test_the_tail_goes_on_as_an_exponential():
    rng = np.random.default_rng(0)
    reference = rng.exponential(2.0, 20000)
    score = TailScore(reference, np.ones(20000))
    # exp(-x / 2): a decade every 2 ln 10
    far = score(np.array([40.0, 40.0 + 2 * np.log(10)]))
    assert far[1] - far[0] == pytest.approx(1, rel=0.1)
    assert far[0] == pytest.approx(40 / (2 * np.log(10)), rel=0.15)


@given(
    hnp.arrays(float, st.integers(1, 60), elements=RAW),
    hnp.arrays(float, 40, elements=st.floats(-100, 100)),
    st.integers(0, 100),
)
def test_tail_scores_are_monotone_finite_and_not_negative(reference, raw, seed):
    weight = np.random.default_rng(seed).uniform(0.1, 2, len(reference))
    values = TailScore(reference, weight)(np.sort(raw))
    assert np.isfinite(values).all()
    assert (values >= -1e-12).all()
    assert (np.diff(values) >= -1e-12).all()


@given(st.sets(st.integers(-5000, 5000), min_size=2, max_size=60))
def test_order_is_kept_inside_and_beyond_the_reference(values):
    reference = np.sort(np.array(list(values))) / 100
    score = TailScore(reference, np.ones(len(reference)))
    points = np.concatenate([reference, reference[-1] + np.array([1.0, 2.0])])
    assert (np.diff(score(points)[: len(reference)]) > 0).all()
    assert (np.diff(score(points)[len(reference) - 1 :]) >= 0).all()


@pytest.mark.parametrize("weight", [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
def test_events_of_no_weight_among_the_reference_do_no_harm(weight):
    # the search takes events of weight 0
    values = TailScore(np.array([1.0, 2.0, 3.0]), np.array(weight))(np.linspace(0, 5, 11))
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()


# --- thresholds


def drawn(n: int = 6000, folds: int = 3, seed: int = 0):
    """Scores, folds and masses of events that know nothing of each other."""
    rng = np.random.default_rng(seed)
    return (
        rng.exponential(size=n),
        rng.integers(0, folds, n).astype(np.int8),
        rng.uniform(3000, 4000, n),
        np.ones(n),
    )


@pytest.mark.parametrize("eps_b", [0.01, 0.1, 0.3])
def test_every_fold_passes_its_share_of_sideband_events(eps_b):
    score, fold, m, w = drawn()
    chosen = select(score, fold, m, w, WINDOW, eps_b)
    for f in range(3):
        rows = (fold == f) & WINDOW.in_sidebands(m)
        assert chosen[rows].sum() == pytest.approx(eps_b * rows.sum(), abs=0.51)


def test_weights_count_towards_the_share():
    score, fold, m, _ = drawn()
    w = np.random.default_rng(1).uniform(0, 3, len(m)) * (1 + score)
    chosen = select(score, fold, m, w, WINDOW, 0.1)
    for f in range(3):
        rows = (fold == f) & WINDOW.in_sidebands(m)
        share = w[rows & chosen].sum() / w[rows].sum()
        assert share == pytest.approx(0.1, abs=w[rows].max() / w[rows].sum())


def test_the_common_scale_of_weights_does_not_matter():
    score, fold, m, w = drawn()
    np.testing.assert_array_equal(
        thresholds(score, fold, m, w, WINDOW, 0.1), thresholds(score, fold, m, 7 * w, WINDOW, 0.1)
    )


@given(st.integers(0, 1000), st.sampled_from([-1e3, 0.0, 1e3]))
def test_thresholds_never_depend_on_the_signal_region(seed, value):
    score, fold, m, w = drawn(600, seed=seed)
    expected = thresholds(score, fold, m, w, WINDOW, 0.1)
    outside = ~WINDOW.in_sidebands(m)
    changed = np.where(outside, value, score)
    np.testing.assert_array_equal(thresholds(changed, fold, m, w, WINDOW, 0.1), expected)
    heavier = np.where(outside, 50.0, w)
    np.testing.assert_array_equal(thresholds(score, fold, m, heavier, WINDOW, 0.1), expected)


def test_thresholds_do_depend_on_the_sidebands():
    score, fold, m, w = drawn()
    moved = np.where(WINDOW.in_sidebands(m), score + 1, score)
    np.testing.assert_allclose(
        thresholds(moved, fold, m, w, WINDOW, 0.1), thresholds(score, fold, m, w, WINDOW, 0.1) + 1
    )


def test_each_fold_has_a_threshold_of_its_own():
    score, fold, m, w = drawn()
    score = score + 10 * fold  # folds on different scales
    cuts = thresholds(score, fold, m, w, WINDOW, 0.1)
    np.testing.assert_allclose(np.diff(cuts), 10, atol=0.6)
    shares = [select(score, fold, m, w, WINDOW, 0.1)[fold == f].mean() for f in range(3)]
    assert shares == pytest.approx([0.1] * 3, abs=0.03)


def test_an_event_at_the_threshold_is_selected():
    m = np.full(10, 3200.0)
    score = np.arange(10.0)
    fold = np.zeros(10, dtype=np.int8)
    assert thresholds(score, fold, m, np.ones(10), WINDOW, 0.2).tolist() == [8.0]
    assert select(score, fold, m, np.ones(10), WINDOW, 0.2).sum() == 2


@pytest.mark.parametrize(
    ("eps_b", "passing"),
    [(0.1, 2), (0.19, 2), (0.4, 5), (0.3, 2), (0.01, 2)],
)
def test_tied_scores_take_the_closest_share(eps_b, passing):
    # shares that can be had: 0.2, 0.5 and 1
    score = np.array([3.0] * 2 + [2.0] * 3 + [1.0] * 5)
    m = np.full(10, 3200.0)
    fold = np.zeros(10, dtype=np.int8)
    assert select(score, fold, m, np.ones(10), WINDOW, eps_b).sum() == passing


def test_selection_covers_the_whole_mass_range():
    score, fold, m, w = drawn()
    far = m + 5000  # outside of the window
    both = select(
        np.tile(score, 2), np.tile(fold, 2), np.concatenate([m, far]), np.tile(w, 2), WINDOW, 0.1
    )
    np.testing.assert_array_equal(both[: len(m)], both[len(m) :])


# --- what the search counts with them


@pytest.fixture(scope="module")
def searched(toy, quick, tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts") / "out"
    result = quick(toy, output=folder)
    return result, pq.read_table(folder / "scores.parquet"), folder


def test_on_and_off_counts_are_those_of_the_table(searched, toy):
    result, table, _ = searched
    m, share = toy.column("mjj"), table["selected"].to_numpy().astype(float)
    on, off = WINDOW.in_signal_region(m), WINDOW.in_sidebands(m)
    counts = result.windows[0].counts
    assert (counts.n_sr, counts.n_sb) == (on.sum(), off.sum())
    assert counts.n_on == pytest.approx(share[on].sum())
    assert counts.n_off == pytest.approx(share[off].sum())
    assert counts.n_off / counts.n_sb == pytest.approx(0.05, abs=3 / counts.n_sb)
    assert counts.expected == pytest.approx(counts.n_off * counts.ratio)
    assert counts.expected_error > np.sqrt(counts.n_off) * counts.ratio * 0.999
    # the transfer factor is that of the spectrum before any selection
    assert counts.ratio == pytest.approx(counts.n_sr / counts.n_sb, rel=0.1)


def test_the_significance_is_that_of_the_on_off_test(searched):
    window = searched[0].windows[0]
    c = window.counts
    assert window.z == pytest.approx(float(on_off_z(c.n_on, c.n_off, c.ratio, c.ratio_error)))
    assert window.p.z == pytest.approx(window.z, abs=0.25)


def test_folds_add_up(searched):
    window = searched[0].windows[0]
    assert len(window.folds) == 3
    assert sum(f.n_on for f in window.folds) == pytest.approx(window.counts.n_on)
    assert sum(f.n_off for f in window.folds) == pytest.approx(window.counts.n_off)
    assert window.repeat_z == pytest.approx([window.z])  # one repeat


def test_the_selected_spectrum_holds_the_selected_events(searched, toy):
    result, table, _ = searched
    window, spectrum = result.windows[0], result.spectrum
    share = table["selected"].to_numpy().astype(float)
    expected = np.histogram(toy.column("mjj"), spectrum.edges, weights=share)[0]
    low, high = spectrum.fit_range
    edges = np.array(spectrum.edges)
    inside = (edges[:-1] >= low - 1e-6) & (edges[1:] <= high + 1e-6)
    np.testing.assert_allclose(window.selected_counts, np.where(inside, expected, 0))
    assert sum(spectrum.counts) == len(toy)


def test_selected_events_are_listed_with_their_numbers(searched, toy):
    result, table, folder = searched
    listed = pq.read_table(folder / "selected.parquet")
    m = toy.column("mjj")
    chosen = WINDOW.in_signal_region(m) & (table["selected"].to_numpy().astype(float) >= 0.5)
    assert sorted(listed["id"].to_pylist()) == np.flatnonzero(chosen).tolist()
    rows = listed["id"].to_numpy().astype(int)
    np.testing.assert_array_equal(listed["mass"].to_numpy(), m[rows])
    np.testing.assert_array_equal(listed["score"].to_numpy(), table["score"].to_numpy()[rows])
    np.testing.assert_array_equal(listed["tau21_low"].to_numpy(), toy.column("tau21_low")[rows])
    scores = [e.score for e in result.selected_events]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(listed["score"].to_numpy().max())
