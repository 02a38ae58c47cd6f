"""Pythia 8 (arXiv:2203.11601) as a source of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from novum.errors import ConfigError, InputError
from novum.optional import optional
from novum.physics.particles import Particles
from novum.simulation.detector import Truth
from novum.simulation.partons import Partons

BATCH = 500  # the detector draws for a whole batch at once: another size gives other events
MOST_SEED = 900_000_000
NEUTRINOS = (12, 14, 16)
# As in Delphes, what lives longer than 1 cm reaches the detector before it decays.
_COMMON = (
    "Print:quiet = on",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10.",
    "Random:setSeed = on",
)


def full_card(card: Sequence[str], sqrt_s: float, mpi: bool) -> tuple[str, ...]:
    """All settings but the seed: those of the process and those that all share."""
    onoff = "on" if mpi else "off"
    return (f"Beams:eCM = {sqrt_s:g}", *_COMMON, f"PartonLevel:MPI = {onoff}", *card)


@dataclass(eq=False)
class Generator:
    """One initialised Pythia.

    Parameters
    ----------
    card : sequence of str
        Settings, see `full_card`.
    seed : int
        1 to 900,000,000.
    invisible : sequence of int
        |PDG codes| that leave no trace in the detector.
    flavours : sequence of int
        |PDG codes| of which a hard scattering needs one, coming in or going out; empty: none.

    Raises
    ------
    ConfigError
        If Pythia does not know a setting.
    InputError
        If it cannot be initialised with them.
    MissingDependencyError
        If it is not installed.
    """

    card: Sequence[str]
    seed: int
    invisible: Sequence[int] = NEUTRINOS
    flavours: Sequence[int] = ()

    def __post_init__(self) -> None:
        self._pythia = _pythia_module().Pythia("", False)
        for line in (*self.card, f"Random:seed = {self.seed}"):
            if not self._pythia.readString(line, False):
                raise ConfigError(f"card: Pythia does not know '{line}'")
        if self.flavours:
            self._hook = _flavour_hook(self.flavours)  # Pythia does not keep it alive
            self._pythia.setUserHooksPtr(self._hook)
        if not self._pythia.init():
            raise InputError("Pythia cannot be initialised with this card", file=str(self.card))
        self._charged: dict[int, bool] = {}

    def batches(self, size: int = BATCH) -> Iterator[tuple[Truth, int]]:
        """Batches of visible stable particles, without end; and how many events each has.

        Raises
        ------
        InputError
            If Pythia gives up.
        """
        while True:
            batch = self._pythia.nextBatch(size)
            if len(batch) == 0:
                raise InputError("Pythia gives no events with this card", file=str(self.card))
            yield self._visible(batch.prt), len(batch)

    @property
    def cross_section(self) -> tuple[float, float]:
        """Cross-section of the generated events and its statistical error [pb]."""
        info = self._pythia.infoPython()
        return 1e9 * info.sigmaGen(), 1e9 * info.sigmaErr()

    def _visible(self, particles: Any) -> Truth:
        import awkward as ak

        def flat(values: Any) -> Any:
            return ak.to_numpy(ak.flatten(values))

        signed, status = flat(particles.id).astype(np.int64), flat(particles.status)
        pid = np.abs(signed)
        sizes = ak.to_numpy(ak.num(particles.id))
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        px, py, pz, e = (flat(getattr(particles.p, c)) for c in ("px", "py", "pz", "e"))
        everything = Particles(px, py, pz, e, offsets)
        seen = (status > 0) & ~np.isin(pid, tuple(self.invisible))
        hard = np.flatnonzero((np.abs(status) > 20) & (np.abs(status) < 30))
        mother = np.repeat(offsets[:-1], sizes)[hard] + flat(particles.mother1)[hard]
        return Truth(
            everything.take(seen),
            pid[seen],
            self._is_charged(pid[seen]),
            Partons(everything.take(hard), signed[hard], signed[mother]),
        )

    def _is_charged(self, pid: Any) -> Any:
        codes, inverse = np.unique(pid, return_inverse=True)
        for code in codes.tolist():
            if code not in self._charged:
                self._charged[code] = self._pythia.particleData.charge(code) != 0
        return np.array([self._charged[c] for c in codes.tolist()], bool)[inverse]


def _flavour_hook(flavours: Sequence[int]) -> Any:
    """Refuse hard scatterings without any of these flavours, before they cost a shower."""
    wanted = frozenset(flavours)

    class Hook(_pythia_module().UserHooks):  # type: ignore[misc]
        def canVetoProcessLevel(self) -> bool:
            return True

        def doVetoProcessLevel(self, event: Any) -> bool:
            return not any(event[i].idAbs() in wanted for i in range(3, event.size()))

    return Hook()


def versions() -> dict[str, str]:
    """Versions of what makes events."""
    from importlib.metadata import version

    _pythia_module()
    return {name: version(name) for name in ("pythia8mc", "fastjet", "numpy")}


def _pythia_module() -> Any:
    return optional("pythia8mc", "simulate", "simulating events")
