"""What each HEPData table of a search holds: columns, units, qualifiers and descriptions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from novum.report.headline import calibrated_p, calibrated_window, headline
from novum.report.spectrum_figure import selected_expectation
from novum.report.words import clean
from novum.report.write import evaluation_of_best
from novum.search.calibration_records import CalibratedScan
from novum.search.records import EvaluationRecord, FeatureRecord, WindowResult
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

Value = float | str | None
Plain = dict[str, Any]

DIGITS, ERROR_DIGITS, EDGE_DIGITS = 6, 3, 10
MISSING = "-"  # what HEPData shows for a bin without a value


@dataclass(frozen=True)
class Column:
    """A dependent variable: values, None where there is none, and symmetric errors."""

    name: str
    values: tuple[Value, ...]
    errors: tuple[Value, ...] | None = None
    units: str = ""

    def data(self, qualifiers: list[Plain]) -> Plain:
        """Its entry in a data file."""
        errors = self.errors or (None,) * len(self.values)
        values = [_value(v, e) for v, e in zip(self.values, errors, strict=True)]
        return {
            "header": _header(self.name, self.units),
            "qualifiers": qualifiers,
            "values": values,
        }


@dataclass(frozen=True)
class Table:
    """One table: its file, where its figure is, one axis and the columns over it.

    `axis` holds (low, high) pairs for bins, numbers otherwise.
    """

    file: str
    name: str
    location: str
    description: str
    observables: tuple[str, ...]
    axis_name: str
    axis_units: str
    axis: tuple[float | tuple[float, float], ...]
    columns: tuple[Column, ...]
    qualifiers: tuple[tuple[str, Value, str], ...]

    def data(self) -> Plain:
        """Content of the data file."""
        shared = [_qualifier(*q) for q in self.qualifiers if q[1] is not None]
        points = [
            {"low": rounded(p[0], EDGE_DIGITS), "high": rounded(p[1], EDGE_DIGITS)}
            if isinstance(p, tuple)
            else {"value": rounded(p, EDGE_DIGITS)}
            for p in self.axis
        ]
        header = _header(self.axis_name, self.axis_units)
        return {
            "independent_variables": [{"header": header, "values": points}],
            "dependent_variables": [c.data([dict(q) for q in shared]) for c in self.columns],
        }


def rounded(value: float, digits: int) -> float:
    """`value` with so many significant digits."""
    return float(f"{value:.{digits}g}")


def tables(result: SearchResult) -> tuple[Table, ...]:
    """The tables of a search, figure by figure."""
    window = headline(result).shown
    found = [_scan(result), _spectrum(result, window)]
    if result.calibration is not None:
        found.append(_null_searches(result, result.calibration))
    found += [_feature(result, window, i, f) for i, f in enumerate(window.features, 1)]
    if any(f.profile is not None for f in window.features):
        found.append(_validation(result, window))
    if window.template:
        found += [_template(result, window, i) for i in range(len(window.template[0].features))]
    if window.folds:
        found.append(_folds(result, window))
    if window.repeat_z:
        found.append(_repeats(result, window))
    evaluated = evaluation_of_best(result)
    if evaluated is not None and evaluated.eps_b:
        found.append(_evaluation(result, evaluated))
    return tuple(found)


def _scan(result: SearchResult) -> Table:
    windows, scan = result.windows, result.calibration
    columns = [
        Column("local p-value", *_p([w.p for w in windows])),
        Column("local significance z", tuple(w.z for w in windows)),
        Column("local p-value before the selection", *_p([w.inclusive.p for w in windows])),
        Column("observed events", tuple(w.counts.n_on for w in windows)),
        Column(
            "expected background",
            tuple(w.counts.expected for w in windows),
            tuple(w.counts.expected_error for w in windows),
        ),
        Column("status", tuple(clean(w.withheld or "quoted") for w in windows)),
    ]
    if scan is not None:
        calibrated = [calibrated_window(scan, w) for w in windows]
        columns.insert(
            2, Column("calibrated local p-value", *_p([calibrated_p(scan, w) for w in windows]))
        )
        columns.insert(
            3, Column("calibrated z", tuple(None if c is None else c.z_cal for c in calibrated))
        )
    return Table(
        "pvalue_scan.yaml", "p-value scan", "Figure pvalue_scan",
        "Local p-values of all signal regions. A dash stands where the p-value is withheld.",
        ("P-VALUE",), _mass(result), "GEV", tuple((w.window.low, w.window.high) for w in windows),
        tuple(columns), _qualifiers(result, None),
    )  # fmt: skip


def _spectrum(result: SearchResult, window: WindowResult) -> Table:
    counts, selected = result.spectrum.counts, window.selected_counts
    expected, label = selected_expectation(result, window)
    columns = (
        Column("events before the selection", counts, _poisson(counts)),
        Column("masked fit before the selection", _fitted(window.fit.expected)),
        Column("selected events", selected, _poisson(selected)),
        Column(f"expectation after the selection: {label}", _fitted(expected)),
    )
    return Table(
        "spectrum.yaml", "mass spectrum", "Figure spectrum",
        "Mass spectrum before and after the selection, with smooth functions fitted to it with the "
        "signal region masked. The figure merges neighbouring bins. Errors are square roots of the "
        "counts.",
        ("N",), _mass(result), "GEV", _bins(result.spectrum.edges), columns,
        _qualifiers(result, window),
    )  # fmt: skip


def _null_searches(result: SearchResult, scan: CalibratedScan) -> Table:
    ordered = tuple(sorted(scan.t_null))
    return Table(
        "calibration.yaml", "null searches", "Figure calibration",
        "Largest calibrated significance T of every background-only search, in rising order.",
        ("Z",), "null search", "", tuple(float(i) for i in range(1, len(ordered) + 1)),
        (Column("T", ordered),),
        (*_qualifiers(result, None), ("T OBSERVED", scan.t_observed, "")),
    )  # fmt: skip


def _feature(result: SearchResult, window: WindowResult, i: int, record: FeatureRecord) -> Table:
    name = clean(record.name, 40)
    columns = (
        Column("density of selected events", record.selected),
        Column("density of rejected events", record.rejected),
    )
    return Table(
        f"feature_{i:02d}.yaml", f"feature {i}: {name}", "Figure features",
        f"Density of the feature {name} in the signal region, selected and rejected events.",
        ("1/N DN/DX",), name, "", _bins(record.edges), columns, _qualifiers(result, window),
    )  # fmt: skip


def _validation(result: SearchResult, window: WindowResult) -> Table:
    profiles = [(clean(f.name, 40), f.profile) for f in window.features if f.profile is not None]
    edges = profiles[0][1].edges
    columns = tuple(
        Column(f"shift of the mean of {name}", p.mean, p.error)
        for name, p in profiles
        if p.edges == edges
    )
    return Table(
        "validation.yaml", "features against mass", "Figure validation",
        "Mean of every feature against the mass before the selection, as a shift from its mean in "
        "the sidebands in units of its standard deviation there.",
        ("MEAN",), _mass(result), "GEV", _bins(edges), columns, _qualifiers(result, window),
    )  # fmt: skip


def _template(result: SearchResult, window: WindowResult, i: int) -> Table:
    regions = [(c, c.features[i]) for c in window.template]
    edges = regions[0][1].edges
    columns = tuple(
        Column(f"{what}, {'in the ' if 'signal' in c.region else ''}{c.region}", values)
        for c, f in regions  # on common bins
        for what, values in (("data", f.data), ("template", f.template))
    )
    name = clean(regions[0][1].name, 40)
    return Table(
        f"template_{i + 1:02d}.yaml", f"template, feature {i + 1}: {name}", "Figure template",
        f"Data and background template, feature {name}, in the signal region and beside it.",
        ("N",), name, "", _bins(edges), columns, _qualifiers(result, window),
    )  # fmt: skip


def _folds(result: SearchResult, window: WindowResult) -> Table:
    expected = tuple(f.expected for f in window.folds)
    columns = (
        Column("observed events", tuple(f.n_on for f in window.folds)),
        Column("expected background", expected, tuple(math.sqrt(e) for e in expected)),
    )
    return Table(
        "stability_folds.yaml", "folds", "Figure stability, left",
        "Selected events in the signal region for every fold of the first cross-fit. Errors are "
        "square roots of the expectations.",
        ("N",), "fold", "", tuple(float(f.fold) for f in window.folds), columns,
        _qualifiers(result, window),
    )  # fmt: skip


def _repeats(result: SearchResult, window: WindowResult) -> Table:
    return Table(
        "stability_crossfits.yaml", "redrawn cross-fits", "Figure stability, right",
        "Local significance that each redrawn cross-fit alone would have given.",
        ("Z",), "cross-fit", "", tuple(float(i) for i in range(1, len(window.repeat_z) + 1)),
        (Column("local significance z", window.repeat_z),), _qualifiers(result, window),
    )  # fmt: skip


def _evaluation(result: SearchResult, record: EvaluationRecord) -> Table:
    columns = (Column("signal efficiency", record.eps_s), Column("SIC", record.sic))
    edges = record.window
    return Table(
        "evaluation.yaml", "significance improvement", "Figure evaluation",
        "Truth level: signal efficiency and significance improvement characteristic (signal "
        "efficiency over the square root of the background efficiency), where at least 25 "
        f"background events pass. Signal: {clean(record.signal_sample)}.",
        ("EFFICIENCY",), "background efficiency", "", record.eps_b, columns,
        (*_qualifiers(result, None), ("SIGNAL REGION", f"{edges.low:g}-{edges.high:g}", "GEV")),
    )  # fmt: skip


def _qualifiers(
    result: SearchResult, window: WindowResult | None
) -> tuple[tuple[str, Value, str], ...]:
    config = result.config
    shared: tuple[tuple[str, Value, str], ...] = (
        ("SQRT(S)", float(config["sqrt_s"]), "GEV"),
        ("METHOD", str(config["method"]), ""),
        ("CLASSIFIER", clean(str(config["classifier"]), 120), ""),
        ("BACKGROUND EFFICIENCY", float(config["eps_b"]), ""),
    )
    if window is None:
        return shared
    edges = window.window
    return (*shared, ("SIGNAL REGION", f"{edges.low:g}-{edges.high:g}", "GEV"))


def _mass(result: SearchResult) -> str:
    return clean(str(result.config["mass"]), 60)


def _bins(edges: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple(pairwise(edges))


def _poisson(counts: Iterable[float]) -> tuple[float, ...]:
    return tuple(math.sqrt(max(n, 0.0)) for n in counts)


def _fitted(expected: Iterable[float]) -> tuple[Value, ...]:
    """Outside the fit range the record holds 0, which is no expectation."""
    return tuple(e if e > 0 else None for e in expected)


def _p(found: Sequence[PValue | None]) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Values and errors; an upper bound is a text."""
    values = tuple(
        None if p is None else f"<= {p.value:.3g}" if p.is_bound else p.value for p in found
    )
    errors = tuple(None if p is None or p.is_bound or not p.error else p.error for p in found)
    return values, errors


def _header(name: str, units: str) -> Plain:
    return {"name": name, "units": units} if units else {"name": name}


def _qualifier(name: str, value: Value, units: str) -> Plain:
    shown = rounded(value, DIGITS) if isinstance(value, float) else value
    return {"name": name, "value": shown} | ({"units": units} if units else {})


def _value(value: Value, error: Value) -> Plain:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return {"value": MISSING}
    if isinstance(value, str):
        return {"value": value}
    entry: Plain = {"value": rounded(value, DIGITS)}
    if isinstance(error, int | float) and 0 < error < math.inf:
        entry["errors"] = [{"symerror": rounded(error, ERROR_DIGITS)}]
    return entry
