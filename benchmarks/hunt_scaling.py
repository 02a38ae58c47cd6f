"""Time and peak memory of a search against the number of events.

One window of toy dijets, background only, default settings, one search a process so that peak
memory is that of the search alone. Run ``python benchmarks/hunt_scaling.py``; the exponent is the
slope of log time against log events, from the two largest samples.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time

from common import header, write_results

SIZES = (100_000, 1_000_000, 10_000_000)
SEED = 1
WINDOW = (3300.0, 3700.0)


def main() -> None:
    """Run every size in a process of its own and write ``results/hunt_scaling.json``."""
    rows = []
    for size in SIZES:
        command = [sys.executable, __file__, str(size)]
        rows.append(json.loads(subprocess.check_output(command, text=True)))
        print(rows[-1], flush=True)
    slopes = [
        math.log(b[key] / a[key]) / math.log(b["events"] / a["events"])
        for a, b in [rows[-2:]]
        for key in ("seconds", "peak_gib")
    ]
    write_results(
        "hunt_scaling",
        {
            "header": header(),
            "seed": SEED,
            "window": WINDOW,
            "rows": rows,
            "time_exponent": slopes[0],
            "memory_exponent": slopes[1],
        },
    )


def measure(size: int) -> dict[str, float]:
    """Search one toy sample; seconds of the search and peak memory of it and its workers."""
    import novum
    from novum.simulation.toy import FEATURES

    events = novum.toy_dijets(size, 0, seed=SEED)
    start = time.perf_counter()
    result = novum.hunt(events, mass="mjj", features=FEATURES, seed=SEED, window=WINDOW)
    seconds = time.perf_counter() - start
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    window = result.windows[0]
    return {
        "events": size,
        "in_window": window.counts.n_sr + window.counts.n_sb,
        "seconds": seconds,
        "peak_gib": own / 2**20,
        "peak_worker_gib": workers / 2**20,
        "z": -99.0 if window.z is None else window.z,
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()
