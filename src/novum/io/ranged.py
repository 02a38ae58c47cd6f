"""`RangedSource`: tables that can deliver any run of their rows without reading what is before."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.io.blocks import Block, joined
from novum.io.table import TableSource


@dataclass(frozen=True)
class Access:
    """An open file.

    Attributes
    ----------
    rows : callable
        Block of the rows from `start` to before `stop`.
    step : int
        Number of rows that are unpacked together, so that reading fewer at a time is waste.
    """

    rows: Callable[[int, int], Block]
    step: int = 1


class RangedSource(TableSource):
    """A `TableSource` whose format adds `_access`; the number of its rows is known."""

    @abstractmethod
    def _access(self, headers: Sequence[str]) -> AbstractContextManager[Access]:
        """The file, open, with the columns and clouds of these headers."""

    def _counted(self) -> list[str]:
        return []

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        n = self.schema.n_events or 0
        if not headers:
            for a in range(0, n, size):
                yield {"": np.empty(min(size, n - a), np.int8)}
            return
        with self._access(headers) as access:
            step = -(-size // access.step) * access.step
            for a in range(0, n, step):
                yield access.rows(a, min(a + step, n))

    def _picked(self, headers: Sequence[str], rows: NDArray[np.int64], size: int) -> Block:
        if not headers:
            return {"": np.empty(len(rows), np.int8)}
        with self._access(headers) as access:
            if not len(rows):
                return {k: v[:0] for k, v in access.rows(0, 1).items()}
            together = np.flatnonzero(np.diff(rows // access.step)) + 1
            groups: list[NDArray[Any]] = np.split(rows, together)
            parts = []
            for group in groups:
                block = access.rows(int(group[0]), int(group[-1]) + 1)
                parts.append({k: v[group - group[0]] for k, v in block.items()})
        return joined(parts)
