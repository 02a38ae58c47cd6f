"""NumPy files: structured arrays, the CATHODE table of six numbers, and archives of columns."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import FileFormatError, InputError
from novum.io.base import reading
from novum.io.blocks import Block
from novum.io.fields import Field, by_convention, require_few_columns
from novum.io.ranged import Access, RangedSource
from novum.io.table import TableSource
from novum.io.units import to_gev

_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,  # headers are Python literals
    OverflowError,
    MemoryError,
)
ZIP_ERRORS = (
    *_ERRORS,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    NotImplementedError,
    RuntimeError,
)
_CATHODE = ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high", "label")
_MASSES = _CATHODE[:3]
_CHECKED_ROWS = 100_000
_LONGEST_NAME = 4096


class NpySource(RangedSource):
    """A ``.npy`` file, mapped into memory: a structured array or the CATHODE layout.

    The CATHODE layout is a plain array (n, 6) of mjj, lighter jet mass and jet mass difference in
    TeV, τ21 of the lighter and of the heavier jet, and the label. It is delivered as ``mjj``,
    ``mj_low``, ``delta_mj`` in GeV, ``tau21_low``, ``tau21_high`` and labels.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the array has no column names and is not in the CATHODE layout, or is damaged.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with reading(path, *_ERRORS):
            array = _mapped(path)
        self._cathode = array.dtype.names is None
        if array.dtype.names is not None and array.ndim == 1:
            fields = [_field(name, array.dtype[name]) for name in array.dtype.names]
        elif array.ndim == 2 and not len(array):
            raise InputError("the file has no events", file=path)
        elif is_cathode(array):
            kind = str(array.dtype)
            fields = [
                by_convention(name, kind, True, "GeV" if name in _MASSES else None)
                for name in _CATHODE
            ]
        else:
            raise FileFormatError(
                f"an array of shape {array.shape} and type {array.dtype} has no column names; save "
                "a structured array, or np.savez(file, data=array, columns=names)",
                file=path,
            )
        super().__init__(path, "npy", fields, len(array))

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        def rows(start: int, stop: int) -> Block:
            # Mapped anew, so that the pages of earlier rows do not stay in memory.
            found = _mapped(self.path)[start:stop]
            return {h: self._values_of(found, h) for h in headers}

        with reading(self.path, *_ERRORS):
            yield Access(rows)

    def _values_of(self, rows: NDArray[Any], header: str) -> NDArray[Any]:
        if not self._cathode:
            return np.array(rows[header])
        values = np.array(rows[:, _CATHODE.index(header)], dtype=np.float64)
        return to_gev(values, "TeV") if header in _MASSES else values


def is_cathode(array: NDArray[Any]) -> bool:
    """Whether an array has the six columns of the CATHODE layout, judged by its first rows."""
    if array.ndim != 2 or array.shape[1] != 6 or array.dtype.kind != "f" or not len(array):
        return False
    rows = np.asarray(array[:_CHECKED_ROWS], dtype=np.float64)
    mjj, low, delta, tau_low, tau_high, label = rows.T
    taus = np.concatenate([tau_low, tau_high])
    with np.errstate(invalid="ignore"):
        checks = (
            np.isin(label, (0, 1)),
            ((mjj > 0.5) & (mjj < 20)) | np.isnan(mjj),
            # Rounding makes massless jets slightly negative.
            ((low > -0.01) & (low < mjj)) | np.isnan(low) | np.isnan(mjj),
            ((delta > -0.01) & (delta < mjj)) | np.isnan(delta) | np.isnan(mjj),
            ((taus > -0.01) & (taus < 5)) | np.isnan(taus),
        )
        return all(bool(c.all()) for c in checks) and not bool(np.isnan(mjj).all())


def _mapped(path: Path) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("it is an archive, not an array; is it a .npz file?")
    if array.dtype.hasobject:
        raise ValueError("it holds Python objects, which novum never unpickles")
    # NumPy ignores what follows the array; a damaged shape would drop events unseen.
    if isinstance(array, np.memmap) and array.offset + array.nbytes != path.stat().st_size:
        raise ValueError(f"its shape {array.shape} does not fit the length of the file")
    return array


def _field(name: str, dtype: np.dtype[Any]) -> Field:
    text = f"{dtype.base} array {dtype.shape}" if dtype.shape else str(dtype)
    return by_convention(name, text, dtype.kind in "biuf" and not dtype.shape)


@dataclass(frozen=True)
class Member:
    """One array of an archive, known by its header: name of its file, shape, order and type."""

    file: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


