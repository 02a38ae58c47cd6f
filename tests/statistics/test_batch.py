import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from novum.errors import FitError, InputError
from novum.statistics.batch import BatchModel, fit_batch
from novum.statistics.fit import fit_spectrum
from novum.statistics.likelihood import poisson_deviance

from .conftest import Truth


def test_normalisation_alone_is_the_mean() -> None:
    counts = np.array([[1.0, 2.0, 6.0], [10.0, 0.0, 2.0]])
    offset = np.log([1.0, 2.0, 3.0])
    fit = fit_batch(counts, np.ones((3, 1)), offset)
    np.testing.assert_allclose(np.exp(fit.parameters[:, 0]), counts.sum(axis=1) / 6)
    assert fit.converged.all()


@pytest.mark.parametrize("n_params", [3, 4, 5])
@pytest.mark.parametrize("scale", [0.02, 1.0, 100.0])
def test_equals_single_fits(truth: Truth, n_params: int, scale: float) -> None:
    rng = np.random.default_rng(1)
    fit = fit_spectrum(scale * truth.mean, truth.edges, truth.window, truth.family, n_params)
    toys = rng.poisson(scale * truth.mean, (20, 60)).astype(float)
    batch = fit_batch(toys, *fit.linearised(), mask=fit.masked, start=fit.parameters)
    assert batch.converged.all()
    deviance = batch.deviance(toys)
    error = np.sqrt(np.diag(fit.covariance))
    for t, toy in enumerate(toys):
        single = fit_spectrum(toy, truth.edges, truth.window, truth.family, n_params)
        # the batch is tangent to the exact bin integrals at the truth, not at each toy
        np.testing.assert_allclose((batch.parameters[t] - single.parameters) / error, 0, atol=0.02)
        assert deviance[t] == pytest.approx(single.deviance, abs=2e-3)


def test_merged_bin_equals_a_general_optimiser(truth: Truth) -> None:
    rng = np.random.default_rng(2)
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    design, offset = fit.linearised()
    toys = rng.poisson(truth.mean, (5, 60)).astype(float)
    model = BatchModel.prepare(design, offset, fit.parameters, merged=fit.masked)
    batch = model.fit(toys)
    scale = np.sqrt(np.diag(fit.covariance))
    for t, toy in enumerate(toys):

        def cost(step: np.ndarray, toy: np.ndarray = toy) -> float:
            mu = np.exp(offset + design @ (fit.parameters + scale * step))
            sr = fit.masked
            free = poisson_deviance(toy[~sr], mu[~sr])
            return float(
                free + poisson_deviance(toy[sr].sum(keepdims=True), mu[sr].sum(keepdims=True))
            )

        best = optimize.minimize(
            cost,
            np.zeros(3),
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-10, "maxfev": 20_000},
        )
        ours = (batch.parameters[t] - fit.parameters) / scale
        assert cost(ours) <= best.fun + 1e-7
        assert batch.merged_expected[t] == pytest.approx(
            np.exp(offset + design @ batch.parameters[t])[fit.masked].sum(), rel=1e-5
        )
        gain = (cost(np.zeros(3)) - cost(ours)) / 2
        assert batch.log_likelihood[t] == pytest.approx(gain, abs=1e-6)


def test_start_and_chunks_do_not_matter(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 4)
    design, offset = fit.linearised()
    toys = rng.poisson(truth.mean, (300, 60)).astype(float)
    one = fit_batch(toys, design, offset, mask=fit.masked, start=fit.parameters)
    error = np.sqrt(np.diag(fit.covariance))
    # 5 standard deviations off in every direction, and by default the pooled fit
    for start in (fit.parameters + 5 * error * [1, -1, 1, -1], None):
        other = fit_batch(toys, design, offset, mask=fit.masked, start=start)
        assert other.converged.all()
        np.testing.assert_allclose((one.parameters - other.parameters) / error, 0, atol=1e-5)
    monkeypatch.setattr("novum.statistics.batch._CHUNK", 7)
    other = fit_batch(toys, design, offset, mask=fit.masked, start=fit.parameters)
    np.testing.assert_allclose((one.parameters - other.parameters) / error, 0, atol=1e-9)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=12, max_size=12), st.booleans())
def test_any_counts_give_a_stationary_point_or_a_flag(counts: list[int], merge: bool) -> None:
    n = np.array(counts, dtype=float)
    x = np.linspace(-1, 1, 12)
    design = np.stack([np.ones(12), x, x**2], axis=1)
    merged = (np.arange(12) >= 5) & (np.arange(12) < 8) if merge else np.zeros(12, bool)
    fit = fit_batch(n, design, np.zeros(12), start=[2.0, 0.0, 0.0], merged=merged)
    assert fit.converged.shape == (1,)
    if fit.converged[0]:
        mu = fit.expected()[0]
        score = design[~merged].T @ (n - mu)[~merged]
        if merge:
            score += (n[merged].sum() / mu[merged].sum() - 1) * (mu[merged] @ design[merged])
        assert np.abs(score).max() < 1e-2 * np.sqrt(1 + n.sum())
    else:  # no maximum exists when the filled bins leave a direction free
        assert np.count_nonzero(n) <= 3 or n[~merged].sum() == 0


def test_empty_data_reach_the_supremum(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    toys = np.stack([np.zeros(60), truth.mean])
    batch = fit_batch(toys, *fit.linearised(), mask=fit.masked, start=fit.parameters)
    assert batch.converged.all()
    assert batch.expected()[0][~fit.masked].sum() < 1e-5
    assert batch.deviance(toys)[0] < 1e-5


def test_errors() -> None:
    with pytest.raises(InputError, match="first design column"):
        BatchModel.prepare(np.full((5, 2), 2.0), np.zeros(5), np.zeros(2))
    with pytest.raises(InputError, match="do not match"):
        BatchModel.prepare(np.ones((5, 2)), np.zeros(4), np.zeros(2))
    with pytest.raises(FitError, match="do not determine"):
        BatchModel.prepare(np.ones((5, 2)), np.zeros(5), np.zeros(2))
    model = BatchModel.prepare(np.ones((5, 1)), np.zeros(5), np.zeros(1))
    with pytest.raises(InputError, match=r"\(T, 5\)"):
        model.fit(np.ones((2, 4)))
