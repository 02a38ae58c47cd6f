"""What all benchmarks share: where data are, what machine this is, and atomic JSON results."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from novum.catalogue import build, entries
from novum.io import write_text

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def data_folder() -> Path:
    """Folder of the real data sets."""
    folder = Path(os.environ.get("NOVUM_DATA") or HERE.parents[1] / "shared" / "data")
    if not folder.is_dir():
        raise SystemExit(f"no real data: {folder} is absent (set NOVUM_DATA)")
    return folder


def simulated(process: str, n: int, seed: int, *options: str) -> Path:
    """The file of a command that anyone can run, kept in NOVUM_SAMPLES or runs/samples."""
    folder = Path(os.environ.get("NOVUM_SAMPLES") or HERE.parent / "runs" / "samples")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{process}-{n}-{seed}.h5"
    if not path.exists():
        words = ["simulate", process, "-n", str(n), "--seed", str(seed), "-o", str(path)]
        subprocess.run([sys.executable, "-m", "novum", *words, *options], check=True)
    return path


# Samples of single jets in several benchmarks: process, number, seed.
JETS = {
    "qcd_jets": (105_000, 1), "top_jets": (105_000, 2),
    "qcd_soft_jets": (20_000, 3), "dark_showers": (20_000, 4),
}  # fmt: skip


def jets(process: str) -> Path:
    """File of single jets with all their observables and their constituents."""
    return simulated(process, *JETS[process], "--extended")


def tabular_detectors() -> list[str]:
    """Names of the detectors that read tables of features, rather than images or clouds."""
    names = [entry.name for entry in entries("detector")]
    return [name for name in names if build("detector", name).takes == "table"]


def header(*peers: str) -> dict[str, object]:
    """Date, machine and versions behind the numbers, those of `peers` included."""
    names = ("novum", "numpy", "scipy", "scikit-learn", *peers)
    return {
        "date": datetime.date.today().isoformat(),
        "cpu_count": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
    }


def write_results(name: str, results: dict[str, object]) -> None:
    """Write ``results/NAME.json`` whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    write_text(RESULTS / f"{name}.json", json.dumps(results, indent=1) + "\n")


# Searches of toy dijets in several benchmarks; S/√B is below 2 in the signal region before any cut.
TOY_BACKGROUND = 30_000
TOY_SIGNAL = 100
TOY_SETTINGS: dict[str, object] = {
    "mass": "mjj",
    "features": ["mj_low", "delta_mj", "tau21_low", "tau21_high"],
    "members": 1,
    "repeats": 1,
    "fit_range": [2400.0, 6000.0],
}
