"""Streaming holds chunks, not files."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from novum.events import Events
from novum.io import csv as novum_csv
from novum.io import open_events, write_events
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
