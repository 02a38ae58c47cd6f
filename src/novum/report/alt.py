"""What each figure shows, in words and numbers, for readers who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from novum.report.headline import headline
from novum.report.ranking import correlation_z
from novum.report.stability_figure import band
from novum.report.words import clean, count, interval, number, p_value, signed, with_error
from novum.search.calibration_records import CalibratedScan
from novum.search.records import EvaluationRecord, SelectedEvent, WindowResult
from novum.search.result import SearchResult


def pvalue_scan(result: SearchResult) -> str:
    """Alternative text of the p-value scan."""
    low, high = result.windows[0].window.low, result.windows[-1].window.high
    withheld = sum(w.p is None for w in result.windows)
    text = (
        f"Local p-value against mass for {len(result.windows)} windows from "
        f"{interval(low, high)} GeV; {withheld} of them are withheld."
    )
    chosen = headline(result)
    best = chosen.best
    if best is None:
        return text
    if chosen.calibrated is not None:
        return (
            f"{text} The most significant after calibration is "
            f"{interval(best.window.low, best.window.high)} GeV with "
            f"p {p_value(chosen.calibrated.p, relation=True)} "
            f"(calibrated z = {signed(chosen.calibrated.z_cal)})."
        )
    return (
        f"{text} The smallest is p {p_value(best.p, relation=True)} (z = {signed(best.z)}) at "
        f"{interval(best.window.low, best.window.high)} GeV, where the inclusive spectrum has "
        f"z = {signed(best.inclusive.z)}."
    )


def spectrum(window: WindowResult) -> str:
    """Alternative text of the spectrum."""
    c = window.counts
    text = (
        f"Mass spectrum before and after the selection around the signal region "
        f"{interval(window.window.low, window.window.high)} GeV: {count(c.n_sr)} events there "
        f"before the selection, {count(c.n_on)} after it where "
        f"{with_error(c.expected, c.expected_error)} are expected. The masked fit before the "
        f"selection has p = {number(window.fit.p_value, 2)}"
    )
    if window.shape_fit is None:
        return f"{text}; the selected spectrum has no fit of its own."
    return f"{text}, after it p = {number(window.shape_fit.p_value, 2)}."


def features(window: WindowResult) -> str:
    """Alternative text of the feature densities."""
    means = []
    for record in window.features:
        centres = [(a + b) / 2 for a, b in pairwise(record.edges)]
        selected, rejected = (_mean(centres, d) for d in (record.selected, record.rejected))
        means.append(f"{clean(record.name, 60)} {selected} against {rejected}")
    return "Densities in the signal region; means of selected against rejected: " + (
        "; ".join(means) + "."
    )


def stability(window: WindowResult) -> str:
    """Alternative text of the stability figure."""
    folds = ", ".join(f"{count(f.n_on)} for {number(f.expected)}" for f in window.folds)
    text = f"Observed for expected events per fold: {folds}."
    if not window.repeat_z:
        return text
    z = ", ".join(signed(z) for z in window.repeat_z)
    low, middle, high = (signed(v) for v in band(window.repeat_z))
    return f"{text} Local z of the cross-fits: {z}; median {middle}, 68 % within {low} to {high}."


def validation(window: WindowResult) -> str:
    """Alternative text of the profiles against mass."""
    found = "; ".join(
        f"{clean(f.name, 60)} {number(f.mass_correlation, 2)} "
        f"({signed(correlation_z(f, window), 1)} σ)"
        for f in window.features
    )
    return f"Mean of each feature against the mass; rank correlations in the sidebands: {found}."


def template(window: WindowResult) -> str:
    """Alternative text of the ratios of data to template."""
    found = "; ".join(
        f"{c.region} {number(c.low)} to {number(c.high)} GeV: AUC {c.auc:.3f}, p {number(c.p)}"
        for c in window.template
    )
    return f"Data over background template, feature by feature. A classifier finds {found}."


def calibration(scan: CalibratedScan) -> str:
    """Alternative text of the distribution of T."""
    if not scan.t_null:
        return f"{scan.n_searches} null searches; none of them quotes a window."
    low, high = min(scan.t_null), max(scan.t_null)
    text = (
        f"Largest significance of {len(scan.t_null)} null searches, {signed(low)} to {signed(high)}"
    )
    if scan.t_observed is None:
        return f"{text}; this search has none."
    above = sum(t >= scan.t_observed for t in scan.t_null)
    return f"{text}; this search has T = {signed(scan.t_observed)}, and {above} of them reach it."


def displays(events: Sequence[SelectedEvent]) -> str:
    """Alternative text of the event displays."""
    found = "; ".join(
        f"{number(e.mass, 4)} GeV with "
        + ", ".join(f"{len(c.pt)} particles in {clean(c.name, 20)}" for c in e.clouds)
        for e in events
        if e.clouds
    )
    return f"Particles of the most anomalous events in η and φ: {found}."


def evaluation(record: EvaluationRecord) -> str:
    """Alternative text of the truth-level figure."""
    where = f"truth level, {interval(record.window.low, record.window.high)} GeV"
    if record.max_sic is None:
        return f"Significance improvement, {where}: nowhere do 25 background events pass."
    return (
        f"Significance improvement against background efficiency, {where}: at most "
        f"{number(record.max_sic)} with {record.max_sic_n_background} background events passing."
    )


def _mean(centres: list[float], density: tuple[float, ...]) -> str:
    total = sum(density)
    if not total > 0:
        return "none"
    return number(sum(c * d for c, d in zip(centres, density, strict=True)) / total)
