"""The Dark Machines challenge (arXiv:2105.14027, Zenodo 3685861): lines of varying length.

``event ID; process ID; event weight; MET; METphi; obj1, E1, pt1, eta1, phi1; obj2, ...``, without a
header, energies in MeV. Objects are j (jet), b (b jet), e-, e+, m-, m+ and g (photon).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import FileFormatError
from novum.io.base import reading
from novum.io.blocks import Block
from novum.io.csv import first_line
from novum.io.fields import CloudField, Field
from novum.io.table import TableSource

FIELDS = ("pt", "eta", "phi", "E", "kind")
# Ids of the Particle Data Group; 1 (light quarks) for jets.
KINDS = {"j": 1, "b": 5, "e-": 11, "e+": -11, "m-": 13, "m+": -13, "g": 22}
_GEV = 1e-3  # MeV
_HEAD = ("event", "process", "weight", "met", "met_phi")
_LONGEST_LINE = 1 << 16
_ROWS = 20_000
_TEXT = 1 << 22  # characters that are parsed together; as Python's objects they take 50 MB
_MOST_OBJECTS = 1000  # of one event; it widens the cloud of all events of its block
_ERRORS = (OSError, EOFError, zlib.error, UnicodeDecodeError, MemoryError)


class DarkMachinesSource(TableSource):
    """Events of a channel: the cloud ``objects`` (pT, η, φ, E, kind), ``met`` and ``met_phi``.

    Energies are converted to GeV. ``kind`` is the id of the Particle Data Group, 1 for jets.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileFormatError
        If a line is not as documented; names it.
    InputError
        If there are no events.
    """

    def __init__(self, path: Path) -> None:
        fields = [
            Field("event", "event", "int64", True, "event"),
            Field("process", "process", "string", False),
            Field("weight", "weight", "float64", True, "weight"),
            Field("met", "met", "float64", True, None, "GeV"),
            Field("met_phi", "met_phi", "float64", True),
        ]
        clouds = [CloudField("objects", "objects", FIELDS)]
        notes = ["energies are converted from MeV to GeV"]
        rows = None if first_line(path).strip() else 0
        super().__init__(path, "darkmachines", fields, rows, clouds=clouds, notes=notes)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the first line is an event."""
        words = first_line(path)[:_LONGEST_LINE].split(";")
        try:
            _head(words)
            return len(words) < 6 or not words[5].strip() or len(words[5].split(",")) == 5
        except ValueError:
            return False

    def _blocks(self, headers: Sequence[str], size: int) -> Iterator[Block]:
        with reading(self.path, *_ERRORS), _opened(self.path) as stream:
            number = 0
            while lines := _some(_lines(stream, self.path), min(size, _ROWS)):
                yield self._block(lines, headers, number)
                number += len(lines)

    def _block(self, lines: list[str], headers: Sequence[str], before: int) -> Block:
        rows, objects = [], []
        for i, line in enumerate(lines):
            try:
                words = line.rstrip().rstrip(";").split(";")
                rows.append(_head(words))
                objects.append(_objects(words[5:]) if "objects" in headers else [])
            except (ValueError, KeyError) as error:
                raise FileFormatError(
                    f"line {before + i + 1} is not of the Dark Machines layout: {error}",
                    file=self.path,
                ) from None
        event, weight, met, phi = (np.array(column) for column in zip(*rows, strict=True))
        block: dict[str, NDArray[Any]] = {
            "event": event, "weight": weight, "met": met * _GEV, "met_phi": phi,
            "objects": _padded(objects),
        }  # fmt: skip
        return {h: block[h] for h in headers}


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rb")
    return open(path, "rb")


def _lines(stream: IO[bytes] | gzip.GzipFile, path: Path) -> Iterator[str]:
    """Lines that are not empty, none of them longer than `_LONGEST_LINE`."""
    while line := stream.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise FileFormatError(f"has a line of more than {_LONGEST_LINE} bytes", file=path)
        if line.strip():
            yield line.decode("ascii")


def _some(lines: Iterator[str], most: int) -> list[str]:
    """The next lines: at most so many, and no more than `_TEXT` characters beyond the first."""
    found: list[str] = []
    length = 0
    for line in lines:
        found.append(line)
        length += len(line)
        if len(found) == most or length > _TEXT:
            break
    return found


def _head(words: list[str]) -> tuple[int, float, float, float]:
    """Number, weight, missing momentum and its φ."""
    if len(words) < len(_HEAD):
        raise ValueError(f"it has {len(words)} entries, at least {len(_HEAD)} are needed")
    # Numbers of events are written as 1 and as 1.0.
    number = float(words[0])
    if not abs(number) < 2**53:
        raise ValueError(f"event number {words[0]!r}")
    return int(number), float(words[2]), float(words[3]), float(words[4])


def _objects(words: list[str]) -> list[tuple[float, ...]]:
    if len(words) > _MOST_OBJECTS:
        raise ValueError(f"it has {len(words)} objects; novum reads at most {_MOST_OBJECTS}")
    return [_object(w) for w in words]


def _object(text: str) -> tuple[float, ...]:
    kind, *numbers = text.split(",")
    if len(numbers) != 4:
        raise ValueError(f"object {text.strip()[:40]!r}")
    if kind.strip() not in KINDS:
        raise ValueError(f"object of kind {kind.strip()[:20]!r}")
    e, pt, eta, phi = map(float, numbers)
    return pt * _GEV, eta, phi, e * _GEV, KINDS[kind.strip()]


def _padded(objects: list[list[tuple[float, ...]]]) -> NDArray[np.float64]:
    """Objects of each event as an array (n, P, 5), P that of the fullest event."""
    most = max(map(len, objects))
    values = np.zeros((len(objects), most, len(FIELDS)))
    for row, found in zip(values, objects, strict=True):
        if found:
            row[: len(found)] = found
    return values
