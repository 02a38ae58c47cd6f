"""Events per second of ``novum simulate``, and where the time goes, with and without MPI.

The stages of one process are timed one by one; then whole samples are simulated by one and by two
worker processes. Compare rates with Pythia's own in the same row: machines differ. Run with
``python benchmarks/simulate.py``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from common import header, write_results

from novum.simulation import simulate
from novum.simulation.blocks import Sample
from novum.simulation.detector import respond
from novum.simulation.process import Process
from novum.simulation.processes import QcdDijet, WprimeXy
from novum.simulation.pythia import BATCH, Generator

T = TypeVar("T")
BATCHES = 6
WHOLE = 8000  # events: four blocks


def main() -> None:
    """Time everything and write ``results/simulate.json``."""
    stages = [
        stage_times(process, mpi) for mpi in (False, True) for process in (QcdDijet(), WprimeXy())
    ]
    whole = [whole_rate(process, jobs) for process in (QcdDijet(), WprimeXy()) for jobs in (1, 2)]
    write_results(
        "simulate",
        {"header": header("pythia8mc", "fastjet"), "stages": stages, "whole": whole},
    )


def stage_times(process: Process, mpi: bool) -> dict[str, Any]:
    """Milliseconds per generated event of every stage, the first batch left out."""
    sample = Sample.of(process, 1, mpi)
    generator, rng = Generator(sample.card, sample.block_seed(0)), np.random.default_rng(0)
    pythia = generator._pythia
    spent = dict.fromkeys(("pythia", "arrays", "detector", "jets and observables"), 0.0)
    accepted = 0
    for i in range(BATCHES + 1):
        batch, t_pythia = timed(lambda: pythia.nextBatch(BATCH))
        truth, t_arrays = timed(lambda batch=batch: generator._visible(batch.prt))
        seen, t_detector = timed(lambda truth=truth: respond(truth, rng))
        observed, t_jets = timed(lambda seen=seen: process.analysis(seen))
        if i:
            accepted += len(observed.rows)
            for name, t in zip(spent, (t_pythia, t_arrays, t_detector, t_jets), strict=True):
                spent[name] += t
    n, total = BATCHES * BATCH, sum(spent.values())
    row = {
        "process": process.name,
        "mpi": mpi,
        "ms": {name: 1000 * t / n for name, t in spent.items()},
        "share_in_pythia": spent["pythia"] / total,
        "accepted_share": accepted / n,
        "accepted_per_s": accepted / total,
        "accepted_per_s_pythia_alone": accepted / spent["pythia"],
    }
    print(row, flush=True)
    return row


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """A result and the seconds of this process it took."""
    start = time.process_time()
    return work(), time.process_time() - start


def whole_rate(process: Process, jobs: int) -> dict[str, Any]:
    """Events per second of a whole sample, starting and writing blocks included."""
    with tempfile.TemporaryDirectory() as cache:
        simulate(process, 10, cache=cache, n_jobs=jobs)  # workers start
        start = time.perf_counter()
        simulate(process, WHOLE, seed=1, cache=cache, n_jobs=jobs)
        seconds = time.perf_counter() - start
    row = {"process": process.name, "jobs": jobs, "events": WHOLE, "per_s": WHOLE / seconds}
    print(row, flush=True)
    return row


if __name__ == "__main__":
    main()
