"""Blind searches: signal regions stay hidden until config, seed, κ and calibration are frozen.

A blind search trains and scores like any other, but of each window it keeps only what the
sidebands say. `unblind` checks that nothing has changed since and then runs the search for real:
equal configs and data give equal results, so nothing hidden has to be kept.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from novum.errors import ConfigError, InputError, OutputError
from novum.io import folder_lock, write_text
from novum.io.documents import from_json, read_document, to_json
from novum.progress import Progress
from novum.search.analysis import primary_test
from novum.search.calibrated import CALIBRATION_FILE, Calibration
from novum.search.checkpoint import Checkpoint
from novum.search.config import HuntConfig
from novum.search.procedure import Search, make_search
from novum.search.provenance import versions
from novum.search.records import InputRecord, Pair, Unblinding, Validation, WindowEdges
from novum.search.result import SearchResult

SCHEMA = "novum-blind-search"
SCHEMA_VERSION = 1
BLIND_FILE = "blind.json"


@dataclass(frozen=True)
class BlindWindow:
    """What the sidebands say of one window; nothing of its signal region is in it.

    Attributes
    ----------
    window : WindowEdges
    n_off, n_sb : float
        Selected events in the sidebands, and all events there.
    ratio, ratio_error : float
        Transfer factor of the inclusive fit with the signal region masked.
    expected, expected_error : float
        Background expectation of the selected events in the signal region.
    fit_p : float
        Goodness of that fit.
    validation : Validation
    withheld : str or None
        Why no p-value will be quoted.
    """

    window: WindowEdges
    n_off: float
    n_sb: float
    ratio: float
    ratio_error: float
    expected: float
    expected_error: float
    fit_p: float
    validation: Validation
    withheld: str | None


@dataclass(frozen=True)
class BlindResult:
    """A search before its signal regions are looked at; ``blind.json``.

    Attributes
    ----------
    config, config_hash, seed, versions, input
        As in `SearchResult`.
    fit_range : (float, float)
        Range of the spectrum fits [GeV].
    windows : tuple of BlindWindow
    frozen : str
        When the settings were frozen, UTC.
    """

    config: dict[str, Any]
    config_hash: str
    seed: int
    versions: dict[str, str]
    input: InputRecord
    fit_range: Pair
    windows: tuple[BlindWindow, ...]
    frozen: str
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """JSON text."""
        return to_json(self)

    @classmethod
    def load(cls, folder: str | Path) -> BlindResult:
        """Read the blind search in a folder.

        Raises
        ------
        InputError, FileFormatError
        """
        path = Path(folder) / BLIND_FILE
        text = read_document(path, "blind search")
        return from_json(
            cls, text, path, what="blind search", schema=SCHEMA, version=SCHEMA_VERSION
        )


def blind_hunt(
    events: str | Path,
    output: str | Path,
    config: HuntConfig,
    *,
    resume: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> BlindResult:
    """Search with hidden signal regions and write ``blind.json``.

    Parameters
    ----------
    events : path
        File of events: `unblind` will read it again.
    output : path-like
        New folder.
    config : HuntConfig
    resume, n_jobs, progress
        As for `hunt`.

    Raises
    ------
    ConfigError, InputError, WindowError, FitError, OutputError
        As `hunt`.
    """
    search = make_search(Path(events), config, n_jobs=n_jobs, progress=progress)
    prepared = search.prepare(output)
    with folder_lock(output):
        checkpoint = Checkpoint(output, f"blind-{prepared.key}", resume=resume)
        windows = []
        for scores, fit in search.scored(prepared, checkpoint):
            test = primary_test(
                prepared.sample, scores, fit, search.config, search.method.mass_dependence
            )
            counts = test.counts
            windows.append(
                BlindWindow(
                    window=WindowEdges.of(scores.window),
                    n_off=counts.n_off,
                    n_sb=counts.n_sb,
                    ratio=counts.ratio,
                    ratio_error=counts.ratio_error,
                    expected=counts.expected,
                    expected_error=counts.expected_error,
                    fit_p=fit.p_value,
                    validation=test.validation,
                    withheld=test.withheld,
                )
            )
        blind = BlindResult(
            config=search.config.to_dict(),
            config_hash=search.config.hash(),
            seed=search.config.seed,
            versions=versions(search.classifier, search.method),
            input=prepared.record,
            fit_range=prepared.plan.fit_range,
            windows=tuple(windows),
            frozen=_now(),
        )
        checkpoint.finish()  # first: what is kept of a search knows the signal regions
        write_text(checkpoint.folder / BLIND_FILE, blind.to_json(), overwrite=False)
    return blind


def unblind(
    folder: str | Path,
    *,
    events: str | Path | None = None,
    resume: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Check that everything is as it was frozen, then look.

    Parameters
    ----------
    folder : path-like
        Folder of a blind search with its ``calibration.json``.
    events : path, optional
        The events, if their file has moved.
    resume, n_jobs, progress
        As for `hunt`.

    Returns
    -------
    SearchResult
        Also saved in the folder; `unblinded` records the time and the hashes.

    Raises
    ------
    ConfigError, InputError
        If config, seed, data or calibration are missing or not those that were frozen.
    """
    folder = Path(folder)
    blind = BlindResult.load(folder)
    if (folder / "result.json").exists():
        raise OutputError(f"{folder}: is unblinded already")
    config = HuntConfig().with_values(blind.config, str(folder / BLIND_FILE))
    if (config.hash(), config.seed) != (blind.config_hash, blind.seed):
        raise ConfigError(f"{folder / BLIND_FILE}: its config is not the one whose hash was frozen")
    if not (folder / CALIBRATION_FILE).exists():
        raise ConfigError(
            f"{folder}: no calibration is frozen; run novum calibrate {folder} before looking"
        )
    calibration = Calibration.load(folder)
    source = Path(events or blind.input.origin or "")
    search = make_search(source, config, calibration=calibration, n_jobs=n_jobs, progress=progress)
    _check_frozen(search, blind, source)
    record = Unblinding(
        time=_now(),
        config_hash=blind.config_hash,
        seed=blind.seed,
        data_sha256=blind.input.sha256,
        calibration_sha256=calibration.sha256(),
        blind_sha256=hashlib.sha256((folder / BLIND_FILE).read_bytes()).hexdigest(),
    )
    return search.run(folder, resume, keep="*.json", unblinded=record)


def _check_frozen(search: Search, blind: BlindResult, source: Path) -> None:
    prepared = search.prepare(None)
    if prepared.record.sha256 != blind.input.sha256:
        raise InputError(
            "does not hold the events that the blind search was made from", file=source
        )
    frozen = [w.window for w in blind.windows]
    if [WindowEdges.of(w) for w in prepared.plan.windows] != frozen:
        raise ConfigError("the windows of the scan are not those of the blind search")
    changed = [
        f"{name} {blind.versions.get(name)} then, {now} now"
        for name, now in versions(search.classifier, search.method).items()
        if blind.versions.get(name) != now
    ]
    if changed:
        raise ConfigError(f"versions changed since the search was frozen: {', '.join(changed)}")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
