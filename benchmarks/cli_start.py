"""Wall time of starting the command line, beside that of Python doing nothing.

Median of 15 starts of each command, after one that fills the caches of the disk. Run
``python benchmarks/cli_start.py``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from common import header, write_results

STARTS = 15
COMMANDS = (("--help",), ("methods",), ("hunt", "--help"))


def main() -> None:
    """Time every command and write ``results/cli_start.json``."""
    novum = str(Path(sys.executable).with_name("novum"))
    floor = seconds([sys.executable, "-c", "pass"])
    rows = [{"command": "python -c pass", **floor}]
    for words in COMMANDS:
        row = {"command": " ".join(("novum", *words)), **seconds([novum, *words])}
        rows.append(row | {"over_floor": row["median"] / floor["median"]})
        print(rows[-1], flush=True)
    write_results("cli_start", {"header": header("cyclopts", "rich"), "rows": rows})


def seconds(command: list[str]) -> dict[str, float]:
    """Median, fastest and slowest wall time of starting a command [s]."""
    times = []
    for _ in range(STARTS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    kept = times[1:]
    return {"starts": STARTS, "median": median(kept), "fastest": min(kept), "slowest": max(kept)}


if __name__ == "__main__":
    main()
