"""novum's own HDF5 layout, the one that keeps all of `Events`.

The root has the attributes ``novum_schema`` = "novum-events", ``schema_version`` = 1, ``n_events``
and ``origin`` (JSON). Datasets: ``id``, ``weight``, ``label`` (if any), ``features/NAME``,
``bookkeeping/ROLE`` and ``clouds/NAME`` (n, P, F) with the attribute ``fields`` (JSON).
Everything is chunked, shuffled, gzipped and has checksums, so that damage is noticed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np
from numpy.typing import NDArray

from novum.events import Events
from novum.io.fields import CloudField, Field
from novum.io.h5file import dataset, group, is_number, open_h5, text_attribute, whole_attribute
from novum.io.origin import origin_from_json, origin_to_json
from novum.io.ranged import Access, RangedSource
from novum.io.roles import BOOKKEEPING
from novum.io.unfailing import UnfailingFile

SCHEMA_NAME = "novum-events"
SCHEMA_VERSION = 1
_CHUNK_BYTES = 1 << 19  # fits HDF5's chunk cache (1 MiB), so that small reads unpack only once


class Hdf5Source(RangedSource):
    """A file in novum's own HDF5 layout.

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
            clouds = [_cloud(file, f"clouds/{name}", n_events) for name in group(file, "clouds")]
        super().__init__(path, "hdf5", fields, n_events, origin, clouds)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the file says that it has novum's layout."""
        with open_h5(path) as file:
            return "novum_schema" in file.attrs

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        with open_h5(self.path) as file:
            found = {h: dataset(file, h) for h in headers}
            yield Access(lambda a, b: {h: d[a:b] for h, d in found.items()})


@contextmanager
def writing(path: Path) -> Iterator[Callable[[Events], None]]:
    """Write in novum's HDF5 layout, one run of events after another.

    Yields
    ------
    callable
        Appends events; all need the same columns, and clouds the same fields.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with open(path, "x+b", buffering=0) as raw:
        image = UnfailingFile(raw)
        with h5py.File(image, "w", libver=("v110", "v110")) as file:
            yield _Appender(file, image)
        image.require_written()


class _Appender:
    """Grows the datasets of a file."""

    def __init__(self, file: Any, image: UnfailingFile) -> None:
        self._file = file
        self._image = image
        self._n_events = 0

    def __call__(self, events: Events) -> None:
        try:
            if not self._n_events:
                _start(self._file, events)
            start, stop = self._n_events, self._n_events + len(events)
            for place, values in _arrays(events).items():
                found = self._file[place]
                # A later run may have events of more particles.
                most = map(max, found.shape[1:], values.shape[1:])
                found.resize((stop, *most))
                if values.size:
                    found[(slice(start, stop), *map(slice, values.shape[1:]))] = values
            self._file.attrs.modify("n_events", stop)
            self._n_events = stop
        finally:  # what HDF5 says when a disk is full is not the cause
            self._image.require_written()


def _start(file: Any, events: Events) -> None:
    # Fixed-length texts lie in the checksummed header; see `text_attribute`.
    file.attrs["novum_schema"] = np.bytes_(SCHEMA_NAME)
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs["n_events"] = 0
    file.attrs["origin"] = np.bytes_(origin_to_json(events.meta))
    for name in ("features", "bookkeeping", "clouds"):
        file.create_group(name, track_order=True)
    for place, values in _arrays(events).items():
        _make(file, place, values)
    for name, cloud in events.clouds.items():
        file[f"clouds/{_quoted(name)}"].attrs["fields"] = np.bytes_(json.dumps(cloud.fields))


def _make(file: Any, place: str, values: NDArray[Any]) -> None:
    width = values.shape[1:]  # of an event: () or (particles, fields)
    row = values.itemsize * max(1, math.prod(width))
    rows = max(1, min(len(values), _CHUNK_BYTES // row))
    file.create_dataset(
        place,
        shape=(0, *width),
        maxshape=(None, None, width[1]) if width else (None,),
        dtype=values.dtype,
        chunks=(rows, *(max(1, n) for n in width)),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        fletcher32=True,
    )


def _arrays(events: Events) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"id": events.id, "weight": events.weight}
    if events.label is not None:
        arrays["label"] = events.label
    arrays |= {f"features/{_quoted(n)}": v for n, v in events.features.items()}
    arrays |= {f"bookkeeping/{_quoted(n)}": v for n, v in events.bookkeeping.items()}
    return arrays | {f"clouds/{_quoted(n)}": c.values for n, c in events.clouds.items()}


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


def _cloud(file: Any, place: str, n_events: int) -> CloudField:
    found = _sized(file, place, n_events)
    names = json.loads(text_attribute(found, "fields"))
    if found.ndim != 3 or not is_number(found) or len(names) != found.shape[2] or not names:
        raise ValueError(f"'{place}' is not a cloud with the fields {names}")
    size = 4 if found.dtype.itemsize <= 4 else 8
    fields = tuple(str(n) for n in names)
    return CloudField(place, _unquoted(place), fields, size * math.prod(found.shape[1:]))
