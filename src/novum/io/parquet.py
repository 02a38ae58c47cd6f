"""Parquet tables, streamed by row group with only the columns asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from novum.events import Events
from novum.io.arrow import ARROW_ERRORS, flat_table, is_numeric, to_numpy
from novum.io.base import reading
from novum.io.blocks import Block
from novum.io.fields import Field, by_convention, require_few_columns
from novum.io.origin import origin_from_json, origin_to_json
from novum.io.table import TableSource

_ORIGIN = b"novum_origin"
_ROWS = 131_072  # a row group is what a reader must hold


class ParquetSource(TableSource):
    """A Parquet file; nulls become NaN, and field metadata ``unit`` tells units.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the file is damaged.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with reading(path, *ARROW_ERRORS), pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            require_few_columns(len(schema), path)
            fields = [_field(schema.field(i)) for i in range(len(schema))]
            n_events = int(file.metadata.num_rows)
            stored = (schema.metadata or {}).get(_ORIGIN)
        super().__init__(path, "parquet", fields, n_events, origin_from_json(stored, path))

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        with (
            reading(self.path, *ARROW_ERRORS),
            # By default Arrow fetches all row groups ahead, which for a local file is no gain.
            pq.ParquetFile(
                self.path, page_checksum_verification=True, pre_buffer=False, buffer_size=1 << 16
            ) as file,
        ):
            for batch in file.iter_batches(batch_size=size, columns=list(headers)):
                yield {h: to_numpy(batch.column(h)) for h in headers}


@contextmanager
def writing(path: Path) -> Iterator[Callable[[Events], None]]:
    """Write as Parquet with page checksums, and the origin of the first in the file metadata.

    Yields
    ------
    callable
        Appends events; all need the same columns. Raises an OutputError if there are clouds, or a
        feature has the name of a label, weight, id or run column.
    """
    with ExitStack() as stack:
        writers: list[Any] = []

        def append(events: Events) -> None:
            table = flat_table(events, "parquet")
            if not writers:
                schema = table.schema.with_metadata({_ORIGIN: origin_to_json(events.meta)})
                new = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
                writers.append(stack.enter_context(new))
            table = table.replace_schema_metadata(writers[0].schema.metadata)
            writers[0].write_table(table, row_group_size=_ROWS)

        yield append


def _field(field: Any) -> Field:
    unit = (field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace")
    return by_convention(field.name, str(field.type), is_numeric(field.type), unit or None)
