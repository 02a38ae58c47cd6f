import numpy as np
import pytest
from scipy import stats

from novum.errors import InputError
from novum.statistics.copula import correlated_counts

from .conftest import FALSE_ALARM

CORRELATION = np.array([[1.0, 0.6, 0.1], [0.6, 1.0, -0.3], [0.1, -0.3, 1.0]])


def test_marginals_are_poisson() -> None:
    means = np.array([[0.3, 4.0, 200.0], [1.0, 30.0, 5e4], [0.0, 7.0, 1e3]])
    counts = correlated_counts(means, CORRELATION, 5000, np.random.default_rng(1))
    assert counts.shape == (5000, 3, 3)
    assert np.all(counts[:, 2, 0] == 0)
    for w, b in np.ndindex(3, 3):
        mean = means[w, b]
        if mean == 0:
            continue
        edges = np.unique(stats.poisson.ppf(np.linspace(0.05, 0.95, 10), mean))
        cells = np.searchsorted(edges, counts[:, w, b])
        share = np.diff(np.r_[0, stats.poisson.cdf(edges, mean), 1])
        seen = np.bincount(cells, minlength=len(share))
        assert stats.chisquare(seen, share * 5000).pvalue > FALSE_ALARM


def test_correlation_is_as_asked_and_bins_are_independent() -> None:
    means = np.tile([[100.0, 40.0]], (3, 1))
    counts = correlated_counts(means, CORRELATION, 40_000, np.random.default_rng(2))
    for b in range(2):
        np.testing.assert_allclose(np.corrcoef(counts[:, :, b].T), CORRELATION, atol=0.02)
    assert abs(np.corrcoef(counts[:, 0, 0], counts[:, 0, 1])[0, 1]) < 0.02


def test_equal_selections_give_equal_counts() -> None:
    counts = correlated_counts([[9.0], [9.0]], np.ones((2, 2)), 500, np.random.default_rng(3))
    np.testing.assert_array_equal(counts[:, 0], counts[:, 1])


def test_impossible_correlations_are_mended_or_refused() -> None:
    rng = np.random.default_rng(4)
    estimated = np.array([[1, 0.9, 0.1], [0.9, 1, 0.9], [0.1, 0.9, 1]])  # not positive
    counts = correlated_counts(np.full((3, 1), 50.0), estimated, 2000, rng)
    np.testing.assert_allclose(counts.var(axis=0), 50, rtol=0.15)
    for bad in (np.array([[1, 1.2], [1.2, 1]]), np.array([[1, 0.2], [0.3, 1]]), np.eye(3)):
        with pytest.raises(InputError, match="correlation"):
            correlated_counts(np.ones((2, 1)), bad, 10, rng)
    with pytest.raises(InputError, match="non-negative"):
        correlated_counts([[-1.0]], [[1.0]], 10, rng)
