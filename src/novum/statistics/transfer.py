"""Spurious signal of an on/off test: the transfer factor of other families against the nominal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from novum.statistics.alternatives import fit_alternatives
from novum.statistics.families import Family
from novum.statistics.likelihood import BinIntegrals
from novum.statistics.spectrum import SpectrumFit
from novum.statistics.spurious import NEGLIGIBLE
from novum.windows import Window


@dataclass(frozen=True)
class TransferAlternative:
    """One alternative family: its goodness of fit and its transfer factor SR/SB."""

    family: str
    n_params: int
    fit_p: float
    ratio: float


@dataclass(frozen=True)
class SpuriousRecord:
    """What the choice of the family is worth in the on/off test of one window.

    Attributes
    ----------
    alternatives : tuple of TransferAlternative
        Those that describe the spectrum.
    left_out : tuple of str
        The others, with the reason.
    signal : float or None
        n_off (r_alt - r) of the alternative farthest away [events, or weight]; None without one.
    sigma : float
        Statistical uncertainty of n_on - r n_off on background, in the same unit.
    relative : float or None
        abs(signal) / sigma.
    passes : bool
        abs(signal) < 0.2 sigma. False without an alternative: then nothing is known.
    ratio_error : float
        abs(r_alt - r), to be added in quadrature to the uncertainty of r; 0 where it passes.
    """

    alternatives: tuple[TransferAlternative, ...]
    left_out: tuple[str, ...]
    signal: float | None
    sigma: float
    relative: float | None
    passes: bool
    ratio_error: float


def transfer_spurious(
    fit: SpectrumFit,
    alternatives: Sequence[Family],
    window: Window,
    n_off: float,
    scale_on: float = 1.0,
    scale_off: float = 1.0,
) -> SpuriousRecord:
    """Compare the transfer factor of a masked fit with those of other families.

    Parameters
    ----------
    fit : SpectrumFit
        Nominal fit, the signal region of `window` masked.
    alternatives : sequence of Family
        See `alternatives_to` and `fit_alternatives`.
    window : Window
        Inside the range of the spectrum, sidebands included.
    n_off : float
        Selected events in the sidebands, their sum of weights where events are weighted.
    scale_on, scale_off : float
        Weight of one effective event in the signal region and in the sidebands.

    Returns
    -------
    SpuriousRecord

    Raises
    ------
    WindowError
        If the window leaves the range of the spectrum.
    """
    ratio, ratio_error = fit.ratio(window)
    variance = n_off * (ratio * scale_on + ratio**2 * scale_off) + (n_off * ratio_error) ** 2
    sigma = float(np.sqrt(variance))
    fits, left_out = fit_alternatives(fit, alternatives)
    seen = tuple(
        TransferAlternative(f.family.name, f.n_params, f.p_value, _ratio(f, window)) for f in fits
    )
    if not seen:
        return SpuriousRecord(seen, left_out, None, sigma, None, False, 0.0)
    difference = max((s.ratio - ratio for s in seen), key=abs)
    signal = n_off * difference
    relative = abs(signal) / sigma if sigma > 0 else 0.0
    passes = relative < NEGLIGIBLE
    widening = 0.0 if passes else abs(difference)
    return SpuriousRecord(seen, left_out, signal, sigma, relative, passes, widening)


def _ratio(fit: SpectrumFit, window: Window) -> float:
    """The value of `SpectrumFit.ratio`; without its uncertainty one set of integrals will do."""
    low, high = window.span
    inner = fit.edges[(fit.edges > low) & (fit.edges < high)]
    pieces = np.unique(np.concatenate([inner, [low, window.low, window.high, high]]))
    events = BinIntegrals.of(fit.family, pieces, fit.n_params).expected(fit.parameters)[0]
    middle = (pieces[1:] + pieces[:-1]) / 2
    on, off = window.in_signal_region(middle), window.in_sidebands(middle)
    return float(events[on].sum() / events[off].sum())
