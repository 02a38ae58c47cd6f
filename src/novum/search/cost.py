"""What a search took: beside its result, which is the same however long it took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from novum.io.atomic import write_text
from novum.io.documents import from_json, read_document, to_json

COST_FILE = "cost.json"
SCHEMA = "novum-cost"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Cost:
    """Time of one search, from the first event in memory to the result.

    Attributes
    ----------
    seconds : float
        Wall-clock time.
    workers : int
        Worker processes.
    resumed : bool
        An earlier part of the search, which an interruption ended, is not in `seconds`.
    """

    seconds: float
    workers: int
    resumed: bool
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def save(self, folder: Path) -> None:
        """Write ``cost.json`` into `folder`."""
        write_text(folder / COST_FILE, to_json(self))

    @classmethod
    def load(cls, folder: Path) -> Cost | None:
        """That of the search in `folder`; None where it was not recorded.

        Raises
        ------
        FileFormatError
            If the file is damaged.
        """
        path = folder / COST_FILE
        if not path.is_file():
            return None
        text = read_document(path, "cost")
        return from_json(cls, text, str(path), what="cost", schema=SCHEMA, version=SCHEMA_VERSION)
