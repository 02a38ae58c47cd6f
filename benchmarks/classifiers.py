"""Trees and networks with 4, 12 and more features, and with features of pure noise.

One signal region of CWoLa hunting, in simulated dijets (``novum simulate``, 400,000 QCD events and
680 of W' → XY, S/√B about 2.2 as in arXiv:2309.13111) and in the LHC Olympics R&D sample. Null
first: every search also runs without signal. SIC uses signal that was never injected. Finished
rows are kept, so that the script can be interrupted. Run with ``python benchmarks/classifiers.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import common
import numpy as np
from common import RESULTS, data_folder, header, write_results

from novum import Events, hunt
from novum.io import open_events
from novum.physics.dijets import SUBJETTINESS
from novum.simulation import inject

BASE = ("mj_low", "delta_mj", "tau21_low", "tau21_high")
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "trees": {"classifier": "trees", "members": 5},
    "mlp": {"classifier": "mlp", "members": 2},
    "mlp, published": {
        "classifier": "mlp", "members": 1, "classifier_options": {
            "epochs": 100, "patience": "none", "validation_fraction": 0.5, "balance_classes": True,
        },
    },
    "trees, bagged": {
        "classifier": "trees", "members": 10, "classifier_options": {"max_features": 0.5},
    },
    "mlp, bagged": {
        "classifier": "mlp", "members": 4, "classifier_options": {"max_features": 0.5},
    },
}  # fmt: skip
WINDOW = {"window": (3300.0, 3700.0), "sideband": 200.0}
SEEDS = 3
N_QCD, N_SIGNAL = 400_000, 20_000
# Injected events; the sets of features are named by their number.
SAMPLES = {"simulated": 680, "lhco": 400}
SIMULATED = {
    "4": BASE,
    "12": ("mj_low", "delta_mj", *(f"tau{k}_{j}" for j in ("low", "high") for k in range(1, 6))),
    "56": ("mj_low", "delta_mj", *SUBJETTINESS),
}
_JET = ("nisj", "nesj", "tau1", "tau2", "tau3", *(f"eRing{i}" for i in range(10)))
LHCO = {
    "4": BASE,
    "12": (*BASE, *(f"{name}_{j}" for name in ("tau1", "tau2", "tau3", "nisj") for j in "12")),
    "34": (*BASE, *(f"{name}_{j}" for name in _JET for j in "12")),
}
NOISE = (10, 30)


@dataclass(frozen=True)
class Row:
    """One pair of searches: without and with signal."""

    sample: str
    features: str
    noise: int
    classifier: str
    seed: int

    @property
    def name(self) -> str:
        """Key among the finished rows."""
        return f"{self.sample}/{self.features}+{self.noise}/{self.classifier}/{self.seed}"


def rows() -> list[Row]:
    """All rows: the first seed first, bagging and noise after the rest."""
    return sorted(_rows(), key=lambda r: (r.seed, "bagged" in r.classifier, r.noise > 0))


def _rows() -> Iterator[Row]:
    for seed in range(SEEDS):
        for sample, sets in (("simulated", SIMULATED), ("lhco", LHCO)):
            for classifier in CLASSIFIERS:
                names = ("4",) if "published" in classifier else tuple(sets)
                for name in names[-1:] if "bagged" in classifier else names:
                    yield Row(sample, name, 0, classifier, seed)
                for noise in () if "published" in classifier else NOISE:
                    yield Row(sample, "4", noise, classifier, seed)


def main() -> None:
    """Run what is not there yet; write ``results/classifiers.json`` after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no row after this")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    asked = parser.parse_args()
    stop = time.monotonic() + 60 * asked.minutes
    path = RESULTS / "classifiers.json"
    done = {r["name"]: r for r in json.loads(path.read_text())["rows"]} if path.exists() else {}
    data: dict[str, tuple[Events, Events]] = {}
    for row in rows():
        if row.name in done or asked.only not in row.name:
            continue
        if time.monotonic() > stop:
            break
        if row.sample not in data:
            data = {row.sample: load(row.sample)}
        done[row.name] = search(row, *data[row.sample])
        print(done[row.name], flush=True)
        write_results(
            "classifiers",
            {"header": header("torch"), "classifiers": CLASSIFIERS, "injected": SAMPLES,
             "rows": list(done.values())},
        )  # fmt: skip


def search(row: Row, background: Events, signal: Events) -> dict[str, Any]:
    """Significance without signal; with it, and how well signal and background are told apart."""
    sets = SIMULATED if row.sample == "simulated" else LHCO
    names = tuple(sets[row.features])
    noisy = (*names, *(f"noise{i}" for i in range(row.noise)))
    found: dict[str, Any] = {"name": row.name, **vars(row)}
    for n, suffix in ((0, "null_"), (SAMPLES[row.sample], "")):
        data, left_out = inject(background, signal, n, row.seed)
        start = time.perf_counter()
        result = hunt(
            with_noise(data, row.noise, 2 * row.seed), mass="mjj", features=noisy, repeats=1,
            probe=with_noise(left_out, row.noise, 2 * row.seed + 1), seed=row.seed, n_toys=1000,
            **WINDOW, **CLASSIFIERS[row.classifier],
        )  # fmt: skip
        window, record = result.windows[0], next(iter(result.evaluation), None)
        found |= {
            f"{suffix}z": window.z,
            f"{suffix}withheld": window.withheld,
            f"{suffix}seconds": time.perf_counter() - start,
        }
        if n and record is not None:
            keys = (
                "n_signal", "n_background", "significance_before", "max_sic",
                "max_sic_n_background", "max_sic_above_1e3", "sic_at_1e3", "auc",
            )  # fmt: skip
            found |= {key: getattr(record, key) for key in keys}
    return found


def with_noise(events: Events, n: int, seed: int) -> Events:
    """The events with `n` standard normal features that say nothing."""
    drawn = np.random.default_rng([seed, n]).standard_normal((n, len(events)))
    noise = {f"noise{i}": values for i, values in enumerate(drawn)}
    return replace(events, features={**events.features, **noise})


def load(sample: str) -> tuple[Events, Events]:
    """Background and signal, inside the window and around it."""
    if sample == "lhco":
        folder = data_folder() / "lhco_rnd_v1"
        names = dict.fromkeys(("mjj", *(c for s in LHCO.values() for c in s)))
        events = open_events(folder / "lhco_rnd_v1_first100k.h5").read(list(names))
        return events, events
    wanted = ["mjj", *dict.fromkeys(c for s in SIMULATED.values() for c in s)]
    return (
        open_events(simulated("qcd_dijet", N_QCD, 1)).read(wanted),
        open_events(simulated("wprime_xy", N_SIGNAL, 2)).read(wanted),
    )


def simulated(process: str, n: int, seed: int) -> Path:
    """A sample of dijets with all observables, without constituents."""
    return common.simulated(process, n, seed, "--extended", "--constituents", "0")


if __name__ == "__main__":
    main()
