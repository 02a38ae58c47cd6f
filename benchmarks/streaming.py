"""Peak memory of streaming and converting files of 10 GB in each kind of format.

Every file holds 10 GB unpacked (zeros and repeated blocks, so that making it is quick; sparse
where a format allows) and is streamed once, everything in it, by a process of its own. Run
``python benchmarks/streaming.py [GB]``; it needs that much space in the temporary folder for the
ROOT file.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import header, write_results

GB = 1e9
BLOCK = 1_000_000  # rows of a repeated block
NAMES = ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high")


def block() -> dict[str, np.ndarray]:
    """Numbers with few digits, which pack well."""
    rng = np.random.default_rng(0)
    return {name: np.round(rng.uniform(0, 9999, BLOCK)) for name in NAMES}


def make_npy(path: Path, size: float) -> None:
    kind = [(name, "f8") for name in NAMES]
    np.lib.format.open_memmap(path, "w+", kind, (int(size) // (8 * len(NAMES)),))


def make_lhco_raw(path: Path, size: float) -> None:
    rows = int(size) // (2101 * 8)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((rows, 2101))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        group = file.create_group("df")
        h5py.h5d.create(group.id, b"block0_values", h5py.h5t.IEEE_F64LE, space, plist)


def make_csv(path: Path, size: float) -> None:
    lines = "\n".join(",".join(f"{v:.0f}" for v in row) for row in zip(*block().values()))  # noqa: B905
    packed = gzip.compress(f"{lines}\n".encode(), 1)
    with open(path, "wb") as file:
        file.write(gzip.compress(f"{','.join(NAMES)}\n".encode()))
        for _ in range(int(size / len(lines))):
            file.write(packed)


def make_parquet(path: Path, size: float) -> None:
    table = pa.table(block())
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(int(size / table.nbytes)):
            writer.write_table(table)


def make_root(path: Path, size: float) -> None:
    import awkward as ak
    import uproot

    n = 100_000
    jets = ak.unflatten(np.ones(5 * n, "f4"), np.full(n, 5))
    rows = {"MET": np.ones(n), "Jet": ak.zip({k: jets for k in ("pt", "eta", "phi", "m")})}
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("Events", {"MET": "f8", "Jet": rows["Jet"].type.content})
        for _ in range(int(size / (n * (12 + 5 * 16)))):
            tree.extend(rows)


MAKERS: dict[str, tuple[str, Callable[[Path, float], None]]] = {
    "NumPy": ("a.npy", make_npy),
    "LHC Olympics particles": ("raw.h5", make_lhco_raw),
    "CSV, gzipped": ("a.csv.gz", make_csv),
    "Parquet": ("a.parquet", make_parquet),
    "ROOT with clouds": ("a.root", make_root),
}


def main() -> None:
    """Make, stream and remove a file of each kind; write ``results/streaming.json``."""
    size = float(sys.argv[1]) * GB if len(sys.argv) > 1 else 10 * GB
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, make) in MAKERS.items():
            path = Path(folder, name)
            make(path, size)
            rows.append({"kind": kind, "what": "stream"} | run("stream", path))
            if kind == "LHC Olympics particles":
                out = Path(folder, "converted.h5")
                rows.append({"kind": kind, "what": "convert to HDF5"} | run("convert", path, out))
                row = run("stream", out)
                rows.append({"kind": "novum HDF5 with clouds", "what": "stream"} | row)
                out.unlink()
            path.unlink()
            print(rows[-1], flush=True)
            results = {"header": header(), "unpacked_gb": size / GB, "rows": rows}
            write_results("streaming", results)


def run(*words: object) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, *map(str, words)]
    return dict(json.loads(subprocess.check_output(command, text=True)))


def measure(what: str, path: Path, out: Path | None) -> dict[str, float]:
    """Events, seconds and peak memory of one pass over a file."""
    from novum.io import convert, open_events

    root = path.suffix == ".root"
    clouds = {"jets": ("Jet_pt", "Jet_eta", "Jet_phi", "Jet_m")} if root else None
    source = open_events(path, clouds=clouds)
    start = time.perf_counter()
    if out is not None:
        n_events = convert(source, out).n_events
    else:
        rows = min(131_072, (1 << 26) // source.schema.event_bytes)
        n_events = sum(len(chunk) for chunk in source.chunks(rows))
    return {
        "events": n_events,
        "file_gb": path.stat().st_size / GB,
        "seconds": time.perf_counter() - start,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


if __name__ == "__main__":
    if len(sys.argv) > 2:
        target = Path(sys.argv[3]) if len(sys.argv) > 3 else None
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), target)))
    else:
        main()
