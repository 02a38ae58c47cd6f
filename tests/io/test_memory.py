"""Streaming holds chunks, not files."""

import tracemalloc
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pytest
import uproot

from novum.events import Events
from novum.io import conversion, convert, open_events, write_events
from novum.io import csv as novum_csv
from novum.io import parquet as novum_parquet

N = 400_000


@pytest.fixture(scope="module")
def large() -> Any:
    return {f"x{i}": np.random.default_rng(i).normal(size=N) for i in range(4)}


@pytest.mark.parametrize("suffix", ["npz", "npy", "h5", "parquet", "csv"])
def test_streaming_is_bounded(
    tmp_path: Path, large: Any, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(novum_csv, "_BLOCK_BYTES", 1 << 16)  # small, as the file is
    monkeypatch.setattr(novum_parquet, "_ROWS", 1 << 14)
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        np.savez_compressed(path, **large)
    elif suffix == "npy":
        array = np.empty(N, dtype=[(name, float) for name in large])
        for name, values in large.items():
            array[name] = values
        np.save(path, array)
    else:
        write_events(Events.from_arrays(large), path)
    whole = sum(v.nbytes for v in large.values())
    source = open_events(path)
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    tracemalloc.start()
    total, arrow = 0, 0
    for chunk in source.chunks(5000):
        total += len(chunk)
        arrow = max(arrow, pool.bytes_allocated() - before)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == N
    assert peak < whole / 4
    assert arrow < whole / 1.5


# -- clouds -----------------------------------------------------------------------------------

EVENTS = 3000
PARTICLES = 700


def make_raw(path: Path) -> None:
    with h5py.File(path, "w") as file:
        options = {"chunks": (10, 2101), "compression": "gzip", "compression_opts": 1}
        found = file.create_dataset("df/block0_values", (EVENTS, 2101), "f8", **options)
        for a in range(0, EVENTS, 500):
            found[a : a + 500, :30] = 1.0


def make_root(path: Path) -> None:
    with uproot.recreate(path) as file:
        rows = {"J": ak.zip({k: ak.Array(np.ones((100, PARTICLES))) for k in ("pt", "eta", "phi")})}
        rows = {"J": ak.from_regular(rows["J"])}
        tree = file.mktree("t", {"J": rows["J"].type.content})
        for _ in range(EVENTS // 100):
            tree.extend(rows)


def make_energyflow(path: Path) -> None:
    np.savez_compressed(path, X=np.ones((EVENTS, PARTICLES, 3)), y=np.zeros(EVENTS))


MAKE = {"raw.h5": make_raw, "a.root": make_root, "a.npz": make_energyflow}


@pytest.mark.parametrize("name", sorted(MAKE))
@pytest.mark.parametrize("what", ["stream", "convert"])
def test_clouds_are_held_by_the_chunk(
    tmp_path: Path, name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50 MB of particles, in chunks of 100 events."""
    path = tmp_path / name
    MAKE[name](path)
    monkeypatch.setattr(conversion, "_MOST_ROWS", 100)
    clouds = {"j": ("J_pt", "J_eta", "J_phi")} if name == "a.root" else None
    source = open_events(path, clouds=clouds)
    next(source.chunks(100))  # what libraries keep for good is no matter of the file
    tracemalloc.start()
    if what == "stream":
        total = sum(len(chunk) for chunk in source.chunks(100))
    else:
        total = convert(source, tmp_path / "out.h5").n_events
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == EVENTS
    assert peak < EVENTS * PARTICLES * 3 * 8 / 4
