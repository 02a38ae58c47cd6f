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
import itertools
import json
import time
from functools import cache
from typing import Any

import numpy as np
from common import RESULTS, data_folder, header, simulated, tabular_detectors, write_results

from novum import Events, open_events
from novum.catalogue import build
from novum.evaluation import MIN_BACKGROUND, auc, sic_curve

SEEDS = 3
PAPER = ("MET", "b1pt", "lep1pt", "lep2pt")
EPS_B = (1e-2, 1e-3)


@cache
def load(name: str) -> tuple[np.ndarray, dict[str, np.ndarray], tuple[str, ...]]:
    """Background, each signal, names of features."""
    if name == CHALLENGE:
        return challenge()
    folder = data_folder() / "qae_tth"
    events = [
        open_events(folder / f"sample_{kind}_morestat.csv").read() for kind in ("bg", "mH2500")
    ]
    names = PAPER if name == "qae_tth, 4 inputs" else tuple(events[0].features)
    background, signal = (table(e, names) for e in events)
    return background, {name: signal}, names


def challenge() -> tuple[np.ndarray, dict[str, np.ndarray], tuple[str, ...]]:
    """Background, signals, names: pT, η, φ of 19 objects, without what sums them up."""
    events = open_events(simulated("adc_background", *ADC_BACKGROUND)).read()
    names = [n for n in events.features if not n.startswith("n_") and n != "ht"]
    # Objects that no background event has are no columns: they would have no scale.
    kept = tuple(n for n in names if np.ptp(events.features[n]) > 0)
    signals = {
        f"{CHALLENGE}, {process}": table(open_events(simulated(process, *size)).read(), kept)
        for process, size in ADC_SIGNALS.items()
    }
    return table(events, kept), signals, kept


def table(events: Events, names: tuple[str, ...]) -> np.ndarray:
    """Columns of events side by side."""
    return np.column_stack([events.features[name] for name in names])


CHALLENGE = "adc2021-like"
ADC_BACKGROUND = (20_000, 10)  # events and seed
ADC_SIGNALS = {
    "adc_a_4l": (1_000, 11),
    "adc_lq_b_tau": (1_000, 12),
    "adc_h0_tau_tau": (1_000, 13),
    "adc_h_tau_nu": (1_000, 14),
}
SAMPLES = ("qae_tth", "qae_tth, 4 inputs", CHALLENGE)


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


def rows_of(sample: str, method: str, seed: int) -> list[dict[str, Any]]:
    """One detector, all of its scores, on all signals."""
    background, signals, names = load(sample)
    order = np.random.default_rng(seed).permutation(len(background))
    train, test = np.array_split(background[order], 2)
    if method == "best feature":
        found = {data: single_feature(test, signal, names) for data, signal in signals.items()}
        return [
            {"data": data, "method": method, "score": best["feature"], "seed": seed} | best
            for data, best in found.items()
        ]
    detector = build("detector", method)
    if "random_state" in detector.get_params():
        detector.set_params(random_state=seed)
    default = detector.get_params().get("score_by", "score")
    start = time.process_time()
    detector.fit(train)
    fitted = time.process_time() - start
    rows = []
    for score in detector.scores or ("score",):
        if detector.scores:
            detector.set_params(score_by=score)
        start = time.process_time()
        of_test = detector.anomaly_score(test)
        cost = {
            "fit_s": fitted,
            "score_us": 1e6 * (time.process_time() - start) / len(test),
            "n_train": len(train),
        }
        for data, signal in signals.items():
            row = {"data": data, "method": method, "score": score, "seed": seed}
            found = figures(of_test, detector.anomaly_score(signal))
            rows.append(row | {"default": score == default} | found | cost)
    return rows


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="methods whose name contains this")
    parser.add_argument("--data", default="", help="samples whose name contains this")
    asked = parser.parse_args()
    path = RESULTS / "outliers.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(r["data"].partition(", adc")[0], r["method"], r["seed"]) for r in rows}
    methods = ["best feature", *tabular_detectors()]
    for sample, method, seed in itertools.product(SAMPLES, methods, range(SEEDS)):
        known = (sample, method, seed) in done
        if known or asked.data not in sample or asked.only not in method:
            continue
        rows += rows_of(sample, method, seed)
        print(rows[-1]["data"], method, seed, round(rows[-1]["auc"], 3), flush=True)
        write_results("outliers", {"header": header("torch"), "rows": rows})


if __name__ == "__main__":
    main()
