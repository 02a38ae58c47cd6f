"""`evaluate_tables`: tables of scores with truth labels, those of a search included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, InputError
from novum.evaluation import Comparison, Masses, Method, Performance, evaluate, over_seeds
from novum.events import Events
from novum.io import open_events, require_finite, to_gev
from novum.io.labels import read_labelled, require_labels, rows_by_id
from novum.progress import NoProgress, Progress
from novum.search.result import RESULT_FILE, SearchResult

SCAN_COLUMNS = {"window", "fold", "selected"}  # what marks the scores.parquet of a search
MOST_LISTED = 30


@dataclass(frozen=True)
class TableOfScores:
    """A file of scores and the method it belongs to; tables of one name are its seeds."""

    name: str
    path: Path


@dataclass(frozen=True)
class _Region:
    """A window of a search, and the mass it is cut on with its unit."""

    mass: str
    unit: str | None
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class _Truth:
    """The labelled file.

    `masses` are those of its columns that signal regions are cut on, `mass` is the one that scores
    should not follow.
    """

    events: Events
    masses: tuple[str, ...]
    mass: str | None
    units: dict[str, str]


def evaluate_tables(
    tables: Sequence[TableOfScores],
    *,
    score: Sequence[str] = ("score",),
    label: str | None = None,
    truth: Path | None = None,
    window: int | None = None,
    mass: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Figures of merit of methods whose scores and truth are in files.

    The ``scores.parquet`` of a search takes its labels from `truth`, by id; where ``result.json``
    lies beside it and `truth` has the mass, only events of the signal region count.

    Parameters
    ----------
    tables : sequence of TableOfScores
        At least one; equal names are seeds of one method.
    score : sequence of str
        Columns of scores, higher is more anomalous; each is a method of its own.
    label : str, optional
        Truth column, 1 for signal; by default the one named as a label.
    truth : Path, optional
        Where the labels are if the tables hold none.
    window : int, optional
        Window of a search, counted from 0; needed where there are several.
    mass : str, optional
        Column of `truth`, or of the tables where there is none, that scores should not follow.
    seed : int
        Of the bootstrap, the same for every table.
    progress : Progress, optional

    Raises
    ------
    InputError
        If labels are missing or there twice, ids do not match, scores are NaN, weights differ or
        a sample is empty. Names the file, the column and the value.
    ConfigError
        If a window must be chosen, or does not exist.
    """
    if not tables or not score:
        raise ConfigError("evaluate: name a table of scores")
    several_names = len({t.name for t in tables}) > 1
    regions = [_region(t.path, window) for t in tables]
    known = None if truth is None else _read_truth(truth, label, regions, mass)
    columns = tuple(score) if mass is None or known is not None else (*score, mass)
    found: dict[str, list[tuple[str, Performance]]] = {}
    notes: list[str] = []
    steps = (progress or NoProgress()).track(
        zip(tables, regions, strict=True), "evaluating", total=len(tables)
    )
    for table, region in steps:
        events, restriction = _labelled_scores(table.path, columns, label, known, window, region)
        if restriction is not None:
            notes.append(f"{table.path}: {restriction}")
        for column in score:
            name = table.name if len(score) == 1 else column
            name = f"{table.name}/{column}" if several_names and len(score) > 1 else name
            found.setdefault(name, []).append(
                (str(table.path), _evaluate(events, column, mass, seed))
            )
    methods = tuple(
        Method(
            name=name,
            sources=tuple(source for source, _ in pairs),
            seeds=tuple(performance for _, performance in pairs),
            figures=over_seeds([performance for _, performance in pairs]),
        )
        for name, pairs in found.items()
    )
    return Comparison(
        methods=methods,
        truth=None if truth is None else str(truth),
        notes=tuple(dict.fromkeys(notes)),
        version=version("novum"),
    )


def _evaluate(events: Events, column: str, mass: str | None, seed: int) -> Performance:
    scores, signal = require_scores(events, column), require_labels(events) == 1
    masses = None
    if mass is not None:
        require_finite(events, [mass])
        m = events.column(mass)
        masses = Masses(mass, m[~signal], m[signal])
    return evaluate(scores[~signal], scores[signal], masses=masses, seed=seed)


def require_scores(events: Events, column: str) -> NDArray[np.float64]:
    """The scores in a column, shape (n,).

    Raises
    ------
    InputError
        If one is NaN; names the file, the column and the first event.
    """
    scores = events.column(column)
    bad = np.flatnonzero(np.isnan(scores))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(scores)} scores are missing (NaN), which have no rank; the first "
            f"is that of event {events.id[bad[0]]}",
            file=events.meta.origin,
            column=column,
            value=float("nan"),
        )
    return scores


def read_unlabelled(path: Path, columns: Sequence[str]) -> Events:
    """Columns of a table whose labels are in another file.

    Raises
    ------
    InputError
        If it has labels of its own.
    """
    label = open_events(path).schema.label
    if label is not None:
        raise InputError("has labels of its own; leave out --truth", file=path, column=label)
    return read_labelled(path, None, columns)


