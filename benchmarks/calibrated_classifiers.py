"""Trees and networks with calibrated significances: null searches first, then injected signal.

Simulated: one signal region of the demo's search, 3.25 to 3.65 TeV, in samples of 30,000 QCD
dijets. For each classifier and set of features, complete null searches on random parts of 370,000
other dijets make a calibration; then searches without and with 160 events of W' → XY (600 and 300
GeV), on parts of their own, are looked up in it.

LHC Olympics R&D: 3.3 to 3.7 TeV in samples of 50,000 background events. There are no others to
draw null data from: each search, without and with 300 injected events, is looked up among null
searches that imitate its own sidebands. Finished rows are kept, so that the script can be
interrupted. Run with ``python benchmarks/calibrated_classifiers.py``.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from classifiers import LHCO, SIMULATED, load, simulated, with_noise
from common import RESULTS, header, write_results

from novum import Events, hunt
from novum.calibration import calibrate
from novum.io import open_events, write_events
from novum.search.lookup import calibrated
from novum.simulation import inject, simulate
from novum.simulation.processes import WprimeXy

CLASSIFIERS = ("trees", "mlp")
SETS = {
    "simulated": (("4", 0), ("12", 0), ("56", 0), ("4", 10), ("4", 30)),
    "lhco": (("4", 0), ("12", 0), ("34", 0), ("4", 10), ("4", 30)),
}
NULLS = 24
COMMON: dict[str, Any] = {"mass": "mjj", "members": 2, "repeats": 1, "sideband": 200.0}
CONFIG: dict[str, dict[str, Any]] = {
    "simulated": {**COMMON, "window": (3250.0, 3650.0), "fit_range": (2600.0, 6500.0),
                  "n_toys": 100},
    "lhco": {**COMMON, "window": (3300.0, 3700.0), "n_toys": 100},
}  # fmt: skip
N_EVENTS = {"simulated": 30_000, "lhco": 50_000}
INJECTED = {"simulated": 160, "lhco": 300}
TESTS = {"simulated": 6, "lhco": 1}


def main() -> None:
    """Run what is not there yet; write ``results/calibrated_classifiers.json`` after every row."""
    path = RESULTS / "calibrated_classifiers.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(r["sample"], r["features"], r["noise"], r["classifier"]) for r in rows}
    for sample, compare in (("simulated", with_simulated), ("lhco", with_lhco)):
        wanted = [(f, n, c) for f, n in SETS[sample] for c in CLASSIFIERS]
        wanted = [row for row in wanted if (sample, *row) not in done]
        if not wanted:
            continue
        background, signal = events(sample)
        for features, noise, classifier in wanted:
            sets = SIMULATED if sample == "simulated" else LHCO
            used = (*sets[features], *(f"noise{i}" for i in range(noise)))
            settings = {**CONFIG[sample], "classifier": classifier, "features": used}
            found = compare(
                with_noise(background, noise, 1), with_noise(signal, noise, 2), settings
            )
            row = {"sample": sample, "features": features, "noise": noise, "classifier": classifier}
            rows.append(row | found)
            print(rows[-1], flush=True)
            write_results(
                "calibrated_classifiers",
                {"header": header("torch"), "config": CONFIG, "nulls": NULLS, "tests": TESTS,
                 "events": N_EVENTS, "injected": INJECTED, "rows": rows},
            )  # fmt: skip


def events(sample: str) -> tuple[Events, Events]:
    """Background and signal."""
    if sample == "lhco":
        labelled, _ = load("lhco")
        background = np.flatnonzero(labelled.label == 0)[: N_EVENTS["lhco"]]
        return labelled.take(background), labelled
    names = ["mjj", *dict.fromkeys(c for name, _ in SETS[sample] for c in SIMULATED[name])]
    qcd = open_events(simulated("qcd_dijet", 400_000, 1)).read(names)
    signal = simulate(WprimeXy(mass_x=600, mass_y=300), 2000, seed=3, extended=True)
    return qcd, replace(signal, features={n: signal.features[n] for n in names}, clouds={})


def with_simulated(qcd: Events, signal: Events, settings: dict[str, Any]) -> dict[str, Any]:
    """κ, mean and width of z in null searches on other events; z_cal without and with signal."""
    n = N_EVENTS["simulated"]
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "qcd_dijet.h5"
        write_events(qcd.take(np.arange(n, len(qcd))), pool)
        target = hunt(qcd.take(np.arange(n)), **settings)
        calibration = calibrate(target, null=pool, n=NULLS, seed=1)
    found: dict[str, list[float | None]] = {"null": [], "signal": []}
    for seed in range(TESTS["simulated"]):
        rng = np.random.default_rng(seed)
        part = qcd.take(np.sort(rng.choice(len(qcd), n, replace=False)))
        for which, injected in (("null", 0), ("signal", INJECTED["simulated"])):
            data, _ = inject(part, signal, injected, seed)
            result = hunt(data, calibration=calibration, seed=seed, **settings)
            assert result.calibration is not None
            found[which].append(result.calibration.windows[0].z_cal)
    return _row(result.calibration.windows[0], found)


def with_lhco(background: Events, labelled: Events, settings: dict[str, Any]) -> dict[str, Any]:
    """The same where every search has null searches of its own, which imitate its sidebands."""
    found: dict[str, list[float | None]] = {"null": [], "signal": []}
    windows = []
    for which, injected in (("null", 0), ("signal", INJECTED["lhco"])):
        data, _ = inject(background, labelled, injected, 0)
        result = hunt(data, **settings)
        calibration = calibrate(result, events=data, n=NULLS, seed=1)
        scan = calibrated(result, calibration).calibration
        assert scan is not None
        windows.append(scan.windows[0])
        found[which].append(scan.windows[0].z_cal)
    return _row(windows[0], found)


def _row(window: Any, found: dict[str, list[float | None]]) -> dict[str, Any]:
    keys = ("kappa", "kappa_error", "location", "scale", "withheld_rate")
    row = {key: getattr(window, key) for key in keys}
    return row | {f"{which}_z_cal": values for which, values in found.items()}


if __name__ == "__main__":
    main()
