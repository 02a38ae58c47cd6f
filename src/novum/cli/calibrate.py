"""``novum calibrate`` and ``novum unblind``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from novum.errors import ConfigError, InputError

if TYPE_CHECKING:
    from novum.search.calibrated import Calibration

Jobs = Annotated[int | None, Parameter(name=("--jobs", "-j"))]


def calibrate(
    target: Path,
    *,
    n: Annotated[int | None, Parameter(name=("--number", "-n"))] = None,
    null: str = "sidebands",
    inject: str | None = None,
    strengths: tuple[int, ...] = (),
    vary: tuple[str, ...] = (),
    events: Path | None = None,
    size: int | None = None,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    seed: int | None = None,
    resume: bool = False,
    jobs: Jobs = None,
) -> None:
    """Repeat a search on background-only data, training included, and calibrate its p-values.

    Writes calibration.json, and looks up the search in it where a finished one is named. With
    --inject, writes injection.json instead: injected against found for a named signal.

    Parameters
    ----------
    target : Path
        Folder of a hunt, or a config file (with --events or --size).
    n : int
        Null searches (200 by default), or searches for each injected strength (20).
    null : str
        Background-only data: sampler (the toy sampler), sidebands (the observed features with
        masses drawn anew), or a file of simulated background.
    inject : str
        File of signal events to inject, or "sampler" for the resonance of the toy sampler.
    strengths : int
        Numbers of injected events, as A,B,C; at least five.
    vary : str
        Search again with a changed signal: COLUMN:scale=1.02 or COLUMN:smear=0.05; may be repeated.
    events : Path
        The observed events, for a config or where the file of a hunt has moved.
    size : int
        Events of each sample of the toy sampler, for a config without events.
    output : Path
        Folder to write into; by default that of the hunt.
    seed : int
        Seed of the null data; 1 by default, 2 with --inject.
    resume : bool
        Continue an interrupted calibration.
    jobs : int
        Worker processes; by default one per core. The result does not depend on it.
    """
    from novum.cli import console

    if not target.exists():
        raise InputError("no such folder or config file", file=target)
    folder = output or (target if target.is_dir() else None)
    if folder is None:
        raise ConfigError("calibrate: name a folder for calibration.json (-o DIR)")
    options: dict[str, Any] = {
        "null": null,
        "events": events,
        "size": size,
        "output": folder,
        "resume": resume,
        "n_jobs": jobs,
        "progress": console.RichProgress(),
    }
    if inject is not None:
        _inject(
            target,
            inject,
            folder,
            20 if n is None else n,
            strengths,
            vary,
            2 if seed is None else seed,
            options,
        )
        return
    if strengths or vary:
        raise ConfigError("strengths and vary: name the signal to inject (--inject FILE)")
    from novum.calibration import calibrate as run_calibrate
    from novum.cli.calibration_tables import print_calibration

    calibration = run_calibrate(
        target, n=200 if n is None else n, seed=1 if seed is None else seed, **options
    )
    print_calibration(calibration)
    if target.is_dir() and (target / "result.json").exists():
        _look_up(target, calibration)
    console.out.print(
        f"calibration: {folder / 'calibration.json'}", highlight=False, soft_wrap=True
    )


def _look_up(target: Path, calibration: Calibration) -> None:
    """Write the calibrated p-values into the result and its report."""
    from novum.cli import console
    from novum.report import write_report
    from novum.search.lookup import calibrated
    from novum.search.result import SearchResult

    result = calibrated(SearchResult.load(target), calibration)
    result.save(target)
    write_report(result, target)
    console.print_search(result)


def _inject(
    target: Path,
    signal: str,
    folder: Path,
    n: int,
    strengths: tuple[int, ...],
    vary: tuple[str, ...],
    seed: int,
    options: dict[str, Any],
) -> None:
    from novum.calibration import Variation, inject_and_search
    from novum.cli import console
    from novum.cli.calibration_tables import print_study
    from novum.search.calibrated import CALIBRATION_FILE, Calibration

    if not (folder / CALIBRATION_FILE).exists():
        raise ConfigError(
            f"{folder}: holds no {CALIBRATION_FILE}; run novum calibrate without --inject first"
        )
    study = inject_and_search(
        target,
        signal,
        Calibration.load(folder),
        strengths=strengths,
        n=n,
        vary=[Variation.parse(text) for text in vary],
        seed=seed,
        **options,
    )
    print_study(study)
    console.out.print(f"study: {folder / 'injection.json'}", highlight=False, soft_wrap=True)


def unblind(
    folder: Path,
    *,
    events: Path | None = None,
    resume: bool = False,
    jobs: Jobs = None,
) -> None:
    """Look at the signal regions of a blind search, once everything is frozen and unchanged.

    Parameters
    ----------
    folder : Path
        Folder of hunt --blind with its calibration.json.
    events : Path
        The events, where their file has moved.
    resume : bool
        Continue an interrupted unblinding.
    jobs : int
        Worker processes; by default one per core.
    """
    from novum.cli import console
    from novum.report import write_report
    from novum.search.blinding import unblind as run_unblind

    result = run_unblind(
        folder, events=events, resume=resume, n_jobs=jobs, progress=console.RichProgress()
    )
    write_report(result, folder)
    console.print_search(result)
    console.out.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
