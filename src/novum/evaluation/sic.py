"""Significance-improvement characteristic (SIC) and the efficiencies behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.evaluation.passing import count_passing
from novum.evaluation.weights import event_weights

FloatArray = NDArray[np.float64]

MIN_BACKGROUND = 25  # relative error of eps_b is then 20 %


@dataclass(frozen=True, eq=False)
class SicCurve:
    """SIC = ε_S/√ε_B at every threshold where enough background passes.

    Attributes
    ----------
    eps_b, eps_s, sic : float64 arrays (k,)
        In rising order of ε_B.
    n_background : int64 array (k,)
        Background events that pass.
    n_total : (int, int)
        All background and all signal events.
    """

    eps_b: FloatArray
    eps_s: FloatArray
    sic: FloatArray
    n_background: NDArray[np.int64]
    n_total: tuple[int, int]

    def best(self, min_eps_b: float = 0.0) -> tuple[float, int] | None:
        """Largest SIC with ε_B above `min_eps_b` and the background events that pass there."""
        rows = np.flatnonzero(self.eps_b > min_eps_b)
        if len(rows) == 0:
            return None
        top = rows[np.argmax(self.sic[rows])]
        return float(self.sic[top]), int(self.n_background[top])

    def at(self, eps_b: float) -> float | None:
        """SIC at a background efficiency; None where too little background passes there."""
        if len(self.eps_b) == 0 or eps_b < self.eps_b[0]:
            return None
        return float(self.sic[np.searchsorted(self.eps_b, eps_b, side="right") - 1])


def sic_curve(
    background: FloatArray, signal: FloatArray, min_background: int = MIN_BACKGROUND
) -> SicCurve:
    """SIC curve from the scores of background and signal events.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Scores, higher is more anomalous.
    min_background : int
        Fewest background events that must pass for a point to be quoted.

    Raises
    ------
    InputError
        If either sample is empty or holds NaN.
    """
    passing = count_passing(background, signal)
    rows = passing.background_rows(min_background)
    passed = passing.background[rows]
    return SicCurve(
        eps_b=passed / passing.n_background,
        eps_s=passing.signal[rows] / passing.n_signal,
        sic=passing.sic(rows),
        n_background=passed,
        n_total=(passing.n_background, passing.n_signal),
    )


def auc(
    background: FloatArray,
    signal: FloatArray,
    background_weight: ArrayLike | None = None,
    signal_weight: ArrayLike | None = None,
) -> float:
    """Area under the ROC curve: the chance that a signal event scores above a background one.

    A tie counts one half.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Scores, higher is more anomalous.
    background_weight, signal_weight : arrays (n_b,), (n_s,), optional
        Not negative, as those of `plane`.

    Raises
    ------
    InputError
        If a sample is empty or holds NaN, or a weight is negative or missing.
    """
    if background_weight is None and signal_weight is None:
        return count_passing(background, signal).auc()
    count_passing(background, signal)  # refuses what has no rank
    b, s = np.asarray(background, np.float64), np.asarray(signal, np.float64)
    w = event_weights(background_weight, len(b), "background_weight")
    v = event_weights(signal_weight, len(s), "signal_weight")
    return float(v @ share_below(s, b, w) / v.sum())


def share_below(scores: FloatArray, others: FloatArray, weight: FloatArray) -> FloatArray:
    """Share (n,) of the weight of other scores (k,) below each score; ties count one half."""
    order = np.argsort(others, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weight[order])])
    ranked = others[order]
    sides = [below[np.searchsorted(ranked, scores, side=side)] for side in ("left", "right")]
    return np.asarray((sides[0] + sides[1]) / (2 * below[-1]))
