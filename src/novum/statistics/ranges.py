"""The range of a spectrum in which a smooth family describes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from novum.errors import FitError, InputError
from novum.statistics.families import Family
from novum.statistics.fit import fit_spectrum
from novum.statistics.likelihood import FloatArray, check_exposure, check_spectrum
from novum.windows import Window


def find_range(
    counts: ArrayLike,
    edges: ArrayLike,
    family: Family,
    windows: Sequence[Window] = (),
    alpha: float = 0.05,
    min_count: float = 10,
    exposure: ArrayLike | None = None,
) -> tuple[float, float]:
    """Range of bins that a smooth family describes.

    The upper end is the first bin above the mode with fewer than `min_count` events. The lower
    end is the lowest edge, at or above the mode of the density, from which the fit up to there is
    good: so is the next edge up, or the agreement was luck. One window may be masked, so that a
    single resonance does not push the range up.

    Parameters
    ----------
    counts : array_like (B,)
        Observed counts.
    edges : array_like (B+1,)
        Bin edges [GeV].
    family : Family
        The family; its order is chosen by `fit_spectrum` in every fit.
    windows : sequence of Window
        Windows that may be masked, one at a time, if they lie inside the range with their
        sidebands.
    alpha : float
        A fit is good if its p-value exceeds this.
    min_count : float
        Smallest count of the bins kept at the upper end.
    exposure : array_like (B,), optional
        See `fit_spectrum`; the mode is that of the density, counts over exposure.

    Returns
    -------
    low, high : float
        Bin edges [GeV].

    Raises
    ------
    InputError
        If the spectrum cannot be used.
    FitError
        If no range of at least twice `family.max_order` bins is described.
    """
    n, e = check_spectrum(counts, edges)
    x = check_exposure(exposure, len(n))
    if not 0 < alpha < 1:
        raise InputError(f"alpha must be between 0 and 1, got {alpha}", value=alpha)
    mode = int(np.argmax(n / np.diff(e) if x is None else n / np.diff(e) / x))
    sparse = np.flatnonzero(n[mode:] < min_count)
    top = mode + int(sparse[0]) if len(sparse) else len(n)
    last = top - 2 * family.max_order
    if last < mode:
        raise FitError(
            f"too few events: {n.sum():g} in all, and only {top - mode} bins above the mode of the "
            f"spectrum hold at least {min_count:g}; a fit of '{family.name}' needs "
            f"{2 * family.max_order}"
        )
    good: dict[int, bool] = {}

    def accepted(first: int) -> bool:
        if first not in good:
            part = n[first:top], e[first : top + 1], None if x is None else x[first:top]
            good[first] = _described(*part, family, windows, alpha)
        return good[first]

    for first in range(mode, last + 1):
        if accepted(first) and (first == last or accepted(first + 1)):
            return float(e[first]), float(e[top])
    raise FitError(
        f"no range of at least {2 * family.max_order} bins between {e[mode]:g} and {e[top]:g} GeV "
        f"is described by the family '{family.name}' with p > {alpha:g}"
    )


def _described(
    counts: FloatArray,
    edges: FloatArray,
    exposure: FloatArray | None,
    family: Family,
    windows: Sequence[Window],
    alpha: float,
) -> bool:
    slack = 1e-9 * (edges[-1] - edges[0])
    inside = [
        w for w in windows if w.span[0] >= edges[0] - slack and w.span[1] <= edges[-1] + slack
    ]
    for window in (None, *inside):
        try:
            if fit_spectrum(counts, edges, window, family, exposure=exposure).p_value > alpha:
                return True
        except FitError:  # this mask leaves too little; another may not
            continue
    return False
