"""`simulate`: n events of a process, the same whatever the number of workers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from novum.errors import ConfigError, OutputError
from novum.events import Cloud, Events, Meta
from novum.io import concatenate, open_events
from novum.io.write import output_format, write_chunks
from novum.progress import NoProgress, Progress
from novum.workers import in_workers, n_workers

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
    made = _made(process, n, seed, mpi, constituents, extended, cache, n_jobs, progress)
    return concatenate(list(made.chunks()))


def simulate_file(
    process: Process,
    n: int,
    output: str | os.PathLike[str],
    *,
    seed: int = 0,
    mpi: bool = False,
    constituents: int = CONSTITUENTS,
    extended: bool = False,
    cache: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Meta:
    """`simulate` into a new file, in the memory that one block of events takes.

    Parameters
    ----------
    output : path-like
        Its suffix picks the format; only HDF5 keeps constituents.
    process, n, seed, mpi, constituents, extended, cache, n_jobs, progress
        As for `simulate`.

    Returns
    -------
    Meta
        Card, seed, versions, cross-section and luminosity of the sample.

    Raises
    ------
    OutputError
        If the file exists or cannot be written; and as `simulate`.
    """
    if Path(output).exists():
        raise OutputError(f"{output}: exists already and is not overwritten")
    output_format(Path(output))  # a suffix that cannot be written is known before the work
    made = _made(process, n, seed, mpi, constituents, extended, cache, n_jobs, progress)
    write_chunks(made.chunks(), output)
    return made.meta


@dataclass(frozen=True)
class _Made:
    """A sample: files of blocks with how many events of each are its own, and its origin."""

    files: tuple[tuple[Path, int], ...]
    constituents: int
    hidden: tuple[str, ...]
    whole: tuple[str, ...]
    meta: Meta

    def chunks(self) -> Iterator[Events]:
        """The events of one block after another."""
        for path, size in self.files:
            events = open_events(path).read().take(np.arange(size))
            clouds = {
                k: c if k in self.whole else Cloud(c.values[:, : self.constituents], c.fields)
                for k, c in events.clouds.items()
                if self.constituents
            }
            features = {k: v for k, v in events.features.items() if k not in self.hidden}
            yield replace(events, features=features, clouds=clouds, meta=self.meta)


def _made(
    process: Process,
    n: int,
    seed: int,
    mpi: bool,
    constituents: int,
    extended: bool,
    cache: str | os.PathLike[str] | None,
    n_jobs: int | None,
    progress: Progress | None,
) -> _Made:
    """All blocks of a sample, simulated where they are not there yet."""
    if not 1 <= n <= MOST_EVENTS:
        raise ConfigError(f"n: must be between 1 and {MOST_EVENTS}, got {n}")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed: must be between 0 and 2^63 - 1, got {seed}")
    if constituents < 0:
        raise ConfigError(f"constituents: must not be negative, got {constituents}")
    from novum.simulation.blocks import Sample, cache_folder

    sample = Sample.of(process, seed, mpi)
    made = tuple(_blocks(sample, n, cache_folder(cache), n_jobs, progress or NoProgress()))
    hidden = () if extended else process.analysis.extended
    return _Made(made, constituents, hidden, process.whole, _joined(made))


def _blocks(
    sample: Sample, n: int, folder: Path, n_jobs: int | None, progress: Progress
) -> Iterator[tuple[Path, int]]:
    from novum.simulation.blocks import block

    step = sample.block_size
    sizes = [min(step, n - start) for start in range(0, n, step)]
    calls = (partial(block, sample, i, size, folder) for i, size in enumerate(sizes))
    what = f"simulating {n} {sample.process.name} events"
    with in_workers(calls, min(n_workers(n_jobs), len(sizes))) as made:
        yield from zip(progress.track(made, what, len(sizes)), sizes, strict=True)


def _joined(made: Iterable[tuple[Path, int]]) -> Meta:
    """Origin of one sample: luminosities add up, the cross-section is that of all events.

    A mixture has neither.
    """
    blocks = [(open_events(path).read([]), size) for path, size in made]
    metas = [events.meta for events, _ in blocks]
    if metas[0].luminosity is None:
        return metas[0]
    # Of a block that holds more events than are asked for, their share.
    share = np.array([size / len(events) for events, size in blocks])
    luminosity = share * np.array([m.luminosity for m in metas], np.float64)
    error = np.array([m.cross_section_error for m in metas], np.float64)
    relative = error / np.array([m.cross_section for m in metas], np.float64)
    total = float(luminosity.sum())
    cross_section = sum(size for _, size in blocks) / total / 1000
    return replace(
        metas[0],
        luminosity=total,
        cross_section=cross_section,
        cross_section_error=cross_section * float(np.linalg.norm(luminosity * relative)) / total,
    )
