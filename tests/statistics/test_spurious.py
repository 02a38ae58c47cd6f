"""The spurious signal: closed forms, toys against Asimov, and what the nuisance does to z."""

import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from novum.errors import InputError
from novum.statistics.alternatives import alternatives_to, fit_alternatives
from novum.statistics.families import Dijet, ExpPolynomial, Family, PowerExponential
from novum.statistics.fit import fit_spectrum
from novum.statistics.likelihood import BinIntegrals
from novum.statistics.onoff import on_off_z
from novum.statistics.spurious import asimov_signal, nuisance_z, spurious_signal
from novum.statistics.transfer import transfer_spurious
from novum.windows import Window

from .conftest import FALSE_ALARM, Truth


@dataclass(frozen=True)
class Bumpy(Family):
    """The true spectrum with a bump inside the window only, to any power."""

    truth: Truth
    height: float

    name: ClassVar[str] = "bumpy"
    min_order: ClassVar[int] = 2
    max_order: ClassVar[int] = 4
    reference: ClassVar[str] = "none"

    def basis(self, m: ArrayLike, n_params: int) -> NDArray[np.float64]:
        x = np.asarray(m, dtype=np.float64)
        smooth = self.truth.family.basis(x, 3)
        inside = self.truth.window.in_signal_region(x)
        log = smooth @ self.truth.parameters + np.log1p(self.height * inside)
        more = [np.log(x / 4000.0), x / 4000.0]
        return np.stack([np.ones_like(x), log, *more], axis=-1)[:, :n_params]


def test_an_alternative_with_a_bump_gives_the_bump(truth: Truth) -> None:
    alternative = Bumpy(truth, 0.05)
    (s,) = spurious_signal(
        truth.mean, truth.edges, [truth.window], truth.family, 3, [alternative], n_toys=2000
    )
    inside = truth.window.in_signal_region((truth.edges[1:] + truth.edges[:-1]) / 2)
    injected = 0.05 * truth.mean[inside].sum()
    assert s.signal == pytest.approx(injected, rel=1e-6)
    assert s.relative == pytest.approx(injected / s.sigma)
    assert not s.passes
    assert s.nuisance == pytest.approx(injected, rel=1e-6)
    # toys of the alternative: their mean scatters about the Asimov value, alarm 1 in 1000
    (a,) = s.alternatives
    assert abs(a.toy_mean - a.signal) < stats.norm.isf(FALSE_ALARM / 2) * a.toy_error
    assert a.toy_error * np.sqrt(2000) == pytest.approx(s.sigma, rel=0.08)


def test_signal_is_linear_in_the_bump(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    unit = asimov_signal(fit, truth.mean * (1 + 0.01 * fit.masked))
    for factor in (0.1, 3.0, 30.0):
        bumped = truth.mean * (1 + 0.01 * factor * fit.masked)
        assert asimov_signal(fit, bumped) == pytest.approx(factor * unit, rel=1e-6)
    assert abs(asimov_signal(fit, truth.mean)) < 1e-6 * truth.mean[fit.masked].sum()


def test_nothing_spurious_where_the_alternative_holds_the_nominal(truth: Truth) -> None:
    """The Asimov data of the nominal family lie in its next order as well."""
    (s,) = spurious_signal(
        truth.mean, truth.edges, [truth.window], truth.family, 3, [truth.family], n_toys=50
    )
    assert s.alternatives[0].n_params == 4
    assert s.signal == pytest.approx(0, abs=1e-4 * s.sigma)
    assert s.passes
    assert s.nuisance == 0
    assert s.z_nuisance == s.z


def test_noise_is_the_scatter_over_independent_spectra(truth: Truth) -> None:
    """Variance (χ²) and mean of some 190 spectra; 1 alarm in 1000 each."""
    rng = np.random.default_rng(11)
    arguments = (truth.edges, [truth.window], truth.family, 3, [truth.family])
    (s,) = spurious_signal(truth.mean, *arguments, n_toys=4000)
    seen = []
    for _ in range(200):
        fit = fit_spectrum(truth.draw(rng), truth.edges, truth.window, truth.family, 3)
        others, _ = fit_alternatives(fit, [truth.family])
        seen += [asimov_signal(fit, o.expected) for o in others if o.n_params == 4]
    ratio = np.var(seen, ddof=1) / s.alternatives[0].noise ** 2
    free = len(seen) - 1
    assert free > 170  # 5 % take another order, 1 % fit too badly to count
    low, high = stats.chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], free) / free
    assert 0.93 * low < ratio < 1.07 * high  # the 4000 toys have an error of their own
    assert abs(np.mean(seen)) < stats.norm.isf(FALSE_ALARM / 2) * np.std(seen) / np.sqrt(free)


