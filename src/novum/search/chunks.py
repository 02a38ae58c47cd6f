"""Events as a model reads them, some at a time, from a file of any size or from memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from novum.events import Events
from novum.io import open_events
from novum.io.origin import with_origin
from novum.progress import NoProgress, Progress
from novum.search.model_inputs import Inputs

_MOST_ROWS = 65_536
_CHUNK_BYTES = 1 << 26


def origin_of(events: str | os.PathLike[str] | Events) -> str:
    """Where events are from, in words."""
    return events.meta.origin if isinstance(events, Events) else str(events)


def read_chunks(
    events: str | os.PathLike[str] | Events,
    inputs: Inputs,
    what: str,
    progress: Progress | None = None,
) -> Iterator[Events]:
    """Events with the columns of a model, some at a time; `what` names the work.

    They are checked here, where the row of each in the file is known.

    Raises
    ------
    InputError
        If the file lacks a column of the model, a value is not finite or a jet is empty.
    """
    n_bytes = 4 * len(inputs.names) if inputs.representation is not None else 0
    first_row = 0
    for chunk in _chunks(events, inputs, n_bytes, what, progress or NoProgress()):
        inputs.check(chunk, first_row)
        yield chunk
        first_row += len(chunk)


def _chunks(
    events: str | os.PathLike[str] | Events,
    inputs: Inputs,
    n_bytes: int,
    what: str,
    progress: Progress,
) -> Iterator[Events]:
    """The same, as they come; `n_bytes` are those of an event as the model reads it."""
    if isinstance(events, Events):
        rows = max(1, min(_MOST_ROWS, _CHUNK_BYTES // max(1, n_bytes)))
        starts = range(0, len(events), rows)
        for start in progress.track(starts, what, len(starts)):
            yield events.take(np.arange(start, min(start + rows, len(events))))
        return
    source = open_events(events)
    schema = source.schema
    rows = max(1, min(_MOST_ROWS, _CHUNK_BYTES // max(1, schema.event_bytes, n_bytes)))
    chunks = source.chunks(rows, inputs.columns)  # says of a column why it is none of numbers
    inputs.require(schema, str(events))
    total = None if schema.n_events is None else -(-schema.n_events // rows)
    for chunk in progress.track(chunks, what, total):
        yield with_origin(chunk, events)
