"""`signal_row`: a result row of the Dark Machines challenge from scores, arXiv:2105.14027."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError
from novum.evaluation.dark_machines import SignalRow
from novum.evaluation.performance import EPS_B
from novum.evaluation.sic import MIN_BACKGROUND
from novum.evaluation.weights import event_weights

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-9  # 0.3 * 10 is 3 events, not 3.0000000000000004


def signal_row(
    background: ArrayLike,
    signal: ArrayLike,
    *,
    process: str,
    model: str,
    channel: str,
    background_weight: ArrayLike | None = None,
    signal_weight: ArrayLike | None = None,
    min_background: int = MIN_BACKGROUND,
) -> SignalRow:
    """The row of a model on one signal, from its scores in one channel.

    An event passes at or above the threshold, which is the loosest background score that keeps
    within ε_B. Events of equal score pass together, so that less than ε_B may pass: the signal
    efficiency is then too small, never too large.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Scores, higher is more anomalous; only their order counts.
    process, model, channel : str
        Names for the row.
    background_weight, signal_weight : arrays (n_b,), (n_s,), optional
        Weights, not negative; ones by default.
    min_background : int
        Fewest background events that must pass for an efficiency to be quoted; with weights w,
        (Σw)²/Σw² of them. The challenge itself quotes whatever one event allows.

    Raises
    ------
    InputError
        If a sample is empty or not one-dimensional, a score is NaN, a weight is negative or not
        finite, or `min_background` is not positive.
    """
    if min_background < 1:
        raise InputError(
            f"at least one background event must pass a threshold, got {min_background}",
            value=min_background,
        )
    b, w_b = _sample(background, background_weight, "background")
    s, w_s = _sample(signal, signal_weight, "signal")
    first, second, third = (
        None if cut is None else _share(w_s[s >= cut].sum() / w_s.sum())
        for cut in _thresholds(b, w_b, min_background)
    )
    return SignalRow(process, model, channel, _auc(b, w_b, s, w_s), (first, second, third))


def _thresholds(b: FloatArray, w_b: FloatArray, min_background: int) -> list[float | None]:
    """Loosest background score within each ε_B; None where too few events reach it."""
    order = np.argsort(b)[::-1]
    falling, weight = b[order], w_b[order]
    last_of_ties = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    passed = np.cumsum(weight)[last_of_ties]
    count = passed**2 / np.cumsum(weight**2)[last_of_ties]
    cuts: list[float | None] = []
    for eps_b in EPS_B:
        n = int(np.searchsorted(passed, eps_b * passed[-1] * (1 + _ROUNDING), side="right"))
        enough = n > 0 and count[n - 1] >= min_background * (1 - _ROUNDING)
        cuts.append(float(falling[last_of_ties[n - 1]]) if enough else None)
    return cuts


def _sample(
    scores: ArrayLike, weight: ArrayLike | None, name: str
) -> tuple[FloatArray, FloatArray]:
    """Scores and weights of the events that weigh anything."""
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise InputError(f"{name} scores need one number per event, got shape {x.shape}")
    missing = int(np.isnan(x).sum())
    if missing:
        raise InputError(f"{missing} of {len(x)} {name} scores are NaN, which has no rank")
    w = event_weights(weight, len(x), f"{name} weight")
    return x[w > 0], w[w > 0]


def _auc(b: FloatArray, w_b: FloatArray, s: FloatArray, w_s: FloatArray) -> float:
    """Chance that a signal event scores above a background one; a tie counts one half."""
    order = np.argsort(b)
    below = np.concatenate([[0.0], np.cumsum(w_b[order])])
    lost = below[np.searchsorted(b[order], s, side="left")]
    tied = below[np.searchsorted(b[order], s, side="right")]
    return _share((w_s * (lost + tied)).sum() / (2 * below[-1] * w_s.sum()))


def _share(value: float) -> float:
    return min(float(value), 1.0)  # sums of weights round
