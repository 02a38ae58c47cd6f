import numpy as np
import pytest
from scipy import special

from novum.errors import InputError, WindowError
from novum.statistics.families import ExpPolynomial
from novum.statistics.peak import fit_peak

EDGES = np.linspace(60.0, 120.0, 121)
FAMILY = ExpPolynomial(60.0, 120.0)


def spectrum(peak: np.ndarray, total: float, seed: int) -> np.ndarray:
    smooth = 40 * np.exp(-np.arange(120) / 80)
    return np.random.default_rng(seed).poisson(smooth + total * peak)


def gaussian(mass: float, width: float) -> np.ndarray:
    return np.diff(special.ndtr((EDGES - mass) / width))


def test_recovers_a_gaussian_peak_with_honest_errors() -> None:
    pulls = []
    for seed in range(40):
        fit = fit_peak(spectrum(gaussian(91.0, 2.0), 800, seed), EDGES, FAMILY, 90.0, 1.5)
        pulls.append(
            [
                (fit.mass - 91) / fit.mass_error,
                (fit.width - 2) / fit.width_error,
                (fit.yield_ - 800) / fit.yield_error,
            ]
        )
        assert fit.z > 10
    # 3.3σ bands on the mean of 40 pulls, and on their spread
    np.testing.assert_allclose(np.mean(pulls, axis=0), 0, atol=3.3 / 40**0.5)
    np.testing.assert_allclose(np.std(pulls, axis=0), 1, atol=0.4)


def test_recovers_a_voigt_peak() -> None:
    centre = (EDGES[1:] + EDGES[:-1]) / 2
    peak = special.voigt_profile(centre - 91.0, 1.5, 2.4952 / 2) * 0.5
    fit = fit_peak(spectrum(peak, 5000, 1), EDGES, FAMILY, 90.0, 2.0, "voigt", 2.4952)
    assert abs(fit.mass - 91) < 4 * fit.mass_error
    assert abs(fit.width - 1.5) < 4 * fit.width_error
    assert abs(fit.yield_ - 5000) < 4 * fit.yield_error
    assert fit.p_value > 1e-3
    assert fit.background.expected.sum() + fit.yield_ == pytest.approx(
        fit.background.counts.sum(), rel=0.05
    )


def test_range_restricts_the_bins() -> None:
    counts = spectrum(gaussian(91.0, 2.0), 800, 1)
    fit = fit_peak(counts, EDGES, FAMILY, 90.0, 1.5, range=(70, 110))
    assert len(fit.background.counts) == 80
    with pytest.raises(InputError, match="no bin"):
        fit_peak(counts, EDGES, FAMILY, 90.0, 1.5, range=(200, 300))


def test_errors() -> None:
    counts = spectrum(gaussian(91.0, 2.0), 800, 1)
    with pytest.raises(InputError, match="voigt"):
        fit_peak(counts, EDGES, FAMILY, 90.0, 1.5, "voigt")
    with pytest.raises(InputError, match="gaussian"):
        fit_peak(counts, EDGES, FAMILY, 90.0, 1.5, "gaussian", 2.5)
    with pytest.raises(InputError, match="-1"):
        fit_peak(counts, EDGES, FAMILY, 90.0, -1.0)
    with pytest.raises(WindowError, match="inside the spectrum"):
        fit_peak(counts, EDGES, FAMILY, 62.0, 1.5)
