"""Comma- or tab-separated tables with a header line, plain or gzipped, streamed by block."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from novum.errors import FileFormatError
from novum.events import Events
from novum.io.arrow import ARROW_ERRORS, flat_table, is_numeric, to_numpy
from novum.io.base import reading
from novum.io.blocks import Block
from novum.io.fields import Field, by_convention, require_few_columns
from novum.io.roles import role_of, split_unit
from novum.io.table import TableSource

_BLOCK_BYTES = 1 << 20  # Arrow reads up to 32 blocks ahead


class CsvSource(TableSource):
    """A CSV or TSV file, also gzipped; headers such as ``mjj [TeV]`` tell units.

    Empty cells become NaN. Types are taken from the first MiB; a word further down in a column
    that was numeric until then is an error, not a silent change of type.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If there is no header line, a row has another number of cells, or the file is damaged.
    InputError
        If it has no events.
    """

    format: ClassVar[str] = "csv"
    notes: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[tuple[str, ...]] = ()  # columns of ids, whose digits are all needed

    def __init__(self, path: Path) -> None:
        self._types: dict[str, Any] = {}
        self._first_rows(path)
        rows = None if self._has_rows else 0
        super().__init__(path, self.format, self._fields(path), rows, notes=self.notes)

    def _fields(self, path: Path) -> list[Field]:
        """The columns, as their headers say."""
        return [by_convention(h, str(t), is_numeric(t)) for h, t in self._types.items()]

    def _first_rows(self, path: Path) -> None:
        require_few_columns(len(first_line(path).split(_delimiter(path))), path)
        with reading(path, *ARROW_ERRORS), _open(path) as reader:
            names, types = list(reader.schema.names), list(reader.schema.types)
            self._has_rows = any(batch.num_rows for batch in reader)
        repeated = {name for name, n in Counter(names).items() if n > 1}
        if sum(_is_number(n) for n in names) * 2 > len(names):
            raise FileFormatError(
                f"the first line holds numbers, not column names ({', '.join(names[:3])})",
                file=path,
            )
        if repeated:
            raise FileFormatError(
                "there are two columns of this name", file=path, column=min(repeated)
            )
        self._types = dict(zip(names, types, strict=True))

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        types = {h: _read_as(h, self._types[h], h in self.whole) for h in headers}
        yield from self._typed_blocks(types)

    def _verbatim(self, header: str) -> Iterator[NDArray[Any]]:
        for block in self._typed_blocks({header: pa.string()}):  # of 1 and 2a both are words
            yield block[header]

    def _typed_blocks(self, types: dict[str, Any]) -> Iterator[Block]:
        options = pc.ConvertOptions(include_columns=list(types), column_types=types)
        with reading(self.path, *ARROW_ERRORS), _open(self.path, options) as reader:
            for batch in reader:
                yield {h: to_numpy(batch.column(h)) for h in types}


@contextmanager
def writing(path: Path) -> Iterator[Callable[[Events], None]]:
    """Write as CSV, or TSV, gzipped if the name ends in .gz; numbers keep all their digits.

    Yields
    ------
    callable
        Appends events; all need the same columns. Raises an OutputError if there are clouds, or a
        feature has the name of a label, weight, id or run column.
    """
    compression = "gzip" if path.name.lower().endswith(".gz") else None
    with pa.output_stream(path, compression=compression) as stream:
        header = True

        def append(events: Events) -> None:
            nonlocal header
            options = pc.WriteOptions(delimiter=_delimiter(path), include_header=header)
            pc.write_csv(flat_table(events, "csv"), stream, options)
            header = False

        yield append


def first_line(path: Path) -> str:
    """The first line of a text file, plain or gzipped, or its first MiB.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    with reading(path, *ARROW_ERRORS), _stream(path) as stream:
        first = re.split(rb"[\r\n]", stream.read(_BLOCK_BYTES), maxsplit=1)[0]
    return first.decode("utf-8", "replace").removeprefix("\ufeff")


def _delimiter(path: Path) -> str:
    return "\t" if path.name.lower().endswith((".tsv", ".tsv.gz")) else ","


def _stream(path: Path) -> Any:
    compression = "gzip" if path.name.lower().endswith(".gz") else None
    return pa.input_stream(path, compression=compression)


def _open(path: Path, options: Any = None) -> Any:
    return pc.open_csv(
        _stream(path),
        read_options=pc.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pc.ParseOptions(delimiter=_delimiter(path)),
        convert_options=options,
    )


def _read_as(header: str, kind: Any, whole: bool) -> Any:
    # The first block may hold whole numbers only, or nothing, where fractions follow. Ids and
    # event numbers stay whole: as floats they would lose digits beyond 2^53.
    if not is_numeric(kind) or pa.types.is_boolean(kind):
        return pa.string() if not is_numeric(kind) else kind
    role = role_of(split_unit(header)[0])
    if header == "novum_id":  # novum's own ids use all 64 bits, which are not inferred
        return pa.uint64()
    if pa.types.is_integer(kind) and (whole or role not in (None, "weight", "label")):
        return kind
    return pa.float64()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
