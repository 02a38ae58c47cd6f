"""What is left of the signal region after a frozen background: a small mixture of normals.

In the latent space of the background's density, background is standard normal at all masses.
Signal is a lump there, and a lump of a few hundred events supports few parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.spatial import KDTree

FloatArray = NDArray[np.float64]

COMPONENTS = (1, 2, 4)  # tried; held-out events choose
_PRIOR_EVENTS = 3.0  # weight of the prior of each covariance, in events
_PRIOR_SD = (
    0.5  # of background's standard deviation: narrower lumps need more events to be believed
)
_ITERATIONS = 100
_TOLERANCE = 0.01  # of log-likelihood
_WORTH = 2.0  # of held-out log-likelihood: by less, more components are no better
_SHORT = 12  # iterations that tell good starts from bad
_STARTS = 8
_QUERIES = 800  # events looked at for an overdensity
_REFERENCE = 10_000  # background events they are compared with
_NEIGHBOURS = (10, 40)


@dataclass(frozen=True, eq=False)
class Residual:
    """Signal as a mixture of K normals in d latent variables, and its share of the events.

    Attributes
    ----------
    fraction : float
        Share of signal in the events it was fitted to.
    share : float64 array (K,)
        Of each component in the signal; they sum to 1.
    mean : float64 array (K, d)
    covariance : float64 array (K, d, d)
    """

    fraction: float
    share: FloatArray
    mean: FloatArray
    covariance: FloatArray

    def log_ratio(self, z: FloatArray) -> FloatArray:
        """Log of signal over background, the standard normal, at z (n, d); shape (n,)."""
        return _log_sum(self.by_component(z) + np.log(self.share))

    def by_component(self, z: FloatArray) -> FloatArray:
        """Log of each component over background, shape (n, K)."""
        square = (z**2).sum(axis=1)
        out = np.empty((len(z), len(self.share)))
        for k, (mean, covariance) in enumerate(zip(self.mean, self.covariance, strict=True)):
            root = np.linalg.cholesky(covariance)
            pull = solve_triangular(root, (z - mean).T, lower=True, check_finite=False)
            log_det = np.log(np.diag(root)).sum()
            out[:, k] = 0.5 * (square - (pull**2).sum(axis=0)) - log_det
        return out


def log_likelihood(log_ratio: FloatArray, weight: FloatArray, fraction: float) -> float:
    """Of events with signal-to-background ratios (n,), over that without signal."""
    mixed = np.logaddexp(np.log1p(-fraction), np.log(fraction) + log_ratio)
    return float(weight @ mixed)


def deal(group: NDArray[np.uint64], k: int, seed: int) -> NDArray[np.int64]:
    """Deal events (n,) to k equal parts, those of a group to the same."""
    _, member = np.unique(group, return_inverse=True)
    return np.random.default_rng([seed, 0xA]).permutation(member.max() + 1)[member] % k


def choose_components(
    z: FloatArray, weight: FloatArray, group: NDArray[np.uint64], seed: int
) -> int:
    """Which of `COMPONENTS` describes held-out halves best; parameters as for `fit_residual`.

    `group` (n,): copies of an event share one, and a half.
    """
    half = deal(group, 2, seed) == 0
    gain = np.zeros(len(COMPONENTS))
    for i, train in enumerate((half, ~half)):
        for k, fitted in enumerate(_sequence(z[train], weight[train], seed + i)):
            held_out = fitted.log_ratio(z[~train])
            gain[k] += log_likelihood(held_out, weight[~train], fitted.fraction)
    enough = gain > gain.max() - _WORTH
    return COMPONENTS[int(np.argmax(enough))]


def fit_residual(z: FloatArray, weight: FloatArray, components: int, seed: int) -> Residual:
    """Signal density and fraction of largest likelihood, background being standard normal.

    Parameters
    ----------
    z : array (n, d)
        Latent variables of the events of the signal region.
    weight : array (n,)
        Positive, in effective events.
    components : int
        One of `COMPONENTS`.
    seed : int
        Of the events that are looked at for a start.
    """
    return _sequence(z, weight, seed, COMPONENTS.index(components) + 1)[-1]


def _sequence(
    z: FloatArray, weight: FloatArray, seed: int, length: int = len(COMPONENTS)
) -> list[Residual]:
    """Fits of ever more components: each next one starts from the last, its components split."""
    tried = [_climb(z, weight, s, _SHORT) for s in _starts(z, np.random.default_rng([seed, 0xB]))]
    best = max(tried, key=lambda f: log_likelihood(f.log_ratio(z), weight, f.fraction))
    fits = [_climb(z, weight, best, _ITERATIONS)]
    while len(fits) < length:
        fits.append(_climb(z, weight, _split(fits[-1]), _ITERATIONS))
    return fits


def _climb(z: FloatArray, weight: FloatArray, start: Residual, iterations: int) -> Residual:
    """Expectation-maximisation with background frozen."""
    d, total = z.shape[1], weight.sum()
    fit, before = start, -np.inf
    for _ in range(iterations):
        log_joint = np.log(fit.fraction * fit.share) + fit.by_component(z)
        log_total = np.logaddexp(np.log1p(-fit.fraction), _log_sum(log_joint))
        now = float(weight @ log_total)
        if now - before < _TOLERANCE:
            break
        before = now
        fit = _maximise(z, weight[:, None] * np.exp(log_joint - log_total[:, None]), total, d + 2)
    return fit


def _maximise(z: FloatArray, responsible: FloatArray, total: float, fewest: float) -> Residual:
    """Means, shrunk covariances and shares of components responsible for events (n, K)."""
    d = z.shape[1]
    n = responsible.sum(axis=0) + 1e-9
    mean = responsible.T @ z / n[:, None]
    covariance = np.empty((len(n), d, d))
    prior = _PRIOR_EVENTS * _PRIOR_SD**2 * np.eye(d)
    for k in range(len(n)):
        far = z - mean[k]
        scatter = (responsible[:, k, None] * far).T @ far
        # d events without correlations: as many as a row of the matrix has to learn.
        spread = scatter + np.diag(np.diag(scatter)) * d / n[k]
        covariance[k] = (spread * n[k] / (n[k] + d) + prior) / (n[k] + _PRIOR_EVENTS)
    fraction = float(np.clip(n.sum() / total, min(fewest / total, 0.5), 0.95))
    return Residual(fraction, n / n.sum(), mean, covariance)


def _log_sum(values: FloatArray) -> FloatArray:
    """Log of the sum of exponentials of each row; SciPy's costs ten times as much."""
    return np.asarray(np.logaddexp.reduce(values, axis=1))


