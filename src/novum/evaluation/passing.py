"""Events that pass each threshold: the counts that every figure of merit is read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Thresholds kept for the bootstrap are apart by a fifth of the Poisson error of what passes.
STEPS_PER_ROOT = 10
_ROUNDING = 1e-9  # 0.3 * 10 is 3 events, not 3.0000000000000004


@dataclass(frozen=True, eq=False)
class Passing:
    """Background and signal events at or above falling thresholds; the last one passes all.

    Attributes
    ----------
    background, signal : int64 arrays (k,)
        Never falling. Events of equal score pass together.
    """

    background: IntArray
    signal: IntArray

    @property
    def n_background(self) -> int:
        """All background events."""
        return int(self.background[-1])

    @property
    def n_signal(self) -> int:
        """All signal events."""
        return int(self.signal[-1])

    def auc(self) -> float:
        """Chance that a signal event scores above a background one; a tie counts one half."""
        background, signal = (np.diff(x, prepend=0) for x in (self.background, self.signal))
        below = self.n_background - self.background
        wins = int((signal * (2 * below + background)).sum())  # whole numbers: exact
        return wins / (2 * self.n_background * self.n_signal)

    def sic(self, rows: IntArray) -> FloatArray:
        """ε_S/√ε_B at the thresholds `rows`, shape (r,); NaN or inf where no background passes."""
        eps_s = self.signal[rows] / self.n_signal
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(eps_s / np.sqrt(self.background[rows] / self.n_background))

    def background_rows(self, least: int = 1) -> IntArray:
        """Thresholds at the background scores where at least `least` background events pass."""
        new = np.diff(self.background, prepend=0) > 0
        return np.flatnonzero(new & (self.background >= least))

    def rows_at_eps_b(self, eps_b: FloatArray) -> IntArray:
        """Threshold of the most background that stays within each ε_B, shape (r,).

        Among thresholds with the same background it is the tightest: that at the last background
        score which passes. Where even the first one passes too much, the row is 0.
        """
        most = np.floor(eps_b * self.n_background * (1 + _ROUNDING)).astype(np.int64)
        last = np.maximum(np.searchsorted(self.background, most, side="right") - 1, 0)
        return np.searchsorted(self.background, self.background[last], side="left")

    def rows_at_eps_s(self, eps_s: FloatArray) -> IntArray:
        """Tightest threshold that reaches each ε_S, shape (r,)."""
        least = np.ceil(eps_s * self.n_signal * (1 - _ROUNDING)).astype(np.int64)
        return np.searchsorted(self.signal, np.maximum(least, 1), side="left")

    def take(self, rows: IntArray) -> Passing:
        """The thresholds `rows`, which must rise and end with the last."""
        return Passing(self.background[rows], self.signal[rows])


def count_passing(background: ArrayLike, signal: ArrayLike) -> Passing:
    """Count what passes a threshold at every score that occurs.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Scores, higher is more anomalous. Infinite scores are ranked like others.

    Raises
    ------
    InputError
        If a sample is empty or not one-dimensional, or a score is NaN.
    """
    b, s = np.asarray(background, dtype=np.float64), np.asarray(signal, dtype=np.float64)
    for name, scores in (("background", b), ("signal", s)):
        if scores.ndim != 1:
            raise InputError(f"{name} scores need one number per event, got shape {scores.shape}")
        if np.isnan(scores).any():
            raise InputError(
                f"{int(np.isnan(scores).sum())} of {len(scores)} {name} scores are NaN, which has "
                "no rank"
            )
    if len(b) == 0 or len(s) == 0:
        raise InputError(
            f"an evaluation needs background and signal, got {len(b)} and {len(s)} events"
        )
    scores = np.concatenate([b, s])
    order = np.argsort(scores)[::-1]
    falling = scores[order]
    last_of_ties = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    passed = np.cumsum(order >= len(b), dtype=np.int64)[last_of_ties]
    return Passing(background=last_of_ties + 1 - passed, signal=passed)


def thinned_rows(passing: Passing, *extra: int) -> IntArray:
    """Rising rows that carry all that a bootstrap can resolve, with `extra` and the last one.

    Thresholds are left out where neither count moved by a fifth of its Poisson error, so that
    some 10 (√n_b + √n_s) of them remain; where fewer than 25 events pass none is left out.
    """
    kept = [np.array([*extra, len(passing.signal) - 1], dtype=np.int64)]
    for counts in (passing.background, passing.signal):
        level = np.floor(STEPS_PER_ROOT * np.sqrt(counts))
        kept.append(np.flatnonzero(np.diff(level, prepend=0)))
    return np.unique(np.concatenate(kept))


def resampled(passing: Passing, n: int, rng: np.random.Generator) -> Iterator[Passing]:
    """Yield `n` bootstrap replicas: background and signal events redrawn separately.

    Drawing events with replacement is drawing how many fall between neighbouring thresholds, which
    costs nothing per event.
    """
    steps = [np.diff(counts, prepend=0) for counts in (passing.background, passing.signal)]
    shares = [step / step.sum() for step in steps]
    totals = (passing.n_background, passing.n_signal)
    for _ in range(n):
        drawn = (
            np.cumsum(rng.multinomial(total, share))
            for total, share in zip(totals, shares, strict=True)
        )
        yield Passing(*drawn)
