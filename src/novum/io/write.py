"""`write_events`: a table of events to a file whose suffix picks the format."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from novum.errors import OutputError
from novum.events import Events
from novum.io.atomic import atomic_path
from novum.io.base import Format
from novum.io.join import require_alike
from novum.io.roles import BOOKKEEPING


class OutputWarning(UserWarning):
    """Something that a written file cannot hold is left out of it."""


def write_events(events: Events, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write events as novum HDF5 (.h5), Parquet or CSV, whole or not at all.

    HDF5 keeps everything; Parquet and CSV have no clouds, and CSV no origin.

    Parameters
    ----------
    events : Events
        At least one event.
    path : path-like
        Its suffix picks the format.
    overwrite : bool
        Whether a file that exists is replaced.

    Raises
    ------
    OutputError
        If the suffix is unknown, the file exists or cannot be written, or the format cannot hold
        these events.
    """
    write_chunks([events], path, overwrite=overwrite)


def write_chunks(
    chunks: Iterable[Events], path: str | os.PathLike[str], *, overwrite: bool = False
) -> int:
    """Write runs of events one after another, in the memory that one of them takes.

    Parameters
    ----------
    chunks : iterable of Events
        At least one event in all; the same columns throughout.
    path : path-like
        Its suffix picks the format.
    overwrite : bool
        Whether a file that exists is replaced.

    Returns
    -------
    int
        Number of events written.

    Raises
    ------
    InputError
        If a run has columns that the first one lacks, or the other way round.
    OutputError
        As `write_events` does; nothing half-written is left.
    """
    target = Path(path)
    format = output_format(target)
    n_events = 0
    with atomic_path(target, overwrite=overwrite) as temporary:
        with format.load().writing(temporary) as append:
            first = None
            for events in chunks:
                if not len(events):
                    continue
                first = first or events
                _check(events, first, target)
                append(events)
                n_events += len(events)
        if not n_events:
            raise OutputError(f"{target}: there are no events to write")
    return n_events


def output_format(path: Path) -> Format:
    """The format that the suffix of a file to be written picks.

    Raises
    ------
    OutputError
        If novum writes no file of this suffix.
    """
    from novum.io import FORMATS

    writable = [f for f in FORMATS if f.writable]
    for format in writable:
        if path.name.lower().endswith(format.suffixes):
            return format
    suffixes = ", ".join(s for f in writable for s in f.suffixes)
    raise OutputError(f"{path}: unknown suffix '{path.suffix}'; novum writes {suffixes}")


def _check(events: Events, first: Events, target: Path) -> None:
    odd = set(events.bookkeeping) - set(BOOKKEEPING)
    if odd:
        raise OutputError(f"{target}: bookkeeping is run, lumi and event, not {sorted(odd)}")
    require_alike(first, events)
