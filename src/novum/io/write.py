"""`write_events`: a table of events to a file whose suffix picks the format."""

from __future__ import annotations

import os
from pathlib import Path

from novum.errors import OutputError
from novum.events import Events
from novum.io.atomic import atomic_path
from novum.io.roles import BOOKKEEPING


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
    from novum.io import FORMATS

    target = Path(path)
    writable = [f for f in FORMATS if f.writable]
    chosen = [f for f in writable if target.name.lower().endswith(f.suffixes)]
    if not chosen:
        suffixes = ", ".join(s for f in writable for s in f.suffixes)
        raise OutputError(f"{target}: unknown suffix '{target.suffix}'; novum writes {suffixes}")
    if not len(events):
        raise OutputError(f"{target}: there are no events to write")
    odd = set(events.bookkeeping) - set(BOOKKEEPING)
    if odd:
        raise OutputError(f"{target}: bookkeeping is run, lumi and event, not {sorted(odd)}")
    with atomic_path(target, overwrite=overwrite) as temporary:
        chosen[0].load().write(events, temporary)
