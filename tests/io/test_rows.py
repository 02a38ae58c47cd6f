"""Some rows of any file; clouds by name; runs of events appended to one file."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novum.errors import InputError, MissingColumnError, OutputError
from novum.events import Cloud, Events
from novum.io import concatenate, open_events, write_chunks, write_events

N = 40


def with_clouds(n: int = N, particles: int = 5, dtype: Any = np.float32) -> Events:
    rng = np.random.default_rng(particles)
    clouds = {
        "jets": Cloud(rng.uniform(1, 2, (n, particles, 3)).astype(dtype), ("pt", "eta", "phi")),
        "tracks": Cloud(rng.uniform(1, 2, (n, 3, 1)), ("pt",)),
    }
    features = {"x": rng.normal(size=n), "y": np.arange(float(n))}
    return Events(np.arange(n, dtype=np.uint64), features, np.ones(n), clouds=clouds)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(st.integers(0, 299), max_size=20))
def test_rows_are_the_take_of_the_whole(made: Any, rows: list[int]) -> None:
    source = open_events(made.path)
    got, whole = source.rows(rows), source.read().take(np.array(rows, dtype=np.int64))
    assert list(got.features) == list(whole.features)
    np.testing.assert_array_equal(got.id, whole.id)
    np.testing.assert_array_equal(got.label, whole.label)
    for name in whole.features:
        np.testing.assert_array_equal(got.features[name], whole.features[name])


def test_rows_that_are_not_there(made: Any) -> None:
    source = open_events(made.path)
    with pytest.raises(InputError, match="there is no row 300, only 300 events"):
        source.rows([3, 300])
    with pytest.raises(InputError, match="rows count from 0, got -1"):
        source.rows([-1])
    with pytest.raises(InputError, match="asked for by their numbers"):
        source.rows(np.array([0.5]))
    with pytest.raises(MissingColumnError, match="did you mean 'mjj'"):
        source.rows([0], ["mjjj"])


def test_rows_read_only_the_chunks_that_hold_them(tmp_path: Path) -> None:
    """Everything else of the file may be damaged."""
    values = np.random.default_rng(0).normal(size=400_000)
    write_events(Events.from_arrays({"x": values}), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        chunk = file["features/x"].chunks[0]
        places = [file["features/x"].id.get_chunk_info(i) for i in range(len(values) // chunk)]
    data = bytearray((tmp_path / "a.h5").read_bytes())
    for place in places[1:]:
        data[place.byte_offset + 9] ^= 0xFF
    (tmp_path / "a.h5").write_bytes(data)
    source = open_events(tmp_path / "a.h5")
    np.testing.assert_array_equal(source.rows([7, 0]).features["x"], values[[7, 0]])
    with pytest.raises(InputError):
        source.rows([chunk])


def test_clouds_are_named_like_columns(tmp_path: Path) -> None:
    events = with_clouds()
    write_events(events, tmp_path / "a.h5")
    source = open_events(tmp_path / "a.h5")
    assert source.schema.clouds == {"jets": ("pt", "eta", "phi"), "tracks": ("pt",)}
    assert set(source.read().clouds) == {"jets", "tracks"}
    got = source.read(["y", "jets"])
    assert (list(got.features), list(got.clouds)) == (["y"], ["jets"])
    assert not source.read(["y"]).clouds
    with pytest.raises(MissingColumnError, match="did you mean 'jets'"):
        source.read(["jetss"])
    np.testing.assert_array_equal(
        source.rows([9, 2], ["jets"]).clouds["jets"].values, events.clouds["jets"].values[[9, 2]]
    )


def test_single_precision_stays_single(tmp_path: Path) -> None:
    write_events(with_clouds(), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["clouds/jets"].dtype == np.float32
        assert file["clouds/tracks"].dtype == np.float64
    got = open_events(tmp_path / "a.h5").read()
    assert got.clouds["jets"].values.dtype == np.float32
    np.testing.assert_array_equal(got.clouds["jets"].values, with_clouds().clouds["jets"].values)


@pytest.mark.parametrize("widths", [(5, 2, 7), (7, 1), (3, 0, 3)])
def test_runs_of_any_width_are_padded(tmp_path: Path, widths: tuple[int, ...]) -> None:
    parts = [with_clouds(11 + w, w) for w in widths]
    assert write_chunks(parts, tmp_path / "a.h5") == sum(len(p) for p in parts)
    got, expected = open_events(tmp_path / "a.h5").read(), concatenate(parts)
    for name, cloud in expected.clouds.items():
        np.testing.assert_array_equal(got.clouds[name].values, cloud.values)
    assert got.clouds["jets"].values.shape[1] == max(widths)
    np.testing.assert_array_equal(got.features["x"], expected.features["x"])


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv.gz", "h5"])
def test_runs_make_the_file_of_the_whole(tmp_path: Path, suffix: str) -> None:
    whole = Events.from_arrays({"x": np.arange(100.0)}, label=np.arange(100) % 2)
    parts = [whole.take(np.arange(a, min(a + 33, 100))) for a in range(0, 100, 33)]
    write_chunks(iter(parts), tmp_path / f"a.{suffix}")
    got = open_events(tmp_path / f"a.{suffix}").read()
    for name in ("id", "label", "weight"):
        np.testing.assert_array_equal(getattr(got, name), getattr(whole, name))
    np.testing.assert_array_equal(got.features["x"], whole.features["x"])


@pytest.mark.parametrize("suffix", ["parquet", "csv", "h5"])
def test_runs_of_other_columns_are_refused(tmp_path: Path, suffix: str) -> None:
    a, b = (Events.from_arrays({name: [1.0]}) for name in "xy")
    with pytest.raises(InputError, match=r"one has \['x'\], the other \['y'\]"):
        write_chunks([a, b], tmp_path / f"a.{suffix}")
    with pytest.raises(OutputError, match="no events to write"):
        write_chunks([], tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["parquet", "csv", "h5"])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def interrupted() -> Any:
        yield Events.from_arrays({"x": np.zeros(1000)})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_chunks(interrupted(), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())
