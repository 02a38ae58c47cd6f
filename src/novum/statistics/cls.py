"""CLs of a signal strength, observed and expected, by asymptotic formulas and by toys.

Test statistic q̃_μ and formulas: Cowan, Cranmer, Gross and Vitells, arXiv:1007.1727; CLs after
Read, J. Phys. G 28 (2002) 2693. Toys are thrown as pyhf does: at the conditional
maximum-likelihood values of the nuisance parameters, with fluctuated auxiliary measurements.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from novum.statistics.histfactory import BatchLikelihood

FloatArray = NDArray[np.float64]
Numbers = tuple[float, ...]
Point = tuple[float, Numbers]  # CLs observed, and expected at `BANDS`
DataSet = tuple[FloatArray, FloatArray]  # counts (T, B) and auxiliary measurements (T, P)

BANDS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # σ of the expected limit
_TIE = 1e-6


def asymptotic_cls(likelihood: BatchLikelihood, mu: float, asimov: DataSet) -> Point:
    """CLs from the asymptotic formulas; `asimov` is background without fluctuation."""
    data = likelihood.observed[None], likelihood.auxiliary[None]
    counts, auxiliary = (np.concatenate(pair) for pair in zip(data, asimov, strict=True))
    q, q_a = likelihood.q_tilde(mu, counts, auxiliary)
    root, width = float(np.sqrt(q)), float(np.sqrt(q_a))
    # beyond the Asimov value the best fit is negative: equation 66, as far as q̃ goes
    distance = root - width if root <= width or width == 0 else (q - q_a) / (2 * width)
    observed = _tail(distance + width) / _tail(distance)
    # equation 89: background fluctuated by N σ, -2σ first, which excludes most
    expected = _tail(width + BANDS[::-1]) / _tail(BANDS[::-1])
    return float(observed), tuple(expected.tolist())


def toy_cls(likelihood: BatchLikelihood, mu: float, n: int, seed: int) -> Point:
    """CLs from `n` toys of either hypothesis."""
    rng = np.random.default_rng(seed)
    seen = likelihood.q_tilde(mu, likelihood.observed[None], likelihood.auxiliary[None])
    signal = np.sort(likelihood.q_tilde(mu, *likelihood.toys(mu, n, rng)))
    null = np.sort(likelihood.q_tilde(mu, *likelihood.toys(0.0, n, rng)))
    observed = _ratio_of_tails(seen, signal, null)[0]
    expected = np.percentile(_ratio_of_tails(null, signal, null), 100 * special.ndtr(BANDS))
    return float(observed), tuple(expected.tolist())


def _tail(z: FloatArray | float) -> FloatArray:
    return np.asarray(special.ndtr(-np.asarray(z)))


def _ratio_of_tails(q: FloatArray, signal: FloatArray, null: FloatArray) -> FloatArray:
    above = [len(a) - np.searchsorted(a, q - _TIE) for a in (signal, null)]
    ratio: FloatArray = above[0] / np.maximum(above[1], 1)
    return ratio