class NpzSource(TableSource):
    """A ``.npz`` archive: one-dimensional arrays by name, or ``data`` (n, k) with ``columns`` (k).

    Members are unpacked as they are read, in bounded memory, except a ``data`` array in Fortran
    order, which is unpacked whole.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If the columns differ in length, or there are no events.
    FileFormatError
        If the archive is damaged or has no named columns.
    """

    def __init__(self, path: Path) -> None:
        with reading(path, *ZIP_ERRORS), zipfile.ZipFile(path) as archive:
            require_few_columns(len(archive.infolist()), path)
            self._members = {
                info.filename.removesuffix(".npy"): member_of(archive, info)
                for info in archive.infolist()
            }
            names = None
            if {"data", "columns"} <= set(self._members):
                names = _names(archive, self._members["columns"], path)
        self._table: list[str] | None = names
        fields, n_events = self._columns(path) if names is None else self._two(path, names)
        super().__init__(path, "npz", fields, n_events)

    def _columns(self, path: Path) -> tuple[list[Field], int]:
        columns = {n: m for n, m in self._members.items() if len(m.shape) == 1}
        numeric = {n: m for n, m in columns.items() if m.dtype.kind in "biuf"}
        if not numeric:
            raise FileFormatError("there are no one-dimensional arrays of numbers", file=path)
        first, n_events = next((n, m.shape[0]) for n, m in numeric.items())
        for name, member in columns.items():
            if member.shape[0] != n_events:
                raise InputError(
                    f"has {member.shape[0]} entries but '{first}' has {n_events}",
                    file=path,
                    column=name,
                    value=member.shape[0],
                )
        return [_field(n, m.dtype) for n, m in columns.items()], n_events

    def _two(self, path: Path, names: list[str]) -> tuple[list[Field], int]:
        data = self._members["data"]
        if len(data.shape) != 2 or data.shape[1] != len(names):
            raise FileFormatError(
                f"'data' has shape {data.shape} but 'columns' has {len(names)} names", file=path
            )
        return [_field(n, data.dtype) for n in names], data.shape[0]

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        with (
            reading(self.path, *ZIP_ERRORS),
            zipfile.ZipFile(self.path) as archive,
            ExitStack() as stack,
        ):
            if self._table is not None:
                at = {h: self._table.index(h) for h in headers}
                for rows in rows_of(stack, archive, self._members["data"], size):
                    yield {h: rows[:, i].copy() for h, i in at.items()}
                return
            streams = [rows_of(stack, archive, self._members[h], size) for h in headers]
            for arrays in zip(*streams, strict=True):
                yield dict(zip(headers, arrays, strict=True))


def member_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    """What the header of a file in an archive says.

    Raises
    ------
    ValueError
        If it holds Python objects or has another length than its shape says.
    """
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(stream)
        header = stream.tell()
    if dtype.hasobject:
        raise ValueError(f"'{info.filename}' holds Python objects, which novum never unpickles")
    count = 1
    for n in shape:
        count *= n
    if min(shape, default=0) < 0 or header + count * dtype.itemsize != info.file_size:
        raise ValueError(f"'{info.filename}' is not as long as its shape {shape} says")
    return Member(info.filename, shape, fortran, dtype)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"NumPy format version {version} is not supported in archives")


def _names(archive: zipfile.ZipFile, member: Member, path: Path) -> list[str]:
    if len(member.shape) != 1 or member.dtype.kind not in "SU":
        raise ValueError("'columns' must be a one-dimensional array of names")
    require_few_columns(member.shape[0], path)
    if member.dtype.itemsize > _LONGEST_NAME:
        raise ValueError(f"'columns' says that its names have {member.dtype.itemsize} bytes each")
    with archive.open(member.file) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    return [n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in array.tolist()]


def rows_of(
    stack: ExitStack, archive: zipfile.ZipFile, member: Member, size: int
) -> Iterator[NDArray[Any]]:
    """Runs of `size` rows of a member, unpacked as they are read; its checksum is compared.

    An array in Fortran order comes whole.
    """
    stream = stack.enter_context(archive.open(member.file))
    if member.fortran and len(member.shape) > 1:
        yield np.lib.format.read_array(stream, allow_pickle=False)
        return
    _header(stream)
    width = member.shape[1:]
    per_row = member.dtype.itemsize * math.prod(width)
    left = member.shape[0]
    while left:
        n = min(size, left)
        data = stream.read(n * per_row)
        if len(data) != n * per_row:
            raise EOFError(f"'{member.file}' ends early")
        yield np.frombuffer(data, dtype=member.dtype).reshape(n, *width)
        left -= n
    stream.read(1)  # reaching the end is what makes zipfile compare the checksum
