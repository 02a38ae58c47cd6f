"""The top-tagging reference sample (Zenodo 2603256, arXiv:1902.09914): jets of 200 particles.

A pandas table ``table`` with, for each jet, ``E_0, PX_0, PY_0, PZ_0, ..., PZ_199`` [GeV], zero
where there is no particle, the momentum of the top ``truthE, truthPX, truthPY, truthPZ``, ``ttv``
(0 train, 1 test, 2 validation) and ``is_signal_new``. The names lie in the file only as pickles,
which novum does not open, so the layout is known by its shape and checked by its physics.
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
from novum.io.h5file import dataset, group, open_h5, rows_at_once
from novum.io.ranged import Access, RangedSource

PARTICLES = 200
FIELDS = ("pt", "eta", "phi", "E")
_TRUTH = ("truthE", "truthPX", "truthPY", "truthPZ")
_NUMBERS = PARTICLES * 4
_PLACE = "table/table"
_FLOATS, _WHOLE = "values_block_0", "values_block_1"
_CHECKED_ROWS = 1000


class TopTaggingSource(RangedSource):
    """Jets of the top-tagging reference: the cloud ``constituents`` (pT, η, φ, E) and the label.

    The truth momentum and ``ttv`` are read only when they are named.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the file is damaged, or its numbers are no momenta in the documented order.
    MissingDependencyError
        If the file is compressed in a way that needs hdf5plugin.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with open_h5(path) as file:
            found = dataset(file, _PLACE)
            n_events, kind = len(found), found.dtype[_FLOATS].base
            self._order = _order(found)
            _check(found[: min(n_events, _CHECKED_ROWS)][_FLOATS])
        fields = [Field(n, n, str(kind), True, None, "GeV", by_default=False) for n in _TRUTH]
        fields.append(Field("ttv", "ttv", "int64", True, by_default=False))
        fields.append(Field("is_signal_new", "is_signal_new", "int64", True, "label"))
        size = _NUMBERS * (4 if kind.itemsize <= 4 else 8)
        clouds = [CloudField("constituents", "constituents", FIELDS, size)]
        super().__init__(path, "toptagging", fields, n_events, clouds=clouds)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether there is a table of 804 fractional and 2 whole numbers a jet."""
        with open_h5(path) as file:
            if "table" not in file or "table" not in group(file, "table"):
                return False
            kind = dataset(file, _PLACE).dtype
        shapes = {name: kind[name].shape for name in kind.names or ()}
        floats = _FLOATS in shapes and kind[_FLOATS].base.kind == "f"
        return floats and (shapes[_FLOATS], shapes.get(_WHOLE)) == ((_NUMBERS + 4,), (2,))

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        with open_h5(self.path) as file:
            found = dataset(file, _PLACE)

            def rows(start: int, stop: int) -> Block:
                table = found[start:stop]
                floats, whole = table[_FLOATS], table[_WHOLE]
                block: dict[str, NDArray[Any]] = {
                    name: whole[:, i] for i, name in enumerate(self._order)
                }
                block |= {name: floats[:, _NUMBERS + i] for i, name in enumerate(_TRUTH)}
                if "constituents" in headers:
                    block["constituents"] = _constituents(floats)
                return {h: block[h] for h in headers}

            yield Access(rows, rows_at_once([found], 1))


def _order(found: Any) -> tuple[str, str]:
    """Which of the two whole numbers is which, by where their names stand in the file."""
    names = ("ttv", "is_signal_new")
    stored = found.attrs.get(f"{_WHOLE}_kind", b"")
    text = stored if isinstance(stored, bytes) else str(stored).encode("utf-8", "replace")
    at = [text.find(name.encode()) for name in names]
    return names if min(at) < 0 or at[0] < at[1] else (names[1], names[0])


def _check(floats: NDArray[Any]) -> None:
    """Refuse numbers of which the first of four is not the energy of the other three."""
    e, *p = np.moveaxis(floats[:, :_NUMBERS].reshape(-1, PARTICLES, 4).astype(np.float64), -1, 0)
    momentum = np.sqrt(sum(q**2 for q in p))
    with np.errstate(invalid="ignore"):
        right = (e >= momentum * (1 - 1e-3) - 1e-3) | np.isnan(e)
    if right.size and right.mean() < 0.99:
        raise ValueError("its numbers are not E, PX, PY, PZ of particles: energies are too small")


def _constituents(floats: NDArray[Any]) -> NDArray[Any]:
    """(pT, η, φ, E) of the particles, shape (n, 200, 4)."""
    e, px, py, pz = np.moveaxis(floats[:, :_NUMBERS].reshape(-1, PARTICLES, 4), -1, 0)
    pt = np.hypot(px, py)
    with np.errstate(invalid="ignore", divide="ignore"):
        eta = np.where(pt > 0, np.arcsinh(pz / pt), 0)
    return np.stack([pt, eta, np.arctan2(py, px), np.where(pt > 0, e, 0)], axis=-1)
