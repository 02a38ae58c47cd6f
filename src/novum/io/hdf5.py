"""novum's own HDF5 layout, the one that keeps all of `Events`.

The root has the attributes ``novum_schema`` = "novum-events", ``schema_version`` = 1, ``n_events``
and ``origin`` (JSON). Datasets: ``id``, ``weight``, ``label`` (if any), ``features/NAME``,
``bookkeeping/ROLE`` and ``clouds/NAME`` (n, P, F) with the attribute ``fields`` (JSON).
Everything is chunked, shuffled, gzipped and has checksums, so that damage is noticed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np
from numpy.typing import NDArray

from novum.events import Cloud, Events
from novum.io.h5file import dataset, group, is_number, open_h5, text_attribute, whole_attribute
from novum.io.origin import origin_from_json, origin_to_json
from novum.io.roles import BOOKKEEPING
from novum.io.table import Block, Field, TableSource

SCHEMA_NAME = "novum-events"
SCHEMA_VERSION = 1
_CHUNK_BYTES = 1 << 19  # fits HDF5's chunk cache (1 MiB), so that small reads unpack only once


class Hdf5Source(TableSource):
    """A file in novum's own HDF5 layout; clouds come along with every read.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the file is damaged, of another layout or of a later version.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with open_h5(path) as file:
            _check_version(file)
            n_events = whole_attribute(file, "n_events")
            origin = origin_from_json(text_attribute(file, "origin"), path)
            places = [("id", "id"), ("weight", "weight")]
            places += [("label", "label")] if "label" in file else []
            places += [(f"bookkeeping/{r}", r) for r in BOOKKEEPING if r in file["bookkeeping"]]
            fields = [_field(file, place, n_events, role) for place, role in places]
            for name in group(file, "features"):
                fields.append(_field(file, f"features/{name}", n_events))
            self._clouds = {
                f"clouds/{name}": _cloud_fields(file, f"clouds/{name}", n_events)
                for name in group(file, "clouds")
            }
        super().__init__(path, "hdf5", fields, n_events, origin)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the file says that it has novum's layout."""
        with open_h5(path) as file:
            return "novum_schema" in file.attrs

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        n = self.schema.n_events or 0
        with open_h5(self.path) as file:
            datasets = {h: dataset(file, h) for h in [*headers, *self._clouds]}
            for a in range(0, n, size):
                yield {h: d[a : min(a + size, n)] for h, d in datasets.items()}

    def _events(self, block: Block, names: Sequence[str], start: int) -> Events:
        clouds = {
            _unquoted(place): Cloud(np.asarray(block[place], dtype=np.float64), fields)
            for place, fields in self._clouds.items()
        }
        return replace(super()._events(block, names, start), clouds=clouds)


def write(events: Events, path: Path) -> None:
    """Write in novum's HDF5 layout.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # Made in memory and then written by Python: when a disk is full, HDF5 crashes the process as
    # it closes the file. Compressed, this takes less memory than the events themselves.
    image = io.BytesIO()
    with h5py.File(image, "w", libver=("v110", "v110")) as file:
        _fill(file, events)
    path.write_bytes(image.getbuffer())


def _fill(file: Any, events: Events) -> None:
    # Fixed-length texts lie in the checksummed header; see `text_attribute`.
    file.attrs["novum_schema"] = np.bytes_(SCHEMA_NAME)
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs["n_events"] = len(events)
    file.attrs["origin"] = np.bytes_(origin_to_json(events.meta))
    _put(file, "id", events.id)
    _put(file, "weight", events.weight)
    if events.label is not None:
        _put(file, "label", events.label)
    columns = {"features": events.features, "bookkeeping": events.bookkeeping}
    for where, arrays in columns.items():
        below = file.create_group(where, track_order=True)
        for name, values in arrays.items():
            _put(below, _quoted(name), values)
    below = file.create_group("clouds", track_order=True)
    for name, cloud in events.clouds.items():
        _put(below, _quoted(name), cloud.values)
        below[_quoted(name)].attrs["fields"] = np.bytes_(json.dumps(cloud.fields))


def _put(where: Any, name: str, values: NDArray[Any]) -> None:
    if not values.size:  # a cloud without particles cannot be chunked
        where.create_dataset(name, data=values)
        return
    row = values.itemsize * int(np.prod(values.shape[1:]))
    rows = max(1, min(len(values), _CHUNK_BYTES // row))
    where.create_dataset(
        name,
        data=values,
        chunks=(rows, *values.shape[1:]),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        fletcher32=True,
    )


def _quoted(name: str) -> str:
    # HDF5 takes '/' for a path and '.' for the group itself.
    quoted = name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return quoted.replace(".", "%2E") if quoted.strip(".") == "" else quoted


def _unquoted(place: str) -> str:
    return unquote(place.split("/", 1)[-1])


def _check_version(file: Any) -> None:
    name, version = text_attribute(file, "novum_schema"), whole_attribute(file, "schema_version")
    if name != SCHEMA_NAME:
        raise ValueError(f"its schema is '{name}', not '{SCHEMA_NAME}'")
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"its schema version is {version}; this novum reads version {SCHEMA_VERSION}"
        )


def _field(file: Any, place: str, n_events: int, role: str | None = None) -> Field:
    found = _sized(file, place, n_events)
    if found.ndim != 1 or not is_number(found):
        raise ValueError(f"'{place}' is not one number per event")
    return Field(place, role or _unquoted(place), str(found.dtype), True, role)


def _sized(file: Any, place: str, n_events: int) -> Any:
    found = dataset(file, place)
    if len(found) != n_events:
        raise ValueError(f"'{place}' has {len(found)} entries but there are {n_events} events")
    return found


def _cloud_fields(file: Any, place: str, n_events: int) -> tuple[str, ...]:
    found = _sized(file, place, n_events)
    names = json.loads(text_attribute(found, "fields"))
    if found.ndim != 3 or not is_number(found) or len(names) != found.shape[2] or not names:
        raise ValueError(f"'{place}' is not a cloud with the fields {names}")
    return tuple(str(n) for n in names)
