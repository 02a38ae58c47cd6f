"""Careful reading of HDF5: damaged files, links out of the file and invented sizes are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any

import h5py

from novum.errors import MissingDependencyError
from novum.io.base import reading
from novum.io.fields import MOST_COLUMNS

# What h5py raises on damage, depending on which structure of the file is hit.
_ERRORS = (
    OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError,
    AttributeError, IndexError,
)  # fmt: skip

# Deflate shrinks at most about 1030-fold; a file that claims much more holds nothing.
_MOST_SHRINKING = 2000
_ALWAYS_FINE = 1 << 26
_CACHE = 1 << 20


@contextmanager
def open_h5(path: Path) -> Iterator[Any]:
    """The file opened for reading; what h5py raises meanwhile becomes a `FileFormatError`."""
    # Best effort: network file systems often cannot lock, and nothing is written here.
    with reading(path, *_ERRORS), h5py.File(path, "r", locking="best-effort") as file:
        yield file


def dataset(where: Any, name: str) -> Any:
    """The dataset `name` of a file or group.

    Raises
    ------
    ValueError
        If it is no dataset, its data lie outside the file, or its size cannot be true.
    MissingDependencyError
        If it is compressed in a way that needs a plugin.
    """
    if not isinstance(where.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is missing or a link, which novum does not follow")
    found = where[name]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"'{name}' is not a dataset")
    if found.is_virtual or found.external:
        raise ValueError(f"the data of '{name}' are in another file")
    if found.shape is None:
        raise ValueError(f"'{name}' is empty")
    _require_filters(found)
    stored = found.id.get_storage_size()
    declared = found.dtype.itemsize
    for n in found.shape:
        declared *= int(n)
    chunk = found.dtype.itemsize
    for n in found.chunks or ():
        chunk *= int(n)
    if max(declared, chunk) > _ALWAYS_FINE + _MOST_SHRINKING * stored:
        raise ValueError(
            f"'{name}' says it has shape {found.shape} but only {stored} bytes are stored"
        )
    return found


def _require_filters(found: Any) -> None:
    filters = found.id.get_create_plist()
    for i in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(i)
        if h5py.h5z.filter_avail(code):
            continue
        with suppress(ImportError):
            import hdf5plugin  # noqa: F401 - importing it makes its filters known
        if not h5py.h5z.filter_avail(code):
            called = name.decode("utf-8", "replace") or f"filter {code}"
            raise MissingDependencyError(
                f"{found.file.filename}: '{found.name}' is compressed with {called}, which HDF5 "
                "reads with a plugin; pip install hdf5plugin"
            )


def rows_at_once(datasets: Iterable[Any], size: int) -> int:
    """Number of rows to read, at least `size`, so that no large chunk is unpacked again and again.

    HDF5 keeps an unpacked chunk for the next read only if it fits into its cache.
    """
    uncached = [
        d.chunks[0] for d in datasets if d.chunks and prod(d.chunks) * d.dtype.itemsize > _CACHE
    ]
    rows = max(uncached, default=1)
    return -(-size // rows) * rows


def group(file: Any, name: str) -> Any:
    """The group `name` of a file.

    Raises
    ------
    ValueError
        If it is no group of the file itself, or holds more than `MOST_COLUMNS` things.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is missing or a link, which novum does not follow")
    if not isinstance(file[name], h5py.Group):
        raise ValueError(f"'{name}' is not a group")
    if len(file[name]) > MOST_COLUMNS:
        raise ValueError(f"'{name}' holds {len(file[name])} things")
    return file[name]


def is_number(found: Any) -> bool:
    """Whether a dataset holds plain numbers or truth values."""
    return found.dtype.kind in "biuf" and not found.dtype.shape


def text_attribute(where: Any, name: str) -> str:
    """A text attribute of fixed length.

    Raises
    ------
    ValueError
        If it is of another type. Text of variable length is not even touched: on a damaged file
        HDF5 may look for it forever.
    """
    stored = where.attrs.get_id(name)
    if stored.dtype.kind != "S" or stored.shape != ():
        raise ValueError(f"the attribute '{name}' is not a text of fixed length")
    return bytes(where.attrs[name]).decode("utf-8")


def whole_attribute(where: Any, name: str) -> int:
    """An attribute that is one whole number.

    Raises
    ------
    ValueError
        If it is of another type.
    """
    stored = where.attrs.get_id(name)
    if stored.dtype.kind not in "iu" or stored.shape != ():
        raise ValueError(f"the attribute '{name}' is not a whole number")
    return int(where.attrs[name])


def strings(found: Any) -> list[str]:
    """A one-dimensional dataset of names, whether stored as text or as numbers.

    Raises
    ------
    ValueError
        If it has another shape or says that it has more than `MOST_COLUMNS` names.
    """
    if found.ndim != 1:
        raise ValueError(f"'{found.name}' should be a list of names")
    if len(found) > MOST_COLUMNS:
        raise ValueError(f"'{found.name}' says that it has {len(found)} names")
    values = found.asstr()[:] if h5py.check_string_dtype(found.dtype) else found[:]
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values.tolist()]
