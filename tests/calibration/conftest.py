"""Searches so small that a pseudo-search takes a tenth of a second.

Random tests have fixed seeds and accept with probability 1 - 1e-3 where their null is true.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

import novum
from novum.calibration import Calibration, calibrate
from novum.events import Events
from novum.io import LOCK_FILE
from novum.progress import NoProgress
from novum.search import HuntConfig
from novum.search.calibration_records import Closure
from novum.simulation.toy import FEATURES

Item = TypeVar("Item")

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


class Keeping(NoProgress):
    """Keeps a copy of a folder as it is once so many jobs are finished: what a kill leaves."""

    def __init__(self, folder: Path, after: int, copy: Path) -> None:
        self.folder, self.after, self.copy = folder, after, copy

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None
    ) -> Iterator[Item]:
        for i, item in enumerate(items):
            if i == self.after:
                shutil.copytree(self.folder, self.copy, ignore=shutil.ignore_patterns(LOCK_FILE))
            yield item


KEPT = 21  # jobs of the twenty-six of `calibration` that are in `cut_short`


@pytest.fixture(scope="session")
def _calibrated(
    config: HuntConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Calibration, Path]:
    folder, copy = tmp_path_factory.mktemp("calibrated") / "out", tmp_path_factory.mktemp("cut")
    meter = Keeping(folder, KEPT, copy / "out")
    made = calibrate(
        config, null="sampler", n=20, size=SIZE, n_jobs=1, output=folder, progress=meter
    )
    return made, copy / "out"


@pytest.fixture(scope="session")
def calibration(_calibrated: tuple[Calibration, Path]) -> Calibration:
    """Twenty null searches on samples of the sampler."""
    return _calibrated[0]


@pytest.fixture
def cut_short(_calibrated: tuple[Calibration, Path], tmp_path: Path) -> Path:
    """A folder as it was when all but the last jobs of `calibration` were done."""
    return Path(shutil.copytree(_calibrated[1], tmp_path / "cut short"))


@pytest.fixture
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sideband nulls whose closure is not measured, which takes longer than the rest of them."""
    monkeypatch.setattr("novum.calibration.nulls.closure", lambda *a: Closure(0.5, 0.5, 0.01, 0.5))
