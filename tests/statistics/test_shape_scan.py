import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from novum.errors import InputError
from novum.statistics.bumpscan import bump_scan
from novum.statistics.families import ExpPolynomial
from novum.statistics.fit import fit_spectrum
from novum.statistics.scan import ScanToys, on_off_scan_toys, scan_toys
from novum.statistics.shape import ShapeModels, shape_test
from novum.windows import Window, scan_windows

from .conftest import FALSE_ALARM, Truth


def test_p_values_are_uniform_on_background(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    rng = np.random.default_rng(1)
    toys = rng.poisson(truth.mean, (4000, 60)).astype(float)
    z = ShapeModels.of(fit, truth.mean).signed_z(toys)
    assert stats.kstest(special.ndtr(-z), "uniform").pvalue > FALSE_ALARM


def test_batch_equals_the_test_of_each_spectrum(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    rng = np.random.default_rng(2)
    toys = rng.poisson(truth.mean, (30, 60)).astype(float)
    batch = ShapeModels.of(fit, truth.mean).signed_z(toys)
    single = [
        shape_test(fit_spectrum(t, truth.edges, truth.window, truth.family, 3)).z for t in toys
    ]
    np.testing.assert_allclose(batch, single, atol=2e-3)


def test_close_to_counting_with_a_gaussian_background(truth: Truth) -> None:
    counts = truth.draw(np.random.default_rng(3))
    counts[16:24] *= 1.03
    test = shape_test(fit_spectrum(counts, truth.edges, truth.window, truth.family, 3))
    simple = (test.observed - test.expected) / np.hypot(test.expected**0.5, test.expected_error)
    assert test.z == pytest.approx(simple, abs=0.1)
    assert test.q0 == pytest.approx(test.z**2)
    assert test.p.n_toys == 0


def test_injected_signal_gives_linear_excess(truth: Truth) -> None:
    centre = (truth.edges[1:] + truth.edges[:-1]) / 2
    peak = stats.norm.pdf(centre, 3700, 60) * 50
    inside = peak[16:24].sum()
    for s in (0.0, 200.0, 1000.0, 5000.0):
        fit = fit_spectrum(truth.mean + s * peak, truth.edges, truth.window, truth.family, 3)
        test = shape_test(fit)
        # what leaks out of the window biases the sidebands a little
        assert test.observed - test.expected == pytest.approx(s * inside, rel=0.01, abs=0.1)


def test_few_expected_events_mean_toys(truth: Truth) -> None:
    rng = np.random.default_rng(4)
    counts = truth.draw(rng, 0.0007)
    test = shape_test(fit_spectrum(counts, truth.edges, truth.window, truth.family, 3), n_toys=2000)
    assert test.expected < 25
    assert test.p.n_toys == 2000
    assert test.p.value == pytest.approx(special.ndtr(-test.z), abs=0.1)


@settings(max_examples=15)
@given(st.floats(1e-3, 1e3))
def test_unit_of_mass_does_not_matter(scale: float) -> None:
    edges = np.linspace(60.0, 120.0, 31)
    counts = np.random.default_rng(5).poisson(500 * np.exp(-np.arange(30) / 15))
    z = [
        shape_test(
            fit_spectrum(counts, edges * k, (80 * k, 90 * k), ExpPolynomial(60 * k, 120 * k), 3)
        ).z
        for k in (1.0, scale)
    ]
    assert z[0] == pytest.approx(z[1], abs=1e-6)


def test_needs_a_mask(truth: Truth) -> None:
    with pytest.raises(InputError, match="masked"):
        shape_test(fit_spectrum(truth.mean, truth.edges, None, truth.family, 3))


@pytest.fixture(scope="module")
def scan(truth: Truth) -> tuple[tuple[Window, ...], list]:
    windows = scan_windows((2700, 5700), 400, 200, 200)
    counts = truth.draw(np.random.default_rng(6))
    return windows, [fit_spectrum(counts, truth.edges, w, truth.family, 3) for w in windows]


def test_toys_do_not_depend_on_their_number_or_on_threads(scan: tuple) -> None:
    _, fits = scan
    long = scan_toys(fits, 1500, seed=1)
    short = scan_toys(fits, 100, seed=1)
    np.testing.assert_allclose(long.z[:100], short.z, atol=1e-6)
    assert not np.allclose(scan_toys(fits, 100, seed=2).z, short.z)
    assert np.isfinite(long.z).all()


def test_toys_carry_the_overlap_of_windows(scan: tuple) -> None:
    _, fits = scan
    z = scan_toys(fits, 4000, seed=1).z
    correlation = np.corrcoef(z.T)
    neighbours = np.diag(correlation, 1)
    assert neighbours.min() > 0.1  # half of each region is shared
    assert abs(np.diag(correlation, 5)).max() < 0.3
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.06)


def test_global_p_of_background_scans_is_uniform(truth: Truth, scan: tuple) -> None:
    windows, fits = scan
    toys = scan_toys(fits, 2000, seed=1, truth=truth.mean)
    fresh = scan_toys(fits, 500, seed=2, truth=truth.mean)
    p = [toys.global_p(z).value for z in fresh.z]
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM
    fewer = np.arange(len(windows)) < 3
    z = np.full(len(windows), 1.5)
    assert toys.global_p(z, fewer).value < toys.global_p(z).value


def test_global_p_ignores_invalid_windows_in_the_data_too() -> None:
    toys = ScanToys(np.random.default_rng(1).standard_normal((100, 3)), 1, "toys")
    observed = np.array([1.0, np.nan, 9.0])
    valid = np.array([True, False, False])
    assert toys.global_p(observed, valid).value == toys.global_p([1.0, -5, -5], valid).value
    with pytest.raises(InputError, match="numbers"):
        toys.global_p(observed)
    with pytest.raises(InputError, match="valid window"):
        toys.global_p(observed, np.zeros(3, bool))
    with pytest.raises(InputError, match="3 windows"):
        toys.global_p([1.0])


def test_scan_of_different_spectra_is_refused(truth: Truth, scan: tuple) -> None:
    _, fits = scan
    other = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    with pytest.raises(InputError, match="one spectrum"):
        scan_toys([fits[0], other], 10, 1)
    with pytest.raises(InputError, match="0"):
        scan_toys([], 10, 1)


def test_bump_scan_finds_a_planted_bump_and_only_that(truth: Truth) -> None:
    centre = (truth.edges[1:] + truth.edges[:-1]) / 2
    windows = scan_windows((2700, 5700), 400, 200, 200)
    rng = np.random.default_rng(8)
    quiet = truth.draw(rng)
    loud = quiet + rng.poisson(900 * stats.norm.pdf(centre, 3900, 60) * 50)
    nothing = bump_scan(quiet, truth.edges, windows, truth.family, 1000, 1)
    assert nothing.global_p.value > 0.01
    found = bump_scan(loud, truth.edges, windows, truth.family, 1000, 1, fit_range=(2700, 5600))
    assert found.windows[found.best].low < 3900 < found.windows[found.best].high
    assert found.local_p.z > 5
    assert found.global_p.is_bound
    assert found.gross_vitells is not None
    assert found.local_p.value < found.gross_vitells.value < 1e-4
    assert found.fits[0].edges[-1] == 5600


def on_off_regions(truth: Truth, windows: tuple[Window, ...]) -> tuple:
    centre = (truth.edges[1:] + truth.edges[:-1]) / 2
    sr = np.array([w.in_signal_region(centre) for w in windows])
    sb = np.array([w.in_sidebands(centre) for w in windows])
    means = np.tile(truth.mean, (len(windows), 1))
    ratio = (means * sr).sum(axis=1) / (means * sb).sum(axis=1)
    return means, sr, sb, ratio


def test_on_off_scan_of_one_common_selection_equals_direct_toys(truth: Truth) -> None:
    """With full correlation every window sees the same counts: compare with one Poisson draw."""
    windows = scan_windows((2700, 5700), 400, 200, 200)
    means, sr, sb, ratio = on_off_regions(truth, windows)
    w = len(windows)
    toys = on_off_scan_toys(means, sr, sb, ratio, 0.01 * ratio, np.ones((w, w)), 4000, 1)
    rng = np.random.default_rng(2)
    counts = rng.poisson(truth.mean, (4000, 60)).astype(float)
    from novum.statistics.onoff import on_off_z

    measured = ratio * np.exp(0.01 * rng.standard_normal((4000, w)))
    direct = on_off_z(counts @ sr.T, counts @ sb.T, measured, 0.01 * measured)
    assert stats.ks_2samp(toys.max_z, direct.max(axis=1)).pvalue > FALSE_ALARM
    np.testing.assert_allclose(np.corrcoef(toys.z.T), np.corrcoef(direct.T), atol=0.08)


def test_on_off_scan_of_disjoint_selections_is_independent(truth: Truth) -> None:
    windows = scan_windows((2700, 5700), 400, 200, 200)[:4]
    means, sr, sb, ratio = on_off_regions(truth, windows)
    toys = on_off_scan_toys(means, sr, sb, 2 * ratio, 0.0, np.eye(4), 4000, 1)
    np.testing.assert_allclose(np.corrcoef(toys.z.T), np.eye(4), atol=0.06)
    assert stats.kstest(toys.z[:, 0], "norm").pvalue > FALSE_ALARM  # scaled to the ratio given
    short = on_off_scan_toys(means, sr, sb, 2 * ratio, 0.0, np.eye(4), 50, 1)
    np.testing.assert_array_equal(short.z, toys.z[:50])


def test_on_off_scan_refuses_regions_that_overlap(truth: Truth) -> None:
    windows = scan_windows((2700, 5700), 400, 200, 200)[:2]
    means, sr, sb, ratio = on_off_regions(truth, windows)
    with pytest.raises(InputError, match="no bin in common"):
        on_off_scan_toys(means, sr, sr, ratio, 0.0, np.eye(2), 10, 1)
    with pytest.raises(InputError, match="sidebands"):
        on_off_scan_toys(means * ~sb, sr, sb, ratio, 0.0, np.eye(2), 10, 1)
