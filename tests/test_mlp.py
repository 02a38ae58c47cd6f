"""`MLPEnsemble`: networks that train side by side, as one scikit-learn classifier."""

import pickle
import sys

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import novum
from novum import catalogue
from novum.classifiers import MLPEnsemble, TreeEnsemble, fit_tasks
from novum.errors import ConfigError, InputError, MissingDependencyError
from novum.resonant.base import Task

QUICK = {"hidden": (16, 16), "epochs": 8, "batch_size": 64, "best_epochs": 3, "random_state": 5}


def problem(seed: int = 0, n: int = 1000, shift: float = 1.0, d: int = 3) -> Task:
    """Two Gaussian classes of equal size; the first feature separates them."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 2).astype(np.int8)
    X = rng.normal(size=(n, d))
    X[:, 0] += shift * y
    return Task(X, y, np.ones(n))


def fitted(p: Task, members: int = 2, **changes) -> MLPEnsemble:
    return MLPEnsemble(members, **{**QUICK, **changes}).fit(p.X, p.y, p.sample_weight)


def auc(model, test: Task) -> float:
    return roc_auc_score(test.y, model.decision_function(test.X))


# --- what it learns


def test_it_separates_what_can_be_separated():
    train, test = problem(1, 3000), problem(2, 3000)
    best = roc_auc_score(test.y, test.X[:, 0])  # the likelihood ratio is monotone in it
    assert best - 0.01 < auc(fitted(train), test) < best + 0.005


def test_it_learns_what_no_feature_shows_alone():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(4000, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int8)
    model = fitted(Task(X[:2000], y[:2000], np.ones(2000)), epochs=20)
    assert auc(model, Task(X[2000:], y[2000:], np.ones(2000))) > 0.95


def test_log_odds_are_calibrated_where_classes_are_gaussian():
    p = problem(4, 20000, shift=1.0)
    odds = fitted(p).decision_function(p.X)
    slope, start = np.polyfit(p.X[:, 0], odds, 1)  # truth: x - 1/2
    assert slope == pytest.approx(1, abs=0.1)
    assert start == pytest.approx(-0.5, abs=0.1)


def test_doubling_the_weight_of_one_class_adds_log_two_to_the_log_odds():
    p = problem(6, 8000, shift=0.5)
    doubled = Task(p.X, p.y, np.where(p.y == 1, 2.0, 1.0))
    shift = fitted(doubled).decision_function(p.X) - fitted(p).decision_function(p.X)
    assert shift.mean() == pytest.approx(np.log(2), abs=0.1)


def test_balanced_classes_weigh_the_same():
    p = problem(7, 8000, shift=0.5)
    uneven = Task(p.X, p.y, np.where(p.y == 1, 9.0, 1.0))
    assert fitted(uneven).decision_function(p.X).mean() > 1.5
    assert abs(fitted(uneven, balance_classes=True).decision_function(p.X).mean()) < 0.15


def test_events_of_no_weight_change_no_bit():
    p, q = problem(8, 600), problem(9, 200)
    mixed = Task(
        np.concatenate([p.X, 1e3 * q.X]),
        np.concatenate([p.y, 1 - q.y]),
        np.concatenate([p.sample_weight, np.zeros(200)]),
    )
    np.testing.assert_array_equal(
        fitted(mixed).decision_function(p.X), fitted(p).decision_function(p.X)
    )


def test_scales_of_weights_and_features_do_not_matter():
    p = problem(10)
    expected = fitted(p).decision_function(p.X)
    heavy = Task(p.X, p.y, np.full(len(p.y), 1024.0))
    np.testing.assert_allclose(fitted(heavy).decision_function(p.X), expected, atol=1e-6)
    moved = Task(1024 * p.X, p.y, p.sample_weight)  # a power of two: no rounding
    np.testing.assert_allclose(fitted(moved).decision_function(moved.X), expected, atol=1e-6)


def test_wild_values_and_constant_features_do_no_harm():
    train, test = problem(11, 2000), problem(12, 2000)
    wild = train.X.copy()
    wild[::50, 1] = 1e12
    wild[:, 2] = 7.0
    X = test.X.copy()
    X[:, 2] = 7.0
    model = fitted(Task(wild, train.y, train.sample_weight))
    assert auc(model, Task(X, test.y, test.sample_weight)) > auc(fitted(train), test) - 0.02
    assert np.isfinite(model.decision_function(1e300 * X)).all()


@pytest.mark.parametrize("kind", [TreeEnsemble, MLPEnsemble])
def test_feature_bagging_is_robust_to_noise_features(kind):
    """Weak signal among 30 features of noise: members that see fewer features learn less of it.

    One seed each; the difference was positive for all of ten seeds.
    """
    train, test = problem(13, 3000, 0.5, d=31), problem(14, 6000, 0.5, d=31)
    options = {"random_state": 1} if kind is TreeEnsemble else {**QUICK, "epochs": 12}
    every, some = (
        auc(kind(10, max_features=f, **options).fit(train.X, train.y), test) for f in (1.0, 0.3)
    )
    assert some > 0.57, "the one feature that tells is seen by some members"
    assert some > every - 0.02


@pytest.mark.parametrize("kind", [TreeEnsemble, MLPEnsemble])
def test_a_member_sees_its_share_of_the_features_and_no_other(kind):
    p = problem(15, 400, d=5)
    options = {"random_state": 1} if kind is TreeEnsemble else QUICK
    models = {f: kind(1, max_features=f, **options).fit(p.X, p.y) for f in (0.01, 0.4, 1.0)}
    for share, n in ((0.01, 1), (0.4, 2), (1.0, 5)):
        base = models[share].decision_function(p.X)
        moved = p.X.copy()
        matters = 0
        for j in range(5):
            moved[:] = p.X
            moved[:, j] = p.X[::-1, j]
            matters += not np.array_equal(models[share].decision_function(moved), base)
        assert matters == n if share < 1 else matters >= 2


@pytest.mark.parametrize("kind", [TreeEnsemble, MLPEnsemble])
@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_a_share_of_features_that_is_none_is_named(kind, share):
    p = problem(16, 100)
    with pytest.raises(
        ConfigError, match=f"max_features: must be above 0 and at most 1.*{share:g}"
    ):
        kind(1, max_features=share).fit(p.X, p.y)


# --- members and epochs


def test_the_score_is_the_mean_over_members_and_their_best_epochs():
    p = problem(20)
    model = fitted(p, members=3, epochs=2)
    assert model.share_.sum() == pytest.approx(1)
    assert len(model.share_) == 6, "two epochs are fewer than the three that are asked for"
    z = np.clip((p.X - model.center_) / model.scale_, -10, 10)
    each = []
    for i in range(6):
        h = z
        for w, b in zip(model.weights_, model.biases_, strict=True):
            h = h @ w[i] + b[i]
            h = h if w is model.weights_[-1] else np.maximum(h, 0)
        each.append(h[:, 0])
    np.testing.assert_allclose(model.decision_function(p.X), np.mean(each, axis=0), atol=1e-5)
    assert not np.allclose(each[0], each[2])


def test_a_member_is_the_same_in_a_larger_ensemble():
    p = problem(21, 500)
    few, many = fitted(p, members=2), fitted(p, members=5)
    np.testing.assert_allclose(many.validation_loss_[:2], few.validation_loss_, atol=1e-5)


def test_equal_seeds_give_equal_scores():
    p = problem(22, 500)
    a, b, c = (fitted(p, random_state=s).decision_function(p.X) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_patience_stops_early():
    p = problem(23, 600, shift=0.0)
    assert fitted(p, epochs=60, patience=2).epochs_.min() < 60
    assert fitted(p, epochs=12, patience=None).epochs_.tolist() == [12, 12]


def test_the_published_setting_is_that_of_the_paper():
    model = MLPEnsemble.published(random_state=3)
    assert (model.hidden, model.epochs, model.batch_size) == ((64, 64, 64), 100, 128)
    assert (model.learning_rate, model.best_epochs, model.patience) == (1e-3, 10, None)
    assert (model.validation_fraction, model.balance_classes) == (0.5, True)
    assert (model.members, model.max_features, model.random_state) == (1, 1.0, 3)


# --- tasks


def tasks() -> list[Task]:
    return [problem(30 + i, n) for i, n in enumerate([400, 250, 700, 60, 400])]


def scores(classifier: MLPEnsemble, n_jobs: int = 1) -> list[np.ndarray]:
    X = problem(29, 300).X
    models = fit_tasks(classifier, tasks(), range(5), n_jobs=n_jobs)
    return [m.decision_function(X) for m in models]


def test_the_number_of_workers_changes_no_bit():
    classifier = MLPEnsemble(2, **QUICK, chunk=4)
    np.testing.assert_array_equal(scores(classifier, 1), scores(classifier, 2))


@pytest.mark.parametrize("patience", [None, 1])
def test_a_model_does_not_depend_on_what_shares_its_chunk(patience):
    options = {**QUICK, "patience": patience, "max_features": 0.7}
    alone = [
        fitted(t, **{**options, "random_state": i}).decision_function(problem(29, 300).X)
        for i, t in enumerate(tasks())
    ]
    for chunk in (1, 4, 100):
        together = scores(MLPEnsemble(2, **options, chunk=chunk))
        np.testing.assert_allclose(together, alone, atol=1e-5)


def test_tasks_of_different_features_may_stand_side_by_side():
    mixed = [problem(1, 200, d=2), problem(2, 200, d=4), problem(3, 200, d=2)]
    models = list(fit_tasks(MLPEnsemble(1, **QUICK), mixed, range(3), n_jobs=1))
    assert [m.n_features_in_ for m in models] == [2, 4, 2]


def test_chunks_are_whole_tasks():
    sizes = {(2, 10): 5, (3, 10): 3, (20, 10): 1}
    for (members, chunk), n in sizes.items():
        assert MLPEnsemble(members, chunk=chunk).tasks_per_chunk == n


def test_tasks_are_drawn_a_chunk_at_a_time():
    drawn = []

    def many():
        for i in range(12):
            drawn.append(i)
            yield problem(i, 60)

    classifier = MLPEnsemble(1, **{**QUICK, "epochs": 1}, chunk=3)
    models = fit_tasks(classifier, many(), range(12), n_jobs=1)
    next(models)
    assert len(drawn) <= 6
    assert len(list(models)) == 11


# --- a classifier of scikit-learn


def test_it_passes_the_checks_of_scikit_learn():
    stochastic = "weights and repeated events draw other batches"
    expected = {"check_sample_weight_equivalence_on_dense_data": stochastic}
    model = MLPEnsemble(1, hidden=(16,), epochs=40, batch_size=32, random_state=0)
    check_estimator(model, expected_failed_checks=expected, on_skip=None)


def test_it_is_a_scikit_learn_classifier():
    model = MLPEnsemble(3, learning_rate=0.01, random_state=1)
    assert is_classifier(model)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict(np.zeros((2, 3)))


def test_classes_keep_their_names_and_probabilities_follow_from_the_log_odds():
    p = problem(40, 600)
    names = np.array(["background", "signal"])[p.y]
    model = MLPEnsemble(1, **QUICK).fit(p.X, names)
    odds, chance = model.decision_function(p.X), model.predict_proba(p.X)
    np.testing.assert_allclose(np.log(chance[:, 1] / chance[:, 0]), odds, atol=1e-9)
    np.testing.assert_array_equal(model.predict(p.X), model.classes_[(odds > 0).astype(int)])
    assert (model.predict(p.X) == names).mean() > 0.6


def test_scoring_is_row_wise():
    p = problem(41, 1300)
    model = fitted(p)
    whole = model.decision_function(p.X)
    order = np.random.default_rng(0).permutation(len(p.X))
    np.testing.assert_allclose(model.decision_function(p.X[order]), whole[order], atol=1e-6)
    for n in (1, 511, 513):
        np.testing.assert_allclose(model.decision_function(p.X[:n]), whole[:n], atol=1e-6)


def test_a_fitted_model_is_plain_arrays_and_scores_without_torch(monkeypatch):
    p = problem(42, 300)
    model = fitted(p)
    expected = model.decision_function(p.X)
    for name in [n for n in sys.modules if n.partition(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.decision_function(p.X), expected)
    learnt = [v for k, v in vars(copy).items() if k.endswith("_") and k != "n_features_in_"]
    arrays = [a for v in learnt for a in (v if isinstance(v, list) else [v])]
    assert all(type(a) is np.ndarray for a in arrays)


# --- what cannot be fitted


def test_one_class_is_refused_by_name():
    p = problem(50, 100)
    with pytest.raises(InputError, match="two classes, got 1 class"):
        MLPEnsemble(1, **QUICK).fit(p.X, np.zeros(100))
    with pytest.raises(InputError, match="got 1 class of positive weight"):
        MLPEnsemble(1, **QUICK).fit(p.X, p.y, p.y)
    with pytest.raises(InputError, match="got 3 classes"):
        MLPEnsemble(1, **QUICK).fit(p.X, np.arange(100) % 3)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_weights_that_are_none_are_refused(bad):
    p = problem(51, 100)
    p.sample_weight[7] = bad
    with pytest.raises(InputError, match=f"sample_weight: must be finite and not .*{bad}"):
        fitted(p)


def test_no_weight_at_all_is_refused():
    p = problem(52, 100)
    with pytest.raises(InputError, match="every weight is zero"):
        MLPEnsemble(1, **QUICK).fit(p.X, p.y, np.zeros(100))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(bad):
    p = problem(53, 100)
    p.X[3, 1] = bad
    with pytest.raises(ValueError, match=r"(?i)nan|inf"):
        fitted(p)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_fewer_rows_than_a_batch_are_enough(n):
    p = problem(54, n)
    assert np.isfinite(fitted(p).decision_function(p.X)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": 0}, "members: must be at least 1, got 0"),
        ({"chunk": 0}, "chunk: must be at least 1"),
        ({"hidden": ()}, "hidden: give the nodes"),
        ({"hidden": (64, 0)}, "hidden: give the nodes"),
        ({"validation_fraction": 1.0}, "validation_fraction: must be between 0 and 1, got 1"),
        ({"epochs": 0}, "epochs: must be at least 1"),
        ({"learning_rate": -1.0}, "learning_rate: must be positive, got -1"),
    ],
)
def test_settings_that_make_no_sense_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        MLPEnsemble(**options).fit([[0.0], [1.0]], [0, 1])


# --- in a search


SEARCH = {
    "mass": "mjj",
    "features": ["mj_low", "delta_mj", "tau21_low", "tau21_high"],
    "window": (3300, 3700),
    "repeats": 1,
    "n_toys": 200,
    "n_jobs": 1,
    "classifier": None,
}


def test_without_torch_a_search_stops_before_any_work(monkeypatch):
    monkeypatch.setattr("novum.optional.find_spec", lambda name: None)
    drawn = novum.HuntConfig(classifier="mlp")
    with pytest.raises(MissingDependencyError, match=r"'mlp' needs torch.*'novum\[deep\]'"):
        novum.hunt("no-such-file.h5", mass="mjj", features=["a"], config=drawn)


def test_a_search_finds_nothing_where_there_is_nothing_and_a_resonance_where_there_is_one():
    """Background first: |z| above 3 has a chance of 0.3 % for one seed."""
    options = {"epochs": 10, "batch_size": 256}
    config = novum.HuntConfig(classifier="mlp", classifier_options=options)
    nothing, found = (
        novum.hunt(novum.toy_dijets(20000, n, seed=4), config=config, **SEARCH).windows[0]
        for n in (0, 120)
    )
    assert nothing.z is not None
    assert abs(nothing.z) < 3
    assert found.z > 5


def test_the_version_of_torch_is_kept_where_it_decides_the_result():
    from novum.search.procedure import versions

    assert "torch" in versions(MLPEnsemble())
    assert "torch" not in versions(TreeEnsemble())


def test_a_batch_schedule_reaches_the_training_from_words():
    typed = catalogue.typed_options("classifier", "mlp", {"batch-schedule": "4:64,8:128"})
    assert typed == {"batch_schedule": ((4, 64), (8, 128))}
    p = problem(n=400)
    settings = {"epochs": 3, "batch_size": 32, "patience": None}
    plain = fitted(p, 1, **settings).decision_function(p.X)
    assert not np.array_equal(plain, fitted(p, 1, **settings, **typed).decision_function(p.X))
    with pytest.raises(ConfigError, match="batch_schedule: give rising steps"):
        fitted(p, 1, **settings, batch_schedule=((8, 64), (4, 128)))
