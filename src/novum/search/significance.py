"""From windows to the whole scan: the best window and its global p-value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError
from novum.search.analysis import WindowOutcome
from novum.search.config import HuntConfig
from novum.search.inputs import Sample
from novum.search.records import BestWindow
from novum.search.scan import ScanPlan
from novum.statistics import PValue, gross_vitells, on_off_scan_toys, scan_toys
from novum.windows import Window

FloatArray = NDArray[np.float64]

UPCROSSING_LEVEL = 0.5  # Gross and Vitells count upcrossings of a low level, where toys are many


def best_window(outcomes: list[WindowOutcome]) -> BestWindow | None:
    """The quoted window with the largest significance; None where all are withheld."""
    quoted = _quoted(outcomes)
    if not quoted:
        return None
    top = max(quoted, key=lambda o: o.result.z or 0.0).result.window
    return BestWindow(top.low, top.high)


def _quoted(outcomes: list[WindowOutcome]) -> list[WindowOutcome]:
    return [o for o in outcomes if o.result.z is not None]


def global_significance(
    sample: Sample, plan: ScanPlan, outcomes: list[WindowOutcome], config: HuntConfig
) -> tuple[PValue | None, float | None]:
    """p-value of the best window over the scan, and Gross and Vitells' estimate of it.

    Toys of the frozen selections: each window's selected spectrum follows the inclusive masked
    fit, scaled to the selected sidebands; windows fluctuate together as far as they selected the
    same events. That the selections were trained on these data is not in it.
    """
    quoted = _quoted(outcomes)
    if not quoted:
        return None, None
    windows = [_as_window(o) for o in quoted]
    middles = (plan.fit_edges[1:] + plan.fit_edges[:-1]) / 2
    _, n_off, ratio, ratio_error = np.transpose([o.result.counts.effective() for o in quoted])
    toys = on_off_scan_toys(
        means=np.stack(
            [
                o.fit.expected * max(n, 1.0) / _sideband_total(o.fit.expected, w, middles)
                for o, w, n in zip(quoted, windows, n_off, strict=True)
            ]
        ),
        sr=np.stack([w.in_signal_region(middles) for w in windows]),
        sb=np.stack([w.in_sidebands(middles) for w in windows]),
        ratio=ratio,
        ratio_error=ratio_error,
        correlation=overlap([sample.size * o.share for o in quoted]),
        n=config.n_toys,
        seed=config.seed,
    )
    z = np.array([o.result.z for o in quoted])
    p = toys.global_p(z)
    if z.max() < UPCROSSING_LEVEL:
        return p, None
    return p, gross_vitells(float(z.max()), toys.z, UPCROSSING_LEVEL).value


def _as_window(outcome: WindowOutcome) -> Window:
    edges = outcome.result.window
    return Window(edges.low, edges.high, edges.sidebands)


def _sideband_total(expected: FloatArray, window: Window, middles: FloatArray) -> float:
    return float(expected[window.in_sidebands(middles)].sum())


def overlap(shares: list[FloatArray]) -> FloatArray:
    """Correlation (W, W) of Poisson counts of selections that share events: n_ab / √(n_a n_b)."""
    stacked = np.stack(shares)
    shared = stacked @ stacked.T
    sizes = np.maximum(np.diag(shared), 1e-100)  # nothing selected: no correlation
    correlation: FloatArray = shared / np.sqrt(np.outer(sizes, sizes))
    np.fill_diagonal(correlation, 1.0)
    return correlation


def inclusive_significance(outcomes: list[WindowOutcome], config: HuntConfig) -> PValue | None:
    """Global p-value of the spectrum before any selection, from refitted toys of the whole scan."""
    tested = [o for o in outcomes if o.result.inclusive.z is not None]
    if not tested:
        return None
    try:
        toys = scan_toys([o.fit for o in tested], config.n_toys, config.seed)
    except FitError:  # no smooth truth to draw toys from
        return None
    return toys.global_p(np.array([o.result.inclusive.z for o in tested]))
