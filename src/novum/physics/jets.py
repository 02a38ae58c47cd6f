"""Jets: FastJet's sequential recombination over many events at once (arXiv:1111.6097)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.optional import optional
from novum.physics.particles import FloatArray, IntArray, Particles, mass

ALGORITHMS = ("antikt", "kt", "cambridge")


@dataclass(frozen=True, eq=False)
class Jets:
    """The leading jets of n events, sorted by falling pT; pT = 0 where there is none.

    Attributes
    ----------
    pt, eta, phi, mass : float64 arrays (n, k)
        GeV and rad.
    p4 : float64 array (n, k, 4)
        px, py, pz, E [GeV].
    constituents : Particles
        Those of jet j of event i as "event" ``i k + j``, in no particular order.
    """

    p4: FloatArray
    constituents: Particles

    @property
    def pt(self) -> FloatArray:
        """Transverse momentum [GeV], shape (n, k)."""
        return np.hypot(self.p4[..., 0], self.p4[..., 1])

    @property
    def eta(self) -> FloatArray:
        """Pseudorapidity, shape (n, k)."""
        return np.arcsinh(self.p4[..., 2] / np.maximum(self.pt, 1e-12))

    @property
    def phi(self) -> FloatArray:
        """Azimuth [rad], shape (n, k)."""
        return np.arctan2(self.p4[..., 1], self.p4[..., 0])

    @property
    def mass(self) -> FloatArray:
        """Mass [GeV], shape (n, k)."""
        return mass(*np.moveaxis(self.p4, -1, 0))

    def take(self, rows: IntArray) -> Jets:
        """The jets of some events."""
        k = self.p4.shape[1]
        inside = self.constituents
        groups = (rows[:, None] * k + np.arange(k)).ravel()
        return Jets(self.p4[rows], inside.take_events(groups))


def leading_jets(
    particles: Particles,
    radius: float,
    *,
    k: int = 2,
    min_pt: float = 20.0,
    algorithm: str = "antikt",
) -> Jets:
    """Cluster every event and keep its `k` jets of highest pT.

    Parameters
    ----------
    particles : Particles
    radius : float
        Jet radius R.
    k : int
        Jets kept of each event.
    min_pt : float
        Least pT of a jet [GeV].
    algorithm : str
        antikt (arXiv:0802.1189), kt or cambridge.

    Raises
    ------
    ConfigError
        If the algorithm is unknown or the radius not positive.
    MissingDependencyError
        If FastJet is not installed.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"algorithm: there is no '{algorithm}'; use {', '.join(ALGORITHMS)}")
    if not radius > 0:
        raise ConfigError(f"radius: must be positive, got {radius:g}")
    fastjet = import_fastjet()
    definition = fastjet.JetDefinition(getattr(fastjet, f"{algorithm}_algorithm"), radius)
    sequence = fastjet.ClusterSequence(to_awkward(particles), definition)
    found, inside = sequence.inclusive_jets(min_pt), sequence.constituent_index(min_pt)
    p4 = np.column_stack([_flat(found[c]) for c in ("px", "py", "pz", "E")])
    counts = _sizes(found)
    event = np.repeat(np.arange(len(particles)), counts)
    rank = np.lexsort((-np.hypot(p4[:, 0], p4[:, 1]), event))
    place = ranges(counts)
    jet, slot, event = rank[place < k], place[place < k], event[place < k]
    leading = np.zeros((len(particles), k, 4))
    leading[event, slot] = p4[jet]
    return Jets(leading, _constituents(particles, inside, jet, event, slot, k))


def _constituents(
    particles: Particles, inside: Any, jet: IntArray, event: IntArray, slot: IntArray, k: int
) -> Particles:
    all_sizes = _sizes(inside, axis=2)
    starts = np.cumsum(all_sizes) - all_sizes
    counts = all_sizes[jet]
    sizes = np.zeros(len(particles) * k, np.int64)
    sizes[event * k + slot] = counts
    local = _flat(inside)[np.repeat(starts[jet], counts) + ranges(counts)]
    rows = local + np.repeat(particles.offsets[event], counts)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Particles(
        particles.px[rows], particles.py[rows], particles.pz[rows], particles.e[rows], offsets
    )


def _flat(array: Any) -> NDArray[Any]:
    import awkward as ak

    return np.asarray(ak.to_numpy(ak.flatten(array, axis=None)))


def _sizes(array: Any, axis: int = 1) -> IntArray:
    import awkward as ak

    return _flat(ak.num(array, axis=axis)).astype(np.int64)


def ranges(counts: IntArray) -> IntArray:
    """0 to c - 1 for each c, one after the other, shape (sum of counts,)."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts)


def to_awkward(particles: Particles) -> Any:
    """Four-vectors as FastJet takes them: an awkward array of px, py, pz, E."""
    import awkward as ak

    contents = ak.contents
    fields = [
        contents.NumpyArray(c) for c in (particles.px, particles.py, particles.pz, particles.e)
    ]
    return ak.Array(
        contents.ListOffsetArray(
            ak.index.Index64(particles.offsets),
            contents.RecordArray(fields, ["px", "py", "pz", "E"]),
        )
    )


def from_awkward(vectors: Any) -> Particles:
    """Four-vectors as FastJet returns them."""
    offsets = np.concatenate([[0], np.cumsum(_sizes(vectors))])
    px, py, pz, e = (_flat(vectors[c]) for c in ("px", "py", "pz", "E"))
    return Particles(px, py, pz, e, offsets)


def import_fastjet() -> Any:
    """FastJet, with its banner kept off the standard output.

    Raises
    ------
    MissingDependencyError
        If it is not installed; says how to.
    """
    fastjet = optional("fastjet", "simulate", "clustering jets")
    if not getattr(fastjet, "_novum_quiet", False):
        with _quiet_stdout():
            _first_clustering(fastjet)
            fastjet._novum_quiet = True
    return fastjet


def _first_clustering(fastjet: Any) -> None:
    momentum, zero = np.ones(1), np.zeros(1)
    one = Particles(momentum, zero, zero, momentum, np.array([0, 1]))
    fastjet.ClusterSequence(
        to_awkward(one), fastjet.JetDefinition(fastjet.antikt_algorithm, 1.0)
    ).inclusive_jets(0)


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Send file descriptor 1 to nowhere: C++ libraries greet there, past `sys.stdout`."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
