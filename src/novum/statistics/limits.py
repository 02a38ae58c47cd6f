"""Upper limits on a signal strength by CLs, for selections that are frozen on independent data.

Asymptotic formulas, or toys where little background is expected; see `novum.statistics.cls`. pyhf
checks the format of every workspace, and every asymptotic limit. A selection that was trained on
the data it is applied to gets no valid limit this way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError, InputError
from novum.statistics.cls import BANDS, DataSet, Numbers, Point, asymptotic_cls, toy_cls
from novum.statistics.histfactory import BatchLikelihood
from novum.statistics.pyhf_check import confirmed_cls, validate_workspace
from novum.statistics.workspace import Spec

FloatArray = NDArray[np.float64]

FEW_EVENTS = 10.0  # expected background of the signal regions below which toys are thrown
ASYMPTOTIC, TOYS = "asymptotic q̃_μ", "toys of q̃_μ"
_GRID = 8
_ROUNDS = 2
_NEAR = 0.003  # relative distance below which a scan point is not repeated
_MOST_DOUBLINGS = 200
_MOST_STEPS = 40  # of half as much again: seven orders of magnitude above a rough limit
_TARGET_Q = 4.0  # about where 95 % limits lie


@dataclass(frozen=True)
class Limit:
    """An upper limit on the signal strength μ.

    Attributes
    ----------
    level : float
        Confidence level.
    observed : float
        Limit on μ.
    expected : tuple of float, length 5
        Limits on μ from background alone: -2σ, -1σ, median, +1σ, +2σ.
    cls_at_limit : float
        CLs computed anew at `observed`, by pyhf where the method is asymptotic; close to
        1 - level.
    method : str
        ``"asymptotic q̃_μ"`` or ``"toys of q̃_μ"``.
    n_toys : int
        Toys of either hypothesis at every scan point; 0 for the asymptotic formulas.
    mu, cls : tuple of float, length S
        Scan points in rising order, from 0, and the observed CLs.
    cls_expected : tuple of 5 tuples of float, each of length S
        Expected CLs, in the order of `expected`.
    """

    level: float
    observed: float
    expected: Numbers
    cls_at_limit: float
    method: str
    n_toys: int
    mu: Numbers
    cls: Numbers
    cls_expected: tuple[Numbers, ...]

    def cls_at(self, mu: float) -> float:
        """Observed CLs at a signal strength inside the scan, interpolated in ln CLs.

        Raises
        ------
        InputError
            If `mu` lies outside the scan.
        """
        if not self.mu[0] <= mu <= self.mu[-1]:
            raise InputError(
                f"μ = {mu:g} lies outside the scan, {self.mu[0]:g}-{self.mu[-1]:g}", value=mu
            )
        return float(np.exp(np.interp(mu, self.mu, _log(np.array(self.cls)))))


def upper_limit(
    workspace: Spec,
    level: float = 0.95,
    method: str | None = None,
    n_toys: int = 10_000,
    seed: int = 0,
) -> Limit:
    """CLs upper limit on the signal strength of a workspace.

    Parameters
    ----------
    workspace : dict
        As `on_off_workspace` makes it.
    level : float
        Confidence level.
    method : {"asymptotic", "toys"}, optional
        By default toys where fewer than 10 background events are expected in the signal regions.
    n_toys, seed : int
        Toys of either hypothesis at every scan point, and their seed.

    Returns
    -------
    Limit

    Raises
    ------
    MissingDependencyError
        If pyhf is not installed.
    InputError
        If the workspace violates pyhf's schema, or an argument is out of range.
    FitError
        If a fit fails, no signal strength is excluded, or pyhf finds another CLs at the limit.
    """
    if not 0 < level < 1:
        raise InputError(f"the level must be between 0 and 1, got {level}", value=level)
    if method not in (None, "asymptotic", "toys"):
        raise InputError(f"the method is 'asymptotic' or 'toys', got '{method}'", value=method)
    if n_toys < 100 or seed < 0:
        raise InputError(f"at least 100 toys and a seed from 0 on, got {n_toys} and {seed}")
    validate_workspace(workspace)
    likelihood = BatchLikelihood.of(workspace)
    asimov = likelihood.without_fluctuation(0.0)
    scale = _scale(likelihood, asimov)
    expected = float(asimov[0][0, list(likelihood.signal_regions)].sum())
    if method == "toys" or (method is None and expected < FEW_EVENTS):
        return _limit(partial(toy_cls, likelihood, n=n_toys, seed=seed), level, scale, TOYS, n_toys)
    formulas = partial(asymptotic_cls, likelihood, asimov=asimov)
    limit = _limit(formulas, level, scale, ASYMPTOTIC, 0)
    return replace(limit, cls_at_limit=confirmed_cls(workspace, limit.observed, 1 - level))


def _scale(likelihood: BatchLikelihood, asimov: DataSet) -> float:
    """Signal strength near the expected limit, found by doubling and halving."""

    def beyond(mu: float) -> bool:
        return bool(likelihood.q_tilde(mu, *asimov)[0] > _TARGET_Q)

    mu = 1.0
    for _ in range(_MOST_DOUBLINGS):
        if beyond(mu):
            break
        mu *= 2
    else:
        raise FitError("no signal strength can be excluded: the background is too uncertain")
    while beyond(mu / 2) and mu > 2.0**-_MOST_DOUBLINGS:
        mu /= 2
    return mu


def _limit(
    evaluate: Callable[[float], Point], level: float, scale: float, method: str, n_toys: int
) -> Limit:
    grid, values = _scan(evaluate, 1 - level, scale)
    observed, *expected = (_crossing(grid, v, 1 - level) for v in values)
    return Limit(
        level=level,
        observed=observed,
        expected=tuple(expected),
        cls_at_limit=evaluate(observed)[0],
        method=method,
        n_toys=n_toys,
        mu=tuple(grid.tolist()),
        cls=tuple(values[0].tolist()),
        cls_expected=tuple(tuple(v.tolist()) for v in values[1:]),
    )


def _scan(
    evaluate: Callable[[float], Point], alpha: float, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Signal strengths (S,) and CLs (6, S): observed and expected, dense around the limits."""
    points: dict[float, Point] = {0.0: (1.0, (1.0,) * len(BANDS))}
    low = high = scale
    for _ in range(_MOST_STEPS):
        points[high] = evaluate(high)
        if max(points[high][0], *points[high][1]) < alpha:
            break
        high *= 1.5
    else:
        raise FitError(
            f"CLs stays above {alpha:.3g} up to μ = {high:.3g}: the signal is too uncertain to be "
            "excluded"
        )
    for _ in range(_MOST_STEPS):
        if min(points[low][0], *points[low][1]) >= alpha:
            break
        low /= 1.5
        points[low] = evaluate(low)
    for mu in np.linspace(0, high, _GRID + 1)[1:-1].tolist():
        points[mu] = evaluate(mu)
    for _ in range(_ROUNDS):
        grid, values = _curves(points)
        for mu in (_crossing(grid, v, alpha) for v in values):
            if min(abs(mu / m - 1) for m in points if m > 0) > _NEAR:
                points[mu] = evaluate(mu)
    return _curves(points)


def _curves(points: dict[float, Point]) -> tuple[FloatArray, FloatArray]:
    mu = np.array(sorted(points))
    return mu, np.array([[points[m][0], *points[m][1]] for m in mu]).T


def _crossing(mu: FloatArray, cls: FloatArray, alpha: float) -> float:
    """Largest signal strength that is not excluded, ln CLs interpolated between scan points."""
    last = int(np.flatnonzero(cls >= alpha)[-1])
    a, b = _log(cls[last : last + 2])
    share = (a - np.log(alpha)) / (a - b)
    return float(mu[last] + share * (mu[last + 1] - mu[last]))


def _log(cls: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(cls, 1e-12)))
