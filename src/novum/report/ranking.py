"""Features of one window, ranked by what the selection did to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from novum.search.gates import MAX_MUTUAL_INFORMATION, MAX_RANK_CORRELATION
from novum.search.records import FeatureRecord, WindowResult

CLEAR = 3.0  # σ beyond which a rank correlation is no accident
NOTHING = "none seen"


@dataclass(frozen=True)
class RankedFeature:
    """One row of the table; bars are shares of the largest value, between 0 and 1."""

    name: str
    separation: float
    by_chance: float
    separation_bar: float
    importance: float
    importance_bar: float
    correlation: float
    correlation_z: float
    verdict: str
    distance_correlation: float | None = None
    mutual_information: float | None = None

    @property
    def correlation_size(self) -> float:
        """Absolute rank correlation with the mass."""
        return abs(self.correlation)

    @property
    def dependent(self) -> bool:
        """Whether the dependence on the mass is no accident."""
        return self.verdict != NOTHING


def ranked_features(window: WindowResult) -> tuple[RankedFeature, ...]:
    """Features in falling order of importance, and of separation where that is the same."""
    most_separated = max((f.separation for f in window.features), default=0.0)
    most_important = max((f.importance for f in window.features), default=0.0)
    rows = [
        RankedFeature(
            name=f.name,
            separation=f.separation,
            by_chance=separation_by_chance(f, window.counts.n_on / window.counts.scale_on),
            separation_bar=_share(f.separation, most_separated),
            importance=f.importance,
            importance_bar=_share(f.importance, most_important),
            correlation=f.mass_correlation,
            correlation_z=correlation_z(f, window),
            verdict=verdict(f, window),
            distance_correlation=f.distance_correlation,
            mutual_information=f.mutual_information,
        )
        for f in window.features
    ]
    return tuple(sorted(rows, key=lambda r: (-r.importance, -r.separation)))


def separation_by_chance(record: FeatureRecord, n_selected: float) -> float:
    """Separation that so many selected events show where the two densities agree.

    Half the mean absolute deviation of Poisson counts, √(2 N p (1 - p) / π) per bin, over N.
    """
    if n_selected <= 0:
        return 1.0
    widths = [b - a for a, b in pairwise(record.edges)]
    shares = [d * width for d, width in zip(record.rejected, widths, strict=True)]
    total = sum(shares)
    spread = sum(math.sqrt(max(s / total * (1 - s / total), 0.0)) for s in shares) if total else 0
    return min(1.0, spread / math.sqrt(2 * math.pi * n_selected))


def correlation_z(record: FeatureRecord, window: WindowResult) -> float:
    """Rank correlation with the mass in units of its standard deviation without correlation."""
    effective = window.counts.n_sb / window.counts.scale_off
    return record.mass_correlation * math.sqrt(max(effective - 1, 0.0))


def verdict(record: FeatureRecord, window: WindowResult) -> str:
    """Dependence on the mass that rank correlation and mutual information show, in words."""
    informed = (record.mutual_information or 0.0) > MAX_MUTUAL_INFORMATION
    if informed or abs(record.mass_correlation) > MAX_RANK_CORRELATION:
        return "follows the mass"
    if abs(correlation_z(record, window)) > CLEAR:
        return "weak but clear"
    return NOTHING


def _share(value: float, most: float) -> float:
    return max(0.0, value / most) if most > 0 else 0.0