def test_alternatives_that_fail_are_named(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean * 100, truth.edges, truth.window, truth.family, 3)
    low, high = truth.edges[[0, -1]]
    straight = type("Straight", (ExpPolynomial,), {"name": "straight", "max_order": 3})(low, high)
    kept, left_out = fit_alternatives(fit, [straight, Dijet(4000.0), PowerExponential()])
    assert [k.family.name for k in kept] == ["power-exponential"]
    assert left_out[0].startswith("straight with 3 parameters: fit p = ")
    assert "4000 GeV" in left_out[1]
    rich = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 5)
    assert fit_alternatives(rich, [truth.family]) == ((), ("dijet has at most 5 parameters",))


def test_order_is_that_of_complete_fits(truth: Truth) -> None:
    """One step of least squares decides as the deviances do, but for gains next to 3.84."""
    rng = np.random.default_rng(13)
    decided = 0
    low, high = truth.edges[[0, -1]]
    for other in (PowerExponential(), ExpPolynomial(low, high)):
        for _ in range(15):
            toy = truth.draw(rng)
            nominal = fit_spectrum(toy, truth.edges, truth.window, truth.family, 3)
            kept, _ = fit_alternatives(nominal, [other])
            d = [fit_spectrum(toy, truth.edges, truth.window, other, k).deviance for k in (3, 4, 5)]
            gains = [d[0] - d[1], d[1] - d[2]]
            if kept and min(abs(g - 3.84) for g in gains) > 0.3:
                expected = 3 if gains[0] < 3.84 else 4 if gains[1] < 3.84 else 5
                assert kept[0].n_params == expected
                decided += 1
    assert decided > 20


def test_fits_of_alternatives_are_those_of_fit_spectrum(truth: Truth) -> None:
    toy = truth.draw(np.random.default_rng(14))
    nominal = fit_spectrum(toy, truth.edges, truth.window, truth.family, 3)
    low, high = truth.edges[[0, -1]]
    kept, _ = fit_alternatives(nominal, [Dijet(), PowerExponential(), ExpPolynomial(low, high)])
    assert len(kept) == 3
    for k in kept:
        one = fit_spectrum(toy, truth.edges, truth.window, k.family, k.n_params)
        np.testing.assert_allclose(k.expected, one.expected, rtol=1e-6)
        assert k.deviance == pytest.approx(one.deviance)  # no bin is merged here
        assert k.p_value == pytest.approx(one.p_value)
        assert k.ratio(truth.window)[1] == pytest.approx(one.ratio(truth.window)[1], rel=1e-4)


def test_without_an_alternative_nothing_passes(truth: Truth) -> None:
    (s,) = spurious_signal(truth.mean, truth.edges, [truth.window], truth.family, 5, [Dijet()])
    assert (s.signal, s.relative, s.passes, s.nuisance) == (None, None, False, 0.0)
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 5)
    record = transfer_spurious(fit, [Dijet()], truth.window, 300.0)
    assert (record.signal, record.passes, record.ratio_error) == (None, False, 0.0)


def test_every_family_is_compared_with_the_others_and_its_next_order() -> None:
    edges = np.linspace(60.0, 120.0, 31)
    for nominal in (Dijet(8000.0), ExpPolynomial(60.0, 120.0), PowerExponential(8000.0)):
        others = alternatives_to(nominal, edges)
        assert others[0] == nominal
        assert {f.name for f in others} == {"dijet", "exp-polynomial", "power-exponential"}


def test_merged_goodness_of_fit_is_uniform_on_toys(truth: Truth) -> None:
    """Sparse spectra, many bins expect less than 5; Kolmogorov's test, alarm 1 in 1000.

    The χ² form is approximate, so toys are few enough that only a real failure shows.
    """
    rng = np.random.default_rng(12)
    fit = fit_spectrum(0.02 * truth.mean, truth.edges, truth.window, truth.family, 3)
    assert 0.1 < (fit.expected < 5).mean() < 0.5
    p = []
    for _ in range(300):
        kept, _ = fit_alternatives(replace(fit, counts=truth.draw(rng, 0.02)), [PowerExponential()])
        p += [k.p_value for k in kept if k.n_params == 3]
    assert len(p) > 265  # 5 % seem to gain from another parameter, 1 % have p < 0.01
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM


@settings(max_examples=25)
@given(
    st.floats(5, 1e6),
    st.floats(0.001, 0.1),
    st.floats(-5, 5),
    st.lists(st.floats(0, 0.3), min_size=2),
)
def test_nuisance_lowers_significance_monotonically(
    expected: float, relative: float, pull: float, nuisances: list[float]
) -> None:
    error = relative * expected
    observed = max(expected + pull * np.hypot(np.sqrt(expected), error), 0.0)
    z = pull
    seen = [nuisance_z(z, observed, expected, error, v * expected) for v in sorted(nuisances)]
    assert nuisance_z(z, observed, expected, error, 0.0) == pytest.approx(z)
    assert all(abs(a) >= abs(b) - 1e-9 for a, b in itertools.pairwise(seen))
    assert all(np.sign(a) in (0, np.sign(z)) for a in seen)


