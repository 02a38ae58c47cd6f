"""`Process`: what is generated and how it is looked at; one process is one file in `processes`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from novum.events import Cloud
from novum.physics.particles import FloatArray, Particles
from novum.simulation.partons import Partons


@dataclass(frozen=True, eq=False)
class Observed:
    """Events that pass a selection: their rows in the batch, features and clouds."""

    rows: NDArray[np.int64]
    features: dict[str, FloatArray]
    clouds: dict[str, Cloud]

    def take(self, rows: slice | NDArray[np.bool_]) -> Observed:
        """Some of them, in their order."""
        return Observed(
            self.rows[rows],
            {k: v[rows] for k, v in self.features.items()},
            {k: Cloud(c.values[rows], c.fields) for k, c in self.clouds.items()},
        )


class Analysis(Protocol):
    """From what the detector sees to observables; a frozen dataclass, so that its text is unique.

    `extended` names observables that are measured but stored only where asked for.
    """

    @property
    def extended(self) -> tuple[str, ...]:
        """Names of the observables that are many and rarely wanted."""
        ...

    def __call__(self, particles: Particles) -> Observed:
        """Select events and measure them."""
        ...


class Matching(Protocol):
    """From observed events and what was generated to those that are kept; a frozen dataclass.

    An analysis sees what a detector sees. Where the truth takes part in a selection, as for jets
    that hold all of a top quark, it does so here.
    """

    def __call__(self, observed: Observed, partons: Partons) -> NDArray[np.bool_]:
        """Which events are kept; an event of `observed` is row ``observed.rows`` of `partons`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Process(ABC):
    """A process of Pythia 8 with its parameters, which are the options of the command line.

    A member states its `name`, the papers it comes from, `reference`, the centre-of-mass energy
    `sqrt_s` [GeV], the `label` of its events (1: signal), |PDG codes| that are `invisible` beside
    neutrinos, |PDG codes| of `flavours` of which a hard scattering needs one, coming in or going
    out, names of clouds that are kept `whole` since their places mean something, the number that is
    kept as the `run` of its events, by which mixtures are told apart, the `analysis`, and
    the `matching` to the truth if its selection has one.
    """

    name: ClassVar[str]
    reference: ClassVar[tuple[tuple[str, str], ...]] = ()
    sqrt_s: ClassVar[float] = 13000.0
    label: ClassVar[int] = 0
    invisible: ClassVar[tuple[int, ...]] = ()
    flavours: ClassVar[tuple[int, ...]] = ()
    whole: ClassVar[tuple[str, ...]] = ()
    run: ClassVar[int | None] = None
    analysis: ClassVar[Analysis]
    matching: ClassVar[Matching | None] = None

    @abstractmethod
    def card(self) -> tuple[str, ...]:
        """Settings of Pythia that make this process, one a line.

        Raises
        ------
        ConfigError
            If a parameter makes no sense.
        """


@dataclass(frozen=True, kw_only=True)
class Mixture(Process, ABC):
    """Events of several processes, each drawn on its own with given shares of what is selected.

    A member states its `components`: processes of one energy and one analysis, with their shares,
    which add up to 1. A mixture has no cross-section, since its shares are given.
    """

    components: ClassVar[tuple[tuple[Process, float], ...]]

    def card(self) -> tuple[str, ...]:
        """The cards of the components, each under a comment with its share."""
        return tuple(
            line
            for process, share in self.components
            for line in (f"! {share:g} {process!r}", *process.card())
        )
