"""Spurious signal: what a fit of the nominal family takes for a signal if another one is true.

An alternative family is fitted beside the signal region, and its expectation is analysed as data.
It holds no signal, so the excess S_spur that the nominal fit sees is the error of having chosen
the nominal family. It may be ignored below a fifth of the statistical uncertainty of an excess, and
is a systematic uncertainty otherwise: ATLAS, arXiv:1408.7084 and ATL-PHYS-PUB-2020-028.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import FitError, InputError
from novum.statistics.alternatives import fit_alternatives
from novum.statistics.batch import BatchModel
from novum.statistics.families import Family
from novum.statistics.fit import fit_spectrum
from novum.statistics.likelihood import BinIntegrals, maximise
from novum.statistics.onoff import on_off_z
from novum.statistics.shape import ShapeModels
from novum.statistics.spectrum import SpectrumFit
from novum.windows import Window

FloatArray = NDArray[np.float64]

NEGLIGIBLE = 0.2  # of the statistical uncertainty, which it then raises by 2 %


@dataclass(frozen=True)
class SpuriousAlternative:
    """What the nominal fit of one window sees if an alternative is true.

    Attributes
    ----------
    family : str
        Name of the alternative.
    n_params : int
        Number of its parameters.
    fit_p : float
        Goodness of its masked fit.
    signal : float
        S_spur, events in the masked bins above the nominal prediction, on its expectation.
    toy_mean, toy_error : float
        The same as the mean over toys drawn from it, with the standard error of that mean.
    noise : float
        Standard deviation of `signal` in toys of the nominal family: what fluctuations of the
        data alone make of it.
    """

    family: str
    n_params: int
    fit_p: float
    signal: float
    toy_mean: float
    toy_error: float
    noise: float


@dataclass(frozen=True)
class SpuriousSignal:
    """The spurious signal of one window.

    Attributes
    ----------
    low, high : float
        Signal region [GeV].
    n_params : int
        Number of parameters of the nominal family.
    sigma : float
        Statistical uncertainty of an excess: Poisson and fit, in quadrature [events].
    alternatives : tuple of SpuriousAlternative
        Those that describe the spectrum.
    left_out : tuple of str
        The others, with the reason.
    signal : float or None
        The largest S_spur in size [events]; None without an alternative.
    relative : float or None
        abs(S_spur) / σ.
    passes : bool
        abs(S_spur) < 0.2 σ. False without an alternative: then nothing is known.
    nuisance : float
        Uncertainty to add in quadrature to that of the expectation [events]; 0 where it passes.
    z, z_nuisance : float
        Significance of the shape test without and with it.
    """

    low: float
    high: float
    n_params: int
    sigma: float
    alternatives: tuple[SpuriousAlternative, ...]
    left_out: tuple[str, ...]
    signal: float | None
    relative: float | None
    passes: bool
    nuisance: float
    z: float
    z_nuisance: float


def spurious_signal(
    counts: ArrayLike,
    edges: ArrayLike,
    windows: Sequence[Window],
    nominal: Family,
    n_params: int | None,
    alternatives: Sequence[Family],
    n_toys: int = 1000,
    seed: int = 0,
    exposure: ArrayLike | None = None,
) -> tuple[SpuriousSignal, ...]:
    """Spurious signal of every window of a scan.

    Parameters
    ----------
    counts : array_like (B,)
        Observed counts.
    edges : array_like (B+1,)
        Bin edges [GeV].
    windows : sequence of Window
        Only the signal regions are used; each is masked in its fits.
    nominal : Family
        The family of the search.
    n_params : int or None
        Number of its parameters; None: chosen for every window as `fit_spectrum` does.
    alternatives : sequence of Family
        See `alternatives_to` and `fit_alternatives`.
    n_toys, seed : int
        Number of toys from every alternative, and their seed.
    exposure : array_like (B,), optional
        See `fit_spectrum`.

    Returns
    -------
    tuple of SpuriousSignal

    Raises
    ------
    InputError
        If the spectrum cannot be used or there are fewer than two toys.
    WindowError
        If a signal region does not lie inside the spectrum.
    FitError
        If a nominal fit fails; an alternative that fails is left out.
    """
    if n_toys < 2:
        raise InputError(f"the toys need a spread: at least two, got {n_toys}", value=n_toys)
    fits = (fit_spectrum(counts, edges, w, nominal, n_params, exposure=exposure) for w in windows)
    return tuple(
        _of_window(fit, window, alternatives, n_toys, seed)
        for fit, window in zip(fits, windows, strict=True)
    )


def asimov_signal(fit: SpectrumFit, expectation: ArrayLike) -> float:
    """Events that the family and order of a masked fit miss in an expectation without signal.

    Parameters
    ----------
    fit : SpectrumFit
        Gives bins, mask, family and order; its counts are not used.
    expectation : array_like (B,)
        Smooth background: an alternative family, or a simulation.

    Returns
    -------
    float
        The expectation in the masked bins minus what the fit to the others predicts there.

    Raises
    ------
    FitError
        If the fit fails.
    """
    truth = np.asarray(expectation, dtype=np.float64)
    predicted = maximise(truth, fit.integrals, ~fit.masked).expected
    return float((truth - predicted)[fit.masked].sum())


def nuisance_z(z: float, observed: float, expected: float, error: float, nuisance: float) -> float:
    """Significance after the expectation is given one more uncertainty.

    A count with a background known to `expected` ± `error` is an on/off measurement with
    (expected/error)² events off (arXiv:physics/0702156); the nuisance widens its ratio as a
    log-normal. `z` falls by the factor by which that measurement's significance does.

    Parameters
    ----------
    z : float
        Significance without the nuisance.
    observed, expected, error : float
        The count, its expectation and the statistical uncertainty of that.
    nuisance : float
        Further uncertainty of the expectation [events].

    Returns
    -------
    float
        Of the sign of `z`, and no larger in size.

    Raises
    ------
    InputError
        If `expected` or `error` is not positive, or the nuisance negative.
    """
    if not (expected > 0 and error > 0):
        raise InputError(
            f"an expectation and its error must be positive, got {expected:g} ± {error:g}"
        )
    off, ratio = (expected / error) ** 2, error**2 / expected
    without = float(on_off_z(observed, off, ratio))
    widened = float(on_off_z(observed, off, ratio, ratio * nuisance / expected))
    return z if without == 0 else z * min(widened / without, 1.0)


def _of_window(
    fit: SpectrumFit, window: Window, alternatives: Sequence[Family], n_toys: int, seed: int
) -> SpuriousSignal:
    expected, error = _prediction(fit)
    observed = float(fit.counts[fit.masked].sum())
    sigma = float(np.hypot(np.sqrt(expected), error))
    found, left_out = fit_alternatives(fit, alternatives)
    seen, failed = _see_all(fit, found, n_toys, seed)
    signal = max((s.signal for s in seen), key=abs, default=None)
    relative = None if signal is None else abs(signal) / sigma
    passes = relative is not None and relative < NEGLIGIBLE
    nuisance = 0.0 if passes or signal is None else abs(signal)
    z = float(ShapeModels.of(fit, fit.expected).signed_z(fit.counts[None])[0])
    if not np.isfinite(z):
        raise FitError("the background-only fit of the shape test did not converge")
    return SpuriousSignal(
        float(window.low), float(window.high), fit.n_params, sigma, seen, left_out + failed,
        signal, relative, passes, nuisance, z, nuisance_z(z, observed, expected, error, nuisance),
    )  # fmt: skip


def _see_all(
    fit: SpectrumFit, found: Sequence[SpectrumFit], n_toys: int, seed: int
) -> tuple[tuple[SpuriousAlternative, ...], tuple[str, ...]]:
    """Records of the alternatives, and those whose toys cannot be fitted, with the reason."""
    null = _Toys.of(fit, fit.expected, n_toys, seed)
    nominal = null.predicted(fit)
    seen, failed = [], []
    for other in found:
        try:
            toys = _Toys.of(fit, other.expected, n_toys, seed)
            seen.append(_seen(fit, other, toys, null.predicted(other) - nominal))
        except FitError as error:
            name = f"{other.family.name} with {other.n_params} parameters"
            failed.append(f"{name}: toys cannot be fitted: {error}")
    return tuple(seen), tuple(failed)


def _prediction(fit: SpectrumFit) -> tuple[float, float]:
    """Expected events in the masked bins, and the uncertainty of the fit."""
    slope = fit.integrals.expected(fit.parameters)[1][fit.masked].sum(axis=0)
    return float(fit.expected[fit.masked].sum()), float(np.sqrt(slope @ fit.covariance @ slope))


def _seen(
    fit: SpectrumFit, other: SpectrumFit, toys: _Toys, null_difference: FloatArray
) -> SpuriousAlternative:
    """Record of an alternative from its toys, and from the two predictions in nominal toys (T,)."""
    excess = toys.counts[:, fit.masked].sum(axis=1) - toys.predicted(fit)
    return SpuriousAlternative(
        family=other.family.name,
        n_params=other.n_params,
        fit_p=other.p_value,
        signal=asimov_signal(fit, other.expected),
        toy_mean=float(np.nanmean(excess)),
        toy_error=float(np.nanstd(excess, ddof=1) / np.sqrt(np.isfinite(excess).sum())),
        noise=float(np.nanstd(null_difference, ddof=1)),
    )


@dataclass(frozen=True, eq=False)
class _Toys:
    """Pseudo-spectra (T, B) of one expectation, to be refitted beside the mask in a batch."""

    truth: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, fit: SpectrumFit, truth: FloatArray, n: int, seed: int) -> _Toys:
        counts = np.random.default_rng(seed).poisson(truth, (n, len(fit.counts)))
        return cls(truth, counts.astype(np.float64))

    def predicted(self, model: SpectrumFit) -> FloatArray:
        """Prediction (T,) of refits for the masked bins; NaN where one did not converge."""
        used = ~model.masked
        integrals = BinIntegrals.of(model.family, model.edges, model.n_params, model.exposure)
        start = maximise(self.truth, integrals, used).parameters
        design, offset = integrals.tangent(start)
        fits = BatchModel.prepare(design, offset, start, mask=model.masked).fit(self.counts)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = fits.expected()[:, model.masked].sum(axis=1)
        return np.where(fits.converged, sums, np.nan)
