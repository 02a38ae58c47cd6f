"""`Calibration`: the record of retrained null searches, and how a search is looked up in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from novum.errors import ConfigError, FileFormatError
from novum.io import ForeignDocumentError, from_json, read_document, to_json, write_text
from novum.search.calibration_faults import fault_of
from novum.search.records import (
    BestWindow,
    CalibratedScan,
    CalibratedWindow,
    Closure,
    Counts,
    InputRecord,
    WindowEdges,
    WindowResult,
)
from novum.statistics.retrained import (
    ScanCalibration,
    ScanCounts,
    calibrate_scan,
    extrapolation_interval,
)

SCHEMA = "novum-calibration"
SCHEMA_VERSION = 1
CALIBRATION_FILE = "calibration.json"
SIZE_TOLERANCE = 0.05  # a search of another size has another b, s and κ
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


def calibration_key(config: dict[str, Any], weighted: bool, windows: Iterable[WindowEdges]) -> str:
    """Sixteen hexadecimal digits of what must agree: settings, columns, weighting, windows."""
    settings = {k: v for k, v in config.items() if k not in _NO_CHOICE}
    edges = [[round(e, 6) for e in (w.low, w.high, *np.ravel(w.sidebands))] for w in windows]
    text = json.dumps([settings, weighted, edges], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reason_not_to_apply(
    calibration: Calibration,
    config: dict[str, Any],
    data: InputRecord,
    windows: Sequence[WindowEdges],
) -> str | None:
    """Why a calibration says nothing about a search, in words; None where it applies."""
    if calibration.key != calibration_key(config, data.weighted, windows):
        changed = [
            f"{k} = {v!r} there, {config.get(k)!r} here"
            for k, v in calibration.config.items()
            if k not in _NO_CHOICE and _text(v) != _text(config.get(k))
        ]
        if not changed and calibration.key == calibration_key(config, not data.weighted, windows):
            return f"these events are {'' if data.weighted else 'not '}weighted, unlike its own"
        return "it belongs to another config: " + (
            "; ".join(changed) if changed else "the windows of the scan differ"
        )
    if calibration.data_sha256 is not None and calibration.data_sha256 != data.sha256:
        return "it imitates the sidebands of other data"
    if calibration.null == "sampler" and calibration.origin != data.origin:
        return f"its null data were drawn by the sampler '{calibration.origin}'"
    if abs(data.n_used / calibration.n_events - 1) > SIZE_TOLERANCE:
        return (
            f"its searches have {calibration.n_events:.0f} events in the fit range, this one "
            f"{data.n_used}"
        )
    return None


def _text(value: Any) -> str:
    return json.dumps(value, default=list)


def find_calibration(
    config: dict[str, Any],
    data: InputRecord,
    windows: Sequence[WindowEdges],
    given: Calibration | str | Path | None,
    folders: Iterable[Path],
) -> Calibration | None:
    """The calibration that applies to a search.

    Parameters
    ----------
    config : dict
        The resolved config.
    data : InputRecord
    windows : sequence of WindowEdges
    given : Calibration, path or None
        The one to use; it must apply.
    folders : iterable of path
        Where else to look for ``calibration.json``, before the ones that come with novum.

    Raises
    ------
    ConfigError
        If the given one does not apply; says why.
    """
    if given is not None:
        calibration = given if isinstance(given, Calibration) else Calibration.load(given)
        reason = reason_not_to_apply(calibration, config, data, windows)
        if reason is not None:
            raise ConfigError(f"calibration: does not apply here: {reason}")
        return calibration
    paths = [folder / CALIBRATION_FILE for folder in folders]
    paths += sorted(Path(str(files("novum.search") / "calibrations")).glob("*.json"))
    for path in paths:
        if path.is_file():
            try:
                calibration = Calibration.load(path)
            except ForeignDocumentError:  # other programs, too, write a calibration.json
                continue
            if reason_not_to_apply(calibration, config, data, windows) is None:
                return calibration
    return None


def look_up(calibration: Calibration, windows: Sequence[WindowResult], seed: int) -> CalibratedScan:
    """Look up the windows of a search among the null searches of a matching calibration."""
    null = calibration.counts
    scan = calibrate_scan(null)
    observed = as_counts([w.counts for w in windows], [w.withheld is None for w in windows])
    records = tuple(_window(scan, w, i, observed, null) for i, w in enumerate(windows))
    t = float(scan.largest(observed)[0])
    found = bool(np.isfinite(t)) and len(scan.t_null) > 0
    best = max(records, key=lambda r: -np.inf if r.z_cal is None else r.z_cal) if found else None
    return CalibratedScan(
        key=calibration.key,
        sha256=calibration.sha256(),
        null=calibration.null,
        n_searches=len(scan.null_z),
        windows=records,
        best_window=None if best is None else BestWindow(best.low, best.high),
        t_observed=t if found else None,
        t_null=tuple(np.round(scan.t_null, 4).tolist()),
        global_p=scan.global_p(t) if found else None,
        extrapolated_p=scan.extrapolated_p(t) if found else None,
        extrapolated_interval=extrapolation_interval(null, observed, seed) if found else None,
        effective_windows=scan.effective_windows if len(scan.t_null) else None,
        fold_seed_spread=calibration.fold_seed_spread,
        closure=calibration.closure,
    )


def as_counts(counts: Sequence[Counts], quoted: Sequence[bool]) -> ScanCounts:
    """The windows of one search as arrays (1, W)."""
    on, off, ratio, error = np.array([c.effective() for c in counts], dtype=np.float64).T[:, None]
    return ScanCounts(on, off, ratio, error, np.array([quoted]))


def _window(
    scan: ScanCalibration, window: WindowResult, i: int, observed: ScanCounts, null: ScanCounts
) -> CalibratedWindow:
    kappa, error = float(scan.kappa[i]), float(scan.kappa_error[i])
    withheld = window.withheld
    if withheld is None and not scan.trusted[i]:
        withheld = (
            f"null searches select {kappa:.3f} ± {error:.3f} times the expected background here: "
            "the selection sculpts the mass"
        )
    z = float(scan.z(observed)[0, i])
    z_cal = float(scan.standardised(scan.z(observed))[0, i])
    return CalibratedWindow(
        low=window.window.low,
        high=window.window.high,
        kappa=kappa,
        kappa_error=error,
        location=float(scan.location[i]),
        scale=float(scan.scale[i]),
        withheld_rate=float(1 - null.quoted[:, i].mean()),
        z=None if withheld else z,
        z_cal=None if withheld else z_cal,
        p=None if withheld else scan.local_p(i, z),
        withheld=withheld,
    )
