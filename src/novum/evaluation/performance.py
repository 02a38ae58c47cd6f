"""`evaluate`: figures of merit of one sample of scores; `over_seeds`: of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError, require_seed
from novum.evaluation.decorrelation import Masses, decorrelation, decorrelation_over_seeds
from novum.evaluation.passing import Passing, count_passing, resampled, thinned_rows
from novum.evaluation.records import (
    Estimate,
    Figures,
    MaxSic,
    Performance,
    Rejection,
    WorkingPoint,
)
from novum.evaluation.seeds import LEVELS, combined, spread
from novum.evaluation.sic import MIN_BACKGROUND

FloatArray = NDArray[np.float64]

EPS_S = (0.3, 0.5)
EPS_B = (1e-2, 1e-3, 1e-4)
REPLICAS = 200
_CURVE = 10.0 ** (-np.arange(241) / 40)  # forty a decade, down to 1e-6


class _Readings(NamedTuple):
    """Figures at fixed efficiencies, and the SIC at one fixed threshold."""

    auc: FloatArray
    rejection: FloatArray
    eps_s: FloatArray
    sic: FloatArray
    top: FloatArray


def evaluate(
    background: ArrayLike,
    signal: ArrayLike,
    *,
    masses: Masses | None = None,
    replicas: int = REPLICAS,
    seed: int = 0,
) -> Performance:
    """Figures of merit of scores whose truth is known, with bootstrap intervals.

    Nothing is quoted where fewer than 25 background events pass.

    Parameters
    ----------
    background, signal : arrays (n_b,), (n_s,)
        Scores, higher is more anomalous; only their order counts, and ties are kept.
    masses : Masses, optional
        Of the same events, for `decorrelation`.
    replicas : int
        Bootstrap replicas of background and signal, drawn separately.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Performance
        Its intervals hold the central 68 % of the replicas.

    Raises
    ------
    InputError
        If a sample is empty or holds NaN, there are fewer than two replicas, or a score or a mass
        is not finite where masses are given.
    ConfigError
        If the seed is negative.
    """
    require_seed(seed)
    if replicas < 2:
        raise InputError(f"a bootstrap needs at least 2 replicas, got {replicas}", value=replicas)
    passing = count_passing(background, signal)
    rows = passing.background_rows(MIN_BACKGROUND)
    best = int(rows[np.argmax(passing.sic(rows))]) if len(rows) else 0
    curve = _CURVE[np.floor(_CURVE * passing.n_background) >= MIN_BACKGROUND]
    eps_b = np.concatenate([EPS_B, curve])
    kept = thinned_rows(passing, best)
    coarse, place = passing.take(kept), int(np.searchsorted(kept, best))
    drawn = [
        _read(replica, eps_b, place)
        for replica in resampled(coarse, replicas, np.random.default_rng(seed))
    ]
    value = _read(passing, eps_b, best)
    band = _Readings(*(_quantiles(np.stack(column)) for column in zip(*drawn, strict=True)))
    figures = _figures(passing, eps_b, value, band, best if len(rows) else None)
    if masses is not None:
        follows = decorrelation(background, signal, masses, seed=seed)
        figures = replace(figures, decorrelation=follows)
    return Performance(
        n_signal=passing.n_signal,
        n_background=passing.n_background,
        significance_before=passing.n_signal / passing.n_background**0.5,
        figures=figures,
        replicas=replicas,
        seed=seed,
    )


def _read(passing: Passing, eps_b: FloatArray, top: int) -> _Readings:
    rows = passing.rows_at_eps_b(eps_b)
    cuts = passing.rows_at_eps_s(np.array(EPS_S))
    with np.errstate(divide="ignore"):
        rejection = passing.n_background / passing.background[cuts]
    return _Readings(
        auc=np.array([passing.auc()]),
        rejection=rejection,
        eps_s=passing.signal[rows] / passing.n_signal,
        sic=passing.sic(rows),
        top=passing.sic(np.array([top])),
    )


def _quantiles(values: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):  # no background in a replica: its ends become None
        return np.asarray(np.quantile(values, LEVELS, axis=0))


def _figures(
    passing: Passing, eps_b: FloatArray, value: _Readings, band: _Readings, best: int | None
) -> Figures:
    cuts = passing.rows_at_eps_s(np.array(EPS_S))
    counts = passing.background[passing.rows_at_eps_b(eps_b)]
    within = counts <= eps_b * passing.n_background * (1 + 1e-9)
    points = [
        _working_point(float(eps_b[i]), int(counts[i]) if within[i] else 0, value, band, i)
        for i in range(len(eps_b))
    ]
    largest = None
    if best is not None:
        n = int(passing.background[best])
        largest = MaxSic(_estimate(value.top, band.top, 0), n / passing.n_background, n)
    return Figures(
        auc=_estimate(value.auc, band.auc, 0),
        max_sic=largest,
        rejections=tuple(
            Rejection(
                eps_s,
                n := int(passing.background[cuts[i]]),
                _estimate(value.rejection, band.rejection, i) if n >= MIN_BACKGROUND else None,
            )
            for i, eps_s in enumerate(EPS_S)
        ),
        working_points=tuple(points[: len(EPS_B)]),
        curve=tuple(p for p in points[len(EPS_B) :] if p.sic is not None),
    )


def _working_point(eps_b: float, n: int, value: _Readings, band: _Readings, i: int) -> WorkingPoint:
    if n < MIN_BACKGROUND:
        return WorkingPoint(eps_b, n, None, None)
    return WorkingPoint(
        eps_b, n, _estimate(value.eps_s, band.eps_s, i), _estimate(value.sic, band.sic, i)
    )


def _estimate(values: FloatArray, band: FloatArray, i: int) -> Estimate:
    low, high = (float(end) if np.isfinite(end) else None for end in band[:, i])
    if low == high:  # as where no signal passes: replicas of nothing do not vary, nature does
        low = high = None
    return Estimate(float(values[i]), low, high)


def over_seeds(seeds: Sequence[Performance]) -> Figures:
    """Median and central 68 % over seeds; the figures of the only seed where there is one.

    A figure is None where one of the seeds has none: a median over those that have would favour
    the seeds that reject less.

    Parameters
    ----------
    seeds : sequence of Performance
        At least one.

    Raises
    ------
    InputError
        If there is none.
    """
    if not seeds:
        raise InputError("there are no seeds to combine")
    if len(seeds) == 1:
        return seeds[0].figures
    figures = [seed.figures for seed in seeds]
    return Figures(
        auc=spread([f.auc.value for f in figures]),
        max_sic=_largest([f.max_sic for f in figures]),
        rejections=tuple(
            Rejection(
                group[0].eps_s,
                min(r.n_background for r in group),
                combined([r.rejection for r in group]),
            )
            for group in zip(*(f.rejections for f in figures), strict=True)
        ),
        working_points=_points([f.working_points for f in figures]),
        curve=_points([f.curve for f in figures]),
        decorrelation=decorrelation_over_seeds([f.decorrelation for f in figures]),
    )


def _points(columns: Sequence[tuple[WorkingPoint, ...]]) -> tuple[WorkingPoint, ...]:
    by_eps_b = [{point.eps_b: point for point in column} for column in columns]
    shared = [e for e in by_eps_b[0] if all(e in points for points in by_eps_b)]
    groups = [[points[e] for points in by_eps_b] for e in shared]
    return tuple(
        WorkingPoint(
            group[0].eps_b,
            min(p.n_background for p in group),
            combined([p.eps_s for p in group]),
            combined([p.sic for p in group]),
        )
        for group in groups
    )


def _largest(found: Sequence[MaxSic | None]) -> MaxSic | None:
    known = [f for f in found if f is not None]
    if len(known) < len(found):
        return None
    return MaxSic(
        sic=spread([f.sic.value for f in known]),
        eps_b=median(f.eps_b for f in known),
        n_background=min(f.n_background for f in known),
    )
