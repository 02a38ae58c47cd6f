"""Closed forms of the calibration on retrained null searches, on counts that are drawn directly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from novum.errors import InputError
from novum.statistics.onoff import on_off_z
from novum.statistics.retrained import (
    FEWEST,
    ScanCalibration,
    ScanCounts,
    calibrate_scan,
    extrapolation_interval,
)

from .conftest import FALSE_ALARM

FloatArray = NDArray[np.float64]

RATIO, N_OFF = 0.8, 400.0
LARGE = stats.norm.isf(FALSE_ALARM / 2)  # of a standard normal, either side


def poisson_counts(
    rng: np.random.Generator, n: int, windows: int, kappa: float = 1.0
) -> ScanCounts:
    """Independent windows whose signal region holds kappa times what the sidebands predict."""
    shape = (n, windows)
    on = rng.poisson(kappa * RATIO * N_OFF, shape).astype(float)
    off = rng.poisson(N_OFF, shape).astype(float)
    return ScanCounts(on, off, np.full(shape, RATIO), np.zeros(shape), np.ones(shape, bool))


def gaussian_counts(z: FloatArray) -> ScanCounts:
    """Counts so large that their significance is `z`."""
    off = np.full(z.shape, 1e8)
    on = RATIO * off + z * np.sqrt(RATIO * off * (1 + RATIO))
    return ScanCounts(on, off, np.full(z.shape, RATIO), 0 * z, np.ones(z.shape, bool))


def correlated(rng: np.random.Generator, n: int, windows: int, rho: float) -> FloatArray:
    """Standard normals (n, W), neighbours correlated by `rho`."""
    lag = np.abs(np.subtract.outer(np.arange(windows), np.arange(windows)))
    return rng.multivariate_normal(np.zeros(windows), rho**lag, n)


def with_t(t: FloatArray) -> ScanCalibration:
    """A calibration of which only T of the null searches matters."""
    one = np.ones(1)
    return ScanCalibration(one, 0 * one, one > 0, 0 * one, one, np.zeros((len(t), 1)), t)


# --- κ, b and s


@pytest.mark.parametrize("kappa", [0.9, 1.0, 1.1])
def test_kappa_is_found_and_its_error_covers(kappa: float) -> None:
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(200):
        scan = calibrate_scan(poisson_counts(rng, 100, 8, kappa))
        pulls.append((scan.kappa - kappa) / scan.kappa_error)
    pulls = np.concatenate(pulls)
    assert stats.kstest(pulls, stats.t(99).cdf).pvalue > FALSE_ALARM
    covered = int((np.abs(pulls) < 1).sum())
    level = float(stats.t(99).cdf(1) - stats.t(99).cdf(-1))
    assert stats.binomtest(covered, len(pulls), level).pvalue > FALSE_ALARM


def test_error_of_kappa_is_that_of_the_pooled_counts() -> None:
    scan = calibrate_scan(poisson_counts(np.random.default_rng(2), 4000, 5, 1.1))
    total = 4000 * N_OFF
    expected = 1.1 * np.sqrt(1 / (1.1 * RATIO * total) + 1 / total)
    # A standard deviation of 4000 values is known to 1.1 %.
    np.testing.assert_allclose(scan.kappa_error, expected, rtol=LARGE * 0.0112 * 1.2)


def test_a_window_that_sculpts_is_not_trusted_and_a_good_one_is() -> None:
    rng = np.random.default_rng(3)
    assert not calibrate_scan(poisson_counts(rng, 200, 6, 1.1)).trusted.any()
    for _ in range(100):
        assert calibrate_scan(poisson_counts(rng, 100, 10)).trusted.all()


def test_a_small_bias_is_corrected_however_well_it_is_known() -> None:
    rng = np.random.default_rng(30)
    scan = calibrate_scan(poisson_counts(rng, 4000, 2, 1.02))
    assert (np.abs(scan.kappa - 1) > 10 * scan.kappa_error).all()
    assert scan.trusted.all()
    further = scan.z_cal(poisson_counts(rng, 4000, 2, 1.02))
    assert np.abs(further.mean(axis=0)).max() < LARGE * np.sqrt(2 / 4000)


@pytest.mark.parametrize("kappa", [1.0, 1.1])
def test_z_cal_of_further_searches_is_standard(kappa: float) -> None:
    rng = np.random.default_rng(4)
    n = 3000
    scan = calibrate_scan(poisson_counts(rng, n, 4, kappa))
    z = scan.z_cal(poisson_counts(rng, n, 4, kappa))
    # Calibration and further searches have the same statistical errors.
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=LARGE * np.sqrt(2 / n) * 1.2)
    np.testing.assert_allclose(z.std(axis=0, ddof=1), 1, atol=LARGE * np.sqrt(1 / n) * 1.2)


def test_over_dispersed_counts_are_brought_to_unit_width() -> None:
    """Folds that share training data: twice the Poisson variance, and a shift."""
    rng = np.random.default_rng(5)

    def searches(n: int) -> ScanCounts:
        return gaussian_counts(0.3 + np.sqrt(2) * rng.standard_normal((n, 3)))

    scan = calibrate_scan(searches(4000))
    np.testing.assert_allclose(scan.scale, np.sqrt(2), rtol=0.05)
    z = scan.z_cal(searches(4000))
    assert stats.kstest(z[:, 0], "norm").pvalue > FALSE_ALARM


def test_z_of_one_search_is_the_on_off_test_with_the_corrected_ratio() -> None:
    rng = np.random.default_rng(6)
    scan = calibrate_scan(poisson_counts(rng, 50, 2, 1.05))
    one = poisson_counts(rng, 1, 2)
    one = replace(one, ratio_error=np.full((1, 2), 0.02))
    for w in range(2):
        ratio = RATIO * scan.kappa[w]
        error = np.hypot(0.02 * scan.kappa[w], RATIO * scan.kappa_error[w])
        z = float(on_off_z(one.n_on[0, w], one.n_off[0, w], ratio, error))
        assert scan.z(one)[0, w] == pytest.approx(z, abs=1e-12)
        calibrated = (z - scan.location[w]) / scan.scale[w]
        assert scan.z_cal(one)[0, w] == pytest.approx(calibrated, abs=1e-12)


# --- T and its p-value


@pytest.mark.parametrize(("windows", "rho"), [(1, 0.0), (6, 0.0), (6, 0.7), (12, 0.9)])
def test_global_p_is_uniform_on_further_searches(windows: int, rho: float) -> None:
    rng = np.random.default_rng(7)
    # So many null searches that their own fluctuation does not matter to the test.
    scan = calibrate_scan(gaussian_counts(correlated(rng, 30_000, windows, rho)))
    t = scan.largest(gaussian_counts(correlated(rng, 800, windows, rho)))
    p = np.array([scan.global_p(v).value for v in t])
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM


def test_global_p_is_exactly_valid_where_null_searches_are_few() -> None:
    """P(p <= k/(N+1)) <= k/(N+1) over calibrations and further searches together."""
    rng = np.random.default_rng(8)
    n, fired = 2000, 0
    for _ in range(n):
        t = rng.standard_normal(20)
        fired += with_t(t[:19]).global_p(t[19]).value <= 0.1
    assert stats.binomtest(fired, n, 0.1).pvalue > FALSE_ALARM


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=60), st.integers(-45, 45))
def test_global_p_counts_the_null_searches_that_reach_t(values: list[int], t: int) -> None:
    reach = sum(v >= t for v in values)
    p = with_t(np.array(values) / 10).global_p(t / 10)
    assert p.value == (1 + reach) / (len(values) + 1)
    assert p.n_toys == len(values)
    assert p.calibrated
    assert p.is_bound == (reach == 0)
    assert str(p).startswith("≤") == (reach == 0)
    assert p.interval is not None
    assert p.interval[0] <= reach / len(values) <= p.interval[1]


def test_local_p_counts_in_one_window_alone() -> None:
    z = np.arange(40.0).reshape(20, 2) / 10
    scan = replace(with_t(np.zeros(20)), null_z=z)
    assert scan.local_p(0, 3.0).value == 6 / 21  # 3.0 ... 3.8 reach it, and 1
    assert scan.local_p(1, 3.8).value == 2 / 21


# --- withheld and untrusted windows


def test_withheld_windows_take_no_part_in_t() -> None:
    rng = np.random.default_rng(9)
    null = gaussian_counts(rng.standard_normal((300, 3)))
    quoted = np.ones((300, 3), bool)
    quoted[:150, 2] = False
    scan = calibrate_scan(replace(null, quoted=quoted))
    z = scan.z_cal(null)
    np.testing.assert_array_equal(scan.t_null[:150], z[:150, :2].max(axis=1))
    np.testing.assert_array_equal(scan.t_null[150:], z[150:].max(axis=1))
    # They inform κ, b and s all the same.
    bare = calibrate_scan(null)
    for name in ("kappa", "kappa_error", "location", "scale"):
        np.testing.assert_array_equal(getattr(scan, name), getattr(bare, name))
    seen = gaussian_counts(np.array([[1.0, 2.0, 9.0]]))
    withheld = replace(seen, quoted=np.array([[True, True, False]]))
    assert scan.largest(withheld)[0] == scan.z_cal(seen)[0, 1]


def test_a_search_without_a_quoted_window_has_no_t() -> None:
    null = gaussian_counts(np.random.default_rng(10).standard_normal((100, 2)))
    quoted = np.ones((100, 2), bool)
    quoted[:30] = False
    scan = calibrate_scan(replace(null, quoted=quoted))
    assert len(scan.t_null) == 70
    assert scan.global_p(100.0).value == 1 / 71
    nothing = replace(gaussian_counts(np.array([[5.0, 5.0]])), quoted=np.zeros((1, 2), bool))
    assert scan.largest(nothing)[0] == -np.inf


def test_an_untrusted_window_takes_no_part_in_t() -> None:
    rng = np.random.default_rng(11)
    counts = poisson_counts(rng, 200, 3)
    counts.n_on[:, 1] *= 1.5
    scan = calibrate_scan(counts)
    np.testing.assert_array_equal(scan.trusted, [True, False, True])
    np.testing.assert_array_equal(scan.t_null, scan.z_cal(counts)[:, [0, 2]].max(axis=1))
    excess = gaussian_counts(np.array([[0.0, 30.0, 1.0]]))
    assert scan.largest(excess)[0] == scan.z_cal(excess)[0, 2]


# --- extrapolation


def normal_t(rng: np.random.Generator, n: int, windows: int) -> FloatArray:
    return rng.standard_normal((n, windows)).max(axis=1)


@pytest.mark.parametrize("windows", [1, 5, 20])
def test_independent_windows_count_one_each(windows: int) -> None:
    """-ln Φ(T) is exponential with mean 1/W, so that 2 W N / n is χ² with 2N degrees."""
    n = 2000
    found = with_t(normal_t(np.random.default_rng(12), n, windows)).effective_windows
    tail = stats.chi2(2 * n).cdf(2 * windows * n / found)
    assert FALSE_ALARM / 2 < tail < 1 - FALSE_ALARM / 2


def test_one_repeated_window_counts_once_and_correlated_ones_in_between() -> None:
    rng = np.random.default_rng(13)
    one = np.repeat(rng.standard_normal((4000, 1)), 8, axis=1)
    assert calibrate_scan(gaussian_counts(one)).effective_windows == pytest.approx(1, rel=0.08)
    eight = rng.standard_normal((4000, 8))
    assert calibrate_scan(gaussian_counts(eight)).effective_windows == pytest.approx(8, rel=0.15)
    some = calibrate_scan(gaussian_counts(correlated(rng, 4000, 8, 0.8))).effective_windows
    assert 2 < some < 6


def test_extrapolated_p_is_the_tail_of_the_largest_of_w() -> None:
    # T at the exact quantiles of the largest of seven normals: n is 7 but for the grid.
    u = (np.arange(200_000) + 0.5) / 200_000
    scan = with_t(special.ndtri(u ** (1 / 7)))
    assert scan.effective_windows == pytest.approx(7, rel=1e-4)
    for t in (-1.0, 0.5, 2.0, 4.0):
        assert scan.extrapolated_p(t) == pytest.approx(1 - special.ndtr(t) ** 7, rel=2e-4)
    # Far out, where 1 - Φ(t)^7 has no digits left, it is 7 tails.
    assert scan.extrapolated_p(9.0) == pytest.approx(7 * special.ndtr(-9.0), rel=2e-4)


def test_extrapolation_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(14)
    windows, hits, n = 3, 0, 60
    for i in range(n):
        null = gaussian_counts(rng.standard_normal((100, windows)))
        seen = gaussian_counts(np.array([[3.0, 0.0, 0.0]]))
        low, high = extrapolation_interval(null, seen, seed=i, n=40)
        assert 0 < low < high < 1
        hits += low <= 1 - special.ndtr(3.0) ** windows <= high
    # A bootstrap interval of 40 draws: 68 % up to a few per cent, the test at 1e-3 for 60-76 %.
    assert stats.binom.ppf(FALSE_ALARM / 2, n, 0.60) <= hits
    assert hits <= stats.binom.isf(FALSE_ALARM / 2, n, 0.76)


def test_extrapolation_interval_brackets_the_value_and_needs_its_seed() -> None:
    rng = np.random.default_rng(15)
    null, seen = poisson_counts(rng, 200, 4), poisson_counts(rng, 1, 4)
    scan = calibrate_scan(null)
    low, high = extrapolation_interval(null, seen, seed=1, n=100)
    assert low < scan.extrapolated_p(float(scan.largest(seen)[0])) < high
    assert (low, high) == extrapolation_interval(null, seen, seed=1, n=100)
    assert (low, high) != extrapolation_interval(null, seen, seed=2, n=100)


def test_a_window_close_to_distrust_keeps_its_extrapolation_interval() -> None:
    """Draws of the bootstrap do not decide anew which windows are trusted."""
    rng = np.random.default_rng(16)
    counts = poisson_counts(rng, 100, 1)
    aim = 1 + 2.8 * calibrate_scan(counts).kappa_error[0]
    counts.n_on[:] *= aim / calibrate_scan(counts).kappa[0]  # now a pull of 2.8
    scan = calibrate_scan(counts)
    assert scan.trusted.all()
    seen = poisson_counts(rng, 1, 1)
    low, high = extrapolation_interval(counts, seen, n=100)
    assert low < scan.extrapolated_p(float(scan.largest(seen)[0])) < high


# --- order and errors


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_searches_and_of_windows_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = poisson_counts(rng, 40, 3, 1.02)
    counts = replace(counts, quoted=rng.random((40, 3)) < 0.8)
    rows, columns = rng.permutation(40), rng.permutation(3)
    a, b = calibrate_scan(counts), calibrate_scan(counts.take(rows))
    for name in ("kappa", "kappa_error", "location", "scale"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-6)
    np.testing.assert_allclose(np.sort(a.t_null), np.sort(b.t_null), atol=1e-6)
    moved = ScanCounts(
        *(getattr(counts, n)[:, columns] for n in ("n_on", "n_off", "ratio", "ratio_error")),
        counts.quoted[:, columns],
    )
    c = calibrate_scan(moved)
    np.testing.assert_allclose(a.kappa[columns], c.kappa, rtol=1e-12)
    np.testing.assert_allclose(a.t_null, c.t_null, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.integers(1, 50))
def test_more_events_in_a_signal_region_never_lower_t(seed: int, window: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    scan = calibrate_scan(poisson_counts(rng, 30, 3))
    one = poisson_counts(rng, 1, 3)
    on = one.n_on.copy()
    on[0, window] += more
    assert scan.largest(replace(one, n_on=on))[0] >= scan.largest(one)[0] - 1e-9


def test_few_searches_are_refused() -> None:
    counts = poisson_counts(np.random.default_rng(17), FEWEST, 2)
    assert len(calibrate_scan(counts).t_null) == FEWEST
    with pytest.raises(InputError, match="at least 20 null searches, got 19"):
        calibrate_scan(counts.take(np.arange(FEWEST - 1)))


@pytest.mark.parametrize("name", ["n_on", "n_off"])
def test_a_window_that_selects_nothing_is_refused(name: str) -> None:
    counts = poisson_counts(np.random.default_rng(18), 30, 3)
    getattr(counts, name)[:, 1] = 0
    with pytest.raises(InputError, match="selects nothing") as caught:
        calibrate_scan(counts)
    assert caught.value.value == 1


def test_a_window_that_never_moves_is_refused() -> None:
    counts = poisson_counts(np.random.default_rng(19), 30, 2)
    counts.n_on[:, 0], counts.n_off[:, 0] = 80, 100
    with pytest.raises(InputError, match="same significance in every null search"):
        calibrate_scan(counts)
