"""Feature tables of the LHC Olympics 2020 in HDF5.

Two layouts: pandas' "fixed" format, as in ``events_anomalydetection_v2.features.h5`` (read without
pandas), and a two-dimensional dataset ``features`` (n, k) with the names in ``columns`` and further
datasets (n,) beside it. Energies, momenta and masses are in GeV. What resonant searches use is
derived from the two jets where the file lacks it: see `novum.io.dijet`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from novum.io.base import InputWarning
from novum.io.blocks import Block
from novum.io.dijet import DIJET, derived_columns, unit_of
from novum.io.fields import by_convention, require_few_columns
from novum.io.h5file import (
    dataset,
    group,
    is_number,
    open_h5,
    rows_at_once,
    strings,
    whole_attribute,
)
from novum.io.ranged import Access, RangedSource
from novum.io.roles import role_of

_CHECKED_ROWS = 10_000


@dataclass(frozen=True)
class _Place:
    """Where a column lies: a dataset and, if that is two-dimensional, a column of it."""

    dataset: str
    column: int | None
    dtype: str
    numeric: bool


class LhcoSource(RangedSource):
    """A feature table of the LHC Olympics.

    Adds ``mjj``, ``mj_low``, ``delta_mj`` (heavier minus lighter jet mass) [GeV], ``tau21_low`` and
    ``tau21_high`` (lighter, heavier jet) where they can be derived. A ``tau21`` column that is not
    τ2/τ1 of its own table is recomputed, with an `InputWarning`.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If the file is damaged or in none of these layouts.
    InputError
        If it has no events.
    """

    def __init__(self, path: Path) -> None:
        with open_h5(path) as file:
            require_few_columns(len(file), path)
            self._places, n_events = _pandas(file) or _plain(file) or _no_layout(file)
            numeric = [n for n, p in self._places.items() if p.numeric]
            self._derived = derived_columns(numeric)
            wrong = self._wrong(file, n_events)
        missing = [n for n in DIJET if n in self._derived and n not in self._places]
        self._derived = {n: self._derived[n] for n in [*wrong, *missing]}
        fields = [by_convention(n, p.dtype, p.numeric, unit_of(n)) for n, p in self._places.items()]
        fields += [by_convention(n, "derived", True, unit_of(n)) for n in missing]
        super().__init__(path, "lhco", fields, n_events)
        if wrong:
            warnings.warn(
                f"{path}: {', '.join(wrong)} are not tau2/tau1 of their own table; recomputed",
                InputWarning,
                stacklevel=3,
            )

    def _wrong(self, file: Any, n_events: int) -> list[str]:
        """Names of ``tau21`` columns that disagree with τ2/τ1 in the first rows."""
        wrong = []
        for name in (n for n in self._derived if n in self._places and n not in DIJET):
            recipe = self._derived[name]
            rows = self._stored(file, [name, *recipe.needs], 0, min(n_events, _CHECKED_ROWS))
            expected = recipe.compute(rows)
            comparable = np.isfinite(rows[name]) & np.isfinite(expected)
            # Files guard the division in their own ways, so a few jets with tiny tau1 may differ.
            agree = np.isclose(rows[name], expected, rtol=0.02, atol=0.02)[comparable]
            if agree.size and agree.mean() < 0.95:
                wrong.append(name)
        return wrong

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        stored = {h for h in headers if h not in self._derived}
        stored |= {need for h in headers if h in self._derived for need in self._derived[h].needs}
        with open_h5(self.path) as file:

            def rows(start: int, stop: int) -> Block:
                found = self._stored(file, sorted(stored), start, stop)
                return {
                    h: self._derived[h].compute(found) if h in self._derived else found[h]
                    for h in headers
                }

            places = sorted({self._places[name].dataset for name in stored})
            yield Access(rows, rows_at_once((dataset(file, place) for place in places), 1))

    def _stored(
        self, file: Any, names: Sequence[str], start: int, stop: int
    ) -> dict[str, NDArray[Any]]:
        """Columns as the file has them, for a run of rows; one read for each dataset."""
        at = {n: self._places[n] for n in names}
        arrays: dict[str, NDArray[Any]] = {}
        for where in dict.fromkeys(p.dataset for p in at.values()):
            found = dataset(file, where)
            here = {n: p.column for n, p in at.items() if p.dataset == where}
            if found.ndim == 1:
                arrays |= dict.fromkeys(here, found[start:stop])
                continue
            columns = [c for c in here.values() if c is not None]
            low = min(columns)
            block = found[start:stop, low : max(columns) + 1]
            arrays |= {n: block[:, c - low] for n, c in here.items() if c is not None}
        return arrays


def _pandas(file: Any) -> tuple[dict[str, _Place], int] | None:
    groups = [name for name in file if isinstance(file.get(name), h5py.Group)]
    tables = [name for name in groups if "table" in file[name] and "axis0" not in file[name]]
    frames = [name for name in groups if "axis0" in file[name]]
    if tables and not frames:
        raise ValueError("pandas' 'table' format is not read; save with format='fixed'")
    if not frames:
        return None
    if len(frames) > 1 and "df" not in frames:
        raise ValueError(f"there are several tables: {', '.join(frames)}")
    name = "df" if "df" in frames else frames[0]
    frame = group(file, name)
    order = strings(dataset(frame, "axis0"))
    places: dict[str, _Place] = {}
    rows = set()
    for i in range(whole_attribute(frame, "nblocks")):
        items = strings(dataset(frame, f"block{i}_items"))
        values = dataset(frame, f"block{i}_values")
        # Columns of words are stored as pickles, which novum never opens.
        numeric = is_number(values) and values.ndim == 2
        if numeric and values.shape[1] != len(items):
            raise ValueError(f"block {i} has {values.shape[1]} columns but {len(items)} names")
        rows |= {len(values)} if numeric else set()
        for j, item in enumerate(items):
            kind = str(values.dtype) if numeric else "object"
            places[item] = _Place(f"{name}/block{i}_values", j, kind, numeric)
    if len(rows) > 1 or set(order) != set(places):
        raise ValueError(f"the blocks of table '{name}' do not fit together")
    return {n: places[n] for n in order}, rows.pop() if rows else 0


def _plain(file: Any) -> tuple[dict[str, _Place], int] | None:
    if not {"features", "columns"} <= set(file):
        return None
    features, names = dataset(file, "features"), strings(dataset(file, "columns"))
    if features.ndim != 2 or features.shape[1] != len(names) or not is_number(features):
        raise ValueError(f"'features' has shape {features.shape}, 'columns' {len(names)} names")
    kind, n_events = str(features.dtype), len(features)
    places = {n: _Place("features", j, kind, True) for j, n in enumerate(names)}
    if len(places) < len(names):
        raise ValueError("there are two columns of one name")
    for name in set(file) - {"features", "columns"} - set(places):
        if not isinstance(file.get(name), h5py.Dataset):
            continue
        found = dataset(file, name)
        if found.ndim == 1 and len(found) == n_events:
            places[name] = _Place(name, None, str(found.dtype), is_number(found))
        elif found.ndim == 1 and role_of(name) is not None:
            raise ValueError(f"'{name}' has {len(found)} entries, 'features' {n_events} rows")
    return places, n_events


def _no_layout(file: Any) -> tuple[dict[str, _Place], int]:
    raise ValueError(
        "this HDF5 file is neither novum's own, nor a pandas 'fixed' table, nor has it 'features' "
        f"and 'columns' (it has: {', '.join(list(file)[:8])})"
    )
