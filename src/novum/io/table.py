"""`TableSource`: what all formats share once they can deliver blocks of named arrays."""

from __future__ import annotations

import os
import resource
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import FileFormatError, InputError, MissingColumnError
from novum.events import Events, Meta
from novum.io.base import Schema
from novum.io.join import concatenate
from novum.io.roles import (
    BOOKKEEPING,
    ROLES,
    rank,
    role_of,
    split_unit,
    to_integers,
    to_labels,
)

Block = Mapping[str, NDArray[Any]]
READ_SIZE = 262_144
MOST_COLUMNS = 10_000  # a file that claims more is damaged, or made to exhaust memory


@dataclass(frozen=True)
class Field:
    """A column of a file.

    Attributes
    ----------
    header : str
        What the format calls it; keys of the blocks.
    name : str
        What the user calls it.
    dtype : str
        Its type in words.
    numeric : bool
        Whether it is one number per event.
    role : str or None
        What it holds if it is no feature.
    unit : str or None
        Unit of its values.
    """

    header: str
    name: str
    dtype: str
    numeric: bool
    role: str | None = None
    unit: str | None = None


def by_convention(header: str, dtype: str, numeric: bool, unit: str | None = None) -> Field:
    """A column whose header tells its name, its role and, as in ``"mjj [TeV]"``, its unit."""
    name, stated = split_unit(header)
    return Field(header, name, dtype, numeric, role_of(name), unit or stated)


class TableSource(ABC):
    """Events of a file that is a table; a format adds the columns it found and `_blocks`.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        Name of the format.
    fields : sequence of Field
        All columns of the file.
    n_events : int or None
        Number of rows if known.
    meta : Meta, optional
        Origin of the events if the file tells; the file itself by default.

    Raises
    ------
    InputError
        If there are no events.
    FileFormatError
        If two columns have one name.
    """

    def __init__(
        self,
        path: Path,
        format: str,
        fields: Sequence[Field],
        n_events: int | None,
        meta: Meta | None = None,
    ) -> None:
        self.path = path
        self._meta = Meta(origin=str(path)) if meta is None else meta
        require_few_columns(len(fields), path)
        seen: set[tuple[str | None, str]] = set()
        for f in fields:
            if (f.role, f.name) in seen:
                raise FileFormatError(
                    "there are two columns of this name", file=path, column=f.name
                )
            seen.add((f.role, f.name))
        if n_events == 0:
            raise InputError("the file has no events", file=path)
        self._features = {f.name: f for f in fields if f.role is None and f.numeric}
        self._others = {f.name: f for f in fields if f.role is not None or not f.numeric}
        best = {role: _first_of(role, fields) for role in ROLES}
        self._roles = {role: f for role, f in best.items() if f is not None}
        self.schema = self._make_schema(format, n_events)

    def _make_schema(self, format: str, n_events: int | None) -> Schema:
        roles = {role: f.name for role, f in self._roles.items()}
        return Schema(
            columns=tuple(self._features),
            units={n: f.unit for n, f in self._features.items() if f.unit},
            n_events=n_events,
            weight=roles.get("weight"),
            label=roles.get("label"),
            bookkeeping={r: roles[r] for r in BOOKKEEPING if r in roles},
            format=format,
            dtypes={n: f.dtype for n, f in self._features.items()},
        )

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the content of a file with this format's suffix is of this format."""
        return True

    @abstractmethod
    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        """Consecutive rows of the columns with these headers, about `size` at a time."""

    def read(self, columns: Sequence[str] | None = None) -> Events:
        """All events with the named feature columns (default: all of them).

        Raises
        ------
        MissingColumnError
            If there is no such column; names the nearest.
        InputError
            If a column is not numeric, a label, id or bookkeeping number makes no sense, or the
            events do not fit into memory.
        FileFormatError
            If the file is damaged.
        """
        names = self._feature_names(columns)
        n_events = self.schema.n_events or 0
        needed, memory = n_events * 8 * (len(names) + 2), memory_bytes()  # and ids and weights
        if needed > memory:
            raise InputError(
                f"{n_events} events with {len(names)} features take {needed / 2**30:.4g} GiB, this "
                f"machine has {memory / 2**30:.4g} GiB of memory; name fewer columns",
                file=self.path,
                value=n_events,
            )
        try:
            return concatenate(list(self.chunks(READ_SIZE, names)))
        except MemoryError:
            raise InputError("the events do not fit into memory", file=self.path) from None

    def chunks(self, size: int, columns: Sequence[str] | None = None) -> Iterator[Events]:
        """The same events in runs of `size`, the last possibly shorter; ids run on.

        Raises
        ------
        InputError
            As `read` does, and if `size` is not positive.
        """
        if size < 1:
            raise InputError(f"the chunk size must be positive, got {size}", value=size)
        names = self._feature_names(columns)
        return self._chunks(size, names)

    def _chunks(self, size: int, names: list[str]) -> Iterator[Events]:
        wanted = [self._features[n] for n in names] + list(self._roles.values())
        # Rows are counted by columns, so one must be read even if none is asked for.
        wanted = wanted or list(self._features.values())[:1]
        start = 0
        for block in rebatch(self._blocks([f.header for f in wanted], size), size):
            chunk = self._events(block, names, start)
            start += len(chunk)
            yield chunk
        if start == 0:
            raise InputError("the file has no events", file=self.path)
        if self.schema.n_events is not None and start != self.schema.n_events:
            raise FileFormatError(
                f"holds {start} events but says that it has {self.schema.n_events}", file=self.path
            )

    def _feature_names(self, columns: Sequence[str] | None) -> list[str]:
        if columns is None:
            if not self._features:
                raise InputError("there are no numeric feature columns", file=self.path)
            return list(self._features)
        names = [columns] if isinstance(columns, str) else list(columns)
        for name in names:
            if name in self._features:
                continue
            if name not in self._others:
                raise MissingColumnError(name, self._features, file=self.path)
            f = self._others[name]
            why = f"is not numeric: its type is {f.dtype}"
            if f.role is not None:
                why = f"is a {f.role} column, which is never read as a feature"
            raise InputError(why, file=self.path, column=name, value=f.dtype)
        return names

    def _events(self, block: Block, names: Sequence[str], start: int) -> Events:
        n = len(next(iter(block.values())))
        raw = {role: block[f.header] for role, f in self._roles.items()}
        called = {role: f.name for role, f in self._roles.items()}
        ids: NDArray[Any] = np.arange(start, start + n, dtype=np.uint64)
        if "id" in raw:
            ids = to_integers(raw["id"], self.path, called["id"], signed=False)
        return Events(
            id=ids,
            features={name: _floats(block[self._features[name].header]) for name in names},
            weight=_floats(raw["weight"]) if "weight" in raw else np.ones(n),
            label=to_labels(raw["label"], self.path, called["label"]) if "label" in raw else None,
            bookkeeping={
                r: to_integers(raw[r], self.path, called[r]) for r in BOOKKEEPING if r in raw
            },
            meta=self._meta,
        )


