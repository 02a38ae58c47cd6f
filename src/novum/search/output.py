"""Tables of a finished search: all scores, and the selected events with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from novum.events import Events
from novum.io import atomic_path
from novum.search.crossfitting import Scores
from novum.search.inputs import Sample
from novum.search.truth import selected_rows

if TYPE_CHECKING:
    from novum.search.analysis import WindowOutcome

SCORES_FILE = "scores.parquet"
SELECTED_FILE = "selected.parquet"


def write_tables(
    folder: Path,
    events: Events,
    sample: Sample,
    outcomes: Sequence[WindowOutcome],
    scores: Sequence[Scores],
) -> None:
    """Write ``scores.parquet`` and ``selected.parquet``.

    ``scores.parquet`` has one row per event and window: ``id``, ``window`` (index in rising
    order), ``fold`` (of the first cross-fit), ``score``, ``selected`` (share of the cross-fits
    that select it). ``selected.parquet`` lists the events of every signal region that at least
    half of the cross-fits select: ``window``, ``id``, ``mass`` [GeV], ``score``, run, lumi and
    event numbers where the input has them, and the features (``feature_NAME`` where a column of
    that name is taken).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("id", pa.uint64()),
            ("window", pa.int32()),
            ("fold", pa.int16()),
            ("score", pa.float64()),
            ("selected", pa.float32()),
        ]
    )
    with (
        atomic_path(folder / SCORES_FILE) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for i, (outcome, scored) in enumerate(zip(outcomes, scores, strict=True)):
            index = np.full(len(sample.m), i, dtype=np.int32)
            columns = [
                sample.ids,
                index,
                scored.fold,
                scored.score,
                outcome.share.astype(np.float32),
            ]
            writer.write_table(pa.table(columns, schema=schema))
    selected = [
        _selected(i, events, sample, o, s)
        for i, (o, s) in enumerate(zip(outcomes, scores, strict=True))
    ]
    with atomic_path(folder / SELECTED_FILE) as temporary:
        pq.write_table(pa.concat_tables(selected), temporary, compression="zstd")


def _selected(
    index: int, events: Events, sample: Sample, outcome: WindowOutcome, scored: Scores
) -> "pa.Table":  # type: ignore[name-defined]  # noqa: F821, UP037
    import pyarrow as pa

    rows = selected_rows(outcome, scored.window, sample)
    columns = {
        "window": np.full(len(rows), index, dtype=np.int32),
        "id": sample.ids[rows],
        "mass": sample.m[rows],
        "score": scored.score[rows],
        **{name: values[rows] for name, values in events.bookkeeping.items()},
    }
    for name, values in events.features.items():
        columns[f"feature_{name}" if name in columns else name] = values[rows]
    return pa.table(columns)
