"""What a better density costs, and what it is worth: quality against seconds, per family and size.

LHC Olympics R&D, the first 100,000 events, signal region 3.3 to 3.7 TeV, 4 features. Each density
learns the events outside the signal region once; held-out likelihood beside the signal region,
closure of 60,000 template events against data without signal, and max SIC of CATHODE with 400
injected events, whose every fold learns its own density. At the end the windows of a scan, each
alone and all on the ensemble axis of one program. Seconds are those of one core. Finished rows
are kept. Run with ``python benchmarks/density_quality.py``.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
from classifiers import LHCO, load
from common import RESULTS, header, write_results
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from novum import hunt
from novum.classifiers import TreeEnsemble
from novum.density import (
    AutoregressiveSpline,
    FlowMatching,
    MaskedAutoregressiveFlow,
    NeuralSplineFlow,
)
from novum.evaluation import two_sample_test
from novum.resonant import CATHODE
from novum.simulation import inject

LOW, HIGH = 3300.0, 3700.0
HELD_OUT = 0.2
N_TEMPLATE = 60_000
INJECTED = 400
PERMUTATIONS = 6
DENSITIES = {
    "spline (16,), 3 epochs": AutoregressiveSpline((16,), epochs=3),
    "spline (16, 16), 6 epochs": AutoregressiveSpline((16, 16), epochs=6),
    "spline": AutoregressiveSpline(),
    "spline (64, 64), 24 epochs": AutoregressiveSpline((64, 64), epochs=24),
    "flow-matching, 4 epochs": FlowMatching(epochs=4),
    "flow-matching": FlowMatching(),
    "maf, 4 epochs": MaskedAutoregressiveFlow(epochs=4),
    "maf": MaskedAutoregressiveFlow(),
    "nsf, 3 epochs": NeuralSplineFlow(epochs=3),
    "nsf": NeuralSplineFlow(),
}
WINDOWS = [(low, low + 400.0) for low in np.arange(2800.0, 4400.0, 200.0)]
SCANNED = (70_000, 20_000)  # training events of a window


def main() -> None:
    """Run what is not there yet; write ``results/density_quality.json`` after every density."""
    path = RESULTS / "density_quality.json"
    kept = json.loads(path.read_text()) if path.exists() else {"rows": [], "scan": []}
    done = kept["rows"]
    with threadpool_limits(1):
        for name, density in DENSITIES.items():
            if name not in {row["name"] for row in done}:
                done.append({"name": name, **quality(density)})
                print(done[-1], flush=True)
                save(done, kept["scan"])
        if not kept["scan"]:
            save(done, [scan(n) for n in SCANNED])


def save(rows: list[dict[str, Any]], scanned: list[dict[str, Any]]) -> None:
    """Write what is there."""
    write_results(
        "density_quality", {"header": header("torch", "zuko"), "rows": rows, "scan": scanned}
    )


def background() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features and masses of the background of the R&D sample."""
    events, _ = load("lhco")
    rows = np.flatnonzero(events.label == 0)
    features = np.column_stack([events.column(name)[rows] for name in LHCO["4"]])
    return features, events.column("mjj")[rows]


def quality(density: Any) -> dict[str, Any]:
    """One density: training time, likelihood, closure, and what CATHODE makes of it."""
    x, m = background()
    rng = np.random.default_rng(5)
    inside = (m >= LOW) & (m < HIGH)
    beside = rng.permutation(np.flatnonzero(~inside))
    held, rows = np.split(beside, [int(HELD_OUT * len(beside))])
    start = time.process_time()
    learnt = density.set_params(random_state=1).fit(x[rows], m[rows])
    fitted = time.process_time()
    masses = rng.choice(m[inside], N_TEMPLATE)
    template = learnt.sample(masses, rng)
    sampled = time.process_time()
    closure = two_sample_test(
        x[inside], template[: inside.sum()], n_permutations=PERMUTATIONS, seed=1
    )  # fmt: skip
    return {
        "fit_seconds": fitted - start,
        "sample_seconds": sampled - fitted,
        "nll": -float(np.mean(learnt.log_prob(x[held], m[held]))),
        "closure_auc": closure.auc,
        "closure_null_sd": closure.null_sd,
        "closure_p": closure.p,
        **searched(density),
    }


def searched(density: Any) -> dict[str, Any]:
    """CATHODE with and without signal."""
    labelled, _ = load("lhco")
    found: dict[str, Any] = {}
    for key, n in (("signal", INJECTED), ("null", 0)):
        data, probe = inject(labelled, labelled, n, 0)
        start = time.process_time()
        result = hunt(
            data, mass="mjj", features=tuple(LHCO["4"]), probe=probe, seed=0, repeats=1,
            method=CATHODE(density), n_toys=100, window=(LOW, HIGH), sideband=200.0,
            classifier=TreeEnsemble.published(0).set_params(members=5), n_jobs=1,
        )  # fmt: skip
        window, record = result.windows[0], result.evaluation[0]
        found |= {
            f"{key}_max_sic": record.max_sic, f"{key}_z": window.z,
            f"{key}_seconds": time.process_time() - start,
        }  # fmt: skip
    return found


def scan(n: int) -> dict[str, Any]:
    """Densities of all windows, each alone and all at once; the same events, steps and seeds."""
    x, m = background()
    tables = []
    for low, high in WINDOWS:
        rows = np.flatnonzero((m < low) | (m >= high))[:n]
        tables.append((x[rows], m[rows]))
    alone = AutoregressiveSpline(random_state=1)
    start = time.process_time()
    single = [alone.fit(*table).validation_loss_ for table in tables]
    middle = time.process_time()
    together = AutoregressiveSpline(random_state=1).fit_together(tables)
    end = time.process_time()
    return {
        "windows": len(WINDOWS), "events": min(len(m) for _, m in tables),
        "alone_seconds": middle - start, "together_seconds": end - middle,
        "largest_difference": float(np.max(np.abs(
            np.array(single) - np.array([d.validation_loss_ for d in together])
        ))),
    }  # fmt: skip


if __name__ == "__main__":
    main()
