"""Laws of a whole search: what may change its result, and what may not."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import novum
from novum.errors import ConfigError
from novum.windows import Window

from .conftest import WINDOW

SCAN = {"width": 400, "centers": (3300, 3700)}
TREES = {"classifier": "trees", "members": 1, **SCAN}


def without_truth(result):
    """The result as text, without what labels may change."""
    return replace(result, evaluation=(), input=replace(result.input, labelled=False)).to_json()


@pytest.fixture(scope="module")
def found(toy, quick):
    return quick(toy)


@pytest.fixture(scope="module")
def by_trees(toy, quick, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hunt") / "one-worker"
    return quick(toy, **TREES, output=folder), folder


# --- it works at all


def test_it_finds_the_resonance(by_trees):
    result, _ = by_trees
    assert (result.best_window.low, result.best_window.high) == (3300, 3700)
    assert result.best.z > 3
    assert result.global_p.value < 0.02
    assert result.global_p.value >= result.best.p.value
    assert result.inclusive_global_p.value > 0.01, "it cannot be seen before the selection"


def test_its_twin_without_signal_shows_nothing(quick):
    result = quick(novum.toy_dijets(6000, 0, seed=1), **TREES)
    for window in result.windows:
        assert window.withheld or window.z < 3
    assert result.global_p is None or result.global_p.value > 0.01


def test_significance_grows_with_the_signal(quick):
    """Mean over three samples at each of four strengths; each step of 40 events shows."""
    strengths = (0, 40, 80, 120)
    z = np.array(
        [
            [quick(novum.toy_dijets(6000, n, seed=s)).windows[0].z for s in range(3)]
            for n in strengths
        ]
    ).mean(axis=1)
    assert abs(z[0]) < 1.5
    assert (np.diff(z) > 0.5).all()
    assert 1.2 < z[3] / z[2] < 2.2
    assert 1.3 < z[2] / z[1] < 3.5


@pytest.mark.parametrize(
    "classifier",
    [GaussianNB(), make_pipeline(StandardScaler(), LogisticRegression(C=0.5))],
    ids=["bayes", "pipeline"],
)
def test_any_classifier_with_sample_weight_can_search(toy, quick, classifier):
    result = quick(toy, classifier=classifier)
    assert result.windows[0].z > 2
    assert type(classifier).__name__ in result.config["classifier"]


def test_a_classifier_may_be_named(toy, quick):
    assert quick(toy, classifier="trees", members=1).config["classifier"] == "trees"
    with pytest.raises(ConfigError, match="there is no 'tree'; did you mean 'trees'"):
        quick(toy, classifier="tree")


# --- what changes nothing


def test_the_number_of_workers_changes_no_bit(toy, quick, by_trees, tmp_path):
    _, alone = by_trees
    quick(toy, **TREES, n_jobs=2, output=tmp_path / "two")
    assert (tmp_path / "two/result.json").read_bytes() == (alone / "result.json").read_bytes()
    for name in ("scores.parquet", "selected.parquet"):
        assert pq.read_table(tmp_path / "two" / name).equals(pq.read_table(alone / name))


def test_writing_changes_nothing(toy, quick, found, tmp_path):
    assert quick(toy, output=tmp_path / "out") == found


def test_labels_cannot_influence_the_search(toy, quick, found):
    shuffled = np.random.default_rng(0).permutation(toy.label)
    other = quick(replace(toy, label=shuffled))
    assert other.evaluation != found.evaluation
    assert without_truth(other) == without_truth(found)


def test_without_labels_there_is_no_evaluation(toy, quick, found):
    blind = quick(toy.blind())
    assert found.input.labelled
    assert found.evaluation
    assert not blind.input.labelled
    assert blind.evaluation == ()
    assert without_truth(blind) == without_truth(found)


def test_other_columns_and_their_order_change_nothing(toy, quick, found):
    features = {"unused": np.zeros(len(toy)), **dict(reversed(toy.features.items()))}
    assert quick(replace(toy, features=features)) == found


def test_weights_of_one_are_no_weights(toy, quick, found):
    weighted = quick(replace(toy, weight=np.ones(len(toy))))
    assert weighted == found
    assert not found.input.weighted


def test_a_common_weight_changes_no_significance(toy, quick, found):
    doubled = quick(replace(toy, weight=np.full(len(toy), 2.0)))
    assert doubled.input.weighted
    assert doubled.windows[0].z == pytest.approx(found.windows[0].z, abs=1e-6)
    assert doubled.windows[0].counts.n_on == pytest.approx(2 * found.windows[0].counts.n_on)
    assert doubled.spectrum.counts == pytest.approx(found.spectrum.counts)
    assert any("weighted" in w for w in doubled.warnings)


def test_a_common_weight_changes_no_number_of_events(toy, quick, found):
    doubled = quick(replace(toy, weight=np.full(len(toy), 2.0)))
    assert doubled.input.n_used <= doubled.input.n_events
    assert doubled.input.n_used == found.input.n_used


def test_events_of_no_weight_are_as_good_as_absent(toy, quick):
    kept = np.arange(len(toy)) % 10 != 0
    zero = quick(replace(toy, weight=kept.astype(float)))
    absent = quick(toy.take(kept))
    assert zero.windows[0].z == pytest.approx(absent.windows[0].z, abs=0.5)
    assert zero.windows[0].counts.n_sr == pytest.approx(absent.windows[0].counts.n_sr)


def test_real_weights_are_effective_counts(toy, quick, found):
    w = np.random.default_rng(3).choice([0.5, 1.5], len(toy))
    result = quick(replace(toy, weight=w))
    neff = w.sum() ** 2 / (w**2).sum()
    assert sum(result.spectrum.counts) == pytest.approx(neff, rel=1e-3)
    window = Window.around(*WINDOW)
    rows = window.in_signal_region(toy.column("mjj"))
    counts = result.windows[0].counts
    assert counts.n_sr == pytest.approx(w[rows].sum())
    # Σw²/Σw of weights 1 ± 1/2
    assert counts.scale_off == pytest.approx(1.25, rel=0.05)


def test_the_order_of_events_changes_nothing(toy, quick, order_free):
    """Exact for a classifier that does not see the order.

    Boosted trees do: the split that decides when to stop is drawn by row, so that their z
    moves with the order as it does with the seed; and most linear algebra rounds by order.
    """
    order = np.random.default_rng(5).permutation(len(toy))
    straight, mixed = (quick(e, classifier=order_free) for e in (toy, toy.take(order)))
    assert mixed.input.sha256 != straight.input.sha256
    same_input = replace(mixed, input=straight.input)
    # What explains the selection is drawn at random and summed by row; it decides nothing.
    explained = [tuple(replace(w, features=()) for w in r.windows) for r in (mixed, straight)]
    assert explained[0] == explained[1]
    assert same_input.global_p == straight.global_p
    assert {e.id for e in mixed.selected_events} == {e.id for e in straight.selected_events}


# --- what must change something


def test_another_seed_is_another_search(toy, quick, found):
    other = quick(toy, seed=17)
    assert other.seed == 17
    assert other.windows[0].counts.n_on != found.windows[0].counts.n_on
    assert other.config_hash != found.config_hash


def test_new_ids_are_another_draw_of_folds(toy, quick, found):
    other = quick(replace(toy, id=toy.id + np.uint64(10**6)))
    assert other.windows[0].folds != found.windows[0].folds


def test_a_changed_number_changes_the_digest(toy, quick, found):
    features = dict(toy.features)
    features["tau21_low"] = features["tau21_low"].copy()
    features["tau21_low"][17] += 1e-12
    assert quick(replace(toy, features=features)).input.sha256 != found.input.sha256


def test_the_working_point_is_that_which_was_asked_for(toy, quick):
    for eps_b in (0.02, 0.1, 0.3):
        counts = quick(toy, eps_b=eps_b, folds=2).windows[0].counts
        assert counts.n_off / counts.n_sb == pytest.approx(eps_b, abs=2 / counts.n_sb)


# --- what it writes


def test_the_folder_holds_the_result_and_no_leftovers(by_trees):
    _, folder = by_trees
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["cost.json", "result.json", "scores.parquet", "selected.parquet"]


def test_the_result_says_what_ran(by_trees, toy):
    _, folder = by_trees
    written = json.loads((folder / "result.json").read_text())
    assert written["config"]["features"] == ["mj_low", "delta_mj", "tau21_low", "tau21_high"]
    assert written["config"]["centers"] == [3300, 3700]
    assert {"novum", "numpy", "scikit-learn", "python"} <= set(written["versions"])
    assert written["seed"] == 0
    assert {"1805.02664", "1902.02634"} <= set(written["references"])
    assert written["input"]["n_events"] == len(toy)
    assert written["input"]["origin"] == "toy dijets"
    assert [w["window"]["low"] for w in written["windows"]] == [3100, 3300, 3500]
    assert all("p_value" in w["fit"] for w in written["windows"])


def test_run_lumi_and_event_numbers_are_kept(toy, quick, tmp_path):
    n = len(toy)
    numbers = {"run": np.arange(n) + 1, "lumi": np.arange(n) * 2, "event": np.arange(n) * 3}
    result = quick(replace(toy, bookkeeping=numbers), output=tmp_path / "out")
    first = result.selected_events[0]
    assert (first.run, first.lumi, first.event) == (first.id + 1, first.id * 2, first.id * 3)
    table = pq.read_table(tmp_path / "out/selected.parquet")
    ids = table["id"].to_numpy().astype(int)
    np.testing.assert_array_equal(table["run"].to_numpy(), ids + 1)
    np.testing.assert_array_equal(table["event"].to_numpy(), ids * 3)
