"""Does a method find what is not there? Null searches of every resonant method, and injections.

Each null search is the complete search of one window, densities and classifiers learnt anew, on
independent toy dijets without signal (null (a)). Counted is how often the uncalibrated z, and z
with the κ of the same searches, exceed 2. Finished methods are kept. Run with
``python benchmarks/null_searches.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from common import RESULTS, TOY_SETTINGS, header, write_results

from novum.calibration import calibrate, inject_and_search
from novum.search import HuntConfig
from novum.statistics import on_off_z
from novum.statistics.retrained import calibrate_scan

N = {"cwola": 200, "cathode": 200, "lacathode": 50, "anode": 50, "r-anode": 50}
SIZE = 20_000  # background events of a search
STRENGTHS = (30, 60, 90, 120, 150)
INJECTIONS = 12
SETTINGS = {**TOY_SETTINGS, "window": (3300.0, 3700.0), "folds": 3}
PATH = RESULTS / "null_searches.json"


def main() -> None:
    """Run what is not there yet; write ``results/null_searches.json`` after every method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=list(N))
    done = json.loads(PATH.read_text())["rows"] if PATH.exists() else []
    for method in parser.parse_args().methods:
        if method not in {row["method"] for row in done}:
            done.append(measured(method))
            settings = {"settings": SETTINGS, "size": SIZE, "injections": INJECTIONS}
            write_results("null_searches", {"header": header("torch"), **settings, "rows": done})


def measured(method: str) -> dict[str, Any]:
    """Null searches of one method, and injections where it is CWoLa or CATHODE."""
    start = time.perf_counter()
    config = HuntConfig().with_values({**SETTINGS, "method": method})
    nulls = calibrate(config, null="sampler", n=N[method], seed=11, size=SIZE)
    seconds = time.perf_counter() - start
    counts, scan = nulls.counts, calibrate_scan(nulls.counts)
    quoted = counts.quoted[:, 0]
    z = on_off_z(
        counts.n_on[quoted, 0], counts.n_off[quoted, 0],
        counts.ratio[quoted, 0], counts.ratio_error[quoted, 0],
    )  # fmt: skip
    row: dict[str, Any] = {
        "method": method, "searches": N[method], "withheld": int((~quoted).sum()),
        "above_2": int((z > 2).sum()), "mean_z": float(z.mean()), "sd_z": float(z.std(ddof=1)),
        "largest_z": float(z.max()), "kappa": float(scan.kappa[0]),
        "kappa_error": float(scan.kappa_error[0]),
        "above_2_kappa": int(np.nansum(scan.null_z[:, 0] > 2)), "seconds": seconds,
    }  # fmt: skip
    if N[method] == max(N.values()):
        study = inject_and_search(
            config, "sampler", nulls, strengths=STRENGTHS, null="sampler", n=INJECTIONS, seed=12,
            size=SIZE,
        )  # fmt: skip
        row["injection"] = [
            {"strength": q.strength, "net": q.net, "excess": q.excess, "error": q.excess_error,
             "z_cal": q.z_cal}
            for q in study.points
        ]  # fmt: skip
        row["closure"] = vars(study.closure)
    return row


if __name__ == "__main__":
    main()
