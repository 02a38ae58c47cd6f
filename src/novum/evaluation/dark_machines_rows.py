"""Result rows of the Dark Machines challenge as CSV files, in and out (arXiv:2105.14027)."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from novum.errors import FileFormatError, InputError, MissingColumnError
from novum.evaluation.dark_machines import COLUMNS, SignalRow
from novum.io.atomic import write_text


def holds_signal_rows(path: str | os.PathLike[str]) -> bool:
    """Whether the first line of a file names most of the columns of result rows.

    False too where there is no such file, or none that can be read.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader([stream.readline(1 << 16)]), [])
    except (OSError, ValueError, csv.Error):
        return False
    return 2 * len(set(header) & set(COLUMNS)) > len(COLUMNS)


def read_signal_rows(path: str | os.PathLike[str]) -> tuple[SignalRow, ...]:
    """Result rows of a CSV file with the columns `COLUMNS`, in any order.

    An empty signal efficiency is one that was not measured.

    Parameters
    ----------
    path : path-like
        Columns Signal, Model, Chan, AUC, 1e-2, 1e-3 and 1e-4.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InputError
        If the file cannot be read or has no rows, another column or one twice, or a value is no
        number between 0 and 1. Names the line, the column and the value.
    FileFormatError
        If the file is no text, or a line has another number of cells.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read result rows: {error.strerror}", file=path) from None
    except UnicodeDecodeError:
        raise FileFormatError("is no text", file=path) from None
    lines = _lines(text, path)
    header = next(lines, (0, []))[1]
    _require_columns(header, path)
    rows = tuple(_row(dict(zip(header, cells, strict=True)), n, path) for n, cells in lines)
    if not rows:
        raise InputError("has no signal rows", file=path)
    return rows


def write_signal_rows(
    rows: Iterable[SignalRow], path: str | os.PathLike[str], *, overwrite: bool = True
) -> None:
    """Write result rows whole or not at all; numbers keep all their digits.

    Parameters
    ----------
    rows : iterable of SignalRow
    path : path-like
    overwrite : bool
        Whether a file that exists is replaced.

    Raises
    ------
    OutputError
        If the file cannot be written, or exists and `overwrite` is false.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        numbers = ["" if x is None else repr(float(x)) for x in (row.auc, *row.eps_s)]
        writer.writerow([*row.key, *numbers])
    write_text(path, stream.getvalue(), overwrite=overwrite)


def _lines(text: str, path: str | os.PathLike[str]) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line that is not empty, with its number; all as many as the first."""
    reader, width = csv.reader(io.StringIO(text, newline="")), 0
    try:
        for cells in reader:
            width = width or len(cells)
            if len(cells) not in (0, width):
                raise FileFormatError(
                    f"line {reader.line_num} has {len(cells)} cells, the first has {width}",
                    file=path,
                    value=len(cells),
                )
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise FileFormatError(f"line {reader.line_num}: {error}", file=path) from None


def _require_columns(header: Sequence[str], path: str | os.PathLike[str]) -> None:
    for column in COLUMNS:
        if column not in header:
            raise MissingColumnError(column, header, file=path)
        if header.count(column) > 1:
            raise InputError("there are two columns of this name", file=path, column=column)
    for column in header:
        if column not in COLUMNS:
            raise InputError(
                f"is no column of result rows ({', '.join(COLUMNS)})", file=path, column=column
            )


def _row(cells: dict[str, str], line: int, path: str | os.PathLike[str]) -> SignalRow:
    signal, model, channel = (cells[column] for column in COLUMNS[:3])
    auc = _number(cells["AUC"], "AUC", line, path)
    first, second, third = (
        _number(cells[column], column, line, path) if cells[column] else None
        for column in COLUMNS[4:]
    )
    for column in COLUMNS[:3]:
        if not cells[column]:
            raise InputError(f"line {line} is empty there", file=path, column=column, value="")
    return SignalRow(signal, model, channel, auc, (first, second, third))


def _number(text: str, column: str, line: int, path: str | os.PathLike[str]) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f"line {line}: '{text}' is no number", file=path, column=column, value=text
        ) from None
    if not 0 <= value <= 1:
        raise InputError(
            f"line {line}: must be between 0 and 1, got {text}",
            file=path,
            column=column,
            value=value,
        )
    return value
