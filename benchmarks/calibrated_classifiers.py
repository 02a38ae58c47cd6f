"""Trees and networks with calibrated significances: null searches first, then injected signal.

One signal region of the demo's search, 3.25 to 3.65 TeV, in samples of 30,000 simulated QCD
dijets. For each classifier and set of features, complete null searches on random parts of 370,000
other dijets make a calibration; then searches without and with 160 events of W' → XY (600 and 300
GeV), on parts of their own, are looked up in it. Run with
``python benchmarks/calibrated_classifiers.py``.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from classifiers import SIMULATED, simulated, with_noise
from common import header, write_results

from novum import Events, hunt
from novum.calibration import calibrate
from novum.io import open_events, write_events
from novum.simulation import inject, simulate
from novum.simulation.processes import WprimeXy

CLASSIFIERS = ("trees", "mlp")
SETS = (("4", 0), ("12", 0), ("4", 10))
N_EVENTS, N_SIGNAL, N_TEST = 30_000, 160, 30_000
NULLS, TESTS = 24, 6
CONFIG: dict[str, Any] = {
    "mass": "mjj", "members": 2, "repeats": 1, "window": (3250.0, 3650.0), "sideband": 200.0,
    "fit_range": (2600.0, 6500.0), "n_toys": 100,
}  # fmt: skip


def main() -> None:
    """Run everything and write ``results/calibrated_classifiers.json``."""
    names = ["mjj", *dict.fromkeys(c for name, _ in SETS for c in SIMULATED[name])]
    qcd = open_events(simulated("qcd_dijet", 400_000, 1)).read(names)
    signal = simulate(WprimeXy(mass_x=600, mass_y=300), 2000, seed=3, extended=True)
    signal = replace(signal, features={n: signal.features[n] for n in names}, clouds={})
    rows = []
    for features, noise in SETS:
        for classifier in CLASSIFIERS:
            rows.append(compare(qcd, signal, classifier, features, noise))
            write_results(
                "calibrated_classifiers",
                {"header": header("torch"), "config": CONFIG, "nulls": NULLS, "tests": TESTS,
                 "events": N_EVENTS, "injected": N_SIGNAL, "rows": rows},
            )  # fmt: skip


def compare(
    qcd: Events, signal: Events, classifier: str, features: str, noise: int
) -> dict[str, Any]:
    """κ, mean and width of z in null searches; z_cal without and with signal."""
    used = (*SIMULATED[features], *(f"noise{i}" for i in range(noise)))
    settings = {**CONFIG, "classifier": classifier, "features": used}
    qcd, signal = with_noise(qcd, noise, 1), with_noise(signal, noise, 2)
    first = qcd.take(np.arange(N_EVENTS))
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "qcd_dijet.h5"
        write_events(qcd.take(np.arange(N_EVENTS, len(qcd))), pool)
        calibration = calibrate(hunt(first, **settings), null=pool, n=NULLS, seed=1)
    found: dict[str, list[float]] = {"null": [], "signal": []}
    for seed in range(TESTS):
        rng = np.random.default_rng(seed)
        part = qcd.take(np.sort(rng.choice(len(qcd), N_TEST, replace=False)))
        for which, n in (("null", 0), ("signal", N_SIGNAL)):
            data, _ = inject(part, signal, n, seed)
            result = hunt(data, calibration=calibration, seed=seed, **settings)
            assert result.calibration is not None
            z = result.calibration.windows[0].z_cal
            found[which].append(np.nan if z is None else z)
    scan = result.calibration.windows[0]
    row = {
        "features": features, "noise": noise, "classifier": classifier, "kappa": scan.kappa,
        "kappa_error": scan.kappa_error, "location": scan.location, "scale": scan.scale,
        "withheld_rate": scan.withheld_rate, "null_z_cal": found["null"],
        "signal_z_cal": found["signal"],
    }  # fmt: skip
    print(row, flush=True)
    return row


if __name__ == "__main__":
    main()