def _split(fit: Residual) -> Residual:
    """Each component as two halves along its longest axis."""
    size, axis = np.linalg.eigh(fit.covariance)
    step = 0.8 * np.sqrt(size[:, -1, None]) * axis[:, :, -1]
    return Residual(
        fit.fraction,
        np.tile(fit.share / 2, 2),
        np.concatenate([fit.mean - step, fit.mean + step]),
        np.tile(fit.covariance, (2, 1, 1)),
    )


def _starts(z: FloatArray, rng: np.random.Generator) -> list[Residual]:
    """Balls around the events with the most neighbours beyond what background has there."""
    n, d = z.shape
    reference = KDTree(rng.standard_normal((_REFERENCE, d)))
    asked = z[rng.permutation(n)[:_QUERIES]]
    tree = KDTree(z)
    starts = []
    for k in _NEIGHBOURS:
        radius = tree.query(asked, [min(k + 1, n)])[0][:, 0]
        expected = reference.query_ball_point(asked, radius, return_length=True) * n / _REFERENCE
        order = np.argsort((expected - k) / np.sqrt(expected + 1))
        for i in _apart(asked, radius, order, _STARTS // len(_NEIGHBOURS)):
            sd = np.clip(radius[i] / np.sqrt(d), 0.3, 1.0)
            fraction = min(max(k - expected[i], d + 2) / n, 0.5)
            ball = (np.ones(1), asked[i][None], sd**2 * np.eye(d)[None])
            starts.append(Residual(float(fraction), *ball))
    return starts


def _apart(z: FloatArray, radius: FloatArray, order: NDArray[np.int64], most: int) -> list[int]:
    """The first of `order` of which none lies within the radius of one before."""
    chosen: list[int] = []
    for i in order.tolist():
        if all(((z[i] - z[j]) ** 2).sum() > radius[j] ** 2 for j in chosen):
            chosen.append(i)
        if len(chosen) == most:
            break
    return chosen
