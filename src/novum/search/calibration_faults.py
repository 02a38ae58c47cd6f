"""What no calibration can hold: faults of a file that its schema does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from novum.search.calibrated import Calibration

_MOST = 1e15  # of anything in a calibration; and of 1 / ratio


def fault_of(calibration: Calibration) -> str | None:
    """What is wrong with the numbers of a calibration, in words; None where nothing is."""
    c = calibration
    tables = (c.n_on, c.n_off, c.ratio, c.ratio_error, c.quoted)
    width = len(c.windows)
    if not width or any(
        len(table) != len(c.n_on) or {len(row) for row in table} != {width} for table in tables
    ):
        return "its tables differ in shape"
    draws = {(len(d), *(len(row) for row in d)) for d in c.fold_seed_z}
    if len(draws) > 1 or any(d[0] < 2 or set(d[1:]) != {width} for d in draws):
        return "its draws of the folds differ in shape"
    counts = c.counts
    least = [t.min() for t in (counts.n_on, counts.n_off, counts.ratio_error)]
    largest = [np.abs(t).max() for t in (*tables, c.fold_seed_z) if len(t)]
    if min(least) < 0 or max(largest) > _MOST or counts.ratio.min() < 1 / _MOST:
        return "its numbers are negative or beyond all bounds"
    return None if 0 < c.n_events < _MOST else f"its searches have {c.n_events:g} events"
