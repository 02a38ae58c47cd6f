"""`TreeEnsemble` and `fit_tasks`: what a search relies on when it hands over a classifier."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from novum.classifiers import TreeEnsemble, fit_tasks
from novum.errors import ConfigError

QUICK = {"max_iter": 20, "random_state": 5}


@dataclass(frozen=True, eq=False)
class Problem:
    """A two-class problem as `fit_tasks` takes it."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray


def problem(seed: int = 0, n: int = 1000, shift: float = 1.0) -> Problem:
    """Two Gaussian classes of equal size; the first feature separates them."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 2).astype(np.int8)
    X = rng.normal(size=(n, 3))
    X[:, 0] += shift * y
    return Problem(X, y, np.ones(n))


def fitted(p: Problem, **changes) -> TreeEnsemble:
    return TreeEnsemble(2, **{**QUICK, **changes}).fit(p.X, p.y, p.sample_weight)


# --- the tree ensemble


def test_it_separates_what_can_be_separated():
    train, test = problem(1, 2000), problem(2, 2000)
    auc = roc_auc_score(test.y, fitted(train).decision_function(test.X))
    best = roc_auc_score(test.y, test.X[:, 0])  # the likelihood ratio is monotone in it
    assert best - 0.03 < auc < best + 0.005


@pytest.mark.parametrize(
    "transform",
    [np.exp, lambda x: x**3, lambda x: 1e6 * x - 3, np.arctan],
    ids=["exp", "cube", "affine", "arctan"],
)
def test_monotone_transforms_of_the_features_change_nothing(transform):
    p = problem(3)
    moved = Problem(transform(p.X), p.y, p.sample_weight)
    expected = fitted(p).decision_function(p.X)
    np.testing.assert_array_equal(fitted(moved).decision_function(moved.X), expected)


def test_a_falling_transform_does_change_the_bins_but_not_the_ranking():
    # control of the test above: it compares numbers that can differ
    p = problem(3)
    turned = Problem(-p.X, p.y, p.sample_weight)
    a, b = fitted(p).decision_function(p.X), fitted(turned).decision_function(turned.X)
    assert not np.array_equal(a, b)
    assert np.corrcoef(a, b)[0, 1] > 0.9


def test_equal_seeds_give_equal_scores():
    p = problem(4)
    a, b, c = (
        fitted(p).decision_function(p.X),
        fitted(p).decision_function(p.X),
        fitted(p, random_state=6).decision_function(p.X),
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_members_differ_and_the_score_is_their_mean():
    p = problem(5)
    model = fitted(p)
    alone = np.array([m.decision_function(model._codes(p.X)) for m in model.estimators_])
    assert len(alone) == 2
    assert not np.array_equal(*alone)
    np.testing.assert_allclose(model.decision_function(p.X), alone.mean(axis=0), rtol=1e-12)


def test_doubling_the_weight_of_one_class_adds_log_two_to_the_log_odds():
    p = problem(6, 4000, shift=0.5)
    doubled = Problem(p.X, p.y, np.where(p.y == 1, 2.0, 1.0))
    shift = fitted(doubled).decision_function(p.X) - fitted(p).decision_function(p.X)
    assert shift.mean() == pytest.approx(np.log(2), abs=0.06)


def test_events_of_no_weight_do_not_matter_to_the_score():
    # the second half says the opposite of the first, with weight 0
    p, q = problem(7, 2000), problem(8, 2000)
    mixed = Problem(
        np.concatenate([p.X, q.X]),
        np.concatenate([p.y, 1 - q.y]),
        np.concatenate([np.ones(2000), np.zeros(2000)]),
    )
    test = problem(9, 2000)
    ignored = roc_auc_score(test.y, fitted(mixed).decision_function(test.X))
    heard = roc_auc_score(
        test.y,
        fitted(Problem(mixed.X, mixed.y, np.ones(4000))).decision_function(test.X),
    )
    assert ignored > 0.7
    assert heard < 0.6


def test_the_common_scale_of_the_weights_does_not_matter():
    p = problem(10)
    scaled = Problem(p.X, p.y, np.full(len(p.y), 7.0))
    np.testing.assert_allclose(
        fitted(scaled).decision_function(p.X), fitted(p).decision_function(p.X), atol=1e-6
    )


def test_probabilities_follow_from_the_log_odds():
    p = problem(11)
    model = fitted(p)
    odds, probability = model.decision_function(p.X), model.predict_proba(p.X)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(probability[:, 1] / probability[:, 0]), odds, atol=1e-9)
    np.testing.assert_array_equal(model.predict(p.X), (odds > 0).astype(int))


def test_scoring_is_row_wise():
    p = problem(12)
    model = fitted(p)
    order = np.random.default_rng(0).permutation(len(p.X))
    whole = model.decision_function(p.X)
    np.testing.assert_array_equal(model.decision_function(p.X[order]), whole[order])
    np.testing.assert_array_equal(model.decision_function(p.X[:1]), whole[:1])


def test_it_is_a_scikit_learn_classifier():
    model = TreeEnsemble(3, learning_rate=0.2, random_state=1)
    assert is_classifier(model)
    assert model.get_params() == {
        "members": 3,
        "max_iter": 100,
        "learning_rate": 0.2,
        "max_leaf_nodes": 15,
        "validation_fraction": 0.2,
        "max_features": 1.0,
        "random_state": 1,
    }
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert model.set_params(members=4).members == 4
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(nonsense=1)
    with pytest.raises(NotFittedError):
        model.predict(np.zeros((2, 3)))


def test_fitting_leaves_the_parameters_alone_and_returns_itself():
    p = problem(13, 200)
    model = TreeEnsemble(1, **QUICK)
    before = model.get_params()
    assert model.fit(p.X, p.y) is model
    assert model.get_params() == before
    assert model.n_features_in_ == 3
    assert model.classes_.tolist() == [0, 1]


def test_classes_keep_their_names():
    p = problem(14, 400)
    names = np.array(["background", "signal"])[p.y]
    predicted = TreeEnsemble(1, **QUICK).fit(p.X, names).predict(p.X)
    assert set(predicted) == {"background", "signal"}
    assert (predicted == names).mean() > 0.6


def test_the_published_setting_is_that_of_the_paper():
    model = TreeEnsemble.published(random_state=3)
    assert (model.members, model.max_iter, model.max_leaf_nodes) == (50, 200, 31)
    assert (model.validation_fraction, model.random_state) == (0.5, 3)


def test_another_number_of_features_is_refused():
    with pytest.raises(ValueError, match="expected 3 features"):
        fitted(problem(15, 200)).decision_function(np.zeros((5, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    p = problem(16, 200)
    p.X[3, 1] = bad
    with pytest.raises(ValueError, match=r"(?i)nan|inf|finite"):
        TreeEnsemble(1, **QUICK).fit(p.X, p.y)


def test_an_empty_sample_is_refused():
    with pytest.raises(ValueError, match=r"(?i)sample"):
        TreeEnsemble(1, **QUICK).fit(np.zeros((0, 3)), np.zeros(0))


@settings(max_examples=10)
@given(st.integers(1, 300), st.integers(0, 50))
def test_any_number_of_distinct_values_is_fine(distinct, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, distinct, size=(120, 2)).astype(float)
    y = rng.integers(0, 2, 120)
    y[:2] = 0, 1
    score = TreeEnsemble(1, max_iter=3, random_state=0).fit(X, y).decision_function(X)
    assert np.isfinite(score).all()


# --- fit_tasks: any scikit-learn classifier with sample_weight drops in


DROP_IN = {
    "logistic": LogisticRegression(),
    "bayes": GaussianNB(),
    "forest": RandomForestClassifier(5, max_depth=3),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "trees": TreeEnsemble(1, max_iter=10),
}


@pytest.mark.parametrize("name", DROP_IN)
def test_classifiers_with_sample_weight_drop_in(name):
    test = problem(20)
    problems = [problem(21), problem(22), problem(23, shift=-1.0)]
    models = list(fit_tasks(DROP_IN[name], problems, [1, 2, 3], n_jobs=1))
    aucs = [roc_auc_score(test.y, m.predict_proba(test.X)[:, 1]) for m in models]
    assert len(aucs) == 3
    assert min(aucs[:2]) > 0.65
    assert aucs[2] < 0.35, "models come in the order of the tasks"


@pytest.mark.parametrize("name", DROP_IN)
def test_weights_reach_every_drop_in(name):
    p = problem(24, 2000)
    weighted = Problem(p.X, p.y, np.where(p.y == 1, 5.0, 1.0))
    plain, heavy = fit_tasks(DROP_IN[name], [p, weighted], [1, 1], n_jobs=1)
    gain = heavy.predict_proba(p.X)[:, 1].mean() - plain.predict_proba(p.X)[:, 1].mean()
    assert gain > 0.15


def test_the_classifier_that_was_given_is_not_touched():
    given_one = LogisticRegression()
    list(fit_tasks(given_one, [problem(25)], [1], n_jobs=1))
    assert not hasattr(given_one, "coef_")
    assert given_one.random_state is None


def test_every_random_state_is_set_from_its_seed():
    forest = Pipeline([("scale", StandardScaler()), ("forest", RandomForestClassifier(2))])
    models = fit_tasks(forest, [problem(26)] * 2, [11, 12], n_jobs=1)
    assert [m.get_params()["forest__random_state"] for m in models] == [11, 12]


def test_the_number_of_workers_changes_no_bit():
    problems = [problem(30 + i, 400) for i in range(4)]
    test = problem(29).X
    alone, shared = (
        [
            m.decision_function(test)
            for m in fit_tasks(DROP_IN["trees"], problems, range(4), n_jobs=n)
        ]
        for n in (1, 2)
    )
    np.testing.assert_array_equal(alone, shared)
    assert not np.array_equal(alone[0], alone[1])


def test_tasks_are_drawn_only_as_they_are_needed():
    drawn = []

    def tasks():
        for i in range(20):
            drawn.append(i)
            yield problem(i, 100)

    models = fit_tasks(GaussianNB(), tasks(), range(20), n_jobs=1)
    assert drawn == []
    next(models)
    assert len(drawn) < 5
    assert len(list(models)) == 19


def test_tasks_and_seeds_go_in_pairs():
    with pytest.raises(ValueError, match="zip"):
        list(fit_tasks(GaussianNB(), [problem(1)] * 2, [1], n_jobs=1))


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (KNeighborsClassifier(), "KNeighborsClassifier.fit takes no sample_weight"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "takes no sample_weight"),
        (LinearRegression(), "neither predict_proba nor decision_function"),
        ("trees", "str is not a scikit-learn classifier"),
        (None, "not a scikit-learn classifier"),
        (LogisticRegression, "instance|not a scikit-learn classifier"),
    ],
    ids=["knn", "pipeline of knn", "regressor", "name", "none", "class"],
)
def test_what_cannot_be_weighted_or_asked_is_refused(classifier, message):
    with pytest.raises(ConfigError, match=message):
        list(fit_tasks(classifier, [problem(1)], [1], n_jobs=1))


def test_a_classifier_that_knows_nothing_is_still_a_classifier():
    (model,) = fit_tasks(DummyClassifier(strategy="prior"), [problem(1)], [1], n_jobs=1)
    assert set(model.predict_proba(problem(2).X)[:, 1]) == {0.5}
