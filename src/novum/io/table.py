"""`TableSource`: what all formats share once they can deliver blocks of named arrays."""

from __future__ import annotations

import os
import resource
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import FileFormatError, InputError, MissingColumnError
from novum.events import Cloud, Events, Meta
from novum.io.base import Schema
from novum.io.blocks import Block, joined, rebatch, rows_in
from novum.io.fields import (
    READ_SIZE,
    Asked,
    CloudField,
    Field,
    require_few_columns,
    warn_of_words_as_ids,
)
from novum.io.join import concatenate
from novum.io.roles import BOOKKEEPING, ROLES, rank, to_integers, to_labels


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
    clouds : sequence of CloudField
        All clouds of the file.
    notes : sequence of str
        What a reader should know of how the file is read.

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
        clouds: Sequence[CloudField] = (),
        notes: Sequence[str] = (),
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
        self._clouds = {c.name: c for c in clouds}
        self._roles = {role: f for role, f in best.items() if f is not None}
        self.schema = self._make_schema(format, n_events, notes)

    def _make_schema(self, format: str, n_events: int | None, notes: Sequence[str]) -> Schema:
        roles = {role: f.name for role, f in self._roles.items()}
        return Schema(
            columns=tuple(n for n, f in self._features.items() if f.by_default),
            units={n: f.unit for n, f in self._features.items() if f.unit},
            n_events=n_events,
            weight=roles.get("weight"),
            label=roles.get("label"),
            bookkeeping={r: roles[r] for r in BOOKKEEPING if r in roles},
            format=format,
            dtypes={n: f.dtype for n, f in self._features.items()},
            clouds={n: c.fields for n, c in self._clouds.items()},
            on_request=tuple(n for n, f in self._features.items() if not f.by_default),
            notes=tuple(notes),
            event_bytes=Asked(
                tuple(f for f in self._features.values() if f.by_default),
                tuple(self._clouds.values()),
            ).chunk_bytes,
        )

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the content of a file with this format's suffix is of this format."""
        return True

    @abstractmethod
    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        """Consecutive rows of the columns with these headers, about `size` at a time."""

    def read(self, columns: Sequence[str] | None = None) -> Events:
        """All events with exactly the named features and clouds (default: everything there is).

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
        asked = self._asked(columns)
        n_events = self.schema.n_events or 0
        needed, memory = n_events * asked.event_bytes, memory_bytes()
        if needed > memory:
            raise InputError(
                f"{n_events} events with {len(asked.columns)} features and {len(asked.clouds)} "
                f"clouds take {needed / 2**30:.4g} GiB, this machine has {memory / 2**30:.4g} GiB "
                "of memory; name fewer columns",
                file=self.path,
                value=n_events,
            )
        try:
            return concatenate(list(self._chunks(asked.rows, asked)))
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
        return self._chunks(size, self._asked(columns))

    def rows(self, indices: ArrayLike, columns: Sequence[str] | None = None) -> Events:
        """The events of some rows, counted from 0, in the order asked for; others are not kept.

        Raises
        ------
        InputError
            As `read` does, and if there is no such row.
        """
        asked = self._asked(columns)
        rows = _row_numbers(indices, self.path)
        sorted_rows, order = np.unique(rows, return_inverse=True)
        last = int(sorted_rows[-1]) if len(rows) else 0
        if self.schema.n_events is not None and last >= self.schema.n_events:
            _no_such_row(last, self.schema.n_events, self.path)
        block = self._picked(self._headers(asked), sorted_rows, asked.rows)
        return self._events(block, asked, sorted_rows).take(order)

    def words(self, column: str) -> Iterator[NDArray[Any]]:
        """The values of any column, numbers or words, in runs of rows as the file holds them.

        Raises
        ------
        MissingColumnError
            If there is no such column; names the nearest.
        """
        found = {**self._others, **self._features}.get(column)
        if found is None:
            raise MissingColumnError(column, [*self._features, *self._others], file=self.path)
        return self._verbatim(found.header)

    def _verbatim(self, header: str) -> Iterator[NDArray[Any]]:
        for block in self._blocks([header], READ_SIZE):
            yield block[header]

    def _picked(self, headers: Sequence[str], rows: NDArray[np.int64], size: int) -> Block:
        """The rows of these numbers, which are sorted, by streaming up to the last."""
        parts: list[Block] = []
        start, stop = 0, int(rows[-1]) + 1 if len(rows) else 1
        for block in self._blocks(headers, min(size, stop)):
            n = rows_in(block)
            here = rows[(rows >= start) & (rows < start + n)] - start
            parts.append({k: v[here] for k, v in block.items()})
            start += n
            if start >= stop:
                return joined(parts)
        return _no_such_row(stop - 1, start, self.path)

    def _headers(self, asked: Asked) -> list[str]:
        wanted = [f.header for f in asked.columns] + [f.header for f in self._roles.values()]
        wanted += [c.header for c in asked.clouds]
        return list(dict.fromkeys(wanted)) or self._counted()

    def _counted(self) -> list[str]:
        """What is read where nothing is asked for: rows are counted by columns."""
        features = [f.header for f in self._features.values()]
        return (features or [c.header for c in self._clouds.values()])[:1]

    def _chunks(self, size: int, asked: Asked) -> Iterator[Events]:
        if "id" not in self._roles:
            warn_of_words_as_ids(self._others.values(), self.path)
        start = 0
        for block in rebatch(self._blocks(self._headers(asked), size), size):
            stop = start + rows_in(block)
            yield self._events(block, asked, np.arange(start, stop))
            start = stop
        if start == 0:
            raise InputError("the file has no events", file=self.path)
        if self.schema.n_events is not None and start != self.schema.n_events:
            raise FileFormatError(
                f"holds {start} events but says that it has {self.schema.n_events}", file=self.path
            )

    def _asked(self, columns: Sequence[str] | None) -> Asked:
        if columns is None:
            default = tuple(f for f in self._features.values() if f.by_default)
            if not default and not self._clouds:
                raise InputError("there are no numeric feature columns", file=self.path)
            return Asked(default, tuple(self._clouds.values()))
        names = dict.fromkeys([columns] if isinstance(columns, str) else columns)
        return Asked(
            tuple(self._column(n) for n in names if n in self._features or n not in self._clouds),
            tuple(self._clouds[n] for n in names if n in self._clouds),
        )

    def _column(self, name: str) -> Field:
        """The feature of this name."""
        if name in self._features:
            return self._features[name]
        if name not in self._others:
            raise MissingColumnError(name, [*self._features, *self._clouds], file=self.path)
        f = self._others[name]
        why = f"is not numeric: its type is {f.dtype}"
        if f.role is not None:
            why = f"is a {f.role} column, which is never read as a feature"
        raise InputError(why, file=self.path, column=name, value=f.dtype)

    def _events(self, block: Block, asked: Asked, rows: NDArray[np.int64]) -> Events:
        n = rows_in(block)
        raw = {role: block[f.header] for role, f in self._roles.items()}
        called = {role: f.name for role, f in self._roles.items()}
        ids: NDArray[Any] = rows.astype(np.uint64)
        if "id" in raw:
            ids = to_integers(raw["id"], self.path, called["id"], signed=False)
        return Events(
            id=ids,
            features={f.name: _floats(block[f.header]) for f in asked.columns},
            weight=_floats(raw["weight"]) if "weight" in raw else np.ones(n),
            label=to_labels(raw["label"], self.path, called["label"]) if "label" in raw else None,
            clouds={c.name: Cloud(_native(block[c.header]), c.fields) for c in asked.clouds},
            bookkeeping={
                r: to_integers(raw[r], self.path, called[r]) for r in BOOKKEEPING if r in raw
            },
            meta=self._meta,
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


def _native(values: NDArray[Any]) -> NDArray[Any]:
    # Clouds are large: single precision stays single.
    return np.ascontiguousarray(values, np.float32 if values.dtype.itemsize <= 4 else np.float64)


def _row_numbers(indices: ArrayLike, path: Path) -> NDArray[np.int64]:
    rows = np.asarray(indices)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise InputError(
            f"rows are asked for by their numbers, got an array of shape {rows.shape} and type "
            f"{rows.dtype}",
            file=path,
        )
    if rows.size and rows.min() < 0:
        raise InputError(f"rows count from 0, got {rows.min()}", file=path, value=int(rows.min()))
    return rows.astype(np.int64)


def _no_such_row(row: int, n_events: int, path: Path) -> NoReturn:
    raise InputError(f"there is no row {row}, only {n_events} events", file=path, value=row)
