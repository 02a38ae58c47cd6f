"""Jets in the arrays of the EnergyFlow package, such as ``QG_jets.npz`` (Zenodo 3164691).

``X`` (n, P, 4) holds (pT [GeV], rapidity, φ, id of the Particle Data Group) of each particle,
padded with zeros, and ``y`` (n,) the label: 1 for quarks, 0 for gluons.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from novum.errors import InputError
from novum.io.base import reading
from novum.io.blocks import Block
from novum.io.fields import CloudField, Field
from novum.io.numpy import ZIP_ERRORS, Member, member_of, rows_of
from novum.io.table import TableSource

FIELDS = ("pt", "rapidity", "phi", "pid")
_X, _Y = "X", "y"


class EnergyFlowSource(TableSource):
    """An archive of ``X`` and, where it has one, ``y``: the cloud ``constituents`` and labels.

    Members are unpacked as they are read, in bounded memory.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If `X` and `y` differ in length, or there are no events.
    FileFormatError
        If the archive is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._members = _members(path)
        x, y = self._members[_X], self._members.get(_Y)
        n_events, particles, numbers = x.shape
        fields = []
        if y is not None:
            if y.shape != (n_events,):
                raise InputError(
                    f"has shape {y.shape} but 'X' has {n_events} jets",
                    file=path,
                    column=_Y,
                    value=y.shape,
                )
            fields.append(Field(_Y, _Y, str(y.dtype), True, "label"))
        size = particles * numbers * (4 if x.dtype.itemsize <= 4 else 8)
        clouds = [CloudField(_X, "constituents", FIELDS[:numbers], size)]
        super().__init__(path, "energyflow", fields, n_events, clouds=clouds)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether there is an array ``X`` (n, P, 3 or 4) of numbers."""
        x = _members(path).get(_X)
        return x is not None and len(x.shape) == 3 and x.shape[2] in (3, 4)

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        with (
            reading(self.path, *ZIP_ERRORS),
            zipfile.ZipFile(self.path) as archive,
            ExitStack() as stack,
        ):
            streams = [rows_of(stack, archive, self._members[h], size) for h in headers]
            for arrays in zip(*streams, strict=True):
                yield dict(zip(headers, arrays, strict=True))


def _members(path: Path) -> dict[str, Member]:
    """Those of ``X`` and ``y`` that hold numbers."""
    with reading(path, *ZIP_ERRORS), zipfile.ZipFile(path) as archive:
        held = {name: f"{name}.npy" for name in (_X, _Y)}
        listed = set(archive.namelist())
        found = {
            name: member_of(archive, archive.getinfo(file))
            for name, file in held.items()
            if file in listed
        }
    return {name: m for name, m in found.items() if m.dtype.kind in "biuf"}
