"""`Calibration`: the record of retrained null searches, and the key of what it applies to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from novum.errors import FileFormatError
from novum.io import write_text
from novum.io.documents import from_json, read_document, to_json
from novum.search.calibration_faults import fault_of
from novum.search.calibration_records import Closure
from novum.search.records import WindowEdges
from novum.statistics.retrained import ScanCounts

SCHEMA = "novum-calibration"
SCHEMA_VERSION = 1
CALIBRATION_FILE = "calibration.json"
_NO_CHOICE = ("seed", "n_toys")  # settings that move no count of the procedure

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Calibration:
    """N complete background-only searches of one config on one kind of data.

    Attributes
    ----------
    key : str
        Hash of config and data schema, see `calibration_key`.
    config : dict
        The config of every search; the seeds differ.
    null : str
        Where the background-only data came from: sampler, sidebands or file.
    origin : str
        The sampler, or the file whose sidebands were imitated or which was sampled.
    data_sha256 : str or None
        Digest of the observed data that null (b) imitates: it applies to no other.
    n_events : float
        Events of each search inside the fit range.
    seed : int
        Seed of the null data.
    windows : tuple of WindowEdges
    n_on, n_off, ratio, ratio_error : tuples (N, W)
        See `novum.statistics.retrained.ScanCounts`.
    quoted : tuple (N, W)
        Whether the search gave the window a p-value.
    fold_seed_z : tuple (D, S, W)
        z of D of the null data sets for S draws of the folds.
    closure : Closure or None
        How well null (b) imitates the sidebands.
    """

    key: str
    config: dict[str, Any]
    null: str
    origin: str
    data_sha256: str | None
    n_events: float
    seed: int
    versions: dict[str, str]
    windows: tuple[WindowEdges, ...]
    n_on: Rows
    n_off: Rows
    ratio: Rows
    ratio_error: Rows
    quoted: tuple[tuple[bool, ...], ...]
    fold_seed_z: tuple[Rows, ...] = ()
    closure: Closure | None = None
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    @property
    def counts(self) -> ScanCounts:
        """The counts as arrays."""
        on, off = np.array(self.n_on), np.array(self.n_off)
        return ScanCounts(
            on, off, np.array(self.ratio), np.array(self.ratio_error), np.array(self.quoted)
        )

    @property
    def fold_seed_spread(self) -> float | None:
        """Standard deviation of z, pooled over windows, when only the folds are drawn anew."""
        if not self.fold_seed_z:
            return None
        z = np.array(self.fold_seed_z)
        return float(np.sqrt(z.var(axis=1, ddof=1).mean()))

    def to_json(self) -> str:
        """JSON text: the same bits for equal calibrations."""
        return to_json(self, indent=0)

    def sha256(self) -> str:
        """Digest of the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def save(self, path: str | Path) -> Path:
        """Write the JSON file whole or not at all."""
        write_text(path, self.to_json())
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read ``calibration.json`` or the folder that holds it.

        Raises
        ------
        InputError
            If it cannot be read.
        FileFormatError
            If it is damaged or another kind of file.
        """
        path = Path(path)
        path = path / CALIBRATION_FILE if path.is_dir() else path
        text = read_document(path, "calibration")
        calibration = from_json(
            cls, text, path, what="calibration", schema=SCHEMA, version=SCHEMA_VERSION
        )
        fault = fault_of(calibration)
        if fault is not None:
            raise FileFormatError(f"damaged calibration: {fault}", file=path)
        return calibration


def choices(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a config that must agree, without those that are empty.

    An empty setting (None, no members) says the same as none: a calibration stays good when a
    later novum has one more setting that does nothing unless it is given.
    """
    return {k: v for k, v in config.items() if k not in _NO_CHOICE and not _empty(v)}


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, dict | list | tuple) and not value)


def calibration_key(config: dict[str, Any], weighted: bool, windows: Iterable[WindowEdges]) -> str:
    """Sixteen hexadecimal digits of what must agree: settings, columns, weighting, windows."""
    edges = [[round(e, 6) for e in (w.low, w.high, *np.ravel(w.sidebands))] for w in windows]
    text = json.dumps([choices(config), weighted, edges], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
