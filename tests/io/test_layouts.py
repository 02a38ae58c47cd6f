"""What holds for every published layout, by discovery."""

import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from novum.errors import MissingColumnError, NovumError
from novum.events import Events
from novum.io import EventSource, concatenate, open_events, summarise, write_events

from .layouts import N


def assert_same(a: Events, b: Events) -> None:
    assert list(a.features) == list(b.features)
    assert list(a.clouds) == list(b.clouds)
    for name in a.features:
        np.testing.assert_array_equal(a.features[name], b.features[name], err_msg=name)
    for name, cloud in a.clouds.items():
        assert cloud.fields == b.clouds[name].fields
        np.testing.assert_array_equal(cloud.values, b.clouds[name].values, err_msg=name)
    for name in ("id", "weight", "label"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert a.bookkeeping.keys() == b.bookkeeping.keys()


def test_it_is_recognised(laid_out: Any) -> None:
    path, layout = laid_out
    source = open_events(path)
    assert isinstance(source, EventSource)
    assert source.schema.format == layout.format
    assert tuple(source.schema.clouds) == layout.clouds
    assert source.schema.n_events in (None, N)
    got = source.read()
    assert len(got) == N
    assert tuple(got.features) == source.schema.columns
    assert {n: c.fields for n, c in got.clouds.items()} == source.schema.clouds


@pytest.mark.parametrize("size", [1, 7, 59, 60, 1000])
def test_chunks_are_the_read_in_pieces(laid_out: Any, size: int) -> None:
    source = open_events(laid_out[0])
    chunks = list(source.chunks(size))
    assert all(len(c) == size for c in chunks[:-1])
    assert_same(concatenate(chunks), source.read())


def test_rows(laid_out: Any) -> None:
    source = open_events(laid_out[0])
    rows = np.array([N - 1, 0, 17, 17, 2])
    got, whole = source.rows(rows), source.read()
    assert_same(got, concatenate([got.take(np.zeros(0, int)), got]))
    np.testing.assert_array_equal(got.id, whole.id[rows])
    for name, cloud in got.clouds.items():
        values = whole.clouds[name].values[rows]
        # Rows are as wide as the fullest of them needs.
        assert not values[:, cloud.values.shape[1] :].any()
        np.testing.assert_array_equal(cloud.values, values[:, : cloud.values.shape[1]])
    assert len(source.rows([])) == 0


def test_particles_come_first_and_padding_is_zero(laid_out: Any) -> None:
    for cloud in open_events(laid_out[0]).read().clouds.values():
        assert cloud.fields[0] == "pt"
        absent = cloud.values[:, :, 0] == 0
        assert not cloud.values[absent].any()
        assert np.isfinite(cloud.values).all()


def test_clouds_only_when_asked_for(laid_out: Any) -> None:
    path, layout = laid_out
    source = open_events(path)
    assert not source.read(source.schema.columns[:1]).clouds
    for name in layout.clouds:
        got = source.read([name])
        assert (list(got.features), list(got.clouds)) == ([], [name])


def test_what_is_read_only_when_named(laid_out: Any) -> None:
    source = open_events(laid_out[0])
    for name in source.schema.on_request:
        assert name not in source.schema.columns
        assert list(source.rows([0], [name]).features) == [name]


def test_unknown_column(laid_out: Any) -> None:
    source = open_events(laid_out[0])
    known = [*source.schema.columns, *source.schema.clouds][-1]
    with pytest.raises(MissingColumnError) as caught:
        source.read([f"{known}q"])
    assert known in caught.value.suggestions
    assert caught.value.file == str(laid_out[0])


def test_summary_reads_no_cloud(laid_out: Any) -> None:
    summary = summarise(open_events(laid_out[0]))
    assert summary.n_events == N
    assert summary.clouds == open_events(laid_out[0]).schema.clouds


def test_everything_goes_to_hdf5(laid_out: Any, tmp_path: Path) -> None:
    events = open_events(laid_out[0]).read()
    write_events(events, tmp_path / "a.h5")
    assert_same(open_events(tmp_path / "a.h5").read(), events)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_truncated(laid_out: Any, fraction: float, tmp_path: Path) -> None:
    path, _ = laid_out
    data = path.read_bytes()
    cut = tmp_path / path.name
    cut.write_bytes(data[: int(len(data) * fraction)])
    got = outcome(cut)
    if isinstance(got, NovumError):
        assert str(cut) in str(got)
        assert len(str(got)) < 500
    else:  # a text table cut after a line, or within its last number, looks whole
        assert ".csv" in path.name
        assert 0 < len(got) <= N


def outcome(path: Path) -> Any:
    try:
        return open_events(path).read()
    except NovumError as error:
        return error


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files here")
def test_abandoned_chunks_keep_no_file_open(laid_out: Any) -> None:
    chunks = open_events(laid_out[0]).chunks(10)
    next(chunks)
    del chunks
    gc.collect()
    held = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    assert str(laid_out[0]) not in held
