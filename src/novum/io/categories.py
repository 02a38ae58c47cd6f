"""A column of names, such as the process or the channel of an event, as codes and their words."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from novum.io.base import open_events
from novum.io.table import TableSource


@dataclass(frozen=True, eq=False)
class Categories:
    """What each event of a file is called in one of its columns.

    Attributes
    ----------
    names : tuple of str
        The words that occur, in no order; a missing one is the empty word.
    codes : int64 array (n,)
        Place of each event's word in `names`.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]


def read_categories(path: str | os.PathLike[str], column: str) -> Categories:
    """Words of the column `column`, for each event of a file in its order.

    Whole numbers are written without a point, so that channel 1 is the same in every format.

    Parameters
    ----------
    path : path-like
        Any table of events.
    column : str
        A column of words or numbers.

    Raises
    ------
    MissingColumnError
        If there is no such column; names the nearest.
    FileFormatError
        If the file is damaged.
    """
    places: dict[str, int] = {}
    codes = [np.empty(0, dtype=np.int64)]
    for values in cast(TableSource, open_events(path)).words(column):
        found, inverse = np.unique(_as_text(values), return_inverse=True)
        known = [places.setdefault(word, len(places)) for word in found.tolist()]
        codes.append(np.array(known, dtype=np.int64)[inverse])
    return Categories(tuple(places), np.concatenate(codes))


def _as_text(values: NDArray[np.generic]) -> NDArray[np.str_]:
    if values.dtype.kind not in "OS":
        # Python's own text of a number is the shortest that says it.
        found, inverse = np.unique(values, return_inverse=True)
        return np.array([_number(v) for v in found.tolist()], dtype=np.str_)[inverse]
    return np.array([_word(v) for v in values.tolist()], dtype=np.str_)


def _number(value: object) -> str:
    if isinstance(value, float):
        if np.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _word(value: object) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()
