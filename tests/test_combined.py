"""Combined detectors: p-values of the parts, their rules, and names that do not exist."""

import numpy as np
import pytest
from scipy import stats

from novum.errors import ConfigError, InputError
from novum.outlier import Combined, KMeans, Mahalanobis
from novum.outlier.tail import log_p_value


def normal(n=2000, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 3))


def test_p_values_are_counted_and_fall_beyond_the_largest():
    held = np.sort(np.random.default_rng(1).exponential(2.0, 4000))
    inside = np.array([-1.0, held[0], held[1999], held[-1]])
    counted = (1 + np.array([4000, 4000, 2001, 1])) / 4001
    np.testing.assert_allclose(np.exp(log_p_value(held, inside)), counted)
    # An exponential has the same mean excess everywhere: its scale.
    far = held[-1] + np.array([2.0, 4.0])
    np.testing.assert_allclose(np.diff(log_p_value(held, far)), -1, rtol=0.2)
    many = log_p_value(held, np.linspace(-1, 40, 500))
    assert (np.diff(many) <= 0).all()


def test_scores_that_all_tie_are_no_fault():
    held = np.zeros(10)
    np.testing.assert_allclose(np.exp(log_p_value(held, np.array([0.0, -1.0]))), 1)
    assert np.isfinite(log_p_value(held, np.array([5.0]))).all()


def test_the_rules_are_what_they_say():
    x, parts = normal(50, seed=2), ("kmeans", "mahalanobis")
    made = {
        rule: Combined(parts, rule=rule, random_state=4).fit(normal())
        for rule in ("rank-average", "min-p", "sum-log-p")
    }
    first = made["min-p"]
    assert [type(part) for part in first.parts_] == [KMeans, Mahalanobis]
    z = (x - first.center_) / first.scale_
    p = np.array(
        [
            np.exp(log_p_value(held, part.anomaly_score(z)))
            for part, held in zip(first.parts_, first.held_, strict=True)
        ]
    )
    np.testing.assert_allclose(made["rank-average"].anomaly_score(x), -np.log(p.mean(axis=0)))
    np.testing.assert_allclose(first.anomaly_score(x), -np.log(p.min(axis=0)))
    np.testing.assert_allclose(made["sum-log-p"].anomaly_score(x), -np.log(p).sum(axis=0))


def test_parts_have_uniform_p_values_on_background_and_correlated_ones_make_no_fisher():
    """A false alarm once in a thousand, for both parts together."""
    made = Combined(("kmeans", "mahalanobis"), random_state=4).fit(normal(5000))
    x = normal(5000, seed=5)
    z = (x - made.center_) / made.scale_
    for part, held in zip(made.parts_, made.held_, strict=True):
        p = np.exp(log_p_value(held, part.anomaly_score(z)))
        # They are ranks among held-out events: the limit is that of two samples, 2 exp(-2 D² N).
        n = len(held) * len(p) / (len(held) + len(p))
        assert len(held) == 1000
        assert stats.kstest(p, "uniform").statistic < np.sqrt(np.log(2 / 5e-4) / (2 * n))
    # Were the parts independent, twice the sum would follow χ² with four degrees of freedom.
    fisher = 2 * made.anomaly_score(x)
    assert stats.kstest(fisher, stats.chi2(4).cdf).pvalue < 1e-6


def test_no_part_is_trained_on_what_its_p_values_are_counted_in():
    made = Combined(("kde", "mahalanobis"), random_state=4).fit(normal(500))
    assert len(made.held_[0]) == 100
    assert len(made.parts_[0].centers_) == 400  # a kernel on every event of the training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "max-p"}, "rule: must be one of rank-average, min-p, sum-log-p"),
        ({"detectors": ("pca",)}, "detectors: name at least two"),
        ({"detectors": ("pca", "kmean")}, "there is no 'kmean'; did you mean 'kmeans'"),
        ({"detectors": ("pca", "combined")}, "there is no 'combined'"),
    ],
)
def test_what_makes_no_sense_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Combined(**options).fit(normal())
    with pytest.raises(InputError, match="needs at least 10 events"):
        Combined().fit(normal(8))


def test_no_two_far_events_tie():
    for rule in ("rank-average", "min-p", "sum-log-p"):
        made = Combined(("kmeans", "mahalanobis"), rule=rule, random_state=4).fit(normal())
        far = made.anomaly_score(np.full((3, normal().shape[1]), [[12.0], [40.0], [100.0]]))
        assert (np.diff(far) > 0).all(), rule


def test_held_out_events_count_by_their_weight():
    x = normal(4000)
    far = np.full((4000, x.shape[1]), 4.0) + 0.1 * normal(4000, seed=6)
    both, w = np.concatenate([x, far]), np.repeat([1.0, 1e-6], 4000)
    made = Combined(("kmeans", "mahalanobis"), random_state=4).fit(both, sample_weight=w)
    assert len(made.held_[0]) == pytest.approx(800, abs=100)
    probe = np.full((1, x.shape[1]), 3.0)
    z = (probe - made.center_) / made.scale_
    assert log_p_value(made.held_[1], made.parts_[1].anomaly_score(z))[0] < np.log(1 / 500)
