"""What every test shares: one thread a process, no display, reproducible examples, real data."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # xdist workers inherit it and fill the cores
os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NOVUM_DATA") or ROOT.parent / "shared" / "data")
NO_DATA = f"no real data: {DATA} is absent (set NOVUM_DATA)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        skip = pytest.mark.skip(reason=NO_DATA)
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets; skips the test where it is absent."""
    if not DATA.is_dir():
        pytest.skip(NO_DATA)
    return DATA
