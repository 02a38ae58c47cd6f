"""Searches so small that a pseudo-search takes a tenth of a second.

Random tests have fixed seeds and accept with probability 1 - 1e-3 where their null is true.
"""

from typing import Any

import pytest

import novum
from novum.calibration import Calibration, calibrate
from novum.events import Events
from novum.search import HuntConfig
from novum.simulation.toy import FEATURES

FALSE_ALARM = 1e-3
SIZE = 4000
TINY: dict[str, Any] = {
    "mass": "mjj",
    "features": FEATURES[:2],
    "members": 1,
    "repeats": 1,
    "folds": 3,
    "eps_b": 0.1,
    "window": (3300.0, 3700.0),
    "fit_range": (2400.0, 5200.0),  # enough events in every bin: no toys for the goodness of fit
    "n_params": 3,
    "n_toys": 50,
}


@pytest.fixture(scope="session")
def config() -> HuntConfig:
    return HuntConfig().with_values(TINY)


@pytest.fixture(scope="session")
def toy() -> Events:
    """4000 background events of the sampler, labelled."""
    return novum.toy_dijets(SIZE, seed=7)


@pytest.fixture(scope="session")
def calibration(config: HuntConfig) -> Calibration:
    """Twenty null searches on samples of the sampler."""
    return calibrate(config, null="sampler", n=20, size=SIZE, n_jobs=1)
