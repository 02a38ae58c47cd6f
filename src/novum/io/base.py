"""What every file format offers (`EventSource`, `Schema`) and how one is chosen for a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from numpy.typing import ArrayLike

from novum.errors import FileFormatError, InputError, NovumError, nearest
from novum.events import Events


class InputWarning(UserWarning):
    """Input that is readable but known to be wrong in a way that novum repairs."""


@dataclass(frozen=True)
class Schema:
    """What a source holds, known before its events are read.

    Attributes
    ----------
    columns : tuple of str
        Numeric feature columns, in the order of the file.
    units : mapping of str to str
        Known units by column, such as ``"GeV"``; values are delivered in this unit.
    n_events : int or None
        Number of events; None where only reading the whole file would tell.
    weight, label : str or None
        Columns that hold weights and truth labels.
    bookkeeping : mapping of str to str
        Columns that hold the ``run``, ``lumi`` and ``event`` numbers.
    format : str
        Name of the file format.
    dtypes : mapping of str to str
        Types of the feature columns as stored; they are delivered as float64.
    clouds : mapping of str to tuple of str
        Clouds of particles and the names of their fields, pT first. Their names count as columns
        where columns are named.
    on_request : tuple of str
        Columns that are read only when they are named: truth, and what else no search may see.
    notes : tuple of str
        How the file is read where that is not plain, such as "-999 is read as a missing value".
    event_bytes : int
        Memory that one event takes with everything that is read by default; 0 if unknown.
    """

    columns: tuple[str, ...]
    units: Mapping[str, str]
    n_events: int | None
    weight: str | None
    label: str | None
    bookkeeping: Mapping[str, str]
    format: str
    dtypes: Mapping[str, str] = field(default_factory=dict)
    clouds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on_request: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    event_bytes: int = 0


@runtime_checkable
class EventSource(Protocol):
    """Events in one file, read whole or streamed in bounded memory."""

    @property
    def schema(self) -> Schema:
        """What the file holds."""
        ...

    def read(self, columns: Sequence[str] | None = None) -> Events:
        """All events with exactly the named features and clouds (default: everything)."""
        ...

    def chunks(self, size: int, columns: Sequence[str] | None = None) -> Iterator[Events]:
        """The same events in runs of `size` (the last may be shorter); ids run on."""
        ...

    def rows(self, indices: ArrayLike, columns: Sequence[str] | None = None) -> Events:
        """The events of some rows, counted from 0, in the order asked for."""
        ...


@dataclass(frozen=True)
class Format:
    """One line of the format table.

    Attributes
    ----------
    name : str
        What `open_events` calls it.
    module, source : str
        Module in `novum.io` and its class, made from a path and offering `EventSource`.
    suffixes : tuple of str
        File name endings, lower case.
    magic : bytes
        How such a file begins; empty if it has no signature.
    writable : bool
        Whether the module has a context manager ``writing(path)`` that appends events.
    holds_clouds : bool
        Whether it can write clouds.
    options : tuple of str
        Further arguments that its source takes: ``tree``, ``clouds``.
    """

    name: str
    module: str
    source: str
    suffixes: tuple[str, ...]
    magic: bytes = b""
    writable: bool = False
    holds_clouds: bool = False
    options: tuple[str, ...] = ()

    def load(self) -> Any:
        """The module of this format."""
        return import_module(f"novum.io.{self.module}")


def open_events(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    clouds: Mapping[str, Sequence[str] | Mapping[str, str]] | None = None,
) -> EventSource:
    """Open a file of events; its suffix, or its content where formats share one, picks the reader.

    Parameters
    ----------
    path : path-like
        A Parquet, CSV, NumPy, HDF5 or ROOT file; ``file.root:tree`` names one of several trees.
    format : str, optional
        Name of the format, for files whose suffix does not tell.
    clouds : mapping, optional
        For ROOT files, branches that make clouds: see `novum.io.root.RootSource`.

    Returns
    -------
    EventSource
        Its ``schema`` is known; events are read on demand.

    Raises
    ------
    InputError
        If there is no such file (the nearest names are suggested), it is a folder, may not be read
        or has no events.
    FileFormatError
        If the format is unknown or the file is damaged.
    """
    file, tree = _split_tree(Path(path).expanduser())
    head = _first_bytes(file)
    candidates = _candidates(file, head, format)
    if not head:
        raise FileFormatError("the file is empty", file=file)
    given = {"tree": tree, "clouds": clouds}
    options = {name: value for name, value in given.items() if value is not None}
    for candidate in candidates:
        source = getattr(candidate.load(), candidate.source)
        if len(candidates) == 1 or source.recognises(file):
            _require_options(options, candidate, file)
            return cast(EventSource, source(file, **options))
    names = " or ".join(c.name for c in candidates)
    raise FileFormatError(
        f"the content is in none of the layouts that novum reads ({names})", file=file
    )


def _split_tree(path: Path) -> tuple[Path, str | None]:
    """File and tree of a name such as ``a.root:Events``, as uproot writes it."""
    name, found, tree = str(path).partition(".root:")
    if not found or not tree or os.path.exists(path):
        return path, None
    return Path(f"{name}.root"), tree


def _require_options(options: Mapping[str, Any], format: Format, file: Path) -> None:
    odd = [name for name in options if name not in format.options]
    if odd:
        raise InputError(f"'{odd[0]}' is for ROOT files, this is {format.name}", file=file)


def _first_bytes(file: Path) -> bytes:
    try:
        mode = os.stat(file).st_mode
        if stat.S_ISDIR(mode):
            raise InputError("is a folder, not a file of events", file=file)
        if not stat.S_ISREG(mode):
            raise InputError("is not a regular file", file=file)
        with open(file, "rb") as handle:
            return handle.read(16)
    except NovumError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"no such file{_near_files(file)}", file=file) from None
    except OSError as error:
        raise InputError(f"cannot be opened: {reason(error)}", file=file) from error
    except ValueError as error:  # a null character in the name
        raise InputError(f"is not a file name: {error}", file=repr(str(file))) from None


def _near_files(file: Path) -> str:
    try:
        names = sorted(entry.name for entry in os.scandir(file.parent) if entry.is_file())
    except OSError:
        return f": there is no folder '{file.parent}'"
    near = nearest(file.name, names)
    return f"; did you mean {', '.join(repr(n) for n in near)}?" if near else ""


def _candidates(file: Path, head: bytes, name: str | None) -> list[Format]:
    from novum.io import FORMATS

    if name is not None:
        chosen = [f for f in FORMATS if f.name == name]
        if not chosen:
            known = [f.name for f in FORMATS]
            near = nearest(name, known)
            hint = f"did you mean '{near[0]}'?" if near else f"novum reads {', '.join(known)}"
            raise FileFormatError(f"no such format '{name}'; {hint}", file=file)
        return chosen
    lower = file.name.lower()
    chosen = [f for f in FORMATS if lower.endswith(f.suffixes)]
    if not chosen:
        suffixes = dict.fromkeys(s for f in FORMATS for s in f.suffixes)
        alike = [f.name for f in FORMATS if f.magic and head.startswith(f.magic)]
        hint = f"; the content looks like format='{alike[0]}'" if alike else ""
        raise FileFormatError(
            f"unknown suffix '{file.suffix}'; novum reads {', '.join(suffixes)}{hint}", file=file
        )
    return chosen


@contextmanager
def reading(path: Path, *errors: type[BaseException]) -> Iterator[None]:
    """Turn the named errors of a reading library into a `FileFormatError` that names the file."""
    try:
        yield
    except NovumError:
        raise  # NovumErrors are ValueErrors or OSErrors too, and already say what is wrong
    except errors as error:
        raise FileFormatError(f"cannot be read: {reason(error)}", file=path) from error


def reason(error: BaseException, most: int = 200) -> str:
    """One short line that says why: the system's words for an errno, else the first line."""
    if isinstance(error, OSError) and error.errno and error.strerror:
        return os.strerror(error.errno).lower()
    lines = str(error).strip().splitlines()
    text = lines[0].rstrip(" ,:") if lines else type(error).__name__
    return text if len(text) <= most else f"{text[:most]}..."
