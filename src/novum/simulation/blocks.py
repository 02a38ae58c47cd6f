"""Blocks of simulated events: each has its own seed and file, so that any worker can make it.

A sample is the first n events of an endless row of blocks. Which process made a block, and when,
leaves no trace in it; and a run that was killed, or one that wants more, starts from the blocks
that are there.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, OutputError
from novum.events import Cloud, Events, Meta
from novum.io import concatenate, open_events, write_events
from novum.simulation.detector import respond
from novum.simulation.process import Mixture, Observed, Process
from novum.simulation.pythia import BATCH, MOST_SEED, NEUTRINOS, Generator, full_card, versions

BLOCK = 2000  # events; starting Pythia takes as long as some tens of them
# Counts up whenever the same card and seed give other events than before.
_REVISION = 1
_MOST_EMPTY = 100_000  # events without one that passes


@dataclass(frozen=True)
class Sample:
    """What decides every event: the process, the seed, multiparton interactions, the versions.

    Attributes
    ----------
    process : Process
    seed : int
    mpi : bool
        Whether there are multiparton interactions.
    versions : mapping of str to str
    block_size : int
        Events of a block.
    batch_size : int
        Events that the detector looks at together.
    """

    process: Process
    seed: int
    mpi: bool
    versions: dict[str, str]
    block_size: int = BLOCK
    batch_size: int = BATCH

    @classmethod
    def of(cls, process: Process, seed: int, mpi: bool) -> Sample:
        """With the versions that are installed."""
        return cls(process, seed, mpi, versions())

    @property
    def card(self) -> tuple[str, ...]:
        """All settings of Pythia but the seed."""
        flavours = self.process.flavours
        only = (f"! only hard scatterings with one of {flavours}",) if flavours else ()
        return full_card((*self.process.card(), *only), self.process.sqrt_s, self.mpi)

    @property
    def key(self) -> str:
        """Digest of all of it."""
        sizes = f"{_REVISION} {self.block_size} {self.batch_size}"
        parts = [repr(self.process), repr(self.process.analysis), str(self.seed)]
        if self.process.matching is not None:
            parts.append(repr(self.process.matching))
        text = "\n".join([*self.card, *parts, repr(sorted(self.versions.items())), sizes])
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def block_seed(self, index: int) -> int:
        """Pythia's seed for a block; blocks of one sample never share one."""
        name = zlib.crc32(self.process.name.encode())
        base = int(np.random.SeedSequence([self.seed, name]).generate_state(1)[0])
        return 1 + (base + index) % MOST_SEED

    def first_id(self, index: int) -> int:
        """Id of the first event of a block; those of other samples are far away."""
        return (zlib.crc32(self.key.encode()) << 32) + index * self.block_size


def cache_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Where blocks are kept: as given, else NOVUM_CACHE, else novum in the user's cache folder."""
    if given is not None:
        return Path(given)
    if os.environ.get("NOVUM_CACHE"):
        return Path(os.environ["NOVUM_CACHE"])
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "novum" / "simulation"


def block(sample: Sample, index: int, n: int, folder: Path) -> Path:
    """The file of a block with at least `n` events, made now if it is not there yet.

    Raises
    ------
    InputError
        If nothing passes the selection, or Pythia gives up.
    OutputError
        If the file cannot be written.
    """
    path = folder / sample.key / f"block-{index:06d}.h5"
    if not _usable(path, n):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be made: {error.strerror}") from None
        mixture = isinstance(sample.process, Mixture)
        made = mix_block(sample, index, n, folder) if mixture else make_block(sample, index, n)
        write_events(made, path, overwrite=True)
    return path


def _usable(path: Path, n: int) -> bool:
    if not path.exists():
        return False
    try:
        held = open_events(path).schema.n_events
    except InputError:  # damaged: made again
        return False
    return held is not None and held >= n


