"""Calibrated search on the LHC Olympics R&D sample: null (b), retrained, with and without signal.

Null first: with nothing injected, with 400 injected events, and with jet masses that follow the
dijet mass, each looked up among complete null searches that imitate its own sidebands. The
config has one member and one cross-fit, so that it can be repeated hundreds of times. Run with
``python benchmarks/calibration_lhco.py``; finished parts are kept under ``runs/``.
"""

from __future__ import annotations

import time
from pathlib import Path

from common import data_folder, header, write_results
from lhco import FEATURES, SCAN, inject, shifted

import novum
from novum.calibration import Calibration, calibrate
from novum.search import HuntConfig
from novum.search.lookup import calibrated

N = 200
N_SHIFTED = 20  # enough to see κ; such features are broken on purpose
SEED = 0
RUNS = Path("runs") / "calibration_lhco"
CONFIG = HuntConfig(mass="mjj", features=FEATURES, members=1, repeats=1, seed=SEED, **SCAN)
SAMPLES = {
    "none injected": (0, 0.0),
    "400 injected": (400, 0.0),
    "none injected, masses shifted by 0.1 m_jj": (0, 0.1),
}


def main() -> None:
    """Run every sample and write ``results/calibration_lhco.json``."""
    rows = []
    for name, (n_signal, shift) in SAMPLES.items():
        rows.append(search(name, n_signal, shift))
        write_results(
            "calibration_lhco",
            {"header": header(), "config": CONFIG.to_dict(), "searches": N, "rows": rows},
        )


def search(name: str, n_signal: int, shift: float) -> dict[str, object]:
    """One search and its place among its null searches."""
    start = time.perf_counter()
    folder = RUNS / f"{n_signal}-{shift}"
    events = novum.open_events(data_folder() / "lhco_rnd_v1" / "cathode_format_v1.npy").read()
    data, _ = inject(shifted(events, shift), n_signal, SEED)
    result = novum.hunt(data, config=CONFIG)
    n = N if shift == 0 else N_SHIFTED
    done = (folder / "calibration.json").exists()
    calibration = (
        Calibration.load(folder)
        if done
        else calibrate(result, events=data, n=n, output=folder, resume=True)
    )
    scan = calibrated(result, calibration).calibration
    assert scan is not None
    row = {
        "sample": name,
        "injected": n_signal,
        "searches": scan.n_searches,
        "windows": [
            {
                "center": (w.low + w.high) / 2,
                "z": record.z,
                "withheld": w.withheld,
                "gate": record.withheld,
                "kappa": w.kappa,
                "kappa_error": w.kappa_error,
                "location": w.location,
                "scale": w.scale,
                "z_cal": w.z_cal,
                "p": None if w.p is None else str(w.p),
            }
            for w, record in zip(scan.windows, result.windows, strict=True)
        ],
        "best_center": None
        if scan.best_window is None
        else (scan.best_window.low + scan.best_window.high) / 2,
        "t_observed": scan.t_observed,
        "largest_t_null": max(scan.t_null, default=None),
        "global_p": None if scan.global_p is None else str(scan.global_p),
        "extrapolated_p": scan.extrapolated_p,
        "extrapolated_interval": scan.extrapolated_interval,
        "effective_windows": scan.effective_windows,
        "fold_seed_spread": scan.fold_seed_spread,
        "closure": None if scan.closure is None else vars(scan.closure),
        "seconds": time.perf_counter() - start,
    }
    print(row, flush=True)
    return row


if __name__ == "__main__":
    main()
