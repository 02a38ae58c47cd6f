"""Every outlier detector of tables of events: quality, the null, and the best single feature.

`qae_tth`: dileptonic tt̄ against H → tt̄ of 2.5 TeV (arXiv:2112.04958), with all nine features and
with the four of the paper. `adc2021-like`: the mixture of the 40 MHz challenge and its four
signals, simulated (``novum simulate adc_background`` and so on), 19 objects in 56 columns. Half of
the background trains; the rest and all signal measure. The null is the same detector on halves of
the background that tests: its AUC is 0.5 within errors. Finished rows are kept. Run with
``python benchmarks/outliers.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from common import RESULTS, data_folder, header, simulated, tabular_detectors, write_results

from novum import open_events
from novum.catalogue import build
from novum.evaluation import MIN_BACKGROUND, auc, sic_curve

SEEDS = 3
PAPER = ("MET", "b1pt", "lep1pt", "lep2pt")
EPS_B = (1e-2, 1e-3)


def load(name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Background, signal, names of features."""
    if name.startswith(CHALLENGE):
        return challenge(name.removeprefix(CHALLENGE))
    folder = data_folder() / "qae_tth"
    events = [
        open_events(folder / f"sample_{kind}_morestat.csv").read() for kind in ("bg", "mH2500")
    ]
    names = PAPER if name == "qae_tth, 4 inputs" else tuple(events[0].features)
    background, signal = (np.column_stack([e.features[n] for n in names]) for e in events)
    return background, signal, names


def challenge(process: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Background, a signal, names: pT, η, φ of 19 objects, without what sums them up."""
    pair = [
        open_events(simulated(which, *size)).read()
        for which, size in (("adc_background", ADC_BACKGROUND), (process, ADC_SIGNALS[process]))
    ]
    names = [n for n in pair[0].features if not n.startswith("n_") and n != "ht"]
    # Objects that no background event has are no columns: they would have no scale.
    kept = tuple(n for n in names if np.ptp(pair[0].features[n]) > 0)
    background, signal = (np.column_stack([e.features[n] for n in kept]) for e in pair)
    return background, signal, kept


CHALLENGE = "adc2021-like, "
ADC_BACKGROUND = (4_000, 10)  # events and seed
ADC_SIGNALS = {
    "adc_a_4l": (1_000, 11),
    "adc_lq_b_tau": (1_000, 12),
    "adc_h0_tau_tau": (1_000, 13),
    "adc_h_tau_nu": (1_000, 14),
}
DATA = ("qae_tth", "qae_tth, 4 inputs", *(CHALLENGE + process for process in ADC_SIGNALS))


def figures(background: np.ndarray, signal: np.ndarray) -> dict[str, Any]:
    """Figures of merit of scores, where at least 25 background events pass."""
    curve = sic_curve(background, signal)
    best = curve.best()
    least = MIN_BACKGROUND / len(background)
    # Above the cut, not on it: features have ties, of which all would pass.
    cuts = {e: np.quantile(background, 1 - e, method="higher") for e in (*EPS_B, least)}
    passing = {e: float((signal > cut).mean()) for e, cut in cuts.items()}
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
    parser.add_argument("--data", default="", help="data whose name contains this")
    asked = parser.parse_args()
    path = RESULTS / "outliers.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(r["data"], r["method"], r["seed"]) for r in rows}
    methods = ["best feature", *tabular_detectors()]
    for data in (d for d in DATA if asked.data in d):
        for method in methods:
            for seed in range(SEEDS):
                if (data, method, seed) in done or asked.only not in method:
                    continue
                rows += rows_of(data, method, seed)
                print(rows[-1]["data"], method, seed, round(rows[-1]["auc"], 3), flush=True)
                write_results("outliers", {"header": header("torch"), "rows": rows})


if __name__ == "__main__":
    main()
