"""How a search is looked up among null searches: which calibration applies, and what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from novum.errors import ConfigError
from novum.io.documents import ForeignDocumentError
from novum.search.calibrated import CALIBRATION_FILE, Calibration, calibration_key, choices
from novum.search.calibration_records import CalibratedScan, CalibratedWindow
from novum.search.config import HuntConfig
from novum.search.records import BestWindow, Counts, InputRecord, WindowEdges, WindowResult
from novum.search.result import SearchResult
from novum.statistics.retrained import (
    ScanCalibration,
    ScanCounts,
    calibrate_scan,
    extrapolation_interval,
)

SIZE_TOLERANCE = 0.05  # a search of another size has another b, s and κ


def reason_not_to_apply(
    calibration: Calibration,
    config: dict[str, Any],
    data: InputRecord,
    windows: Sequence[WindowEdges],
) -> str | None:
    """Why a calibration says nothing about a search, in words; None where it applies."""
    if calibration.key != calibration_key(config, data.weighted, windows):
        there, here = choices(calibration.config), choices(config)
        changed = [
            f"{k} = {there.get(k)!r} there, {here.get(k)!r} here"
            for k in {**there, **here}
            if _text(there.get(k)) != _text(here.get(k))
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


def require_applies(
    calibration: Calibration,
    config: dict[str, Any],
    data: InputRecord,
    windows: Sequence[WindowEdges],
) -> None:
    """Refuse a calibration that says nothing about a search.

    Raises
    ------
    ConfigError
        Says why; see `reason_not_to_apply`.
    """
    reason = reason_not_to_apply(calibration, config, data, windows)
    if reason is not None:
        raise ConfigError(f"calibration: does not apply here: {reason}")


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
        require_applies(calibration, config, data, windows)
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


def beside(origin: str | None, output: str | Path | None) -> list[Path]:
    """Folders where a calibration of these data may lie."""
    near = [] if output is None else [Path(output).absolute().parent]
    return near if origin is None or not Path(origin).is_file() else [*near, Path(origin).parent]


def calibrated(result: SearchResult, calibration: Calibration | None) -> SearchResult:
    """The result with its place among the null searches of a calibration.

    Raises
    ------
    ConfigError
        If the calibration does not apply to the search; says why.
    """
    if calibration is None:
        return result
    # Of an older result: a setting that did not exist yet has its default.
    config = HuntConfig().with_values(result.config, "result").to_dict()
    require_applies(calibration, config, result.input, [w.window for w in result.windows])
    return replace(result, calibration=look_up(calibration, result.windows, result.seed))


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
