"""`Lowest`: the rows with the lowest keys of a stream, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Lowest:
    """The n rows with the lowest keys among all that were added.

    A key that is minus a score keeps the most anomalous events; one that is a hash draws a sample.
    Of equal keys the first stay.

    Parameters
    ----------
    n : int
        Rows to keep.

    Attributes
    ----------
    keys : array (m,)
        Rising keys of the rows that are kept, m ≤ n.
    columns : dict of str to array (m, ...)
        What was added with them.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.keys: NDArray[Any] = np.zeros(0)
        self.columns: dict[str, NDArray[Any]] = {}

    def add(self, keys: NDArray[Any], **columns: NDArray[Any]) -> None:
        """Look at further rows: keys (k,) and columns (k, ...), of the same names every time."""
        full = len(self.keys) == self.n
        fresh = np.flatnonzero(keys < self.keys[-1]) if full else np.arange(len(keys))
        fresh = fresh[np.argsort(keys[fresh], kind="stable")[: self.n]]
        if not self.columns:
            self.keys = keys[fresh]
            self.columns = {name: values[fresh] for name, values in columns.items()}
            return
        joined = np.concatenate([self.keys, keys[fresh]])
        kept = np.argsort(joined, kind="stable")[: self.n]
        self.keys = joined[kept]
        self.columns = {
            name: np.concatenate([self.columns[name], values[fresh]])[kept]
            for name, values in columns.items()
        }
