"""Weights of events as the measures of this package take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError

FloatArray = NDArray[np.float64]


def event_weights(weight: ArrayLike | None, n: int, name: str = "weight") -> FloatArray:
    """Weights (n,) as floats; ones where there are none.

    Raises
    ------
    InputError
        If there is not one weight per event, a weight is negative or not finite, or all are zero.
    """
    if weight is None:
        return np.ones(n)
    w = np.asarray(weight, dtype=np.float64)
    if w.shape != (n,):
        raise InputError(f"{n} events need as many weights, got shape {w.shape}", column=name)
    bad = ~(np.isfinite(w) & (w >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{int(bad.sum())} of {n} weights are negative or not finite, the first is {w[row]} "
            f"in row {row} (rows count from 0)",
            column=name,
            value=float(w[row]),
        )
    if not w.any():
        raise InputError("all weights are zero", column=name)
    return w


def finite_column(values: ArrayLike, name: str) -> FloatArray:
    """One number per event, shape (n,), as floats.

    Raises
    ------
    InputError
        If `values` is not one-dimensional, or holds NaN or infinities.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise InputError(f"one number per event is needed, got shape {x.shape}", column=name)
    bad = ~np.isfinite(x)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{int(bad.sum())} of {len(x)} values are not finite, the first is {x[row]} in row "
            f"{row} (rows count from 0)",
            column=name,
            value=float(x[row]),
        )
    return x
