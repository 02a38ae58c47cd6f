"""A falling dijet-like spectrum with known truth, and the tolerance of every random test.

Random tests have fixed seeds and accept with probability 1 - 1e-3 where their null is true.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from novum.statistics.families import Dijet
from novum.statistics.likelihood import BinIntegrals
from novum.windows import Window

FALSE_ALARM = 1e-3


@dataclass(frozen=True, eq=False)
class Truth:
    edges: NDArray[np.float64]
    mean: NDArray[np.float64]
    parameters: NDArray[np.float64]
    family: Dijet
    window: Window

    def draw(self, rng: np.random.Generator, scale: float = 1.0) -> NDArray[np.float64]:
        return rng.poisson(scale * self.mean).astype(np.float64)


@pytest.fixture(scope="session")
def truth() -> Truth:
    family = Dijet()
    edges = np.linspace(2700.0, 5700.0, 61)
    parameters = np.array([0.0, 10.0, -5.0])
    shape = BinIntegrals.of(family, edges, 3).expected(parameters)[0]
    parameters[0] += np.log(1e5 / shape.sum())
    mean = BinIntegrals.of(family, edges, 3).expected(parameters)[0]
    return Truth(edges, mean, parameters, family, Window.around(3500.0, 3900.0, 200.0))
