"""Every outlier detector on tables of events: quality, the null, and the best single feature.

`qae_tth`: dileptonic tt̄ against H → tt̄ of 2.5 TeV (arXiv:2112.04958), with all nine features and
with the four of the paper. Half of the background trains; the rest and all signal measure. The
null is the same detector on halves of the background that tests: its AUC is 0.5 within errors.
Finished rows are kept. Run with ``python benchmarks/outliers.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from common import RESULTS, data_folder, header, write_results

from novum import open_events
from novum.catalogue import build, entries
from novum.evaluation import MIN_BACKGROUND, auc, sic_curve

SEEDS = 3
PAPER = ("MET", "b1pt", "lep1pt", "lep2pt")
EPS_B = (1e-2, 1e-3)


def load(name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Background, signal, names of features."""
    folder = data_folder() / "qae_tth"
    events = [
        open_events(folder / f"sample_{kind}_morestat.csv").read() for kind in ("bg", "mH2500")
    ]
    names = PAPER if name == "qae_tth, 4 inputs" else tuple(events[0].features)
    background, signal = (np.column_stack([e.features[n] for n in names]) for e in events)
    return background, signal, names


DATA = ("qae_tth", "qae_tth, 4 inputs")


def figures(background: np.ndarray, signal: np.ndarray) -> dict[str, Any]:
    """Figures of merit of scores, where at least 25 background events pass."""
    curve = sic_curve(background, signal)
    best = curve.best()
    least = MIN_BACKGROUND / len(background)
    passing = {e: float((signal >= np.quantile(background, 1 - e)).mean()) for e in (*EPS_B, least)}
    half = np.arange(len(background)) % 2 == 0
    return {
        "auc": auc(background, signal),
        "null_auc": auc(background[half], background[~half]),
        "n_background": len(background),
        "n_signal": len(signal),
        "eps_s": {f"{e:g}": passing[e] for e in EPS_B},
        "eps_s_at_least": passing[least],
        "least_eps_b": least,
        "max_sic": None if best is None else best[0],
        "max_sic_n_background": None if best is None else best[1],
    }


def single_feature(background: np.ndarray, signal: np.ndarray, names: tuple[str, ...]) -> dict:
    """The feature, high or low, that tells signal best: chosen with the truth."""
    rows = []
    for i, name in enumerate(names):
        for sign in (1, -1):
            found = figures(sign * background[:, i], sign * signal[:, i])
            rows.append(found | {"feature": name, "sign": sign})
    return max(rows, key=lambda row: row["auc"])


def rows_of(data: str, method: str, seed: int) -> list[dict[str, Any]]:
    """One detector, all of its scores."""
    background, signal, names = load(data)
    order = np.random.default_rng(seed).permutation(len(background))
    train, test = np.array_split(background[order], 2)
    if method == "best feature":
        found = single_feature(test, signal, names)
        return [{"data": data, "method": method, "score": found["feature"], "seed": seed} | found]
    detector = build("detector", method)
    if "random_state" in detector.get_params():
        detector.set_params(random_state=seed)
    start = time.process_time()
    detector.fit(train)
    fitted = time.process_time() - start
    rows = []
    for score in detector.scores or ("score",):
        if detector.scores:
            detector.set_params(score_by=score)
        start = time.process_time()
        scores = detector.anomaly_score(test), detector.anomaly_score(signal)
        scored = (time.process_time() - start) / (len(test) + len(signal))
        row = {"data": data, "method": method, "score": score, "seed": seed}
        default = score == build("detector", method).get_params().get("score_by", "score")
        cost = {"fit_s": fitted, "score_us": 1e6 * scored, "n_train": len(train)}
        rows.append(row | {"default": default} | figures(*scores) | cost)
    return rows


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="methods whose name contains this")
    asked = parser.parse_args()
    path = RESULTS / "outliers.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(r["data"], r["method"], r["seed"]) for r in rows}
    methods = ["best feature", *(e.name for e in entries("detector"))]
    for data in DATA:
        for method in methods:
            for seed in range(SEEDS):
                if (data, method, seed) in done or asked.only not in method:
                    continue
                rows += rows_of(data, method, seed)
                print(rows[-1]["data"], method, seed, round(rows[-1]["auc"], 3), flush=True)
                write_results("outliers", {"header": header("torch"), "rows": rows})


if __name__ == "__main__":
    main()
