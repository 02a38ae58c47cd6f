"""Planing: weights that take what one variable says out of a comparison (arXiv:1908.08959)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import ConfigError, InputError
from novum.evaluation.weights import event_weights, finite_column

FloatArray = NDArray[np.float64]

Target = Literal["background", "signal", "flat"]

BINS = 30
FEWEST = 10  # events of each sample in a bin, else its share is not known


@dataclass(frozen=True, eq=False)
class Planed:
    """Weights after which two samples have one spectrum.

    Events in bins where a sample has too few of them weigh 0: there is nothing to compare with.

    Attributes
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Weights, not negative; each sums to 1.
    kept_background, kept_signal : float
        Share of the weight of each sample in the bins that both fill.
    effective_background, effective_signal : float
        Events of equal weight that would be as good, (Σw)² / Σw².
    edges : array (B + 1,)
        Of the bins, which do not hold their upper edge.
    """

    background: FloatArray
    signal: FloatArray
    kept_background: float
    kept_signal: float
    effective_background: float
    effective_signal: float
    edges: FloatArray


def plane(
    background: ArrayLike,
    signal: ArrayLike,
    *,
    to: Target = "background",
    bins: int = BINS,
    background_weight: ArrayLike | None = None,
    signal_weight: ArrayLike | None = None,
) -> Planed:
    """Weigh two samples so that a variable has the same spectrum in both.

    A measure of scores that takes these weights says what they know beside the variable: an AUC
    that falls to ½ came from it alone. Inside a bin spectra may still differ.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        The variable, say the jet mass [GeV].
    to : str
        background: signal takes its spectrum, and the weights of background stay; signal: the
        other way around; flat: every bin weighs as much as it is wide (planing as in
        arXiv:1709.10106, arXiv:1908.08959). A narrow resonance at masses where background is rare
        leaves few events of weight unless it is the target: see ``effective_background`` and
        ``effective_signal``.
    bins : int
        Bins of equal content of the two samples together, each counting half; for flat spectra of
        equal width between the least and the largest value that both reach.
    background_weight, signal_weight : arrays (n_b,), (n_s,), optional
        Not negative.

    Raises
    ------
    InputError
        If a value is not finite, a weight is negative, there are fewer than two bins, or no bin
        holds 10 events of each sample.
    ConfigError
        For another target.
    """
    if to not in get_args(Target):
        raise ConfigError(f"to: must be one of {', '.join(get_args(Target))}, got {to}")
    if bins < 2:
        raise InputError("planing needs at least 2 bins", column="bins", value=bins)
    values = finite_column(background, "background"), finite_column(signal, "signal")
    for name, v in zip(("background", "signal"), values, strict=True):
        if not len(v):
            raise InputError("there are no events", column=name)
    given = (background_weight, signal_weight)
    weights = [event_weights(w, len(v)) for w, v in zip(given, values, strict=True)]
    edges = _equal_width(*values, bins) if to == "flat" else _equal_content(*values, bins)
    n_bins = len(edges) - 1
    places = [_places(v, edges) for v in values]
    counts = [np.bincount(p[p >= 0], minlength=n_bins) for p in places]
    sums = [_sums(p, w, n_bins) for p, w in zip(places, weights, strict=True)]
    both = (np.minimum(*counts) >= FEWEST) & (np.minimum(*sums) > 0)
    if not both.any():
        raise InputError(
            f"no bin holds {FEWEST} events of background and of signal: the samples do not overlap"
        )
    spectra = {"background": sums[0], "signal": sums[1], "flat": np.diff(edges)}
    target = np.where(both, spectra[to], 0.0)
    found = [_weights(p, w, s, target) for p, w, s in zip(places, weights, sums, strict=True)]
    kept = [float(s[both].sum() / w.sum()) for s, w in zip(sums, weights, strict=True)]
    effective = [float(1 / np.square(w).sum()) for w in found]
    return Planed(found[0], found[1], kept[0], kept[1], effective[0], effective[1], edges)


def _equal_content(background: FloatArray, signal: FloatArray, bins: int) -> FloatArray:
    values = np.concatenate([background, signal])
    shares = [np.full(len(v), 0.5 / len(v)) for v in (background, signal)]
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.concatenate(shares)[order])
    at = np.searchsorted(reached, np.arange(1, bins) / bins)
    inner = values[order][np.minimum(at, len(values) - 1)]
    if values.min() == values.max():
        raise InputError("all values are equal, there is no spectrum", value=float(values[0]))
    return np.unique([values.min(), *inner, _just_above(values.max())])


def _equal_width(background: FloatArray, signal: FloatArray, bins: int) -> FloatArray:
    low = max(background.min(), signal.min())
    high = min(background.max(), signal.max())
    if not low < high:
        raise InputError("the spectra of background and signal do not overlap")
    return np.append(np.linspace(low, high, bins + 1)[:-1], _just_above(high))


def _just_above(value: float) -> float:
    return float(np.nextafter(value, np.inf))


def _places(values: FloatArray, edges: FloatArray) -> NDArray[np.int64]:
    """Bin of each value, -1 outside."""
    at = np.searchsorted(edges, values, side="right") - 1
    return np.where((at >= 0) & (at < len(edges) - 1), at, -1).astype(np.int64)


def _sums(places: NDArray[np.int64], w: FloatArray, n_bins: int) -> FloatArray:
    inside = places >= 0
    return np.asarray(np.bincount(places[inside], w[inside], n_bins), np.float64)


def _weights(
    places: NDArray[np.int64], w: FloatArray, sums: FloatArray, target: FloatArray
) -> FloatArray:
    """Weights whose sums in the bins are `target`, up to a factor."""
    factor = np.divide(target, sums, out=np.zeros_like(target), where=sums > 0)
    weighted = np.where(places >= 0, w * factor[places], 0.0)
    return np.asarray(weighted / weighted.sum())
