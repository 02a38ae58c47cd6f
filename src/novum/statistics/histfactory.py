"""Likelihood of a HistFactory workspace for many data sets at once.

A general-purpose minimiser spends some 20 ms on one fit of such a likelihood, and a limit from
toys needs some 10⁵ of them. Here all data sets climb together by damped Fisher scoring. The
likelihood is that of pyhf, which is what the tests compare it with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError, InputError
from novum.statistics.workspace import POI

FloatArray = NDArray[np.float64]

_MAX_STEPS = 200
_FEW = 0.01  # toys that may stop short of their maximum
_PATIENCE = 20
_PROGRESS = 1e-5  # of -ln L in so many steps
_LARGEST_STEP = 2.0
_TOLERANCE = 1e-8  # expected gain of -ln L
_NO_SIGNAL = -600.0  # ln μ that stands for μ = 0
_FLOOR = 1e-12  # of an expected count: a spurious signal may not make it negative


@dataclass(frozen=True)
class _Term:
    """One sample in one bin and what multiplies or shifts it (columns of the parameters)."""

    bin: int
    nominal: float
    norms: tuple[int, ...]
    factors: tuple[tuple[int, float], ...]
    gamma: int | None
    shifts: tuple[tuple[int, float], ...]


@dataclass(frozen=True, eq=False)
class BatchLikelihood:
    """Likelihood of a workspace for many data sets.

    Free factors (μ first) are columns of logarithms; the others are nuisance parameters with a
    Gaussian constraint of width `width` (inf: none) around their auxiliary measurement.

    Attributes
    ----------
    observed : float64 array (B,)
    names : tuple of str, length P
    width : float64 array (P,)
    auxiliary : float64 array (P,)
        Nominal auxiliary measurements.
    signal_regions : tuple of int
        Bins whose channel is a signal region.
    """

    terms: tuple[_Term, ...]
    observed: FloatArray
    names: tuple[str, ...]
    width: FloatArray
    auxiliary: FloatArray
    signal_regions: tuple[int, ...]

    @classmethod
    def of(cls, workspace: dict[str, Any]) -> BatchLikelihood:
        """From a workspace that `on_off_workspace` made.

        Raises
        ------
        InputError
            For a modifier that these workspaces do not have.
        """
        names, width, auxiliary = [POI], [np.inf], [0.0]
        terms: list[_Term] = []

        def column(name: str, constraint: float, centre: float) -> int:
            if name not in names:
                names.append(name)
                width.append(constraint)
                auxiliary.append(centre)
            return names.index(name)

        for i, channel in enumerate(workspace["channels"]):
            if any(len(sample["data"]) != 1 for sample in channel["samples"]):
                raise InputError(f"channel '{channel['name']}' has more than one bin")
            terms += [_term(i, sample, column) for sample in channel["samples"]]
        seen = {o["name"]: o["data"][0] for o in workspace["observations"]}
        return cls(
            tuple(terms),
            np.array([seen[c["name"]] for c in workspace["channels"]], dtype=np.float64),
            tuple(names),
            np.array(width),
            np.array(auxiliary),
            tuple(i for i, c in enumerate(workspace["channels"]) if c["name"].startswith("SR")),
        )

    def expected(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected counts (T, B) and their derivatives (T, B, P) at parameters (T, P)."""
        n = len(theta)
        rate = np.zeros((n, len(self.observed)))
        slope = np.zeros((n, len(self.observed), len(self.names)))
        for t in self.terms:
            scale = np.ones(n)
            for j in t.norms:
                scale *= np.exp(theta[:, j])
            for j, width in t.factors:
                scale *= np.exp(width * theta[:, j])
            base = t.nominal + sum((shift * theta[:, j] for j, shift in t.shifts), np.zeros(n))
            if t.gamma is not None:
                slope[:, t.bin, t.gamma] += base * scale
                scale *= theta[:, t.gamma]
            value = base * scale
            rate[:, t.bin] += value
            for j in t.norms:
                slope[:, t.bin, j] += value
            for j, width in t.factors:
                slope[:, t.bin, j] += width * value
            for j, shift in t.shifts:
                slope[:, t.bin, j] += shift * scale
        slope[rate < _FLOOR] = 0.0
        return np.maximum(rate, _FLOOR), slope

    def minus_log(self, counts: FloatArray, aux: FloatArray, theta: FloatArray) -> FloatArray:
        """-ln L (T,) up to a constant of the counts."""
        rate = self.expected(theta)[0]
        pull = (theta - aux) / self.width
        value: FloatArray = (rate - counts * np.log(rate)).sum(axis=1) + (pull**2).sum(axis=1) / 2
        impossible = ((counts > 0) & (rate <= _FLOOR)).any(axis=1)
        return np.where(np.isfinite(value) & ~impossible, value, np.inf)

    def fit(
        self, counts: FloatArray, aux: FloatArray, start: FloatArray, mu: float | None
    ) -> tuple[FloatArray, FloatArray]:
        """Maximise for every row; `mu` fixes the signal strength. Returns (T, P) and -ln L (T,).

        Raises
        ------
        FitError
            If more than one fit in a hundred has not converged after many steps.
        """
        theta = start.copy()
        if mu is not None:
            theta[:, 0] = np.log(mu) if mu > 0 else _NO_SIGNAL
        value = self.minus_log(counts, aux, theta)
        damping = np.full(len(theta), 1e-3)
        rows, before = np.arange(len(theta)), value.copy()
        for n in range(1, _MAX_STEPS + 1):
            step, gain = self._step(counts[rows], aux[rows], theta[rows], damping[rows], mu)
            trial = theta[rows] + step
            tried = self.minus_log(counts[rows], aux[rows], trial)
            better = tried <= value[rows]
            theta[rows[better]], value[rows[better]] = trial[better], tried[better]
            damping[rows] = np.where(better, damping[rows] / 5, np.minimum(damping[rows] * 10, 1e9))
            unfinished = gain > _TOLERANCE
            if n % _PATIENCE == 0:  # at an edge, where a count vanishes, no promise is kept
                unfinished &= before[rows] - value[rows] > _PROGRESS
                before = value.copy()
            rows = rows[unfinished]
            if not len(rows):
                return theta, value
        if len(rows) > _FEW * len(theta):
            raise FitError(f"{len(rows)} of {len(theta)} fits did not converge")
        return theta, value

    def _step(
        self,
        counts: FloatArray,
        aux: FloatArray,
        theta: FloatArray,
        damping: FloatArray,
        mu: float | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Damped Fisher-scoring step (T, P) and the gain in -ln L that it promises (T,)."""
        rate, slope = self.expected(theta)
        gradient = np.einsum("tb,tbp->tp", 1 - counts / rate, slope)
        gradient += (theta - aux) / self.width**2
        # Of the expected and the observed information the larger: neither overshoots. An empty bin
        # is linear in its rate, and needs nothing of the kind where that runs to zero.
        filled = np.maximum(counts, rate) / rate**2
        curvature = np.where(counts > 0, filled, 1 / np.maximum(rate, 1.0))
        information = np.einsum("tbp,tbq,tb->tpq", slope, slope, curvature)
        diagonal = np.einsum("tpp->tp", information)
        diagonal += 1 / self.width**2
        diagonal *= 1 + damping[:, None]
        diagonal += 1e-12
        if mu is not None:
            gradient[:, 0] = 0.0
            information[:, 0, :] = information[:, :, 0] = 0.0
            information[:, 0, 0] = 1.0
        step = -np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        gain = -(gradient * step).sum(axis=1) / 2
        return np.clip(step, -_LARGEST_STEP, _LARGEST_STEP), gain

    def start(self, n: int) -> FloatArray:
        """Nominal parameters (n, P)."""
        return np.tile(self.auxiliary, (n, 1))

    def q_tilde(self, mu: float, counts: FloatArray, aux: FloatArray) -> FloatArray:
        """q̃_μ (T,) of data sets: counts (T, B) and auxiliary measurements (T, P)."""
        start = self.start(len(counts))
        null, at_null = self.fit(counts, aux, start, 0.0)
        held, at_mu = self.fit(counts, aux, start, mu)
        rising = self._signal_slope(counts, null) >= 0  # the best μ is not above 0
        falling = self._signal_slope(counts, held) <= 0  # the best μ is not below this one
        best = np.where(rising, at_null, at_mu)
        between = np.flatnonzero(~rising & ~falling)
        if len(between):
            inside = null[between].copy()
            inside[:, 0] = np.log(mu / 2)
            found = self.fit(counts[between], aux[between], inside, None)[1]
            best[between] = np.minimum(found, np.minimum(at_null, at_mu)[between])
        return np.where(falling, 0.0, np.maximum(2 * (at_mu - best), 0.0))

    def _signal_slope(self, counts: FloatArray, theta: FloatArray) -> FloatArray:
        """d(-ln L)/d ln μ (T,): its sign is that of d/dμ, even at the tiny μ that stands for 0."""
        rate, slope = self.expected(theta)
        total: FloatArray = ((1 - counts / rate) * slope[:, :, 0]).sum(axis=1)
        return total

    def toys(self, mu: float, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Counts (n, B) and auxiliary measurements (n, P) at the nuisances fitted at `mu`."""
        expected, fitted = self.without_fluctuation(mu)
        counts = rng.poisson(expected[0], (n, len(self.observed))).astype(np.float64)
        measured = np.tile(fitted, (n, 1))
        constrained = np.isfinite(self.width)
        noise = rng.standard_normal((n, int(constrained.sum())))
        measured[:, constrained] += self.width[constrained] * noise
        return counts, measured

    def without_fluctuation(self, mu: float) -> tuple[FloatArray, FloatArray]:
        """Expected counts (1, B) and auxiliary measurements (1, P) at the same nuisances."""
        theta = self.fit(self.observed[None], self.auxiliary[None], self.start(1), mu)[0]
        return self.expected(theta)[0], np.where(np.isfinite(self.width), theta, 0.0)


def _term(bin: int, sample: dict[str, Any], column: Any) -> _Term:
    norms: list[int] = []
    factors: list[tuple[int, float]] = []
    gamma: int | None = None
    shifts: list[tuple[int, float]] = []
    nominal = float(sample["data"][0])
    for m in sample["modifiers"]:
        name, kind, data = m["name"], m["type"], m["data"]
        if kind == "normfactor":
            norms.append(column(name, np.inf, 0.0))
        elif kind == "normsys":
            factors.append((column(name, 1.0, 0.0), float(np.log(data["hi"]))))
        elif kind == "staterror":
            gamma = column(name, data[0] / nominal, 1.0)
        elif kind == "histosys":
            shifts.append((column(name, 1.0, 0.0), data["hi_data"][0] - nominal))
        else:
            raise InputError(f"sample '{sample['name']}' has a modifier '{kind}'", value=kind)
    return _Term(bin, nominal, tuple(norms), tuple(factors), gamma, tuple(shifts))
