"""One figure from several seeds: their median and central 68 %."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from novum.evaluation.records import Estimate

LEVELS = (0.16, 0.84)


def spread(values: Sequence[float]) -> Estimate:
    """Median and central 68 %."""
    low, high = np.quantile(values, LEVELS)
    return Estimate(float(median(values)), float(low), float(high))


def combined(found: Sequence[Estimate | None]) -> Estimate | None:
    """The same of estimates; None where one of the seeds has none."""
    known = [f.value for f in found if f is not None]
    return spread(known) if len(known) == len(found) else None


def of_all(
    choose: Callable[[Sequence[float]], float], values: Sequence[float | None]
) -> float | None:
    """What `choose` makes of the values; None where one is missing."""
    known = [v for v in values if v is not None]
    return choose(known) if len(known) == len(values) else None
