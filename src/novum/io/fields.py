"""What a table of events consists of: columns of one number an event, and clouds of particles."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from novum.errors import FileFormatError
from novum.io.base import InputWarning
from novum.io.roles import role_of, split_unit

READ_SIZE = 262_144  # rows that a whole file is read by, if their clouds leave it
_READ_BYTES = 1 << 28
_GUESS = 1 << 12  # bytes of an event's cloud where only reading tells
MOST_COLUMNS = 10_000  # a file that claims more is damaged, or made to exhaust memory


@dataclass(frozen=True)
class Field:
    """A column of a file.

    Attributes
    ----------
    header : str
        What the format calls it; keys of the blocks.
    name : str
        What the user calls it.
    dtype : str
        Its type in words.
    numeric : bool
        Whether it is one number per event.
    role : str or None
        What it holds if it is no feature.
    unit : str or None
        Unit of its values.
    by_default : bool
        Whether it is read where no columns are named; truth is read only when it is named.
    """

    header: str
    name: str
    dtype: str
    numeric: bool
    role: str | None = None
    unit: str | None = None
    by_default: bool = True


@dataclass(frozen=True)
class CloudField:
    """A cloud of particles of a file: under `header`, blocks hold arrays (n, P, F).

    Attributes
    ----------
    header, name : str
        What the format and what the user calls it.
    fields : tuple of str
        Names of the F numbers of a particle; the first is ``pt``.
    event_bytes : int
        Memory that the particles of one event take; 0 where only reading tells.
    """

    header: str
    name: str
    fields: tuple[str, ...]
    event_bytes: int = 0


@dataclass(frozen=True)
class Asked:
    """What a read delivers beside weights, labels, ids and bookkeeping."""

    columns: tuple[Field, ...]
    clouds: tuple[CloudField, ...]

    @property
    def event_bytes(self) -> int:
        """Memory that one event takes, with its id and weight."""
        return 8 * (len(self.columns) + 2) + sum(c.event_bytes for c in self.clouds)

    @property
    def chunk_bytes(self) -> int:
        """The same, with a guess for clouds of which only reading tells."""
        return self.event_bytes + sum(_GUESS for c in self.clouds if not c.event_bytes)

    @property
    def rows(self) -> int:
        """Number of events to read at a time."""
        return max(1, min(READ_SIZE, _READ_BYTES // self.chunk_bytes))


def by_convention(header: str, dtype: str, numeric: bool, unit: str | None = None) -> Field:
    """A column whose header tells its name, its role and, as in ``"mjj [TeV]"``, its unit."""
    name, stated = split_unit(header)
    return Field(header, name, dtype, numeric, role_of(name), unit or stated)


def require_few_columns(n: int, path: Path) -> None:
    """Refuse a table of more than `MOST_COLUMNS` columns before time is spent on each.

    Raises
    ------
    FileFormatError
        Names their number.
    """
    if n > MOST_COLUMNS:
        raise FileFormatError(
            f"says that it has {n} columns; novum reads at most {MOST_COLUMNS}", file=path, value=n
        )


def warn_of_words_as_ids(fields: Iterable[Field], path: Path) -> None:
    """Say so where a column of identities holds words, which identify no event here."""
    words = [f for f in fields if f.role == "id" and not f.numeric]
    if words:
        warnings.warn(
            f"{path}, column '{words[0].name}': identities are whole numbers, not "
            f"{words[0].dtype}; rows, counted from 0, stand in for them",
            InputWarning,
            stacklevel=2,
        )
