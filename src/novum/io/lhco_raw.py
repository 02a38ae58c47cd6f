"""Particles of the LHC Olympics 2020: ``events_anomalydetection.h5`` and the black boxes.

A pandas frame of 2100 numbers an event, (pT [GeV], η, φ) of up to 700 particles, padded with
zeros, and in the R&D sample the label as number 2101 (Zenodo 2629073, arXiv:2101.08320). Features
of the two leading jets are columns that are read when they are named: jets are clustered then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from novum.io.blocks import Block
from novum.io.dijet import unit_of
from novum.io.fields import CloudField, Field
from novum.io.h5file import dataset, group, is_number, open_h5, rows_at_once
from novum.io.ranged import Access, RangedSource
from novum.physics.dijets import FEATURES, SUBJETTINESS, clustered_features

PARTICLES = 700
FIELDS = ("pt", "eta", "phi")
_NUMBERS = PARTICLES * len(FIELDS)
_FIXED, _TABLE = "block0_values", "table"


class LhcoRawSource(RangedSource):
    """Events of 700 particles: the cloud ``particles`` and, where the file has it, the label.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the file is damaged or of another layout.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with open_h5(path) as file:
            self._place, self._block = _place(file)
            found = dataset(file, self._place)
            n_events, (kind, width) = len(found), _kind(found, self._block)
        fields = [Field("label", "label", str(kind), True, "label")] if width > _NUMBERS else []
        size = _NUMBERS * (4 if kind.itemsize <= 4 else 8)
        clouds = [CloudField("particles", "particles", FIELDS, size)]
        fields += [
            Field(n, n, "clustered", True, None, unit_of(n), by_default=False)
            for n in (*FEATURES, *SUBJETTINESS)
        ]
        notes = ["features of the two leading jets (anti-kT, R = 1) are made when they are named"]
        super().__init__(path, "lhco-raw", fields, n_events, clouds=clouds, notes=notes)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether there is one frame of 2100 or 2101 numbers an event."""
        with open_h5(path) as file:
            try:
                _place(file)
            except ValueError:
                return False
        return True

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        with open_h5(self.path) as file:
            found = dataset(file, self._place)
            clustered = [h for h in headers if h in FEATURES or h in SUBJETTINESS]
            first = 0 if clustered or "particles" in headers else _NUMBERS
            extended = not set(clustered) <= set(FEATURES)

            def rows(start: int, stop: int) -> Block:
                if self._block is None:
                    values = found[start:stop, first:]
                else:
                    values = found[start:stop][self._block][:, first:]
                block = {"label": values[:, -1]} if "label" in headers else {}
                cloud = values[:, :_NUMBERS]
                if first == 0:
                    cloud = cloud.reshape(-1, PARTICLES, len(FIELDS))
                if "particles" in headers:
                    block["particles"] = cloud
                if clustered:
                    features = clustered_features(cloud, subjettiness=extended)
                    block |= {name: features[name] for name in clustered}
                return block

            yield Access(rows, rows_at_once([found], 1))


def _place(file: Any) -> tuple[str, str | None]:
    """Dataset of the particles and, in pandas' table format, its column.

    Raises
    ------
    ValueError
        If there is none.
    """
    for name in file:
        if not isinstance(file.get(name), h5py.Group):
            continue
        held = group(file, name)
        for key, column in ((_FIXED, None), (_TABLE, "values_block_0")):
            if key not in held:
                continue
            found = dataset(file, f"{name}/{key}")
            if column is not None and column not in (found.dtype.names or ()):
                continue
            kind, width = _kind(found, column)
            if kind.kind == "f" and width in (_NUMBERS, _NUMBERS + 1):
                return f"{name}/{key}", column
    raise ValueError(f"there is no frame of {_NUMBERS} or {_NUMBERS + 1} numbers an event")


def _kind(found: Any, column: str | None) -> tuple[Any, int]:
    """Type and number of the numbers of an event; no number if they are not in a row."""
    if column is not None:
        kind = found.dtype[column]
        return kind.base, kind.shape[0] if len(kind.shape) == 1 else 0
    return found.dtype, found.shape[1] if found.ndim == 2 and is_number(found) else 0
