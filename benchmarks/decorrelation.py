"""Whether outlier detectors sculpt a mass that they were not given.

Simulated QCD jets of 550-650 GeV train and test, top jets are the signal
(``novum simulate qcd_jets`` and ``top_jets``). The features leave the mass out, but not what
follows it. AUC before and after planing (background weighed to the mass spectrum of signal), the
distance correlation of the score with the mass in background, and the Jensen-Shannon divergence
of the masses of the 1 % of background that scores highest from the others. Null first: a random
score; beside it the mass itself. Finished rows are kept. Run
``python benchmarks/decorrelation.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from common import RESULTS, header, jets, tabular_detectors, write_results

from novum import open_events
from novum.catalogue import build
from novum.evaluation import auc, distance_correlation, plane, sculpting

FEATURES = (
    "tau1", "tau21", "tau32", "c2", "d2", "n_constituents", "ptd", "leading_fraction",
    "charged_fraction", "minor_axis",
)  # fmt: skip
N_TRAIN, N_SIGNAL = 20_000, 10_000
SEEDS = 3
EPS_B = 0.01
PAIRS = 10_000  # background jets in the distance correlation
REFERENCES = ("random score", "mass", "best feature")

Sample = tuple[np.ndarray, np.ndarray]  # features and mass


def load() -> tuple[Sample, Sample]:
    """Background and signal."""
    found = []
    for process in ("qcd_jets", "top_jets"):
        events = open_events(jets(process)).read([*FEATURES, "mass"])
        x = np.column_stack([events.column(name) for name in FEATURES])
        found.append((x, events.column("mass")))
    return found[0], found[1]


def row(method: str, seed: int, background: Sample, signal: Sample) -> dict[str, Any]:
    """One detector: what it tells apart, and how far it follows the mass."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(background[0]))
    train, test = order[:N_TRAIN], order[N_TRAIN : 2 * N_TRAIN]
    chosen = rng.permutation(len(signal[0]))[:N_SIGNAL]
    samples = (background[0][test], background[1][test]), (signal[0][chosen], signal[1][chosen])
    m, m_signal = samples[0][1], samples[1][1]
    start = time.process_time()
    scores, note = scored(method, seed, background[0][train], samples)
    seconds = time.process_time() - start
    b, s = scores
    planed = plane(m, m_signal, to="signal")
    cut = np.quantile(b, 1 - EPS_B)
    found, null = sculpting(m, b > cut), sculpting(m, rng.permutation(b) > cut)
    some = rng.permutation(len(m))[:PAIRS]
    half = np.arange(len(b)) % 2 == 0
    return {
        "method": method, "seed": seed, "note": note, "auc": auc(b, s),
        "auc_planed": auc(b, s, planed.background, planed.signal),
        "null_auc": auc(b[half], b[~half]),
        "kept_signal": planed.kept_signal, "effective_background": planed.effective_background,
        "distance_correlation": distance_correlation(b[some], m[some]),
        "null_distance_correlation": distance_correlation(rng.permutation(b[some]), m[some]),
        "jensen_shannon": found.jensen_shannon, "null_jensen_shannon": null.jensen_shannon,
        "sculpting_p": found.p, "n_train": len(train), "n_background": len(b),
        "n_signal": len(s), "seconds": seconds,
    }  # fmt: skip


def scored(
    method: str, seed: int, train: np.ndarray, samples: tuple[Sample, Sample]
) -> tuple[tuple[np.ndarray, np.ndarray], str]:
    """Scores of background and signal, and a note."""
    (x, m), (y, m_signal) = samples
    if method == "random score":
        rng = np.random.default_rng([seed, 1])
        return (rng.random(len(x)), rng.random(len(y))), ""
    if method == "mass":
        return (m, m_signal), ""
    if method == "best feature":
        every = [(auc(q * x[:, i], q * y[:, i]), i, q) for i in range(x.shape[1]) for q in (1, -1)]
        _, i, q = max(every)
        return (q * x[:, i], q * y[:, i]), f"{FEATURES[i]}, {'high' if q > 0 else 'low'}"
    detector = build("detector", method)
    if "random_state" in detector.get_params():
        detector.set_params(random_state=seed)
    detector.fit(train)
    return (detector.anomaly_score(x), detector.anomaly_score(y)), ""


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="methods whose name contains this")
    asked = parser.parse_args()
    path = RESULTS / "decorrelation.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(r["method"], r["seed"]) for r in rows}
    background, signal = load()
    for method in (*REFERENCES, *tabular_detectors()):
        for seed in range(SEEDS):
            if (method, seed) in done or asked.only not in method:
                continue
            rows.append(row(method, seed, background, signal))
            print(rows[-1], flush=True)
            write_results(
                "decorrelation",
                {"header": header("torch"), "features": FEATURES, "n_train": N_TRAIN, "rows": rows},
            )


if __name__ == "__main__":
    main()
