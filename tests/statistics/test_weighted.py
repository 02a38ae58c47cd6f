"""Weighted events: closed forms, steps of prescales, and calibration on background toys.

Random tests have fixed seeds and accept with probability 1 - 1e-3 where their null is true.
"""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from novum.errors import InputError
from novum.statistics import (
    BumpScan,
    SpectrumFit,
    bump_scan,
    effective_spectrum,
    find_range,
    fit_peak,
    fit_spectrum,
    minuit_fit,
    scan_toys,
    selected_scale,
    selected_spectrum,
    shape_test,
    weight_scale,
)
from novum.windows import scan_windows

from .conftest import FALSE_ALARM, Truth

FloatArray = NDArray[np.float64]


def prescaled(truth: Truth, factor: float = 10.0) -> FloatArray:
    """Weight of every bin: `factor` below the middle of the signal region, 1 above."""
    return np.where(truth.edges[:-1] < truth.window.center, factor, 1.0)


def events(counts: FloatArray, edges: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Masses and bins of events at the bin centres."""
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    return ((edges[1:] + edges[:-1]) / 2)[rows], rows


def standard_normal(z: list[float]) -> bool:
    """Mean and standard deviation agree with 0 and 1, at `FALSE_ALARM` / 2 each."""
    n = len(z)
    far = stats.norm.isf(FALSE_ALARM / 4) / n**0.5
    low, high = stats.chi2.ppf([FALSE_ALARM / 4, 1 - FALSE_ALARM / 4], n - 1) / (n - 1)
    return bool(abs(np.mean(z)) < far and low < np.var(z, ddof=1) < high)


# --- the exposure of a fit


def test_an_exposure_of_one_changes_nothing(truth: Truth) -> None:
    counts = truth.draw(np.random.default_rng(1))
    arguments = (counts, truth.edges, truth.window, truth.family)
    plain = fit_spectrum(*arguments)
    ones = fit_spectrum(*arguments, exposure=np.ones(60))
    for name in ("parameters", "covariance", "expected"):
        np.testing.assert_allclose(getattr(ones, name), getattr(plain, name), rtol=1e-12)
    assert (ones.p_value, ones.n_params) == (plain.p_value, plain.n_params)
    assert shape_test(ones).z == pytest.approx(shape_test(plain).z, abs=1e-12)


def test_a_fit_sees_through_its_exposure(truth: Truth) -> None:
    """Asimov counts give back the density, whatever the units that bins count in."""
    exposure = 1 / prescaled(truth)
    fit = fit_spectrum(
        truth.mean * exposure, truth.edges, truth.window, truth.family, 3, exposure=exposure
    )
    np.testing.assert_allclose(fit.parameters, truth.parameters, rtol=1e-8)
    np.testing.assert_allclose(fit.expected, truth.mean * exposure, rtol=1e-8)
    plain = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    assert fit.expectation(3500, 3900)[0] == pytest.approx(plain.expectation(3500, 3900)[0])
    ratio, error = fit.ratio(truth.window)
    assert ratio == pytest.approx(plain.ratio(truth.window)[0], rel=1e-8)
    assert error > plain.ratio(truth.window)[1], "prescaled data know less"
    assert fit.expected_error[0] / exposure[0] == pytest.approx(fit.expectation(2700, 2750)[1])


def test_iminuit_agrees(truth: Truth) -> None:
    exposure = 1 / prescaled(truth)
    counts = np.random.default_rng(2).poisson(truth.mean * exposure)
    ours = fit_spectrum(counts, truth.edges, truth.window, truth.family, 4, exposure=exposure)
    reference = minuit_fit(counts, truth.edges, truth.window, truth.family, 4, exposure)
    error = np.sqrt(np.diag(ours.covariance))
    np.testing.assert_allclose((ours.parameters - reference.parameters) / error, 0, atol=1e-3)
    np.testing.assert_array_equal(reference.exposure, exposure)


def test_a_fit_with_exposure_survives_json(truth: Truth) -> None:
    exposure = 1 / prescaled(truth)
    fit = fit_spectrum(
        truth.mean * exposure, truth.edges, truth.window, truth.family, 3, exposure=exposure
    )
    again = SpectrumFit.from_dict(json.loads(json.dumps(fit.to_dict())))
    np.testing.assert_array_equal(again.exposure, exposure)
    assert again.ratio(truth.window) == fit.ratio(truth.window)


@pytest.mark.parametrize(
    ("exposure", "message"),
    [
        (np.ones(59), r"one entry for each of 60 bins, got \(59,\)"),
        (np.r_[0.0, np.ones(59)], "finite and positive, got 0"),
        (np.r_[np.nan, np.ones(59)], "finite and positive, got nan"),
    ],
)
def test_exposures_that_make_no_sense(truth: Truth, exposure: FloatArray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_spectrum(truth.mean, truth.edges, None, truth.family, exposure=exposure)


def test_the_range_starts_at_the_mode_of_the_density(truth: Truth) -> None:
    exposure = 1 / prescaled(truth, 1000.0)
    counts = np.random.default_rng(3).poisson(30 * truth.mean * exposure)
    low, _ = find_range(counts, truth.edges, truth.family, exposure=exposure)
    assert low < 2900
    assert truth.edges[np.argmax(counts)] > 3600, "effective counts have their mode at the step"


def test_a_peak_has_the_same_yield_however_it_is_recorded(truth: Truth) -> None:
    centre = (truth.edges[1:] + truth.edges[:-1]) / 2
    peak = 4000 * stats.norm.pdf(centre, 3700, 80) * 50
    exposure = 1 / prescaled(truth)
    fit = fit_peak(
        (truth.mean + peak) * exposure, truth.edges, truth.family, 3680, 70, exposure=exposure
    )
    assert fit.yield_ == pytest.approx(4000, rel=0.02)
    assert fit.mass == pytest.approx(3700, abs=2)


# --- effective counts


@pytest.mark.parametrize("c", [1e-9, 0.5, 3.0, 1e12])
def test_a_common_weight_changes_no_significance(truth: Truth, c: float) -> None:
    counts = truth.draw(np.random.default_rng(4))
    m, _ = events(counts, truth.edges)
    plain = fit_spectrum(counts, truth.edges, truth.window, truth.family, 3)
    found, exposure = effective_spectrum(m, np.full(len(m), c), truth.edges)
    assert exposure is not None
    np.testing.assert_allclose(found, counts, rtol=1e-11)
    np.testing.assert_allclose(exposure * c, 1, rtol=1e-12)
    fit = fit_spectrum(found, truth.edges, truth.window, truth.family, 3, exposure=exposure)
    assert shape_test(fit).z == pytest.approx(shape_test(plain).z, abs=1e-9)
    np.testing.assert_allclose(fit.ratio(truth.window), plain.ratio(truth.window), rtol=1e-9)
    assert fit.expectation(3500, 3900)[0] == pytest.approx(c * plain.expectation(3500, 3900)[0])


def test_weights_of_one_have_no_exposure(truth: Truth) -> None:
    m, _ = events(np.round(truth.mean), truth.edges)
    counts, exposure = effective_spectrum(m, np.ones(len(m)), truth.edges)
    assert exposure is None
    np.testing.assert_array_equal(counts, np.round(truth.mean))


def test_steps_of_prescales_stay_where_they_are(truth: Truth) -> None:
    weight = prescaled(truth)
    m, rows = events(truth.draw(np.random.default_rng(5)) // weight, truth.edges)
    counts, exposure = effective_spectrum(m, weight[rows], truth.edges)
    assert exposure is not None
    np.testing.assert_allclose(exposure, 1 / weight, rtol=1e-9)
    np.testing.assert_allclose(counts, np.bincount(rows), rtol=1e-9)


def test_a_bin_with_a_step_inside_is_in_between(truth: Truth) -> None:
    m = np.random.default_rng(6).uniform(2700, 5700, 200_000)
    weight = np.where(m < 4025, 10.0, 1.0)  # half of one bin of 50 GeV
    counts, exposure = effective_spectrum(m, weight, truth.edges)
    assert exposure is not None
    scale = 1 / exposure
    np.testing.assert_allclose(scale[[25, 27]], [10, 1])
    assert scale[26] == pytest.approx(101 / 11, rel=0.02)
    np.testing.assert_allclose(counts * scale, np.histogram(m, truth.edges, weights=weight)[0])


def test_scales_do_not_follow_the_counts(truth: Truth) -> None:
    rng = np.random.default_rng(7)
    m = rng.uniform(2700, 5700, 6000)
    weight = rng.choice([1.0, -1.0], len(m), p=[0.8, 0.2])
    total = np.histogram(m, truth.edges, weights=weight)[0]
    number = np.histogram(m, truth.edges)[0]
    _, exposure = effective_spectrum(m, weight, truth.edges)
    assert exposure is not None
    alone = number / total
    # 9 bins are pooled: a third of the scatter
    assert np.std(1 / exposure) < 0.5 * np.std(alone)
    assert np.mean(1 / exposure) == pytest.approx(1 / 0.6, rel=0.05)


def test_empty_bins_take_the_scale_of_their_neighbours() -> None:
    m = np.r_[np.full(50, 0.5), np.full(50, 19.5), -5.0]
    weight = np.r_[np.full(50, 4.0), np.full(50, 1.0), 1.0]
    counts, exposure = effective_spectrum(m, weight, np.arange(21.0))
    assert exposure is not None
    assert np.isfinite(counts).all()
    assert ((1 / exposure >= 1 - 1e-9) & (1 / exposure <= 4 + 1e-9)).all()
    np.testing.assert_allclose(1 / exposure[[0, 10, 19]], [4, 2, 1], rtol=0.1)


def test_a_bin_whose_weights_cancel_holds_nothing(truth: Truth) -> None:
    m, rows = events(np.full(60, 100.0), truth.edges)
    weight = np.where((rows == 30) & (np.arange(len(m)) % 3 > 0), -1.0, 1.0)
    counts, exposure = effective_spectrum(m, weight, truth.edges)
    assert counts[30] == 0
    assert exposure is not None
    assert np.isfinite(exposure).all()


def test_weights_that_cancel_altogether_make_no_spectrum(truth: Truth) -> None:
    with pytest.raises(InputError, match="add up to -1"):
        effective_spectrum([3000.0, 3000.0], [1.0, -2.0], truth.edges)


def test_selected_events_take_the_scales_of_all(truth: Truth) -> None:
    weight = prescaled(truth)
    total = np.zeros(60)
    total[[0, 20, 21, 59]] = [100, 40, 3, 1]
    counts, exposure = selected_spectrum(total, total * weight, total, 1 / weight)
    np.testing.assert_allclose(counts, total / weight)
    np.testing.assert_allclose(exposure, 1 / weight)


def test_a_selection_may_prefer_some_weights(truth: Truth) -> None:
    total = np.full(60, 6.0)  # of 10 events a bin, 2 of weight -1, where all events have none
    counts, exposure = selected_spectrum(total, np.full(60, 10.0), np.full(60, 10.0), np.ones(60))
    np.testing.assert_allclose(exposure, 0.6)
    np.testing.assert_allclose(counts, 3.6)


def test_scales_of_few_events() -> None:
    assert selected_scale(20.0, 40.0, 20.0, 5.0) == 2.0
    assert selected_scale(4.0, 4.0, 4.0, 5.0) == 5.0
    assert selected_scale(-1.0, 40.0, 25.0, 5.0) == 5.0
    assert weight_scale(np.array([2.0, 2.0])) == 2.0
    assert weight_scale(np.array([1.0, -3.0])) == 2.5
    assert weight_scale(np.zeros(3)) == 1.0


# --- significances


def shape_z(make: str, truth: Truth, n: int, seed: int) -> tuple[list[float], list[float]]:
    """Significances of background toys: with effective counts bin by bin, and with one scale."""
    rng = np.random.default_rng(seed)
    edges = truth.edges[:31]  # where bins are full enough for goodness of fit without toys
    ours, naive = [], []
    for _ in range(n):
        counts = truth.draw(rng, 0.2)[:30]
        if make == "prescale":
            weight = prescaled(truth)[:30]
            m, rows = events(rng.binomial(counts.astype(int), 1 / weight), edges)
            w = weight[rows]
        else:
            m, rows = events(counts, edges)
            w = np.where(rng.random(len(m)) < 0.2, -1.0, 1.0)
        found, exposure = effective_spectrum(m, w, edges)
        arguments = (edges, truth.window, truth.family, 3)
        ours.append(shape_test(fit_spectrum(found, *arguments, exposure=exposure)).z)
        single = np.bincount(rows, weights=w, minlength=30) * w.sum() / (w @ w)
        naive.append(shape_test(fit_spectrum(np.maximum(single, 0), *arguments)).z)
    return ours, naive


def test_prescaled_background_is_standard_normal(truth: Truth) -> None:
    ours, naive = shape_z("prescale", truth, 200, 8)
    assert standard_normal(ours)
    assert np.std(naive) < 0.9, "one scale for all bins makes a deficit of significance"


def test_background_with_negative_weights_is_standard_normal(truth: Truth) -> None:
    ours, _ = shape_z("negative", truth, 200, 9)
    assert standard_normal(ours)


def test_goodness_of_fit_of_prescaled_background_is_uniform(truth: Truth) -> None:
    rng = np.random.default_rng(10)
    weight = prescaled(truth)
    p = []
    for _ in range(300):
        m, rows = events(rng.poisson(3 * truth.mean / weight).astype(float), truth.edges)
        found, exposure = effective_spectrum(m, weight[rows], truth.edges)
        fit = fit_spectrum(found, truth.edges, None, truth.family, 3, exposure=exposure)
        assert fit.p_method == "chi2"
        p.append(fit.p_value)
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM


def prescaled_scan(truth: Truth, excess: float = 1.0) -> BumpScan:
    exposure = 1 / prescaled(truth)
    counts = np.random.default_rng(11).poisson(truth.mean * exposure).astype(float)
    counts[16:24] *= excess
    windows = scan_windows((2700.0, 5700.0), 400.0, 200.0, 200.0)
    return bump_scan(counts, truth.edges, windows, truth.family, 400, 1, exposure=exposure)


def test_a_scan_of_prescaled_data(truth: Truth) -> None:
    background, bump = prescaled_scan(truth), prescaled_scan(truth, 1.15)
    assert background.global_p.value > 0.01
    assert bump.windows[bump.best].center == 3700
    assert bump.global_p.value < 0.01
    part = prescaled_scan(truth).fits[0]
    assert part.exposure is not None


def test_toys_of_a_scan_are_in_effective_counts(truth: Truth) -> None:
    scan = prescaled_scan(truth)
    z = scan_toys(scan.fits, 2000, 2).z
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.15)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.1)


def test_fits_of_different_exposure_are_of_different_spectra(truth: Truth) -> None:
    arguments = (truth.mean, truth.edges, truth.window, truth.family, 3)
    fits = [
        fit_spectrum(*arguments),
        fit_spectrum(*arguments, exposure=np.ones(60)),
        fit_spectrum(*arguments, exposure=np.full(60, 2.0)),
    ]
    for pair in (fits[:2], fits[1:]):
        with pytest.raises(InputError, match="one spectrum"):
            scan_toys(pair, 10, 1)
