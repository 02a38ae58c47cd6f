"""Searches side by side: p-values, truth-level figures, quality of the template, cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from novum.errors import InputError
from novum.io.documents import to_json
from novum.report.headline import calibrated_window, headline, judged
from novum.report.write import evaluation_of_best
from novum.search.cost import Cost
from novum.search.records import EvaluationRecord, WindowEdges, WindowResult
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

SCHEMA = "novum-compared-searches"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ScanPoint:
    """One window of a scan; `p` is calibrated where the search is, None where withheld."""

    low: float
    high: float
    p: PValue | None


@dataclass(frozen=True)
class ClosurePoint:
    """How well a classifier tells template from data in one region: 0.5 for not at all."""

    region: str
    auc: float
    null_sd: float
    p: float


@dataclass(frozen=True)
class ComparedSearch:
    """One search, in the numbers that a comparison shows.

    Attributes
    ----------
    name : str
    method, classifier : str
    density : str or None
        None where the method has none, or its default.
    n_events, n_features : int
        Events in the range of the spectrum fit, and features.
    window : WindowEdges
        Of the smallest p-value; the first where all are withheld.
    n_on, expected, expected_error : float
        Selected in its signal region, and expected there.
    calibrated : bool
        Whether `p`, `z` and `global_p` come from retrained null searches.
    p, z, global_p : PValue, float, PValue or None
    withheld : str or None
        Why the window has no p-value.
    n_windows, n_withheld : int
    scan : tuple of ScanPoint
    evaluation : EvaluationRecord or None
        Truth-level figures of the window, where there are labels.
    sculpting_p, jensen_shannon : float or None
        Shape of the selected spectrum outside the signal region against that of all events.
    closure : tuple of ClosurePoint
        Of the background template, where the method has one.
    cost : Cost or None
    """

    name: str
    method: str
    classifier: str
    density: str | None
    n_events: int
    n_features: int
    window: WindowEdges
    n_on: float
    expected: float
    expected_error: float
    calibrated: bool
    p: PValue | None
    z: float | None
    global_p: PValue | None
    withheld: str | None
    n_windows: int
    n_withheld: int
    scan: tuple[ScanPoint, ...]
    evaluation: EvaluationRecord | None
    sculpting_p: float | None
    jensen_shannon: float | None
    closure: tuple[ClosurePoint, ...]
    cost: Cost | None


@dataclass(frozen=True)
class SearchComparison:
    """Several searches, and in what they differ besides their method.

    Attributes
    ----------
    searches : tuple of ComparedSearch
    notes : tuple of str
        Why some of the numbers may not be compared.
    """

    searches: tuple[ComparedSearch, ...]
    notes: tuple[str, ...]
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The JSON text, the same bits for equal searches."""
        return to_json(self)


def compare(searches: Mapping[str, SearchResult | str | Path]) -> SearchComparison:
    """Put finished searches side by side.

    Parameters
    ----------
    searches : mapping of str to SearchResult or path
        Results, or output folders of searches, by the names that they shall have.

    Returns
    -------
    SearchComparison

    Raises
    ------
    InputError
        If there are fewer than two, or a folder holds no result.
    FileFormatError
        If a file is damaged.
    """
    if len(searches) < 2:
        raise InputError("a comparison needs two searches at least")
    results: dict[str, SearchResult] = {}
    costs: dict[str, Cost | None] = {}
    for name, given in searches.items():
        if isinstance(given, SearchResult):
            results[name], costs[name] = judged(given), None
        else:
            folder = Path(given) if Path(given).is_dir() else Path(given).parent
            results[name], costs[name] = judged(SearchResult.load(given)), Cost.load(folder)
    rows = tuple(_compared(name, result, costs[name]) for name, result in results.items())
    return SearchComparison(rows, tuple(_notes(results, rows)))


def _compared(name: str, result: SearchResult, cost: Cost | None) -> ComparedSearch:
    chosen, config = headline(result), result.config
    window, calibrated = chosen.shown, chosen.calibrated
    scan = result.calibration
    sculpting = window.sculpting
    return ComparedSearch(
        name=name,
        method=str(config["method"]),
        classifier=str(config["classifier"]),
        density=config.get("density"),
        n_events=result.input.n_used,
        n_features=len(config["features"]),
        window=window.window,
        n_on=window.counts.n_on,
        expected=window.counts.expected,
        expected_error=window.counts.expected_error,
        calibrated=scan is not None,
        p=window.p if calibrated is None else calibrated.p,
        z=window.z if calibrated is None else calibrated.z_cal,
        global_p=result.global_p if scan is None else scan.global_p,
        withheld=window.withheld,
        n_windows=len(result.windows),
        n_withheld=sum(w.withheld is not None for w in result.windows),
        scan=tuple(_point(result, w) for w in result.windows),
        evaluation=evaluation_of_best(result),
        sculpting_p=None if sculpting is None else sculpting.p,
        jensen_shannon=None if sculpting is None else sculpting.jensen_shannon,
        closure=tuple(ClosurePoint(c.region, c.auc, c.null_sd, c.p) for c in window.template),
        cost=cost,
    )


def _point(result: SearchResult, window: WindowResult) -> ScanPoint:
    found = calibrated_window(result.calibration, window)
    p = window.p if found is None else found.p
    return ScanPoint(window.window.low, window.window.high, p)


def _notes(results: Mapping[str, SearchResult], rows: tuple[ComparedSearch, ...]) -> Iterable[str]:
    """What makes searches incomparable, in words."""
    first, *others = results

    def unlike(key: str) -> list[str]:
        reference = results[first].config.get(key)
        return [n for n in others if results[n].config.get(key) != reference]

    digest = results[first].input.sha256
    elsewhere = [n for n in others if results[n].input.sha256 != digest]
    if elsewhere:
        yield (
            f"{_listed(elsewhere)}: not the events or the columns of {first}, so that p-values and "
            "SIC differ by chance, too"
        )
    if names := unlike("features"):
        yield f"{_listed(names)}: other features than {first}"
    if names := unlike("eps_b"):
        yield f"{_listed(names)}: another background efficiency than {first}"
    if names := unlike("seed"):
        yield f"{_listed(names)}: another seed than {first}, so other folds"
    if len({row.calibrated for row in rows}) > 1:
        names = [row.name for row in rows if not row.calibrated]
        yield f"{_listed(names)}: p-values are not calibrated, those of the others are"
    if len({(row.window.low, row.window.high) for row in rows}) > 1:
        yield "the windows of the smallest p-value differ; figures below are each of its own"
    for row in rows:
        if row.withheld is not None:
            yield f"{row.name}: no p-value: {row.withheld}"


def _listed(names: list[str]) -> str:
    return ", ".join(names)
