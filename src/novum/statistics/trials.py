"""Trials factor of a scan by upcrossings (Gross and Vitells, arXiv:1005.1891)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from novum.errors import InputError
from novum.statistics.pvalue import PValue


def gross_vitells(z_max: float, toy_z: ArrayLike, level: float = 0.5) -> PValue:
    """Global p-value p_local + <N(u0)> exp(-(z² - u0²)/2) from few toys.

    <N(u0)> is the mean number of upward crossings of the low level u0 along the ordered windows
    of background-only toys. An upper bound that is close where p is small. It assumes that the
    windows sample a smooth process; windows that barely overlap make it conservative or not,
    so compare with toys where those are affordable.

    Parameters
    ----------
    z_max : float
        Largest local significance observed.
    toy_z : array_like (T, W)
        Significances of background-only toys, windows in rising order of mass.
    level : float
        The level u0 [standard deviations].

    Returns
    -------
    PValue
        Its error is that of the mean number of upcrossings.

    Raises
    ------
    InputError
        If there are fewer than two toys, or the observation is below the level.
    """
    z = np.asarray(toy_z, dtype=np.float64)
    if z.ndim != 2 or len(z) < 2:
        raise InputError(f"upcrossings need toys of shape (T >= 2, W), got {z.shape}")
    if not level <= z_max:
        raise InputError(f"the observed {z_max:g} is below the level {level:g}", value=z_max)
    above = z > level
    crossings = (above[:, 1:] & ~above[:, :-1]).sum(axis=1)
    damping = np.exp(-(z_max**2 - level**2) / 2)
    value = float(special.ndtr(-z_max) + crossings.mean() * damping)
    error = float(crossings.std(ddof=1) / np.sqrt(len(z)) * damping)
    return PValue(min(1.0, value), error, "Gross–Vitells upcrossings", n_toys=len(z))
