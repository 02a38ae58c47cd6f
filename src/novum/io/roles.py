"""Column conventions: which names hold weights, labels, ids and bookkeeping, and their checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError

# Compared without regard to case; where a file has several of one role, the first of these counts
# and the rest are left out, since a second truth or weight column is no feature either.
# 'y' is no label: it is a rapidity more often.
ROLES: dict[str, tuple[str, ...]] = {
    "weight": ("weight", "event_weight", "eventweight", "weights", "genweight", "w"),
    "label": ("label", "labels", "is_signal", "signal", "truth_label"),
    "id": ("novum_id", "id"),
    "run": ("run", "runnumber", "run_number"),
    "lumi": ("lumi", "luminosityblock", "ls"),
    "event": ("event", "eventnumber", "event_number", "eventid", "event_id"),
}
BOOKKEEPING = ("run", "lumi", "event")

# What pandas calls an index column that was saved along with the table.
INDEX_NAMES = ("", "unnamed: 0", "__index_level_0__")

_ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
_WORDS = {"s": 1, "signal": 1, "true": 1, "b": 0, "background": 0, "false": 0, "0": 0, "1": 1}
_UNIT = re.compile(r"^(?P<name>.*\S)\s*\[(?P<unit>[^\[\]:]*)\]\s*$")  # "Jet_pt[:,0]" has no unit


def role_of(name: str) -> str | None:
    """Role that a column of this name plays, ``"index"`` for a row index, None for a feature."""
    lower = name.strip().lower()
    return "index" if lower in INDEX_NAMES else _ROLE_OF.get(lower)


def rank(name: str, role: str) -> int:
    """How strongly a name speaks for its role, lower is stronger; a format's own name, most."""
    lower = name.strip().lower()
    return ROLES[role].index(lower) if lower in ROLES[role] else -1


def split_unit(header: str) -> tuple[str, str | None]:
    """Name and unit of a header such as ``"mjj [TeV]"``; None without a unit."""
    match = _UNIT.match(header)
    if match is None:
        return header.strip(), None
    return match["name"], match["unit"].strip() or None


def to_labels(values: NDArray[Any], path: Path, column: str) -> NDArray[np.int8]:
    """Truth labels, shape (n,): 0 or 1, or the words background/signal that some files use.

    Raises
    ------
    InputError
        If another value occurs; names the value and its row.
    """
    if values.dtype.kind in "OUST":
        lowered = [_word(v) for v in values]
        numbers = np.array([_WORDS.get(v, -1) for v in lowered], dtype=np.int8)
        bad = numbers < 0
    else:
        bad = ~((values == 0) | (values == 1))
        numbers = np.where(bad, -1, values).astype(np.int8)
    if bad.any():
        row = int(np.argmax(bad))
        value = values[row].item() if isinstance(values[row], np.generic) else values[row]
        raise InputError(
            f"labels must be 0 (background) or 1 (signal), found {value!r}",
            file=path,
            column=column,
            value=value,
        )
    return numbers


def _word(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip().lower()


def to_integers(
    values: NDArray[Any], path: Path, column: str, *, signed: bool = True
) -> NDArray[Any]:
    """Whole numbers, shape (n,), as int64, or as uint64 if not `signed`.

    Raises
    ------
    InputError
        If a value is missing, fractional, negative (if not `signed`) or out of range.
    """
    target = np.int64 if signed else np.uint64
    if values.dtype.kind in "biu":
        limit = np.iinfo(target)
        bad = np.zeros(len(values), dtype=bool)
        if values.dtype.kind == "u" and signed:
            bad = values > np.uint64(limit.max)
        elif values.dtype.kind == "i" and not signed:
            bad = values < 0
    elif values.dtype.kind != "f":
        bad = np.ones(len(values), dtype=bool)
    else:
        low, high = (-(2.0**63), 2.0**63) if signed else (0.0, 2.0**64)
        with np.errstate(invalid="ignore"):
            bad = ~((values >= low) & (values < high) & (values == np.floor(values)))
    if bad.any():
        found = values[int(np.argmax(bad))]
        value = found.item() if isinstance(found, np.generic) else found
        kind = "whole numbers" if signed else "whole numbers from 0 on"
        raise InputError(f"needs {kind}, found {value!r}", file=path, column=column, value=value)
    return values.astype(target)