def require_few_columns(n: int, path: Path) -> None:
    """Refuse a table of more than `MOST_COLUMNS` columns before time is spent on each.

    Raises
    ------
    FileFormatError
        Names their number.
    """
    if n > MOST_COLUMNS:
        raise FileFormatError(
            f"says that it has {n} columns; novum reads at most {MOST_COLUMNS}", file=path, value=n
        )


def memory_bytes() -> int:
    """Memory of this machine, or what this process may use of it if that is limited."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return installed if limit == resource.RLIM_INFINITY else min(installed, limit)


def _first_of(role: str, fields: Sequence[Field]) -> Field | None:
    # A text column plays no role, except that labels are often words.
    found = [f for f in fields if f.role == role and (f.numeric or role == "label")]
    return min(found, key=lambda f: rank(f.name, role), default=None)


def _floats(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64)


def rebatch(blocks: Iterator[Block], size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Blocks of exactly `size` rows (the last may be shorter) from blocks of any length."""
    parts: list[Block] = []
    held = 0
    for block in blocks:
        if not len(next(iter(block.values()))):
            continue
        parts.append(block)
        held += len(next(iter(block.values())))
        if held < size:
            continue
        whole = _joined(parts)
        cut = held - held % size
        for a in range(0, cut, size):
            yield {k: v[a : a + size] for k, v in whole.items()}
        # A copy, so that a short rest does not keep the whole block in memory.
        parts = [{k: v[cut:].copy() for k, v in whole.items()}] if cut < held else []
        held -= cut
    if parts:
        yield _joined(parts)


def _joined(parts: Sequence[Block]) -> dict[str, NDArray[Any]]:
    if len(parts) == 1:
        return dict(parts[0])
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
