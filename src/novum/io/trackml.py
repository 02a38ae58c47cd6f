"""TrackML hits (Kaggle 2018): ``event000001000-hits.csv``, with ``-truth.csv`` beside it.

One file is one collision. A row is a hit: the identity is ``hit_id``, the event number comes from
the name of the file, positions are in mm. If the truth file lies beside it, its columns can be
named and are joined by ``hit_id``; momenta are in GeV. Cells and particles are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from novum.errors import FileFormatError, InputError
from novum.io.blocks import Block
from novum.io.csv import CsvSource, first_line
from novum.io.fields import Field
from novum.io.roles import to_integers

_HITS = ("hit_id", "x", "y", "z", "volume_id", "layer_id", "module_id")
_UNITS = dict.fromkeys(("x", "y", "z", "tx", "ty", "tz"), "mm")
_UNITS |= dict.fromkeys(("tpx", "tpy", "tpz"), "GeV")
# Names in the truth file and here: `particle` numbers the particles of the event from 1, in the
# order of their ids, which have too many digits for a column; `weight` is no weight of events.
_TRUTH = {"particle_id": "particle", "weight": "truth_weight"} | {
    name: name for name in ("tx", "ty", "tz", "tpx", "tpy", "tpz")
}
_MOST_HITS = 5_000_000  # of one collision
_NUMBER = re.compile(r"event(\d{1,18})-hits\.csv")


class _TruthSource(CsvSource):
    whole: ClassVar[tuple[str, ...]] = ("hit_id", "particle_id")


class TrackmlSource(CsvSource):
    """The hits of one collision, and their truth on request.

    Parameters and errors are those of `novum.io.csv.CsvSource`. Truth that lacks a hit is an
    `InputError`.
    """

    format: ClassVar[str] = "trackml"
    whole: ClassVar[tuple[str, ...]] = _HITS[:1]

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the header has the names of TrackML."""
        return set(first_line(path).split(",")) >= set(_HITS)

    def _fields(self, path: Path) -> list[Field]:
        fields = [replace(f, unit=_UNITS.get(f.name)) for f in super()._fields(path)]
        fields = [replace(f, role="id") if f.header == _HITS[0] else f for f in fields]
        self._truth_file = _truth_beside(path)
        self._number = _NUMBER.match(path.name)
        if self._number:
            fields.append(Field("event", "event", "int64", True, "event"))
        held = first_line(self._truth_file).split(",") if self._truth_file else []
        return fields + [
            Field(name, name, "float64", True, None, _UNITS.get(name), by_default=False)
            for stored, name in _TRUTH.items()
            if stored in held
        ]

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        truth = [h for h in headers if h in _TRUTH.values()]
        stored = dict.fromkeys([*(h for h in headers if h in _HITS), _HITS[0]])
        for block in super()._blocks(list(stored), size):
            made: dict[str, NDArray[Any]] = dict(block)
            if self._number:
                made["event"] = np.full(len(block[_HITS[0]]), int(self._number[1]))
            rows = self._truth_rows(block[_HITS[0]]) if truth else None
            made |= {h: self._truth[h][rows] for h in truth}
            yield {h: made[h] for h in headers}

    def _truth_rows(self, hits: NDArray[Any]) -> NDArray[np.int64]:
        ids = to_integers(hits, self.path, _HITS[0])
        known, order = self._truth["hit_id"], self._truth["order"]
        at = np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)
        rows: NDArray[np.int64] = order[at]
        missing = np.flatnonzero(known[rows] != ids)
        if len(missing):
            raise InputError(f"lacks hit {ids[missing[0]]}", file=self._truth_file, column=_HITS[0])
        return rows

    @cached_property
    def _truth(self) -> Mapping[str, NDArray[Any]]:
        """The truth file: its hits, their order, and the columns by their names here."""
        assert self._truth_file is not None
        source = _TruthSource(self._truth_file)
        wanted = [n for n in ("hit_id", *_TRUTH) if n in source._types]
        parts: list[Block] = []
        n_hits = 0
        for block in source._blocks(wanted, 1 << 16):
            parts.append(block)
            n_hits += len(block["hit_id"])
            if n_hits > _MOST_HITS:
                raise FileFormatError(f"has more than {_MOST_HITS} hits", file=self._truth_file)
        whole = {n: np.concatenate([p[n] for p in parts]) for n in wanted}
        ids = to_integers(whole.pop("hit_id"), self._truth_file, "hit_id")
        if "particle_id" in whole:
            particles = to_integers(whole["particle_id"], self._truth_file, "particle_id")
            known = np.unique(particles[particles != 0])
            number = np.searchsorted(known, particles) + 1
            whole["particle_id"] = np.where(particles == 0, 0, number)
        columns = {_TRUTH[name]: values for name, values in whole.items()}
        return columns | {"hit_id": ids, "order": np.argsort(ids, kind="stable")}


def _truth_beside(path: Path) -> Path | None:
    """The truth file of a file of hits, also if only one of them is gzipped."""
    stem, hits, _ = path.name.rpartition("-hits.csv")
    if not hits:
        return None
    beside = (path.with_name(f"{stem}-truth.csv{end}") for end in ("", ".gz"))
    return next((p for p in beside if p.is_file()), None)
