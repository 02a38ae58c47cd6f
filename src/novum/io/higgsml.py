"""The ATLAS Higgs challenge HiggsML (CERN Open Data 328, Kaggle 2014), known by its header.

``-999`` stands for what is undefined in an event, such as the second jet of one with a single jet;
it is read as a missing value. ``Label`` is s or b. Masses and momenta are in GeV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from novum.io.arrow import is_numeric
from novum.io.blocks import Block
from novum.io.csv import CsvSource, first_line
from novum.io.fields import Field

UNDEFINED = -999.0
_KNOWN_BY = {"DER_mass_MMC", "PRI_tau_pt", "PRI_jet_num"}
_ID = "EventId"


class HiggsmlSource(CsvSource):
    """A table of the challenge; ``EventId`` is identity and event number.

    ``KaggleWeight``, which belongs to another normalisation than ``Weight``, is read only when it
    is named; ``KaggleSet`` is no number. Parameters and errors are those of
    `novum.io.csv.CsvSource`.
    """

    format: ClassVar[str] = "higgsml"
    notes: ClassVar[tuple[str, ...]] = (
        "-999 (undefined in this event) is read as a missing value in DER_ and PRI_ columns",
    )

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the header has the names of the challenge."""
        return set(first_line(path).split(",")) >= _KNOWN_BY

    def _fields(self, path: Path) -> list[Field]:
        fields = [
            replace(f, unit=f.unit or _unit(f.name), by_default=not f.name.startswith("Kaggle"))
            for f in super()._fields(path)
        ]
        if _ID in self._types:
            kind = self._types[_ID]
            fields.append(Field(_ID, _ID, str(kind), is_numeric(kind), "id"))
        return fields

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        for block in super()._blocks(headers, size):
            yield {
                h: np.where(v == UNDEFINED, np.nan, v) if h.startswith(("DER_", "PRI_")) else v
                for h, v in block.items()
            }


def _unit(name: str) -> str | None:
    words = name.split("_")
    momentum = "pt" in words and "ratio" not in words
    in_gev = momentum or "mass" in words or name in ("PRI_met", "PRI_met_sumet")
    return "GeV" if in_gev and words[0] in ("DER", "PRI") else None
