"""The data of the 40 MHz challenge ADC2021 (arXiv:2107.02157, Zenodo 5046389 and others).

HDF5 with ``Particles`` (n, 19, 4): (pT [GeV], η, φ, class) of the missing transverse momentum, then
up to 4 electrons, 4 muons and 10 jets, zero where there is none. The black box has ``EvtId``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.io.blocks import Block
from novum.io.fields import CloudField, Field
from novum.io.h5file import dataset, is_number, open_h5, rows_at_once
from novum.io.ranged import Access, RangedSource

FIELDS = ("pt", "eta", "phi", "kind")
KINDS = {"met": (1, 1), "electron": (2, 4), "muon": (3, 4), "jet": (4, 10)}  # class and how many
_PLACE, _ID = "Particles", "EvtId"
_SHAPE = (19, 4)
_CHECKED_ROWS = 1000


def _slots() -> tuple[dict[str, tuple[int, int]], list[int]]:
    """Slot and field of each column, and the class of each slot."""
    columns: dict[str, tuple[int, int]] = {"met": (0, 0), "met_phi": (0, 2)}
    classes = [1]
    for kind, (code, n) in list(KINDS.items())[1:]:
        for i in range(n):
            names = enumerate(FIELDS[:3])
            columns |= {f"{kind}{i + 1}_{f}": (len(classes), j) for j, f in names}
            classes.append(code)
    return columns, classes


COLUMNS, _CLASSES = _slots()


class AdcSource(RangedSource):
    """Events of 19 objects: the cloud ``objects`` and columns such as ``met`` and ``jet1_pt``.

    The cloud keeps the order of the file, with ``kind`` 1 for the missing momentum (η = 0), 2 for
    electrons, 3 for muons and 4 for jets. Columns of absent objects are 0, as in the file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the file is damaged or the objects are in another order.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with open_h5(path) as file:
            found = dataset(file, _PLACE)
            n_events, kind = len(found), found.dtype
            _check(found[: min(n_events, _CHECKED_ROWS)])
            ids = [Field(_ID, _ID, "int64", True, "event")] if _ID in file else []
            if ids and dataset(file, _ID).shape != (n_events,):
                raise ValueError(
                    f"'{_ID}' has shape {file[_ID].shape}, there are {n_events} events"
                )
        fields = [
            Field(n, n, str(kind), True, unit="GeV" if n.endswith(("pt", "met")) else None)
            for n in COLUMNS
        ]
        size = 19 * 4 * (4 if kind.itemsize <= 4 else 8)
        clouds = [CloudField("objects", "objects", FIELDS, size)]
        super().__init__(path, "adc", [*fields, *ids], n_events, clouds=clouds)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether there is a dataset ``Particles`` (n, 19, 4)."""
        with open_h5(path) as file:
            if _PLACE not in file:
                return False
            found = dataset(file, _PLACE)
            return bool(found.shape[1:] == _SHAPE and is_number(found))

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        with open_h5(self.path) as file:
            found = {h: dataset(file, h) for h in (_PLACE, _ID) if h in (_PLACE, *headers)}

            def rows(start: int, stop: int) -> Block:
                values = found[_PLACE][start:stop]
                block = {h: values[:, i, j] for h, (i, j) in COLUMNS.items() if h in headers}
                if _ID in headers:
                    block[_ID] = found[_ID][start:stop]
                return block | ({"objects": values} if "objects" in headers else {})

            yield Access(rows, rows_at_once(found.values(), 1))


def _check(rows: NDArray[Any]) -> None:
    """Refuse objects of another class than their place says."""
    wrong = ~((rows[:, :, 3] == 0) | (rows[:, :, 3] == np.array(_CLASSES)))
    if wrong.any():
        row, slot = np.argwhere(wrong)[0]
        raise ValueError(
            f"object {slot} of event {row} has class {rows[row, slot, 3]:g}; expected are missing "
            "momentum (1), 4 electrons (2), 4 muons (3) and 10 jets (4)"
        )
