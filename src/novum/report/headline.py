"""Which window the report speaks of, with and without a calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace

from novum.search.calibration_records import CalibratedScan, CalibratedWindow
from novum.search.records import WindowResult
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue


@dataclass(frozen=True)
class Headline:
    """The window of the headline.

    Attributes
    ----------
    best : WindowResult or None
        Best window, of the calibrated scan where there is one; None where all are withheld.
    shown : WindowResult
        The window of the figures: the best one, else the first.
    calibrated : CalibratedWindow or None
        What null searches say of `best`.
    """

    best: WindowResult | None
    shown: WindowResult
    calibrated: CalibratedWindow | None


def headline(result: SearchResult) -> Headline:
    """The headline of a search."""
    if result.calibration is None:
        return Headline(result.best, result.best or result.windows[0], None)
    chosen = result.calibration.best_window
    if chosen is None:
        return Headline(None, result.windows[0], None)
    window = next(
        w for w in result.windows if (w.window.low, w.window.high) == (chosen.low, chosen.high)
    )
    return Headline(window, window, calibrated_window(result.calibration, window))


def calibrated_window(
    calibration: CalibratedScan | None, window: WindowResult
) -> CalibratedWindow | None:
    """What the null searches say of one window."""
    if calibration is None:
        return None
    edges = (window.window.low, window.window.high)
    return next((c for c in calibration.windows if (c.low, c.high) == edges), None)


def judged(result: SearchResult) -> SearchResult:
    """The search without the p-values of windows that its calibration withholds."""
    return replace(result, windows=tuple(_judged(result, w) for w in result.windows))


def _judged(result: SearchResult, window: WindowResult) -> WindowResult:
    found = calibrated_window(result.calibration, window)
    if found is None or found.withheld is None or window.withheld is not None:
        return window
    return replace(window, p=None, z=None, withheld=found.withheld)


def calibrated_p(calibration: CalibratedScan | None, window: WindowResult) -> PValue | None:
    """Local p of one window among the null searches."""
    found = calibrated_window(calibration, window)
    return None if found is None else found.p


def corrected_expectation(
    window: WindowResult, calibrated: CalibratedWindow | None
) -> tuple[float, float]:
    """Expected events and their error, κ ± σ_κ applied where there is a calibration."""
    expected, error = window.counts.expected, window.counts.expected_error
    if calibrated is None:
        return expected, error
    spread = (error * calibrated.kappa) ** 2 + (expected * calibrated.kappa_error) ** 2
    return expected * calibrated.kappa, float(spread**0.5)
