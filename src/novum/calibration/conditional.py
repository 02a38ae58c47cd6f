"""The mass given the features, smoothly: what null (b) draws masses from.

The features of the observed events stay as they are, and each event gets a new mass from
p(m | x). What the null cannot have is a feature-dependent structure narrower than the smooth
dependence that it carries: this is the conditional randomisation test of Candès, Fan, Janson
and Lv (arXiv:1610.02351, section 2). No event appears twice, so nothing leaks across folds, and
the fluctuations of the mass given the features are drawn anew each time.

p(m | x) is a tilt of the fitted spectrum, f(m) exp(a(x) t + b(x) t²) / Z(x) with t = log m
standardised. a and b are boosted trees that maximise the likelihood of the events outside the
masked signal region; inside it they interpolate. Every event's tilt comes from trees that never
saw it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from novum.search.crossfitting import fold_of
from novum.search.inputs import Sample
from novum.statistics import SpectrumFit

FloatArray = NDArray[np.float64]

_FOLDS = 3
_CELLS = 120
_ROUNDS = 120
_PATIENCE = 5  # rounds without a better held-out likelihood
_SHRINKAGE = 0.3
_LEAVES = 16
_LEAF_EVENTS = 200
_RIDGE = 20.0  # events' worth of Fisher information that hold a leaf at no tilt
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class MassGivenFeatures:
    """p(m | x) for every event of a sample.

    Attributes
    ----------
    edges : float64 array (C + 1,)
        Cells of the mass [GeV]; inside a cell the density is flat.
    log_base : float64 array (C,)
        Log of the untilted density, integrated over each cell.
    t : float64 array (C,)
        Standardised log m of each cell.
    tilt : float64 array (n, 2)
        a(x) and b(x) of each event.
    """

    edges: FloatArray
    log_base: FloatArray
    t: FloatArray
    tilt: FloatArray

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """One mass for every event, shape (n,)."""
        out = np.empty(len(self.tilt))
        for at in range(0, len(out), _BLOCK):
            rows = slice(at, at + _BLOCK)
            cdf = np.cumsum(self._density(self.tilt[rows]), axis=1)
            u = rng.random(len(cdf)) * cdf[:, -1]
            cell = np.minimum((cdf < u[:, None]).sum(axis=1), len(self.t) - 1)
            low = np.where(cell > 0, cdf[np.arange(len(cdf)), cell - 1], 0.0)
            share = (u - low) / (cdf[np.arange(len(cdf)), cell] - low)
            out[rows] = self.edges[cell] + share * np.diff(self.edges)[cell]
        return out

    def spectrum(self) -> FloatArray:
        """Expected events of all draws in each cell, shape (C,)."""
        total = np.zeros(len(self.t))
        for at in range(0, len(self.tilt), _BLOCK):
            p = self._density(self.tilt[at : at + _BLOCK])
            total += (p / p.sum(axis=1, keepdims=True)).sum(axis=0)
        return total

    def _density(self, tilt: FloatArray) -> FloatArray:
        return _tilted(self.log_base, _powers(self.t), tilt)


def mass_given_features(
    sample: Sample, fit: SpectrumFit, masked: tuple[float, float] | None, seed: int
) -> MassGivenFeatures:
    """Fit p(m | x) to a sample whose events all lie in the range of the fit.

    Parameters
    ----------
    sample : Sample
        Events inside the fit range.
    fit : SpectrumFit
        The masked inclusive fit.
    masked : (low, high) or None
        Signal region that takes no part in the likelihood [GeV].
    seed : int
        Of the folds.
    """
    edges = np.geomspace(fit.edges[0], fit.edges[-1], _CELLS + 1)
    edges[[0, -1]] = fit.edges[[0, -1]]
    base = np.array([fit.expectation(a, b)[0] for a, b in pairwise(edges)])
    middles = np.log((edges[1:] + edges[:-1]) / 2)
    center = np.average(middles, weights=base)
    spread = np.sqrt(np.average((middles - center) ** 2, weights=base))
    t = (middles - center) / spread
    seen, cells = np.ones(len(sample.m), bool), np.ones(_CELLS, bool)
    if masked is not None:
        seen = (sample.m < masked[0]) | (sample.m >= masked[1])
        cells = (edges[1:] <= masked[0]) | (edges[:-1] >= masked[1])
    powers = _powers((np.log(sample.m) - center) / spread)
    fold = fold_of(sample.ids, seed, _FOLDS)
    log_base = np.log(base / base.sum())
    tilt = np.zeros((len(sample.m), 2))
    for f in range(_FOLDS):
        boost = _Boost(sample.X, powers, _powers(t)[cells], log_base[cells])
        tilt[fold == f] = boost.run(seen & (fold != f), seen & (fold == f), fold == f, seed)
    model = MassGivenFeatures(edges, log_base, t, tilt)
    # Averaged over the events, the tilted densities must give the fitted spectrum back.
    expected = model.spectrum()
    return replace(model, log_base=2 * log_base - np.log(expected / expected.sum()))


@dataclass(frozen=True, eq=False)
class _Boost:
    """Newton boosting of the two tilts; the likelihood is conditional on the seen cells."""

    X: FloatArray
    powers: FloatArray
    cell_powers: FloatArray
    log_base: FloatArray

    def run(
        self,
        train: NDArray[np.bool_],
        check: NDArray[np.bool_],
        wanted: NDArray[np.bool_],
        seed: int,
    ) -> FloatArray:
        """Tilts of the wanted events, of the round with the best likelihood of `check`."""
        tilt = np.zeros((len(self.X), 2))
        best, best_value, since = tilt[wanted].copy(), self._likelihood(tilt, check), 0
        for _ in range(_ROUNDS):
            gradient, fisher = self._derivatives(tilt[train], self.powers[train])
            tree = DecisionTreeRegressor(
                max_leaf_nodes=_LEAVES, min_samples_leaf=_LEAF_EVENTS, random_state=seed
            ).fit(self.X[train], gradient)
            tilt += _SHRINKAGE * _leaf_steps(tree, self.X, train, gradient, fisher)
            value = self._likelihood(tilt, check)
            since += 1
            if value > best_value:
                best, best_value, since = tilt[wanted].copy(), value, 0
            if since > _PATIENCE:
                break
        return best

    def _derivatives(self, tilt: FloatArray, powers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradient (n, 2) of the log-likelihood and its Fisher information (n, 3)."""
        gradient, fisher = np.empty_like(tilt), np.empty((len(tilt), 3))
        t = self.cell_powers[:, 0]
        moments = np.stack([t, t**2, t**3, t**4], axis=1)
        for at in range(0, len(tilt), _BLOCK):
            rows = slice(at, at + _BLOCK)
            p = _tilted(self.log_base, self.cell_powers, tilt[rows])
            first, second, third, fourth = ((p @ moments) / p.sum(axis=1, keepdims=True)).T
            gradient[rows] = powers[rows] - np.stack([first, second], axis=1)
            fisher[rows] = np.stack(
                [second - first**2, third - first * second, fourth - second**2], axis=1
            )
        return gradient, fisher

    def _likelihood(self, tilt: FloatArray, rows: NDArray[np.bool_]) -> float:
        """Mean log-likelihood ratio to no tilt at all."""
        chosen = tilt[rows]
        gain = (chosen * self.powers[rows]).sum(axis=1)
        norm = np.concatenate(
            [
                _log_norm(self.log_base, self.cell_powers, chosen[at : at + _BLOCK])
                for at in range(0, len(chosen), _BLOCK)
            ]
        )
        return float((gain - norm).mean())


