"""`InjectionStudy`: the record of injected against found, and the lines through it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special

from novum.errors import FileFormatError
from novum.io import write_text
from novum.io.documents import from_json, read_document, to_json
from novum.search.records import Pair, WindowEdges

SCHEMA = "novum-injection"
SCHEMA_VERSION = 1
FOUND_Z = 3.0


@dataclass(frozen=True)
class InjectionPoint:
    """Searches with one number of injected events; counts are those of the signal window.

    Attributes
    ----------
    strength, n : int
        Injected events, and searches.
    in_region, selected : float
        Mean number of injected events in the signal region, and of those that are selected.
    net : float
        Mean of the selected signal less what its own tails in the sidebands add to the
        expectation: what a counting experiment can find of it.
    excess, excess_error : float
        Mean of n_on - κ r n_off, and the error of the mean.
    z_cal, z_cal_interval : float, (float, float)
        Median and 68 % range of the calibrated significance.
    withheld_rate : float
        Share of the searches that withhold the window.
    t : tuple
        T = max z_cal over the scan of every search; None where all windows were withheld.
    """

    strength: int
    n: int
    in_region: float
    selected: float
    net: float
    excess: float
    excess_error: float
    z_cal: float
    z_cal_interval: Pair
    withheld_rate: float
    t: tuple[float | None, ...]

    @property
    def efficiency(self) -> float:
        """ε_S of the retrained selection at this strength."""
        return self.selected / self.in_region if self.in_region > 0 else 0.0


@dataclass(frozen=True)
class VariedPoints:
    """The same searches with the signal changed, e.g. ``mjj:scale=1.02``."""

    variation: str
    points: tuple[InjectionPoint, ...]


@dataclass(frozen=True)
class Line:
    """Excess = slope x + intercept, by weighted least squares."""

    slope: float
    slope_error: float
    intercept: float
    chi2: float
    ndf: int
    p_value: float


@dataclass(frozen=True)
class InjectionStudy:
    """Injected against found for one named signal.

    Attributes
    ----------
    key, calibration_sha256 : str
        The calibration whose κ, b_w and s_w were used.
    signal, null : str
        Where the signal came from, and the kind of null data.
    seed : int
    window : WindowEdges
        Where the signal is strongest.
    acceptance : float
        Share of the signal in its signal region.
    points : tuple of InjectionPoint
        In rising order of strength.
    variations : tuple of VariedPoints
    """

    key: str
    calibration_sha256: str
    signal: str
    null: str
    seed: int
    window: WindowEdges
    acceptance: float
    points: tuple[InjectionPoint, ...]
    variations: tuple[VariedPoints, ...] = ()
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    @property
    def closure(self) -> Line:
        """Found excess against `net`, the injected events that there were to find: slope 1."""
        return _line(self.points, [p.net for p in self.points], through_zero=True)

    @property
    def threshold(self) -> float | None:
        """Injected events below which half of the searches miss 3σ; None if never reached.

        Interpolated between the neighbouring strengths; the smallest strength where it is
        already reached there.
        """
        z = [p.z_cal for p in self.points]
        above = [i for i in range(len(z)) if min(z[i:]) >= FOUND_Z]
        if not above:
            return None
        i = above[0]
        if i == 0:
            return float(self.points[0].strength)
        share = (FOUND_Z - z[i - 1]) / (z[i] - z[i - 1])
        low, high = self.points[i - 1].strength, self.points[i].strength
        return low + share * (high - low)

    @property
    def response(self) -> Line | None:
        """Found excess against injected events, above the threshold; None with fewer than 3."""
        if self.threshold is None:
            return None
        points = [p for p in self.points if p.strength >= self.threshold]
        return None if len(points) < 3 else _line(points, [p.in_region for p in points])

    def to_json(self) -> str:
        """JSON text: the same bits for equal studies."""
        return to_json(self)

    def save(self, path: str | Path) -> Path:
        """Write the JSON file whole or not at all."""
        write_text(path, self.to_json())
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> InjectionStudy:
        """Inverse of `save`.

        Raises
        ------
        InputError, FileFormatError
        """
        text = read_document(path, "study")
        study = from_json(
            cls, text, path, what="injection study", schema=SCHEMA, version=SCHEMA_VERSION
        )
        if not study.points:
            raise FileFormatError("damaged injection study: it has no points", file=path)
        return study


def _line(
    points: tuple[InjectionPoint, ...] | list[InjectionPoint],
    x: list[float],
    through_zero: bool = False,
) -> Line:
    columns = [np.array(x)] if through_zero else [np.array(x), np.ones(len(x))]
    sigma = np.array([max(p.excess_error, 1e-9) for p in points])
    design = np.stack(columns, axis=1) / sigma[:, None]
    y = np.array([p.excess for p in points]) / sigma
    covariance = np.linalg.inv(design.T @ design)
    best = covariance @ design.T @ y
    chi2 = float(((y - design @ best) ** 2).sum())
    ndf = len(y) - len(best)
    intercept = 0.0 if through_zero else float(best[1])
    p_value = float(special.chdtrc(ndf, chi2))
    return Line(float(best[0]), float(covariance[0, 0] ** 0.5), intercept, chi2, ndf, p_value)
