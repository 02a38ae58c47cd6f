"""Weighted events as Poisson counts: every bin in its own unit, the weight of an effective event.

A sum of weights W = Σw has the variance V = Σw². With the scale s = V/W it behaves as s times a
Poisson count n = W/s = W²/V (Bohm and Zech, arXiv:1309.1287). A density f then predicts f/s, so a
fit to n needs the exposure 1/s of every bin. Weights may be negative as long as sums are positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError

FloatArray = NDArray[np.float64]

_REACH = 4  # bins on either side that may help to measure a bin's scale
_AGREE = 5.0  # standard deviations: scales of prescaled bins have no error, so no step is lost
_FEWEST = 10  # events below which Σw²/Σw is too uncertain to stand alone
_CANCELLED = 4  # effective events, (Σw)²/Σw², below which negative weights may have cancelled Σw


def effective_spectrum(
    m: ArrayLike, w: ArrayLike, edges: ArrayLike
) -> tuple[FloatArray, FloatArray | None]:
    """Spectrum of weighted events in effective counts, and the exposure of its bins.

    Parameters
    ----------
    m : array_like (n,)
        Masses [GeV].
    w : array_like (n,)
        Event weights of either sign.
    edges : array_like (B+1,)
        Bin edges [GeV].

    Returns
    -------
    counts : float64 array (B,)
        Effective counts max(Σw, 0)/s.
    exposure : float64 array (B,) or None
        Effective counts per unit of weight, 1/s; None where all weights are 1.

    Raises
    ------
    InputError
        If the weights inside the spectrum do not add up to more than 0.
    """
    mass, weight, e = (np.asarray(a, dtype=np.float64) for a in (m, w, edges))
    inside = (mass >= e[0]) & (mass <= e[-1])
    weight, bins = weight[inside], len(e) - 1
    # as numpy.histogram has it, the last bin holds its upper edge
    place = np.minimum(np.searchsorted(e, mass[inside], side="right") - 1, bins - 1)
    total = _sums(place, weight, bins)
    if np.all(weight == 1):
        return total, None
    if not total.sum() > 0:
        raise InputError(
            f"the weights inside the spectrum add up to {total.sum():g}", value=float(total.sum())
        )
    unit = np.abs(weight).max()  # powers of tiny or huge weights stay representable
    kinds = [np.abs(weight / unit), *((weight / unit) ** k for k in range(1, 5))]
    sums = [_sums(place, v, bins) for v in kinds]
    scale = unit * _smooth_scale(sums, (e[1:] + e[:-1]) / 2)
    return np.maximum(total, 0.0) / scale, 1 / scale


def _sums(place: NDArray[np.int64], values: FloatArray, bins: int) -> FloatArray:
    return np.asarray(np.bincount(place, values, bins), dtype=np.float64)


def selected_spectrum(
    total: FloatArray, square: FloatArray, size: FloatArray, exposure: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Spectrum of selected events in effective counts, and the exposure of its bins.

    Selected events are too few to measure a scale bin by bin. They take the scales of all events,
    times one common factor: a selection may prefer large or negative weights.

    Parameters
    ----------
    total, square, size : float64 arrays (B,)
        Σw, Σw² and Σ|w| of the selected events.
    exposure : float64 array (B,)
        Of all events, from `effective_spectrum`.

    Returns
    -------
    counts, exposure : float64 arrays (B,)
        As for `effective_spectrum`.
    """
    # in units of each bin's scale, so that the factor of plain prescales is 1
    count, variance, gross = total @ exposure, square @ exposure**2, size @ exposure
    own = exposure / selected_scale(float(count), float(variance), float(gross), 1.0)
    return np.maximum(total, 0.0) * own, own


def selected_scale(total: float, square: float, size: float, fallback: float) -> float:
    """Weight of one effective event among selected events, Σw²/Σw.

    Parameters
    ----------
    total, square, size : float
        Σw, Σw² and Σ|w| of the selected events.
    fallback : float
        Used where fewer than 10 events are selected, (Σ|w|)²/Σw², or their weights cancel.
    """
    return square / total if size**2 >= _FEWEST * square and total > 0 else fallback


def weight_scale(w: FloatArray) -> float:
    """Weight of one effective event, Σw²/Σw, of events of weights `w` (n,).

    Positive whatever the weights: Σw²/Σ|w| where they cancel to less than four effective events,
    1 where all vanish.
    """
    total, square = float(w.sum()), float(w @ w)
    if not (total > 0 and total**2 >= _CANCELLED * square):
        total = float(np.abs(w).sum())
    return square / total if total > 0 else 1.0


def _smooth_scale(sums: list[FloatArray], middles: FloatArray) -> FloatArray:
    """Scale Σw²/Σw of every bin, pooled with the neighbours whose scale agrees.

    `sums` are Σ|w|, Σw, Σw², Σw³ and Σw⁴ of every bin.

    A scale from one bin alone fluctuates together with its count, which biases the effective
    count. An average over neighbours does not, but would smear the steps that prescales have. So a
    bin is pooled with those of its neighbours whose scales agree with its own within their
    errors: inside a prescale region weights are equal, errors vanish and a step stays where
    it is, while the scatter of generator weights averages out.
    """
    size, w1, w2, w3, w4 = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        # of few events, or where weights cancel, a bin has no scale of its own, and agrees with all
        own = np.where((size**2 >= _FEWEST * w2) & (w1 > 0), w2 / w1, np.nan)
        variance = (w4 - 2 * own * w3 + own**2 * w2) / w1**2  # of V/W, by the delta method
    error = np.sqrt(np.maximum(variance, 0.0)) + 1e-6 * own  # rounding is no step
    top, bottom = np.zeros_like(w1), np.zeros_like(w1)
    for shift in range(-_REACH, _REACH + 1):
        here = slice(max(-shift, 0), len(w1) - max(shift, 0))
        there = slice(max(shift, 0), len(w1) - max(-shift, 0))
        apart = np.abs(own[here] - own[there]) > _AGREE * np.hypot(error[here], error[there])
        top[here] += np.where(apart, 0.0, w2[there])
        bottom[here] += np.where(apart, 0.0, w1[there])
    known = (bottom > 0) & (bottom**2 >= _CANCELLED * top)
    if not known.any():
        return np.full_like(w1, w2.sum() / w1.sum())
    logs = np.log(top[known] / bottom[known])
    return np.asarray(np.exp(np.interp(middles, middles[known], logs)), dtype=np.float64)
