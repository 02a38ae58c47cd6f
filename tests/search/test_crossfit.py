"""Cross-fitting: no event meets a model that saw it, and seeds decide everything else."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression

import novum
from novum.classifiers import TreeEnsemble
from novum.resonant import CWoLa
from novum.search import crossfit
from novum.search.crossfitting import fold_of
from novum.search.inputs import Sample
from novum.simulation.toy import FEATURES
from novum.windows import Window

WINDOW = Window.around(3300, 3700)


def cross(sample, classifier, **changes):
    settings = {"folds": 3, "repeats": 1, "seed": 0, "n_jobs": 1, **changes}
    return crossfit(CWoLa(), classifier, sample, WINDOW, **settings)


def ids_of(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.uint64)


# --- folds


@pytest.mark.parametrize("k", [2, 3, 5, 10])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_folds_are_uniform(k, seed):
    counts = np.bincount(fold_of(ids_of(20000), seed, k), minlength=k)
    assert len(counts) == k
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("ids", [ids_of(20000) * np.uint64(2**32), ids_of(20000) * np.uint64(6)])
def test_folds_are_uniform_for_ids_with_a_pattern(ids):
    assert stats.chisquare(np.bincount(fold_of(ids, 0, 5), minlength=5)).pvalue > 1e-4


def test_folds_are_the_same_on_every_machine():
    big = np.array([2**64 - 1, 2**63], dtype=np.uint64)
    assert fold_of(ids_of(12), 0, 5).tolist() == [3, 2, 3, 1, 3, 1, 2, 0, 3, 2, 1, 4]
    assert fold_of(big, 7, 5).tolist() == [0, 2]


def test_another_seed_redraws_the_folds():
    a, b = fold_of(ids_of(20000), 0, 5), fold_of(ids_of(20000), 1, 5)
    table = np.histogram2d(a, b, bins=5)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-4, "the two draws are independent"


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50),
    st.integers(0, 2**32),
    st.integers(2, 20),
    st.randoms(use_true_random=False),
)
def test_the_fold_belongs_to_the_id_alone(ids, seed, k, random):
    first = dict(zip(ids, fold_of(np.array(ids, dtype=np.uint64), seed, k).tolist(), strict=True))
    assert set(first.values()) <= set(range(k))
    copies = [random.choice(ids) for _ in range(30)]
    again = fold_of(np.array(copies, dtype=np.uint64), seed, k).tolist()
    assert again == [first[i] for i in copies]


def test_many_folds_are_still_numbered_from_zero():
    folds = fold_of(ids_of(20000), 0, 200)
    assert set(folds.tolist()) == set(range(200))


def test_redrawn_folds_of_one_seed_are_not_those_of_the_next_seed(toy_sample):
    """Searches with neighbouring seeds must be independent draws, not share four folds of five."""
    a, b = (
        cross(toy_sample, LogisticRegression(), repeats=2, seed=s).fold_by_repeat for s in (0, 1)
    )
    assert not np.array_equal(a[0], a[1])
    assert not np.array_equal(a[1], b[0])


# --- no event meets a model that saw it


@pytest.mark.parametrize("repeats", [1, 2])
def test_no_event_meets_a_model_that_saw_it(toy_sample, memoriser, repeats):
    cross(toy_sample, memoriser(), repeats=repeats)
    assert memoriser.asked == repeats * len(toy_sample.m)
    assert memoriser.met == 0


def test_the_memoriser_would_notice(toy_sample, memoriser):
    # control: without folds it does meet what it saw
    inside = WINDOW.contains(toy_sample.m)
    X = toy_sample.X[inside]
    memoriser().fit(X, np.zeros(len(X))).decision_function(X)
    assert memoriser.met == inside.sum()


def copied(sample: Sample, ids: np.ndarray) -> Sample:
    twice = np.concatenate([np.arange(len(sample.m))] * 2)
    return Sample(sample.X[twice], sample.m[twice], sample.w[twice], ids)


def test_copies_of_an_event_share_its_fold(toy_sample, memoriser):
    sample = copied(toy_sample, np.concatenate([toy_sample.ids] * 2))
    scores = cross(sample, memoriser(), repeats=2)
    n = len(toy_sample.m)
    np.testing.assert_array_equal(scores.fold_by_repeat[:, :n], scores.fold_by_repeat[:, n:])
    np.testing.assert_array_equal(scores.score[:n], scores.score[n:])
    assert memoriser.met == 0


def test_copies_under_new_ids_would_leak(toy_sample, memoriser):
    # control of the test above
    n = len(toy_sample.m)
    cross(copied(toy_sample, ids_of(2 * n)), memoriser())
    inside = WINDOW.contains(toy_sample.m).sum()
    assert memoriser.met == pytest.approx(2 * inside * 2 / 3, rel=0.1)


def assert_asked(memoriser, events: int) -> None:
    """Each event once, beside a few copies with one feature changed for the importance."""
    copies = memoriser.asked - events
    assert 0 < copies < 0.05 * events
    assert copies % len(FEATURES) == 0


def test_a_whole_search_keeps_its_folds_apart(toy, quick, memoriser):
    quick(toy, classifier=memoriser(), width=400, centers=(3300, 3700))
    assert_asked(memoriser, 3 * len(toy))
    assert memoriser.met == 0


def test_the_probe_is_scored_by_every_model_and_trained_on_by_none(toy, quick, memoriser):
    probe = novum.toy_dijets(200, 200, seed=9)
    quick(toy, classifier=memoriser(), probe=probe)
    assert_asked(memoriser, len(toy) + 3 * len(probe))
    assert memoriser.met == 0


def test_the_probe_does_not_change_the_search(toy, quick):
    probe = novum.toy_dijets(200, 200, seed=9)
    with_probe, without = quick(toy, probe=probe), quick(toy)
    assert replace(with_probe, evaluation=()) == replace(without, evaluation=())
    assert with_probe.evaluation[0].signal_sample == "never injected"
    assert without.evaluation[0].signal_sample == "injected"


# --- seeds


def test_scores_follow_the_seed(toy_sample):
    trees = TreeEnsemble(1, max_iter=10)
    a, b, c = (cross(toy_sample, trees, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(a.score, b.score)
    np.testing.assert_array_equal(a.fold, b.fold)
    assert not np.array_equal(a.score, c.score)


def test_repeats_are_redrawn_and_averaged(toy_sample):
    both = cross(toy_sample, LogisticRegression(), repeats=2)
    assert both.by_repeat.shape == both.fold_by_repeat.shape == (2, len(toy_sample.m))
    assert not np.array_equal(both.by_repeat[0], both.by_repeat[1])
    np.testing.assert_allclose(both.score, both.by_repeat.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(both.fold, both.fold_by_repeat[0])
    # the first draw is what one cross-fit alone would have been
    alone = cross(toy_sample, LogisticRegression(), repeats=1)
    np.testing.assert_array_equal(alone.by_repeat[0], both.by_repeat[0])


def test_a_window_does_not_depend_on_the_others_of_its_scan(toy, quick, tmp_path):
    quick(toy, width=400, centers=(3300, 3700), output=tmp_path / "scan")
    quick(toy, window=(3300, 3700), output=tmp_path / "one")
    scan, one = (pq.read_table(tmp_path / f / "scores.parquet") for f in ("scan", "one"))
    middle = scan.filter(scan["window"].to_numpy() == 1)
    for name in ("id", "fold", "score", "selected"):
        assert middle[name].to_pylist() == one[name].to_pylist()


def test_scores_mean_the_share_of_held_out_sidebands_above(toy_sample):
    """A score of s is reached by a share 10**-s of the held-out sideband events of its fold."""
    scores = cross(toy_sample, LogisticRegression())
    for fold in range(3):
        held = scores.score[(scores.fold == fold) & WINDOW.in_sidebands(toy_sample.m)]
        for level in (0.3, 1.0, 1.5):
            share = (held >= level).mean()
            assert share == pytest.approx(10**-level, abs=2 / len(held))
