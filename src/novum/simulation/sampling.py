"""`simulate`: n events of a process, the same whatever the number of workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from novum.errors import ConfigError, OutputError
from novum.events import Cloud, Events
from novum.io import concatenate, open_events, write_events
from novum.progress import NoProgress, Progress

if TYPE_CHECKING:
    from novum.simulation.blocks import Sample
    from novum.simulation.process import Process

MOST_EVENTS = 10**9
CONSTITUENTS = 100


def simulate(
    process: Process,
    n: int,
    *,
    seed: int = 0,
    mpi: bool = False,
    constituents: int = CONSTITUENTS,
    extended: bool = False,
    cache: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Events:
    """Simulate events of a process: Pythia 8, a fast detector, FastJet.

    Parameters
    ----------
    process : Process
        Such as ``QcdDijet()``, see `novum.simulation.processes`.
    n : int
        Events that pass its selection. The first n of a larger sample are these.
    seed : int
        Equal seeds give equal events, whatever `n_jobs`.
    mpi : bool
        Simulate multiparton interactions; events take 2.5 to 8 times as long.
    constituents : int
        Constituents stored of each jet, in order of pT; 0: none.
    extended : bool
        Store every observable that the process measures, for dijets all of N-subjettiness.
    cache : path-like, optional
        Folder of finished blocks, from which a killed or a larger run starts; by default
        NOVUM_CACHE, or novum/simulation in the user's cache folder.
    n_jobs : int, optional
        Worker processes; by default one per core.
    progress : Progress, optional

    Returns
    -------
    Events
        Labelled with the label of the process. ``meta`` has the card, the seed, the versions, the
        cross-section after the selection [pb] and the luminosity it corresponds to [1/fb].

    Raises
    ------
    ConfigError
        If a parameter makes no sense.
    MissingDependencyError
        If Pythia or FastJet is not installed.
    InputError, OutputError
        If nothing passes the selection, or the cache cannot be written.
    """
    if not 1 <= n <= MOST_EVENTS:
        raise ConfigError(f"n: must be between 1 and {MOST_EVENTS}, got {n}")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed: must be between 0 and 2^63 - 1, got {seed}")
    if constituents < 0:
        raise ConfigError(f"constituents: must not be negative, got {constituents}")
    from novum.simulation.blocks import Sample, cache_folder

    sample = Sample.of(process, seed, mpi)
    hidden = () if extended else process.analysis.extended
    blocks = _blocks(sample, n, cache_folder(cache), n_jobs, progress or NoProgress())
    parts = [_stored(part, constituents, hidden) for part in blocks]
    return _joined(parts)


def simulate_file(
    process: Process, n: int, output: str | os.PathLike[str], **options: Any
) -> Events:
    """`simulate` into a new file, whose suffix picks its format; options are those of `simulate`.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    """
    if Path(output).exists():
        raise OutputError(f"{output}: exists already and is not overwritten")
    events = simulate(process, n, **options)
    write_events(events, output)
    return events


def _blocks(
    sample: Sample, n: int, folder: Path, n_jobs: int | None, progress: Progress
) -> Iterator[Events]:
    from joblib import Parallel, delayed, effective_n_jobs

    from novum.simulation.blocks import block

    step = sample.block_size
    sizes = [min(step, n - start) for start in range(0, n, step)]
    workers = min(effective_n_jobs(-1 if n_jobs is None else n_jobs), len(sizes))
    jobs = (delayed(block)(sample, i, size, folder) for i, size in enumerate(sizes))
    made = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")(jobs)
    what = f"simulating {n} {sample.process.name} events"
    for path, size in zip(progress.track(made, what, len(sizes)), sizes, strict=True):
        yield _first(open_events(path).read(), size)


def _first(events: Events, n: int) -> Events:
    """The first events of a block, with their share of its luminosity."""
    if len(events) == n:
        return events
    luminosity = events.meta.luminosity
    share = None if luminosity is None else luminosity * n / len(events)
    return replace(events.take(np.arange(n)), meta=replace(events.meta, luminosity=share))


def _stored(events: Events, constituents: int, hidden: tuple[str, ...]) -> Events:
    features = {k: v for k, v in events.features.items() if k not in hidden}
    clouds = {
        k: Cloud(c.values[:, :constituents], c.fields)
        for k, c in events.clouds.items()
        if constituents
    }
    return replace(events, features=features, clouds=clouds)


def _joined(parts: list[Events]) -> Events:
    """One sample: luminosities add up, and the cross-section is that of all events."""
    luminosity = np.array([part.meta.luminosity for part in parts], np.float64)
    relative = np.array(
        [(p.meta.cross_section_error or 0) / (p.meta.cross_section or 1) for p in parts]
    )
    events, total = concatenate(parts), float(luminosity.sum())
    cross_section = len(events) / total / 1000
    error = cross_section * float(np.sqrt(np.sum((luminosity * relative) ** 2))) / total
    meta = replace(
        events.meta, luminosity=total, cross_section=cross_section, cross_section_error=error
    )
    return replace(events, meta=meta)
