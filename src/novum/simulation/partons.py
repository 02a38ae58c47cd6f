"""`Partons`: the hard process of the generator, which no detector sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from novum.physics.particles import IntArray, Particles


@dataclass(frozen=True, eq=False)
class Partons:
    """Particles of the hard process and of the decays of its resonances, before they radiate.

    Attributes
    ----------
    particles : Particles
        Pythia's status ±21 to ±29: incoming, intermediate and outgoing ones of n events.
    pid : int array (total,)
        PDG code.
    mother : int array (total,)
        PDG code of the (first) mother.
    """

    particles: Particles
    pid: IntArray
    mother: IntArray


_NOTHING, _NO_CODES = np.zeros(0), np.zeros(0, np.int64)
NO_PARTONS = Partons(
    Particles(_NOTHING, _NOTHING, _NOTHING, _NOTHING, np.zeros(1, np.int64)), _NO_CODES, _NO_CODES
)