def make_block(sample: Sample, index: int, n: int) -> Events:
    """The first `n` events of a block.

    Raises
    ------
    InputError
        If nothing passes the selection, or Pythia gives up.
    """
    process, seed = sample.process, sample.block_seed(index)
    invisible = (*NEUTRINOS, *process.invisible)
    generator = Generator(sample.card, seed, invisible, process.flavours)
    rng = np.random.default_rng(seed)
    parts: list[Observed] = []
    accepted, tried = 0, 0
    for truth, size in generator.batches(sample.batch_size):
        seen = process.analysis(respond(truth, rng))
        if process.matching is not None:
            seen = seen.take(process.matching(seen, truth.partons))
        left = n - accepted
        parts.append(seen.take(slice(left)))
        accepted += len(parts[-1].rows)
        if len(seen.rows) > left or accepted == n:
            tried += int(parts[-1].rows[-1]) + 1
            break
        tried += size
        if accepted == 0 and tried > _MOST_EMPTY:
            raise InputError(f"none of {tried} events passes the selection", file=process.name)
    return _as_events(sample, index, parts, tried, generator.cross_section)


def mix_block(sample: Sample, index: int, n: int, folder: Path) -> Events:
    """The first `n` events of a block of a mixture, from blocks of its components.

    Events keep the id that they have in a sample of their component.

    Raises
    ------
    InputError, OutputError
        As `block` does for a component.
    """
    assert isinstance(sample.process, Mixture)
    chosen = drawn(sample, index)[:n]
    parts, places = [], []
    for number, (process, _) in enumerate(sample.process.components):
        own = np.flatnonzero(chosen == number)
        if len(own):
            path = block(replace(sample, process=process), index, len(own), folder)
            parts.append(open_events(path).read().take(np.arange(len(own))))
            places.append(own)
    meta = Meta(
        origin=f"novum simulate {sample.process.name}",
        sqrt_s=sample.process.sqrt_s,
        seed=sample.seed,
        card="\n".join(sample.card),
        versions=sample.versions,
    )
    events = concatenate([replace(part, meta=meta) for part in parts])
    events = events.take(np.argsort(np.concatenate(places)))
    return replace(events, label=np.full(n, sample.process.label, np.int8))


def drawn(sample: Sample, index: int) -> NDArray[np.int64]:
    """Number from 0 of the component that each event of a block of a mixture is of.

    Drawn for the whole block, so that fewer events are the first of more.
    """
    assert isinstance(sample.process, Mixture)
    shares = [share for _, share in sample.process.components]
    rng = np.random.default_rng(sample.block_seed(index))
    return rng.choice(len(shares), sample.block_size, p=shares)


def _as_events(
    sample: Sample, index: int, parts: list[Observed], tried: int, generated: tuple[float, float]
) -> Events:
    n = sum(len(part.rows) for part in parts)
    run = sample.process.run
    efficiency = n / tried
    cross_section = generated[0] * efficiency
    relative = np.hypot(generated[1] / generated[0], np.sqrt((1 - efficiency) / n))
    events = Events.from_arrays(
        {k: np.concatenate([p.features[k] for p in parts]) for k in parts[0].features},
        id=np.arange(n, dtype=np.uint64) + np.uint64(sample.first_id(index)),
        label=np.full(n, sample.process.label, np.int8),
        bookkeeping={} if run is None else {"run": np.full(n, run)},
        meta=Meta(
            origin=f"novum simulate {sample.process.name}",
            sqrt_s=sample.process.sqrt_s,
            luminosity=n / cross_section / 1000,
            seed=sample.seed,
            card="\n".join(sample.card),
            cross_section=cross_section,
            cross_section_error=float(cross_section * relative),
            versions=sample.versions,
        ),
    )
    clouds = {
        k: Cloud(np.concatenate([p.clouds[k].values for p in parts]), c.fields)
        for k, c in parts[0].clouds.items()
    }
    return replace(events, clouds=clouds)
