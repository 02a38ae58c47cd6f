"""Make the demo's sample and its calibration; then search sample and twin.

30,000 QCD dijets and a W' at 3.5 TeV decaying to 600 and 300 GeV, of which 160 are injected. The
constituents of the events that a search of it selects are kept for displays. The null searches
draw from 370,000 other QCD dijets. Run with ``python benchmarks/demo.py``; what
``novum simulate`` has made before is found in its cache.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import header, write_results

from novum.calibration import calibrate
from novum.events import Cloud, Events
from novum.io import open_events, write_events
from novum.search import HuntConfig, hunt
from novum.search.demo import DEMO_SETTINGS, SAMPLE, demo_events
from novum.simulation import inject

CALIBRATION = SAMPLE.parent.parent / "calibrations" / "demo.json"
N = {"background": 30_000, "signal": 2_000, "injected": 160, "all": 400_000}
SEEDS = {"background": 1, "all": 1, "signal": 3, "injection": 3, "calibration": 1}
SEARCHES = 400
KEPT = (
    "mjj", "mj_low", "mj_high", "delta_mj", "tau21_low", "tau21_high", "tau32_low", "tau32_high",
    "n_constituents_low", "n_constituents_high",
)  # fmt: skip


def main() -> None:
    """Run everything; write the sample, the calibration and ``results/demo.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=SEARCHES)
    parser.add_argument("--keep-sample", action="store_true", help="use the sample that is there")
    asked = parser.parse_args()
    config = HuntConfig().with_values(DEMO_SETTINGS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not asked.keep_sample:
            make_sample(folder, config)
        pool = folder / "qcd_dijet.h5"
        simulated(pool, "qcd_dijet", "all", "--constituents", "0")
        others = open_events(pool).read(["mjj", *config.features])
        pool.unlink()
        write_events(others.take(np.arange(N["background"], N["all"])), pool)
        result = hunt(demo_events(), config=config)
        calibration = calibrate(
            result, null=pool, n=asked.searches, seed=SEEDS["calibration"]
        )  # of any data of this config and size: the null is no imitation of these events
        calibration = replace(calibration, origin="qcd_dijet.h5")
        calibration.save(CALIBRATION)
    write_results("demo", summary(config, asked.searches))


def make_sample(folder: Path, config: HuntConfig) -> None:
    """Simulate, inject, and keep the constituents of what searches select."""
    background, signal = folder / "background.h5", folder / "signal.h5"
    simulated(background, "qcd_dijet", "background")
    simulated(signal, "wprime_xy", "signal", "--mass-x", "600", "--mass-y", "300")
    data, _ = inject(
        open_events(background).read(),
        open_events(signal).read(),
        N["injected"],
        SEEDS["injection"],
    )
    data = replace(
        data, features={k: data.features[k].astype(np.float32).astype(float) for k in KEPT}
    )
    shown = np.union1d(selected(data, config), selected(data.take(data.label == 0), config))
    write_events(trimmed(data, shown), SAMPLE, overwrite=True)


def simulated(path: Path, process: str, which: str, *options: str) -> None:
    """The command that anyone can run."""
    words = ["simulate", process, "-n", str(N[which]), "--seed", str(SEEDS[which]), "-o", str(path)]
    subprocess.run([sys.executable, "-m", "novum", *words, *options], check=True)


def selected(data: Events, config: HuntConfig) -> np.ndarray:
    """Ids of the selected events that a report would list."""
    return np.array([e.id for e in hunt(data, config=config).selected_events], dtype=np.uint64)


def trimmed(data: Events, shown: np.ndarray) -> Events:
    """Without the constituents of all other events."""
    rows = np.isin(data.id, shown)
    clouds = {
        k: Cloud(np.where(rows[:, None, None], c.values, 0).astype(np.float32), c.fields)
        for k, c in data.clouds.items()
    }
    return replace(data, clouds=clouds)


def summary(config: HuntConfig, searches: int) -> dict[str, object]:
    """The twin first, then the sample, both looked up in the calibration."""
    rows = []
    for name, events in (("background only", demo_events(False)), ("with signal", demo_events())):
        result = hunt(events, config=config)
        scan, best = result.calibration, result.best_window
        assert scan is not None
        assert scan.global_p is not None
        record = next((e for e in result.evaluation if e.window.low == best.low), None)
        rows.append(
            {
                "sample": name,
                "events": len(events),
                "best_window": [best.low, best.high],
                "t": scan.t_observed,
                "global_p": scan.global_p.value,
                "global_p_is_bound": scan.global_p.is_bound,
                "extrapolated_p": scan.extrapolated_p,
                "uncalibrated_global_p": result.global_p.value,
                "significance_before": None if record is None else record.significance_before,
                "n_signal": None if record is None else record.n_signal,
                "selected_signal": None if record is None else record.selected_signal,
                "selected_background": None if record is None else record.selected_background,
                "max_sic": None if record is None else record.max_sic,
            }
        )
    return {
        "header": header(),
        "config": config.to_dict(),
        "n": N,
        "seeds": SEEDS,
        "searches": searches,
        "sample_bytes": SAMPLE.stat().st_size,
        "rows": rows,
    }


if __name__ == "__main__":
    main()
