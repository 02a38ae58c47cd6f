"""Signal fractions of R-ANODE on toy dijets: how often the 68 % interval covers; null first.

Signal counts are Poisson; the truth is the expected fraction, with the realised one beside it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from common import header, write_results
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from novum.resonant import RANODE
from novum.simulation import toy_dijets
from novum.simulation.toy import FEATURES
from novum.windows import Window

WINDOW = Window.around(3300, 3700)
BACKGROUND = 25_000
FRACTIONS = (0.0, 0.01, 0.02, 0.04)


def main() -> None:
    """Run all samples and write benchmarks/results/ranode.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--injections", type=int, default=12, help="samples for each fraction")
    parser.add_argument("--nulls", type=int, default=36)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    per_signal, background = expected_share()
    rows = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for i, fraction in enumerate(FRACTIONS):
            mean = fraction / (1 - fraction) * background / per_signal
            seeds = [[0xA0DE, i, k] for k in range(args.injections if fraction else args.nulls)]
            samples = list(pool.map(partial(one, mean), seeds))
            rows.append({"fraction": fraction, "samples": samples})
            print(f"{fraction:.0%}", *(f"{s['low']:.4f}-{s['high']:.4f}" for s in samples))
    write_results(
        "ranode",
        {
            "header": header("torch"),
            "background": BACKGROUND,
            "signal_region": [WINDOW.low, WINDOW.high],
            "rows": rows,
        },
    )


def expected_share() -> tuple[float, float]:
    """Share of signal in the signal region, and background events there."""
    large = toy_dijets(1_000_000, 1_000_000, seed=1)
    inside = WINDOW.in_signal_region(large.features["mjj"])
    signal, background = (inside[large.label == y].mean() for y in (1, 0))
    return float(signal), float(background * BACKGROUND)


def one(mean_signal: float, seed: list[int]) -> dict[str, float | None]:
    """Fit one sample with a Poisson number of signal events of this mean."""
    rng = np.random.default_rng(seed)
    draw = int(rng.integers(2**31))
    events = toy_dijets(BACKGROUND, int(rng.poisson(mean_signal)), seed=draw)
    m = events.features["mjj"]
    X = np.column_stack([events.features[name] for name in FEATURES])
    method = RANODE()
    with threadpool_limits(1):
        method.prepare(X, m, WINDOW, np.ones(len(m)), np.arange(len(m), dtype=np.uint64), draw)
        inside = WINDOW.in_signal_region(m)
        score = method.anomaly_score(X[inside], m[inside])
    truth = events.label[inside]
    low, high = method.signal_fraction_interval_
    return {
        "realised": float(truth.mean()),
        "value": method.signal_fraction_,
        "low": low,
        "high": high,
        "auc": float(roc_auc_score(truth, score)) if truth.any() else None,
    }


if __name__ == "__main__":
    main()
