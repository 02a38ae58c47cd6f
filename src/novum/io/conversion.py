"""`convert`: any file that novum reads to any that it writes, chunk by chunk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from novum.errors import OutputError
from novum.io.base import EventSource
from novum.io.write import OutputWarning, output_format, write_chunks
from novum.progress import NoProgress, Progress

_CHUNK_BYTES = 1 << 26
_MOST_ROWS = 131_072


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        Its format.
    n_events : int
        Number of events.
    columns, clouds : tuple of str
        Features and clouds in it.
    lost : tuple of str
        Clouds that the input has and the format cannot hold.
    """

    path: Path
    format: str
    n_events: int
    columns: tuple[str, ...]
    clouds: tuple[str, ...]
    lost: tuple[str, ...]


def convert(
    source: EventSource,
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Converted:
    """Write the events of a source to a file, holding one chunk of them at a time.

    Parameters
    ----------
    source : EventSource
        What `open_events` returns.
    path : path-like
        New file; its suffix picks the format. An interruption leaves nothing.
    columns : sequence of str, optional
        Features and clouds; by default all that are not truth. Weights, labels, ids and event
        numbers are always written.
    progress : Progress, optional
        Shows how far it is.

    Returns
    -------
    Converted
        What was written.

    Raises
    ------
    InputError
        If the source cannot be read or has no such column.
    OutputError
        If the file exists or cannot be written, or a cloud was named that its format cannot hold.

    Warns
    -----
    OutputWarning
        If clouds are left out because the format cannot hold them.
    """
    target, schema = Path(path), source.schema
    format = output_format(target)
    named = [*schema.columns, *schema.clouds] if columns is None else list(columns)
    # A feature and a cloud may share a name; where clouds cannot be held, it means the feature.
    clouds = tuple(n for n in named if n in schema.clouds and n not in schema.columns)
    lost = () if format.holds_clouds else clouds
    if lost and columns is not None:
        raise OutputError(f"{target}: {format.name} holds no clouds ({', '.join(lost)})")
    if lost:
        warnings.warn(
            f"{target}: {format.name} holds no clouds; left out: {', '.join(lost)} (a .h5 file "
            "keeps them)",
            OutputWarning,
            stacklevel=2,
        )
    kept = [n for n in dict.fromkeys(named) if n not in lost]
    rows = max(1, min(_MOST_ROWS, _CHUNK_BYTES // max(1, schema.event_bytes)))
    chunks = source.chunks(rows, kept)
    total = None if schema.n_events is None else -(-schema.n_events // rows)
    shown = (progress or NoProgress()).track(chunks, f"writing {target.name}", total)
    n_events = write_chunks(shown, target)
    held = tuple(n for n in clouds if n not in lost)
    written = tuple(n for n in kept if n not in held)
    return Converted(target, format.name, n_events, written, held, lost)
