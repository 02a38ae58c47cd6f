"""Null (b): masses drawn anew from p(m | x), and the closure test of what was drawn."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from novum.calibration.closure import closure
from novum.calibration.conditional import MassGivenFeatures, mass_given_features
from novum.search.crossfitting import fold_of
from novum.search.inputs import Sample
from novum.simulation import toy_dijets
from novum.statistics import SpectrumFit, fit_spectrum

from .conftest import FALSE_ALARM

FloatArray = NDArray[np.float64]

EDGES = np.geomspace(2400.0, 6000.0, 41)
MASKED = (float(EDGES[14]), float(EDGES[18]))  # 3306-3623 GeV
N = 6000
LARGE = stats.norm.isf(FALSE_ALARM / 2)


def masses(n: int, seed: int) -> FloatArray:
    """Masses of the toy sampler inside the fit range."""
    m = toy_dijets(2 * n, seed=seed).column("mjj")
    return m[m < EDGES[-1]][:n]


def sample_of(X: FloatArray, m: FloatArray) -> Sample:
    return Sample(X, m, np.ones(len(m)), np.arange(len(m), dtype=np.uint64))


def fitted(m: FloatArray, masked: tuple[float, float] | None = None) -> SpectrumFit:
    return fit_spectrum(np.histogram(m, EDGES)[0], EDGES, masked, n_params=3)


def expected(fit: SpectrumFit, edges: FloatArray) -> FloatArray:
    """Share of the fitted spectrum in each cell."""
    share = np.array([fit.expectation(a, b)[0] for a, b in pairwise(edges)])
    return share / share.sum()


def in_region(m: FloatArray) -> NDArray[np.bool_]:
    return (m >= MASKED[0]) & (m < MASKED[1])


@pytest.fixture(scope="module")
def independent() -> tuple[Sample, SpectrumFit, MassGivenFeatures]:
    """Features that know nothing of the mass."""
    m = masses(N, 1)
    sample = sample_of(np.random.default_rng(1).standard_normal((N, 2)), m)
    fit = fitted(m)
    return sample, fit, mass_given_features(sample, fit, None, seed=1)


@pytest.fixture(scope="module")
def dependent() -> tuple[Sample, SpectrumFit, MassGivenFeatures]:
    """x = ln m + noise: p(m | x) is an exponential tilt; the other feature is noise."""
    m = masses(2 * N, 2)
    rng = np.random.default_rng(2)
    x = np.log(m) + 0.3 * rng.standard_normal(2 * N)
    sample = sample_of(np.column_stack([x, rng.standard_normal(2 * N)]), m)
    fit = fitted(m)
    return sample, fit, mass_given_features(sample, fit, None, seed=1)


# --- p(m | x)


def test_features_that_know_nothing_tilt_nothing(independent):
    _, fit, model = independent
    assert np.abs(model.tilt).max() < 0.1
    share = model.spectrum() / model.spectrum().sum()
    np.testing.assert_allclose(share, expected(fit, model.edges), rtol=0.01)


def test_the_gap_of_a_masked_region_is_no_dependence(independent):
    """Neither its events nor its cells are in the likelihood: nothing is left to explain."""
    sample, _, _ = independent
    model = mass_given_features(sample, fitted(sample.m, MASKED), MASKED, seed=1)
    assert np.abs(model.tilt).max() < 0.1


@pytest.mark.parametrize("which", ["independent", "dependent"])
def test_drawn_masses_follow_the_fitted_spectrum(which, request):
    sample, fit, model = request.getfixturevalue(which)
    assert model.spectrum().sum() == pytest.approx(len(sample.m))
    np.testing.assert_allclose(
        model.spectrum() / len(sample.m), expected(fit, model.edges), rtol=0.05
    )
    drawn = np.histogram(model.draw(np.random.default_rng(3)), EDGES)[0]
    share = expected(fit, EDGES)
    assert stats.chisquare(drawn, share * len(sample.m)).pvalue > FALSE_ALARM


def test_a_known_dependence_is_carried(dependent):
    """E[m | quartile of x]: errors of data and draw, and a tenth for what trees smooth away."""
    sample, _, model = dependent
    x = sample.X[:, 0]
    quartile = np.searchsorted(np.quantile(x, [0.25, 0.5, 0.75]), x)
    drawn = model.draw(np.random.default_rng(4))
    shuffled = np.random.default_rng(5).permutation(sample.m)

    def far(m: FloatArray) -> list[bool]:
        out = []
        for q in range(4):
            rows = quartile == q
            shift = sample.m[rows].mean() - sample.m.mean()
            error = np.sqrt((sample.m[rows].var() + m[rows].var()) / rows.sum())
            off = abs(m[rows].mean() - sample.m[rows].mean())
            out.append(bool(off > 0.1 * abs(shift) + LARGE * error))
        return out

    assert not any(far(drawn))
    # The same check sees masses that follow nothing.
    assert far(shuffled)[0]
    assert far(shuffled)[3]


def test_a_dependence_is_interpolated_through_the_masked_region(dependent):
    """Nothing inside the region is learnt from, and each quartile still puts its share there."""
    sample, _, _ = dependent
    model = mass_given_features(sample, fitted(sample.m, MASKED), MASKED, seed=1)
    x = sample.X[:, 0]
    quartile = np.searchsorted(np.quantile(x, [0.25, 0.5, 0.75]), x)
    drawn = in_region(model.draw(np.random.default_rng(12)))
    truth = np.array([in_region(sample.m)[quartile == q].mean() for q in range(4)])
    share = np.array([drawn[quartile == q].mean() for q in range(4)])
    error = np.sqrt(2 * truth * (1 - truth) / (len(x) / 4))
    assert (np.abs(share - truth) < LARGE * error + 0.1 * np.abs(truth - truth.mean())).all()
    assert truth.max() > 1.5 * truth.min()


def test_a_noise_feature_stays_noise(dependent):
    sample, _, model = dependent
    drawn = model.draw(np.random.default_rng(6))
    assert stats.spearmanr(sample.X[:, 1], drawn).pvalue > FALSE_ALARM


def test_a_signal_in_the_masked_region_does_not_come_back():
    rng = np.random.default_rng(7)
    background, signal = masses(4000, 7), rng.uniform(*MASKED, 300)
    m = np.concatenate([background, signal])
    X = rng.standard_normal((len(m), 2))
    X[4000:] = 5 + 0.1 * rng.standard_normal((300, 2))
    fit = fitted(m, MASKED)
    model = mass_given_features(sample_of(X, m), fit, MASKED, seed=1)
    cluster = (np.abs(X - 5) < 1).all(axis=1)
    share = expected(fit, np.array([EDGES[0], *MASKED, EDGES[-1]]))[1]
    drawn = int(in_region(model.draw(np.random.default_rng(8)))[cluster].sum())
    assert in_region(m)[cluster].sum() >= 300
    assert stats.binomtest(drawn, int(cluster.sum()), share).pvalue > FALSE_ALARM
    # Unmasked, the cluster is drawn to where it was: this is what the mask is for.
    seen = mass_given_features(sample_of(X, m), fitted(m), None, seed=1)
    again = int(in_region(seen.draw(np.random.default_rng(8)))[cluster].sum())
    assert again > 2 * share * cluster.sum()


def test_draws_depend_on_the_seed_alone_and_stay_in_range(dependent):
    sample, _, model = dependent
    a, b, c = (model.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).mean() > 0.99
    assert a.shape == sample.m.shape  # more than one block of rows
    for drawn in (a, c):
        assert drawn.min() >= EDGES[0]
        assert drawn.max() < EDGES[-1]
    assert abs(np.corrcoef(a - sample.m, c - sample.m)[0, 1]) < 0.9


def test_the_fit_depends_on_its_seed_and_on_nothing_else(dependent):
    sample, fit, _ = dependent
    half = sample.take(np.arange(3000))
    one, same, other = (mass_given_features(half, fit, None, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.tilt, same.tilt)
    np.testing.assert_array_equal(one.log_base, same.log_base)
    assert not np.array_equal(one.tilt, other.tilt)


def test_no_event_is_tilted_by_its_own_mass(dependent):
    """Two masses of one fold change places: trees of the other folds alone see it."""
    sample, fit, _ = dependent
    part = sample.take(np.arange(3000))
    fold = fold_of(part.ids, 1, 3)
    two = np.flatnonzero(fold == 0)[:2]
    m = part.m.copy()
    m[two] = m[two[::-1]]
    before = mass_given_features(part, fit, None, seed=1).tilt
    after = mass_given_features(sample_of(part.X, m), fit, None, seed=1).tilt
    np.testing.assert_array_equal(before[fold == 0], after[fold == 0])
    for f in (1, 2):
        assert not np.array_equal(before[fold == f], after[fold == f])


# --- closure


def test_a_good_imitation_closes(dependent):
    """p is uniform where the imitation is perfect: one test at the stated false-alarm rate."""
    sample, _, model = dependent
    drawn = model.draw(np.random.default_rng(9))
    found = closure(sample.X, sample.m, drawn, np.zeros(len(drawn), bool), seed=1)
    assert found.p_value > FALSE_ALARM
    assert found.auc == pytest.approx(0.5, abs=0.03)
    assert found.permuted_mean == pytest.approx(0.5, abs=0.02)
    assert 0 < found.permuted_sd < 0.02


def test_a_wrong_imitation_does_not_close(dependent):
    sample, _, _ = dependent
    rows = np.arange(4000)
    shuffled = np.random.default_rng(10).permutation(sample.m[rows])
    found = closure(sample.X[rows], sample.m[rows], shuffled, np.zeros(4000, bool), seed=1)
    assert found.p_value < 1e-5
    assert found.auc > 0.55


def test_masked_events_take_no_part_in_closure(dependent):
    sample, _, model = dependent
    rows = np.arange(3000)
    X, m = sample.X[rows], sample.m[rows]
    drawn = model.draw(np.random.default_rng(11))[rows]
    hidden = in_region(m) | in_region(drawn)
    clean = closure(X, m, drawn, hidden, seed=1)
    spoiled = np.where(hidden, 1e6, drawn)
    assert closure(X, m, spoiled, hidden, seed=1) == clean
