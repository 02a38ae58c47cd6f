"""Is a calibration right? Further null searches, and injected against found.

Makes a calibration from 400 null searches of one config on independent toy samples, looks 200
*further* null searches up in it, and injects a resonance at five strengths. Run with
``python benchmarks/calibration_toys.py``.
"""

from __future__ import annotations

import time

import numpy as np
from common import TOY_BACKGROUND, TOY_SETTINGS, header, write_results
from scipy import stats

from novum.calibration import Calibration, calibrate, inject_and_search
from novum.search import HuntConfig
from novum.statistics.retrained import calibrate_scan

N = {"calibration": 400, "further": 200}
STRENGTHS = (30, 60, 90, 120, 180)
SEEDS = {"calibration": 1, "further": 101, "injection": 2}
CONFIG = HuntConfig().with_values(TOY_SETTINGS)


def main() -> None:
    """Run everything and write ``results/calibration_toys.json``."""
    start = time.perf_counter()
    calibration = nulls("calibration")
    further = nulls("further").counts
    seconds = time.perf_counter() - start
    scan = calibrate_scan(calibration.counts)
    t = scan.largest(further)
    p = np.array([scan.global_p(float(v)).value for v in t[np.isfinite(t)]])
    z_cal = scan.z_cal(further)
    study = inject_and_search(
        CONFIG, "sampler", calibration, strengths=STRENGTHS, null="sampler", n=20,
        seed=SEEDS["injection"], size=TOY_BACKGROUND,
    )  # fmt: skip
    write_results(
        "calibration_toys",
        {
            "header": header(),
            "config": CONFIG.to_dict(),
            "seeds": SEEDS,
            "searches": N["calibration"],
            "windows": [
                {
                    "low": w.low,
                    "high": w.high,
                    "kappa": float(scan.kappa[i]),
                    "kappa_error": float(scan.kappa_error[i]),
                    "location": float(scan.location[i]),
                    "scale": float(scan.scale[i]),
                    "withheld": float(1 - calibration.counts.quoted[:, i].mean()),
                }
                for i, w in enumerate(calibration.windows)
            ],
            "effective_windows": scan.effective_windows,
            "fold_seed_spread": calibration.fold_seed_spread,
            "further": {
                "searches": len(p),
                "below_0.05": int((p < 0.05).sum()),
                "ks_p": float(stats.kstest(p, "uniform").pvalue),
                "mean_z_cal": float(z_cal.mean()),
                "sd_z_cal": float(z_cal.std(ddof=1)),
                "largest_z_cal": float(z_cal.max()),
            },
            "injection": [
                {
                    "strength": q.strength,
                    "in_region": q.in_region,
                    "selected": q.selected,
                    "net": q.net,
                    "efficiency": q.efficiency,
                    "excess": q.excess,
                    "excess_error": q.excess_error,
                    "z_cal": q.z_cal,
                    "z_cal_interval": q.z_cal_interval,
                }
                for q in study.points
            ],
            "closure": vars(study.closure),
            "response": None if study.response is None else vars(study.response),
            "threshold": study.threshold,
            "null_searches_seconds": seconds,
            "all_seconds": time.perf_counter() - start,
        },
    )


def nulls(which: str) -> Calibration:
    """Null searches of the config."""
    return calibrate(CONFIG, null="sampler", n=N[which], seed=SEEDS[which], size=TOY_BACKGROUND)


if __name__ == "__main__":
    main()
