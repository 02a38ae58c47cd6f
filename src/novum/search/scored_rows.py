"""`study_improvements`: result rows of the Dark Machines challenge from tables of scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, InputError
from novum.evaluation import (
    MIN_BACKGROUND,
    SignalRow,
    TotalImprovements,
    compare_improvements,
    read_signal_rows,
    signal_row,
)
from novum.evaluation.dark_machines_rows import holds_signal_rows
from novum.evaluation.weights import event_weights
from novum.events import Events
from novum.io.categories import Categories, read_categories
from novum.io.labels import read_labelled, require_labels, rows_by_id
from novum.progress import NoProgress, Progress
from novum.search.scored import TableOfScores, read_unlabelled, require_scores

ONE_CHANNEL = "all"  # the channel of a table that names none


@dataclass(frozen=True)
class RowSettings:
    """How result rows are read from a table of scores.

    Attributes
    ----------
    score : tuple of str
        Columns of scores, higher is more anomalous; each is a model of its own.
    label : str or None
        Truth column, 1 for signal; None is the one named as a label.
    signal_column : str or None
        Column that names the process of signal events; that of background events is not read.
        With it the name of a table is that of the model; without, it is that of the signal, and
        the column of scores is the model.
    channel_column : str or None
        Column that names the channel of all events; None where they are all in one.
    min_background : int or None
        Fewest background events that must pass, see `novum.evaluation.signal_row`; None is 25.
    truth : Path or None
        File that holds labels, weights and these columns, joined by id; None is the table.
    """

    score: tuple[str, ...] = ("score",)
    label: str | None = None
    signal_column: str | None = None
    channel_column: str | None = None
    min_background: int | None = None
    truth: Path | None = None


@dataclass(frozen=True)
class ImprovementStudy:
    """Result rows, and what they amount to.

    Attributes
    ----------
    rows : tuple of SignalRow
        Those made from scores first.
    totals : TotalImprovements
    """

    rows: tuple[SignalRow, ...]
    totals: TotalImprovements


def study_improvements(
    tables: Sequence[TableOfScores],
    files: Sequence[Path] = (),
    settings: RowSettings | None = None,
    *,
    progress: Progress | None = None,
) -> ImprovementStudy:
    """Total improvement of tables of scores, beside that of files of result rows.

    A table makes a row for every signal process and channel; its background is all background of
    the table in that channel.

    Parameters
    ----------
    tables : sequence of TableOfScores
        Labelled events, or scores of those of `RowSettings.truth`.
    files : sequence of Path
        Result rows, as `novum.evaluation.read_signal_rows` takes them.
    settings : RowSettings, optional
        Of the tables.
    progress : Progress, optional

    Raises
    ------
    ConfigError
        If there is neither a table nor a file of rows.
    InputError
        If a file of rows is faulty, two rows are of one signal, model and channel, labels, a
        process or a channel are missing, scores are NaN, there is no signal, or a channel has no
        background. Names the file, the column and the value.
    """
    if not tables and not files:
        raise ConfigError("evaluate: name a table of scores or a file of result rows")
    settings = settings or RowSettings()
    sources: dict[tuple[str, str, str], Path] = {}
    made: list[SignalRow] = []
    given: list[SignalRow] = []
    for path in files:
        found = read_signal_rows(path)
        _require_new(found, path, sources)
        given += found
    several = len({table.name for table in tables}) > 1
    steps = (progress or NoProgress()).track(tables, "evaluating", total=len(tables))
    for table in steps:
        found = tuple(_table_rows(table, settings, several))
        _require_new(found, table.path, sources)
        made += found
    computed = tuple(dict.fromkeys(row.model for row in made))
    rows = (*made, *given)
    return ImprovementStudy(rows, compare_improvements(rows, computed, version("novum")))


def _require_new(
    rows: Sequence[SignalRow], path: Path, sources: dict[tuple[str, str, str], Path]
) -> None:
    """Note where rows are from; two of one key cannot both count."""
    for row in rows:
        if row.key in sources:
            raise InputError(
                f"gives a second row of signal '{row.signal}', model '{row.model}' and channel "
                f"'{row.channel}', the first is of {sources[row.key]}",
                file=path,
                value=row.channel,
            )
        sources[row.key] = path


def _table_rows(table: TableOfScores, settings: RowSettings, several: bool) -> Iterator[SignalRow]:
    if holds_signal_rows(table.path):
        raise ConfigError(
            f"{table.path}: result rows name their models themselves; leave out '{table.name}='"
        )
    events, joined = _labelled(table.path, settings)
    signal = _sound_signal(events)
    least = MIN_BACKGROUND if settings.min_background is None else settings.min_background
    everyone = np.ones(len(signal), dtype=bool)
    processes = _names(joined, settings.signal_column, table.name, signal)
    channels = _names(joined, settings.channel_column, ONE_CHANNEL, everyone)
    for column in settings.score:
        model = column
        if settings.signal_column is not None:
            model = table.name if len(settings.score) == 1 else column
            model = f"{table.name}/{column}" if several and len(settings.score) > 1 else model
        scores = require_scores(events, column)
        yield from _rows(events, scores, processes, channels, model, least)


class _Joined(NamedTuple):
    """The file that says what events are, and their rows in it."""

    path: Path
    rows: NDArray[np.int64]


def _labelled(path: Path, settings: RowSettings) -> tuple[Events, _Joined]:
    """Events with scores, labels and weights, and where their words are."""
    if settings.truth is None:
        events = read_labelled(path, settings.label, settings.score)
        return events, _Joined(path, np.arange(len(events)))
    events = read_unlabelled(path, settings.score)
    truth = read_labelled(settings.truth, settings.label, ())
    rows = rows_by_id(events.id, truth)
    label, weight = require_labels(truth)[rows], truth.weight[rows]
    return replace(events, label=label, weight=weight), _Joined(settings.truth, rows)


def _names(
    joined: _Joined, column: str | None, otherwise: str, needed: NDArray[np.bool_]
) -> Categories:
    """What the events are called; a word is needed for those that `needed` marks."""
    if column is None:
        return Categories((otherwise,), np.zeros(len(needed), dtype=np.int64))
    whole = read_categories(joined.path, column)
    found = Categories(whole.names, whole.codes[joined.rows])
    if "" in found.names:
        empty = np.flatnonzero(needed & (found.codes == found.names.index("")))
        if len(empty):
            raise InputError(
                f"{len(empty)} of {int(needed.sum())} events have no word there, the first in row "
                f"{joined.rows[empty[0]]} (rows count from 0)",
                file=joined.path,
                column=column,
                value="",
            )
    return found


def _rows(
    events: Events,
    scores: NDArray[np.float64],
    processes: Categories,
    channels: Categories,
    model: str,
    min_background: int,
) -> Iterator[SignalRow]:
    counted = events.weight > 0
    signal = counted & (require_labels(events) == 1)
    for process, channel in _pairs(processes, channels, signal):
        inside = channels.codes == channel
        b = np.flatnonzero(inside & counted & ~signal)
        s = np.flatnonzero(inside & signal & (processes.codes == process))
        if len(b) == 0:
            raise InputError(
                f"channel '{channels.names[channel]}' has {len(s)} events of signal "
                f"'{processes.names[process]}' and no background",
                file=events.meta.origin,
                value=channels.names[channel],
            )
        yield signal_row(
            scores[b],
            scores[s],
            process=processes.names[process],
            model=model,
            channel=channels.names[channel],
            background_weight=events.weight[b],
            signal_weight=events.weight[s],
            min_background=min_background,
        )


def _pairs(
    processes: Categories, channels: Categories, signal: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Codes of the processes and channels that signal events have, in the order of the words."""
    codes = np.unique(np.stack([processes.codes[signal], channels.codes[signal]]), axis=1)
    pairs = [(int(process), int(channel)) for process, channel in codes.T]
    return sorted(pairs, key=lambda p: (processes.names[p[0]], channels.names[p[1]]))


def _sound_signal(events: Events) -> NDArray[np.bool_]:
    """Which events are signal, where there is some and the weights are those of a sample."""
    origin = events.meta.origin
    try:
        weight = event_weights(events.weight, len(events))
    except InputError as error:
        raise InputError(str(error), file=origin, column=None, value=error.value) from None
    signal = np.asarray((require_labels(events) == 1) & (weight > 0))
    if not signal.any():
        raise InputError(f"has no signal among {len(signal)} events", file=origin)
    return signal
