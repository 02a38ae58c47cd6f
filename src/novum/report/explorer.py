"""Numbers behind the interactive figures, as JSON that is safe inside a page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from novum.report.headline import calibrated_window, headline
from novum.report.scan_figure import FLOOR, lowest_p, sigma_guides
from novum.report.spectrum_figure import Histogram, merged, selected_expectation
from novum.report.words import clean, count, interval, p_value, percent, signed, with_error
from novum.search.records import WindowResult, WorkingPoint
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue


def explorer_data(result: SearchResult) -> dict[str, Any]:
    """Plain data of the scan and of the spectra of all windows at all working points.

    Parameters
    ----------
    result : SearchResult
        Working points are optional: without them only the headline is there.

    Returns
    -------
    dict
        Spectra in bins merged for display, per bin width where widths differ, rounded to five
        significant digits; one entry per window in ``windows``, and in each one entry per
        working point in ``points``, None where the window does not have it. Text of outside
        origin is escaped, since Plotly reads some markup.
    """
    first = result.windows[0]
    inclusive = merged(result, result.spectrum.counts, first.fit.expected)
    efficiencies = working_efficiencies(result)
    mass = clean(str(result.config.get("mass", "m")), 40)
    windows = [_window(result, w, efficiencies) for w in result.windows]
    return {
        "mass": f"{escape(mass)} [GeV]",
        "label": inclusive.label,
        "edges": _rounded(inclusive.edges, 8),
        "scale": _rounded(inclusive.scale, 8),
        "fitted": [int(f) for f in inclusive.fitted],
        "counts": _rounded(inclusive.counts),
        "efficiencies": efficiencies,
        "eps": [percent(e) for e in efficiencies],
        "headline": headline_index(result),
        "depths": _depths(windows, headline_index(result)),
        "windows": windows,
    }


def working_efficiencies(result: SearchResult) -> list[float]:
    """Background efficiencies of all windows together, the headline among them, falling."""
    found = {p.eps_b for w in result.windows for p in w.working_points}
    return sorted({*found, _headline_eps(result)}, reverse=True)


def headline_index(result: SearchResult) -> int:
    """Place of the headline among `working_efficiencies`."""
    return working_efficiencies(result).index(_headline_eps(result))


def start_index(result: SearchResult) -> int:
    """Place of the window that is shown first."""
    return result.windows.index(headline(result).shown)


def safe_json(data: Any) -> Markup:
    """JSON for a script element of type application/json: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _headline_eps(result: SearchResult) -> float:
    return float(result.config.get("eps_b", 0.0))


def _window(result: SearchResult, window: WindowResult, eps: list[float]) -> dict[str, Any]:
    edges, others = window.window, {p.eps_b: p for p in window.working_points}
    before = merged(result, result.spectrum.counts, window.fit.expected)
    calibrated = calibrated_window(result.calibration, window)
    return {
        "name": interval(edges.low, edges.high),
        "low": edges.low,
        "high": edges.high,
        "sidebands": edges.sidebands,
        "withheld": None if window.withheld is None else clean(window.withheld),
        "inclusive": _local(window.inclusive.p, window.inclusive.z),
        "calibrated": None if calibrated is None else _local(calibrated.p, calibrated.z_cal),
        "expected": _rounded(before.expected),
        "fit": f"masked fit, p = {window.fit.p_value:.2g}",
        "points": [
            _headline_point(result, window)
            if e == _headline_eps(result)
            else _point(result, window, others[e])
            if e in others
            else None
            for e in eps
        ],
    }


def _depths(windows: list[dict[str, Any]], headline: int) -> list[dict[str, Any]]:
    """Of each working point: the lower end of the p-axis, a power of ten, and the guides above."""
    always = [w[kind] for w in windows for kind in ("inclusive", "calibrated")]
    always += [w["points"][headline]["local"] for w in windows]
    depths = []
    for i in range(len(windows[0]["points"])):
        points = [p["local"] for w in windows if (p := w["points"][i]) is not None]
        bottom = lowest_p(q["p"] for q in (*always, *points) if q is not None)
        guides = [{"p": _round(p, 5), "text": f"{sigma}σ"} for sigma, p in sigma_guides(bottom)]
        depths.append({"floor": _round(math.log10(bottom), 4), "guides": guides})
    return depths


def _headline_point(result: SearchResult, window: WindowResult) -> dict[str, Any]:
    expected, label = selected_expectation(result, window)
    selected = merged(result, window.selected_counts, expected)
    c = window.counts
    return {
        "local": _local(window.p, window.z),
        "counts": _rounded(selected.counts),
        "expected": _rounded(selected.expected),
        "fit": label,
        "text": _counts(c.n_on, c.expected, c.expected_error),
    }


def _point(result: SearchResult, window: WindowResult, point: WorkingPoint) -> dict[str, Any]:
    selected: Histogram = merged(result, point.selected_counts, window.fit.expected)
    local = None if window.withheld else _local(PValue.from_z(point.z, "on/off"), point.z)
    return {
        "local": local,
        "counts": _rounded(selected.counts),
        "factor": _round(point.n_off / window.counts.n_sb if window.counts.n_sb else 0.0, 6),
        "fit": "inclusive fit, scaled",
        "text": _counts(point.n_on, point.expected, point.expected_error),
    }


def _local(p: PValue | None, z: float | None) -> dict[str, Any] | None:
    """A point of the scan: height, whether it is an upper bound, and words."""
    if p is None:
        return None
    return {
        "p": _round(max(p.value, FLOOR), 4),
        "bound": p.is_bound or p.value < FLOOR,
        "text": f"z\u00a0=\u00a0{signed(z)}, p\u00a0{p_value(p, relation=True)}",
    }


def _counts(n_on: float, expected: float, error: float) -> str:
    return f"{count(round(n_on, 1))} observed, {with_error(expected, error)} expected"


def _rounded(values: Iterable[float] | Sequence[float], digits: int = 5) -> list[float]:
    return [_round(v, digits) for v in values]


def _round(value: float, digits: int) -> float:
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