def test_nuisance_adds_in_quadrature_where_counts_are_large() -> None:
    expected, error, nuisance = 1e6, 500.0, 800.0
    sigma = np.sqrt(expected + error**2)
    z = nuisance_z(2.0, expected + 2 * sigma, expected, error, nuisance)
    assert z == pytest.approx(2 * sigma / np.hypot(sigma, nuisance), rel=2e-3)
    with pytest.raises(InputError, match="positive"):
        nuisance_z(1.0, 1.0, 0.0, 1.0, 1.0)


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-3, 1e3))
def test_unit_of_mass_does_not_matter(scale: float) -> None:
    edges = np.linspace(60.0, 120.0, 31)
    counts = np.random.default_rng(5).poisson(5000 * np.exp(-np.arange(30) / 15)).astype(float)
    seen = []
    for k in (1.0, scale):
        window = Window.around(80 * k, 90 * k)
        nominal = ExpPolynomial(60 * k, 120 * k)
        others = [nominal, PowerExponential(13000.0 * k)]
        (s,) = spurious_signal(counts, edges * k, [window], nominal, 2, others, n_toys=10)
        fit = fit_spectrum(counts, edges * k, window, nominal, 2)
        record = transfer_spurious(fit, others, window, 300.0)
        assert len(s.alternatives) == len(record.alternatives) == 2
        seen.append([s.signal, s.sigma, s.z_nuisance, record.signal, record.sigma])
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.floats(1.0, 1e3))
def test_spurious_signal_grows_with_the_data_and_its_uncertainty_with_their_root(
    scale: float,
) -> None:
    """On a smooth expectation of another family, so that fluctuations play no part."""
    edges = np.linspace(2000.0, 5000.0, 41)
    shape = BinIntegrals.of(PowerExponential(), edges, 3).expected(np.array([0.0, -4.0, -12.0]))[0]
    mean = 1e5 * shape / shape.sum()
    window = Window.around(3000.0, 3375.0)
    seen = []
    for k in (1.0, scale):
        fit = fit_spectrum(k * mean, edges, window, Dijet(), 3)
        seen.append((asimov_signal(fit, k * mean), fit.expected[fit.masked].sum()))
    assert seen[1][0] == pytest.approx(scale * seen[0][0], rel=1e-4)
    assert seen[0][0] != 0


def test_transfer_factor_in_closed_form(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    ratio, error = fit.ratio(truth.window)
    record = transfer_spurious(fit, [Bumpy(truth, 0.05)], truth.window, 400.0)
    assert record.signal == pytest.approx(400 * 0.05 * ratio, rel=1e-5)
    expected = 400 * ratio
    sigma = np.sqrt(expected + ratio**2 * 400 + (400 * error) ** 2)
    assert record.sigma == pytest.approx(sigma)
    assert record.relative == pytest.approx(record.signal / sigma)
    assert not record.passes
    assert record.ratio_error == pytest.approx(0.05 * ratio, rel=1e-5)
    off_grid = Window.around(3512.0, 3871.0, 333.0)  # within bins, against the full integrals
    (other,), _ = fit_alternatives(fit, [PowerExponential()])
    (seen,) = transfer_spurious(fit, [PowerExponential()], off_grid, 1.0).alternatives
    assert seen.ratio == pytest.approx(other.ratio(off_grid)[0], rel=1e-9)
    small = transfer_spurious(fit, [Bumpy(truth, 0.0005)], truth.window, 400.0)
    assert small.passes
    assert small.ratio_error == 0
    assert transfer_spurious(fit, [Bumpy(truth, 0.05)], truth.window, 0.0).passes
    widened = np.hypot(error, record.ratio_error)
    assert on_off_z(450, 400, ratio, widened) < on_off_z(450, 400, ratio, error)


def test_constant_weights_change_nothing_but_the_unit(truth: Truth) -> None:
    fit = fit_spectrum(truth.mean, truth.edges, truth.window, truth.family, 3)
    others = [truth.family, PowerExponential()]
    plain = transfer_spurious(fit, others, truth.window, 400.0)
    weighted = transfer_spurious(fit, others, truth.window, 2800.0, 7.0, 7.0)
    assert weighted.relative == pytest.approx(plain.relative)
    assert weighted.sigma == pytest.approx(7 * plain.sigma)
    assert weighted.passes == plain.passes


def test_too_few_toys_are_refused(truth: Truth) -> None:
    with pytest.raises(InputError, match="at least two"):
        spurious_signal(truth.mean, truth.edges, [truth.window], truth.family, 3, [], n_toys=1)
