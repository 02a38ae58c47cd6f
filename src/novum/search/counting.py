"""On/off counts of a selection: sums of weights, and the units in which they are Poisson."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from novum.search.records import Counts
from novum.search.selection import expected_background
from novum.statistics import (
    SpectrumFit,
    SpuriousRecord,
    alternatives_to,
    selected_scale,
    transfer_spurious,
    weight_scale,
)
from novum.windows import Window

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Σw, Σw² and Σ|w| of the selected events of a region."""

    total: float
    square: float
    size: float

    @classmethod
    def of(cls, w: FloatArray, share: FloatArray) -> Sums:
        """For weights (n,) of either sign and shares (n,) of the cross-fits that select them."""
        return cls(float(w @ share), float(w**2 @ share), float(np.abs(w) @ share))


def on_off_counts(
    share: FloatArray, m: FloatArray, w: FloatArray, window: Window, fit: SpectrumFit
) -> Counts:
    """Selected events in the signal region and the sidebands, and what the latter predict."""
    on, off = window.in_signal_region(m), window.in_sidebands(m)
    sums = Sums.of(w[on], share[on]), Sums.of(w[off], share[off])
    return counts_of(*sums, w[on], w[off], *fit.ratio(window))


def with_family_choice(
    counts: Counts, fit: SpectrumFit, window: Window
) -> tuple[Counts, SpuriousRecord]:
    """What other families make of the transfer factor, and the counts with that as uncertainty.

    The uncertainty stays as it is where the spurious signal is negligible.
    """
    alternatives = alternatives_to(fit.family, fit.edges)
    scales = counts.scale_on, counts.scale_off
    spurious = transfer_spurious(fit, alternatives, window, counts.n_off, *scales)
    if spurious.passes:
        return counts, spurious
    error = float(np.hypot(counts.ratio_error, spurious.ratio_error))
    return with_ratio_error(counts, error), spurious


def with_ratio_error(counts: Counts, ratio_error: float) -> Counts:
    """The same counts with another uncertainty of the transfer factor."""
    _, error = expected_background(counts.n_off, counts.ratio, ratio_error, counts.scale_off)
    return replace(counts, ratio_error=ratio_error, expected_error=error)


def counts_of(
    on: Sums, off: Sums, w_on: FloatArray, w_off: FloatArray, ratio: float, ratio_error: float
) -> Counts:
    """The record of an on/off test.

    Parameters
    ----------
    on, off : Sums
        Of the selected events in the signal region and in the sidebands.
    w_on, w_off : float64 arrays
        Weights of all events there.
    ratio, ratio_error : float
        Transfer factor of the inclusive masked fit, for sums of weights.
    """
    scale_on, scale_off = _scales(on, off, weight_scale(w_on), weight_scale(w_off))
    n_off = max(off.total, 0.0)
    expected, expected_error = expected_background(n_off, ratio, ratio_error, scale_off)
    return Counts(
        n_on=max(on.total, 0.0),
        n_off=n_off,
        n_sr=float(w_on.sum()),
        n_sb=float(w_off.sum()),
        ratio=ratio,
        ratio_error=ratio_error,
        expected=expected,
        expected_error=expected_error,
        scale_on=scale_on,
        scale_off=scale_off,
    )


def _scales(on: Sums, off: Sums, all_on: float, all_off: float) -> tuple[float, float]:
    """Weight of one effective selected event in both regions, from that of all events there.

    The scale of the selected events alone would miss the rare large weights that happened not to
    be selected, and call a count precise that is not. What a selection may do to weights is
    measured on both regions at once: one factor, which is 1 for prescales.
    """
    count = on.total / all_on + off.total / all_off
    variance = on.square / all_on**2 + off.square / all_off**2
    size = on.size / all_on + off.size / all_off
    factor = selected_scale(count, variance, size, 1.0)
    return factor * all_on, factor * all_off
