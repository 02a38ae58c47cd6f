"""Deep SVDD: far points score higher, and networks that map all to one point are found out."""

import numpy as np
import pytest
from scipy import stats

from novum.errors import FitError
from novum.outlier import DeepSVDD
from novum.outlier.deep_svdd import CollapseWarning


def normal(n, seed, d=6):
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.fixture(scope="module")
def fitted():
    return DeepSVDD(members=3, epochs=20, batch_size=64, random_state=1).fit(normal(2000, seed=0))


def test_the_score_rises_with_the_distance(fitted):
    x = normal(2000, seed=1)
    # 0.6 was measured; of unrelated numbers it is above 0.1 once in 100,000 times.
    assert stats.spearmanr(fitted.anomaly_score(x), np.linalg.norm(x, axis=1)).statistic > 0.4
    direction = x / np.linalg.norm(x, axis=1, keepdims=True)
    medians = [np.median(fitted.anomaly_score(r * direction)) for r in (2.4, 4, 6, 8)]
    assert (np.diff(medians) > 0).all()


def test_background_is_nearer_to_the_centre_than_before_the_training(fitted):
    at_once = DeepSVDD(members=3, epochs=1, learning_rate=1e-12, random_state=1)
    at_once.fit(normal(2000, seed=0))
    np.testing.assert_array_equal(at_once.centre_, fitted.centre_)
    assert (np.abs(fitted.centre_) >= 0.1).all()
    assert (fitted.distance_ < 0.1 * at_once.distance_).all()
    scores = fitted.member_scores(normal(2000, seed=0))
    np.testing.assert_allclose(scores.mean(axis=1), 1)


def test_collapsed_networks_are_found_out(fitted):
    x = normal(500, seed=0)
    fitted._find_collapsed(x)  # none
    kept = fitted.weights_
    try:
        fitted.weights_ = [w.copy() for w in kept]
        fitted.weights_[-1][0] = 0  # maps everything onto its bias
        with pytest.warns(CollapseWarning, match="1 of 3 networks of deep-svdd have collapsed"):
            fitted._find_collapsed(x)
        fitted.weights_[-1][:] = 0
        with pytest.raises(FitError, match="3 of 3 networks"):
            fitted._find_collapsed(x)
    finally:
        fitted.weights_ = kept


def test_without_biases_there_are_none():
    published = DeepSVDD.published(1).set_params(epochs=2, learning_rate=1e-2)
    published.fit(normal(300, seed=0))
    assert not any(b.any() for b in published.biases_)
    # The network is homogeneous: the origin is mapped to itself, and rays to rays.
    x = normal(5, seed=1)
    np.testing.assert_allclose(published._outputs(2 * x), 2 * published._outputs(x), rtol=1e-4)


def test_without_biases_the_middle_of_background_scores_high():
    """Why biases are the default."""
    x = normal(2000, seed=0, d=2)
    found = {}
    for biases in (True, False):
        detector = DeepSVDD(members=3, epochs=20, batch_size=64, biases=biases, random_state=1)
        score = detector.fit(x).anomaly_score(x)
        found[biases] = stats.spearmanr(score, np.linalg.norm(x, axis=1)).statistic
    assert found[True] > 0.1 > -0.3 > found[False]


def test_one_output_does():
    fitted = DeepSVDD(1, members=2, epochs=3, random_state=1).fit(normal(300, seed=0))
    assert fitted.centre_.shape == (2, 1)
    assert fitted.member_scores(normal(10, seed=1)).shape == (2, 10)