def _leaf_steps(
    tree: DecisionTreeRegressor,
    X: FloatArray,
    train: NDArray[np.bool_],
    gradient: FloatArray,
    fisher: FloatArray,
) -> FloatArray:
    """Newton step of each event's leaf, shape (n, 2)."""
    leaf = tree.apply(X)
    size = tree.tree_.node_count
    columns = np.concatenate([gradient, fisher], axis=1).T
    sums = np.stack([np.bincount(leaf[train], column, size) for column in columns])
    g, h, a, b, c = sums + np.array([0, 0, _RIDGE, 0, _RIDGE])[:, None]
    determinant = a * c - b**2
    step = np.stack([(c * g - b * h) / determinant, (a * h - b * g) / determinant], axis=1)
    steps: FloatArray = np.clip(step, -1, 1)[leaf]
    return steps


def _powers(t: FloatArray) -> FloatArray:
    return np.stack([t, t**2], axis=1)


def _tilted(log_base: FloatArray, powers: FloatArray, tilt: FloatArray) -> FloatArray:
    """Densities (n, C) up to a factor each."""
    exponent = log_base + tilt @ powers.T
    exponent -= exponent.max(axis=1, keepdims=True)
    return np.exp(exponent, out=exponent)


def _log_norm(log_base: FloatArray, powers: FloatArray, tilt: FloatArray) -> FloatArray:
    exponent = log_base + tilt @ powers.T
    top = exponent.max(axis=1)
    norm: FloatArray = top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))
    return norm