def _labelled_scores(
    path: Path,
    columns: Sequence[str],
    label: str | None,
    truth: _Truth | None,
    window: int | None,
    region: _Region | None,
) -> tuple[Events, str | None]:
    """Labelled events with `columns`, and in words what they were restricted to."""
    schema = open_events(path).schema
    scan = set(schema.columns) >= SCAN_COLUMNS
    columns = list(dict.fromkeys([*columns, "window"] if scan else columns))
    if truth is None:
        events = read_labelled(path, label, columns)
    else:
        events = read_unlabelled(path, columns)
    _require_equal_weights(events)
    if scan:
        events = _one_window(events, window, path)
    elif window is not None:
        raise ConfigError(f"--window: {path} is no scan of windows by novum")
    restriction = None
    if truth is not None:
        rows = rows_by_id(events.id, truth.events)
        events = replace(events, label=require_labels(truth.events)[rows])
        if truth.mass is not None:
            m = truth.events.column(truth.mass)[rows]
            events = replace(events, features={**events.features, truth.mass: m})
        if region is not None:
            events, restriction = _restricted(events, rows, truth, region)
    return _with_both_classes(events, restriction), restriction


def _require_equal_weights(events: Events) -> None:
    w = events.weight
    if len(w) and not (w == w[0]).all():
        raise InputError(
            f"weights are not all equal ({w.min():g} to {w.max():g}); weighted evaluation is not "
            "offered",
            file=events.meta.origin,
            column="weight",
        )


def _one_window(events: Events, window: int | None, path: Path) -> Events:
    require_finite(events, ["window"])
    index = events.column("window")
    known = np.unique(index).astype(int).tolist()
    if window is None and len(known) > 1:
        raise ConfigError(
            f"{path} has several windows, choose one with --window: {_listed(known, path)}"
        )
    chosen = known[0] if window is None else window
    if chosen not in known:
        raise ConfigError(f"--window {chosen}: {path} has {_listed(known, path)}")
    return events.take(np.flatnonzero(index == chosen))


def _listed(known: list[int], path: Path) -> str:
    edges = _signal_regions(path)
    words = [f"{i} ({edges[i][0]:.0f}-{edges[i][1]:.0f} GeV)" if edges else str(i) for i in known]
    more = f" and {len(words) - MOST_LISTED} more" if len(words) > MOST_LISTED else ""
    return ", ".join(words[:MOST_LISTED]) + more


def _signal_regions(path: Path) -> list[tuple[float, float]]:
    result = _result_beside(path)
    return [] if result is None else [(w.window.low, w.window.high) for w in result.windows]


def _result_beside(path: Path) -> SearchResult | None:
    file = path.parent / RESULT_FILE
    return SearchResult.load(file) if file.is_file() else None


def _region(path: Path, window: int | None) -> _Region | None:
    """The signal region of a window of a search; None where nothing tells it."""
    if not set(open_events(path).schema.columns) >= SCAN_COLUMNS:
        return None
    result = _result_beside(path)
    if result is None or (window is None and len(result.windows) > 1):
        return None  # several windows are refused once their scores are read
    index = window or 0
    if not 0 <= index < len(result.windows):
        return None
    edges, config = result.windows[index].window, result.config
    return _Region(str(config["mass"]), config.get("mass_unit"), edges.low, edges.high)


def _read_truth(
    path: Path, label: str | None, regions: Sequence[_Region | None], mass: str | None
) -> _Truth:
    schema = open_events(path).schema
    wanted = dict.fromkeys(r.mass for r in regions if r is not None)
    masses = tuple(name for name in wanted if name in schema.columns)
    columns = masses if mass is None else tuple(dict.fromkeys([*masses, mass]))
    events = read_labelled(path, label, columns)
    require_labels(events)
    _require_equal_weights(events)
    return _Truth(events, masses, mass, dict(schema.units))


def _restricted(
    events: Events, rows: NDArray[np.int64], truth: _Truth, region: _Region
) -> tuple[Events, str]:
    edges = f"{region.low:.6g}-{region.high:.6g} GeV"
    if region.mass not in truth.masses:
        return events, (
            f"all masses, not only the signal region {edges}: {truth.events.meta.origin} has no "
            f"column '{region.mass}'"
        )
    unit = region.unit or truth.units.get(region.mass) or "GeV"
    m = to_gev(truth.events.column(region.mass)[rows], unit)
    inside = np.flatnonzero((m >= region.low) & (m < region.high))
    return events.take(inside), f"only the signal region {edges} of {region.mass}"


def _with_both_classes(events: Events, restriction: str | None) -> Events:
    label = require_labels(events)
    n_signal = int((label == 1).sum())
    if n_signal in (0, len(label)):
        where = f" ({restriction})" if restriction else ""
        raise InputError(
            f"has {n_signal} signal and {len(label) - n_signal} background events{where}; an "
            "evaluation needs both",
            file=events.meta.origin,
        )
    return events
