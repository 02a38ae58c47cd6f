"""`decorrelation`: how far a score follows a mass, whether or not it was given it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError
from novum.evaluation.dependence import distance_correlation
from novum.evaluation.planing import BINS as MOST_BINS
from novum.evaluation.planing import FEWEST, Planed, plane
from novum.evaluation.records import Decorrelation, Estimate, MassCut, MassSpectrum
from novum.evaluation.sculpting import sculpting
from novum.evaluation.seeds import combined, of_all
from novum.evaluation.sic import share_below
from novum.evaluation.weights import finite_column

FloatArray = NDArray[np.float64]
T = TypeVar("T")

EPS_B = (0.1, 0.01)
MOST_EVENTS = 10_000  # in the distance correlation
DRAWN_BINS = 40  # of the spectra that are drawn; the divergence has bins of its own
OUTERMOST = (0.001, 0.999)  # their ends, as shares of the background


class Masses(NamedTuple):
    """The mass of the events that are scored.

    Attributes
    ----------
    name : str
        Of its column.
    background, signal : arrays (n_b,), (n_s,)
        In the order of the scores, in any unit.
    """

    name: str
    background: ArrayLike
    signal: ArrayLike


def decorrelation(
    background: ArrayLike, signal: ArrayLike, masses: Masses, *, seed: int = 0
) -> Decorrelation:
    """Measure how far a score follows a mass, and what it knows beside it.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Scores, higher is more anomalous.
    masses : Masses
        Of the same events.
    seed : int
        Of the shuffled masses, and of the events in the distance correlation where there are more
        than 10,000.

    Returns
    -------
    Decorrelation
        The interval of the planed AUC is that of DeLong et al. (Biometrics 44 (1988) 837), with
        the weights as they are.

    Raises
    ------
    InputError
        If there is not one mass for each score, or a score or a mass is not finite.
    """
    b, m = _pair(background, masses.background, "background", masses.name)
    s, m_signal = _pair(signal, masses.signal, "signal", masses.name)
    bins = min(MOST_BINS, max(2, min(len(b), len(s)) // (2 * FEWEST)))
    planed = _measured(plane, m, m_signal, to="signal", bins=bins)
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(b))[:MOST_EVENTS]
    found = _measured(distance_correlation, b[some], m[some])
    return Decorrelation(
        mass=masses.name,
        auc_planed=None if planed is None else _planed_auc(b, s, planed),
        effective_background=None if planed is None else planed.effective_background,
        distance_correlation=None if found is None else Estimate(found, None, None),
        random=_measured(distance_correlation, b[some], rng.permutation(m[some])),
        cuts=tuple(_cut(b, m, eps_b) for eps_b in EPS_B),
    )


def decorrelation_over_seeds(seeds: Sequence[Decorrelation | None]) -> Decorrelation | None:
    """Median and central 68 % over seeds; None wherever one of the seeds is None."""
    known = [seed for seed in seeds if seed is not None]
    if len(known) < len(seeds):
        return None
    return Decorrelation(
        mass=known[0].mass,
        auc_planed=combined([seed.auc_planed for seed in known]),
        effective_background=of_all(min, [seed.effective_background for seed in known]),
        distance_correlation=combined([seed.distance_correlation for seed in known]),
        random=of_all(median, [seed.random for seed in known]),
        cuts=tuple(
            MassCut(
                eps_b=cuts[0].eps_b,
                n_background=min(cut.n_background for cut in cuts),
                jensen_shannon=combined([cut.jensen_shannon for cut in cuts]),
                random=of_all(median, [cut.random for cut in cuts]),
                spectrum=cuts[0].spectrum,
            )
            for cuts in zip(*(seed.cuts for seed in known), strict=True)
        ),
    )


def _pair(
    scores: ArrayLike, mass: ArrayLike, name: str, column: str
) -> tuple[FloatArray, FloatArray]:
    x, m = finite_column(scores, name), finite_column(mass, column)
    if len(x) != len(m):
        raise InputError(f"{len(x)} scores need as many masses, got {len(m)}", column=column)
    return x, m


def _measured(measure: Callable[..., T], *arrays: FloatArray, **options: object) -> T | None:
    """What is measured, or None where the events do not allow it."""
    try:
        return measure(*arrays, **options)
    except InputError:
        return None


def _planed_auc(b: FloatArray, s: FloatArray, planed: Planed) -> Estimate:
    w, v = planed.background, planed.signal  # each sums to 1
    of_signal, of_background = share_below(s, b, w), 1 - share_below(b, s, v)
    value = v @ of_signal
    variance = v**2 @ (of_signal - value) ** 2 + w**2 @ (of_background - value) ** 2
    error = float(np.sqrt(variance))
    return Estimate(float(value), float(value) - error, float(value) + error)


def _cut(b: FloatArray, m: FloatArray, eps_b: float) -> MassCut:
    most = int(eps_b * len(b) * (1 + 1e-9))
    passes = b > np.sort(b)[::-1][min(most, len(b) - 1)]
    n = int(passes.sum())
    found = _measured(sculpting, m, passes)
    if found is None:
        return MassCut(eps_b, n, None, None, None)
    random = found.ndf / (8 * np.log(2)) * (1 / n + 1 / (len(b) - n))
    low, high = np.quantile(m, OUTERMOST)
    edges = np.linspace(low, high, DRAWN_BINS + 1)
    counts = [tuple(np.histogram(x, edges)[0].tolist()) for x in (m, m[passes])]
    spectrum = MassSpectrum(tuple(edges.tolist()), counts[0], counts[1])
    return MassCut(eps_b, n, Estimate(found.jensen_shannon, None, None), float(random), spectrum)
