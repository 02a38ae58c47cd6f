"""Sculpting: whether a selection changes the shape of the mass spectrum of the background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError, WindowError
from novum.evaluation.weights import event_weights, finite_column

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FEWEST_EXPECTED = 25  # selected, and rejected, in each bin: χ² is then distributed as it should
MOST_BINS = 20  # sculpting is smooth: more bins only dilute it


@dataclass(frozen=True, eq=False)
class Sculpting:
    """Shape of the selected spectrum against that of all events.

    Attributes
    ----------
    chi2 : float
    ndf : int
        Bins less one.
    p : float
        Chance of a larger χ² for a random selection of as many events.
    jensen_shannon : float
        Divergence of the spectra of passing and failing events, in bits: 0 for equal shapes, 1
        for disjoint ones. A random selection gives some (B - 1)/(8 ln 2) (1/n + 1/k) with B bins,
        n passing and k failing events.
    edges : array (B + 1,)
        Of the bins. The last bin includes its upper edge.
    inclusive, selected : arrays (B,)
        Sums of weights of all and of the selected events.
    """

    chi2: float
    ndf: int
    p: float
    jensen_shannon: float
    edges: FloatArray
    inclusive: FloatArray
    selected: FloatArray


def sculpting(
    m: ArrayLike,
    passes: ArrayLike,
    *,
    masked: tuple[float, float] | None = None,
    weight: ArrayLike | None = None,
    edges: ArrayLike | None = None,
) -> Sculpting:
    """Compare the mass spectrum of selected background events with that of all of them.

    The null is a selection of as many events at random: given all events, their number and their
    weights, the mean and the covariance of the selected spectrum are known exactly (multivariate
    hypergeometric for equal weights). χ² takes them as they are, and its p-value is asymptotic:
    at least 25 selected and 25 rejected events are expected in every bin. The Jensen-Shannon
    divergence is that of passing and failing events in bits, as for mass-decorrelated taggers
    (ATL-PHYS-PUB-2018-014, arXiv:2001.05310).

    Parameters
    ----------
    m : array (n,)
        Resonant variable of background events [GeV].
    passes : bool array (n,)
        Events that are selected.
    masked : (float, float), optional
        Interval of m whose events are left out, lower end included.
    weight : array (n,), optional
        Not negative.
    edges : array, optional
        Rising edges of bins; events outside are left out, and bins that expect too few events are
        joined with the next ones. Otherwise at most 20 bins with equally many events.

    Returns
    -------
    Sculpting

    Raises
    ------
    InputError
        If shapes differ, m or a weight is not finite, a weight is negative, edges do not rise, or
        the events do not fill two bins.
    WindowError
        If the masked interval is empty.
    """
    mass = finite_column(m, "m")
    selected = _selection(passes, len(mass))
    w = event_weights(weight, len(mass))
    kept = np.ones(len(mass), dtype=np.bool_) if masked is None else ~_inside(mass, masked)
    if edges is not None:
        limits = _rising(edges)
        kept &= (mass >= limits[0]) & (mass <= limits[-1])
    mass, selected, w = mass[kept], selected[kept], w[kept]
    per_bin = _events_needed(selected)
    if edges is None:
        limits = _equal_content(mass, per_bin)
    limits = _joined(mass, limits, per_bin)
    place = np.clip(np.searchsorted(limits, mass, side="right") - 1, 0, len(limits) - 2)
    return _compared(place, selected, w, limits)


def _compared(
    place: NDArray[np.int64], selected: BoolArray, w: FloatArray, edges: FloatArray
) -> Sculpting:
    from scipy.special import chdtrc, rel_entr

    n_bins, n, n_pass = len(edges) - 1, len(place), int(selected.sum())
    all_events, passing, failing, squares = (
        np.bincount(place, x, n_bins).astype(np.float64)
        for x in (w, w * selected, w * ~selected, w**2)
    )
    if not (all_events.all() and passing.any() and failing.any()):
        raise InputError("a bin of the mass, or all that passes or fails, has no weight")
    share = all_events / all_events.sum()
    # Residuals are sums over the selected of w (bin - share), whose sum over all events is zero.
    residual = passing - share * passing.sum()
    cross = np.outer(share, squares)
    spread = np.diag(squares) - cross - cross.T + np.outer(share, share) * squares.sum()
    covariance = spread * n_pass * (n - n_pass) / (n * (n - 1))
    free = slice(n_bins - 1)  # residuals add up to zero
    chi2 = float(residual[free] @ np.linalg.solve(covariance[free, free], residual[free]))
    p, f = passing / passing.sum(), failing / failing.sum()
    divergence = (rel_entr(p, (p + f) / 2) + rel_entr(f, (p + f) / 2)).sum() / (2 * np.log(2))
    return Sculpting(
        chi2=chi2,
        ndf=n_bins - 1,
        p=float(chdtrc(n_bins - 1, chi2)),
        jensen_shannon=max(float(divergence), 0.0),
        edges=edges,
        inclusive=all_events,
        selected=passing,
    )


def _events_needed(selected: BoolArray) -> int:
    """Events in a bin of which 25 are expected among the selected, and among the rejected."""
    n, n_pass = len(selected), int(selected.sum())
    fewer = min(n_pass, n - n_pass)
    if fewer < 2 * FEWEST_EXPECTED:
        raise InputError(
            f"sculpting needs two bins with {FEWEST_EXPECTED} selected and {FEWEST_EXPECTED} "
            f"rejected events expected; {n_pass} of {n} events are selected",
            value=n_pass,
        )
    return -(-FEWEST_EXPECTED * n // fewer)


def _equal_content(mass: FloatArray, per_bin: int) -> FloatArray:
    """Edges that are masses of events: they transform as the mass does."""
    n_bins = min(len(mass) // per_bin, MOST_BINS)
    first = np.ceil(np.arange(n_bins) * len(mass) / n_bins).astype(np.int64)
    ordered = np.sort(mass)
    return np.unique(np.append(ordered[first], ordered[-1]))


def _joined(mass: FloatArray, edges: FloatArray, per_bin: int) -> FloatArray:
    """Edges of bins with at least `per_bin` events, the last one closed."""
    below = np.searchsorted(np.sort(mass), edges[1:-1])
    kept, start = [float(edges[0])], 0
    for edge, count in zip(edges[1:-1], below, strict=True):
        if count - start >= per_bin <= len(mass) - count:
            kept.append(float(edge))
            start = count
    if len(kept) < 2:
        raise InputError(
            f"the masses do not fill two bins of {per_bin} events, as many as are needed to expect "
            f"{FEWEST_EXPECTED} selected and {FEWEST_EXPECTED} rejected ones",
            column="m",
        )
    return np.array([*kept, float(edges[-1])])


def _inside(mass: FloatArray, interval: tuple[float, float]) -> BoolArray:
    low, high = interval
    if not low < high:
        raise WindowError(f"the masked interval {low:g} to {high:g} is empty", value=interval)
    return np.asarray((mass >= low) & (mass < high))


def _rising(edges: ArrayLike) -> FloatArray:
    limits = finite_column(edges, "edges")
    if len(limits) < 3 or (np.diff(limits) <= 0).any():
        raise InputError("at least three rising edges are needed", column="edges")
    return limits


def _selection(passes: ArrayLike, n: int) -> BoolArray:
    selected = np.asarray(passes)
    if selected.shape != (n,) or selected.dtype != np.bool_:
        raise InputError(
            f"{n} events need as many booleans, got {selected.dtype} of shape {selected.shape}",
            column="passes",
        )
    return selected
