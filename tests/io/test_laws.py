"""What holds for every format, by discovery."""

import gc
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from novum.errors import FileFormatError, InputError, MissingColumnError, NovumError
from novum.events import Events
from novum.io import FORMATS, EventSource, concatenate, open_events, summarise


def assert_same(a: Events, b: Events, rtol: float = 0) -> None:
    assert list(a.features) == list(b.features)
    for name in a.features:
        np.testing.assert_allclose(a.features[name], b.features[name], rtol=rtol, err_msg=name)
    np.testing.assert_array_equal(a.id, b.id)
    np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(a.label, b.label)
    assert a.bookkeeping.keys() == b.bookkeeping.keys()
    assert a.clouds.keys() == b.clouds.keys()


def test_every_format_is_tested(tested_formats: set[str]) -> None:
    assert tested_formats == {f.name for f in FORMATS}


def test_read_gives_the_events(made: Any) -> None:
    source = open_events(made.path)
    assert isinstance(source, EventSource)
    assert source.schema.format == made.format
    assert source.schema.columns == tuple(made.events.features)
    assert source.schema.n_events in (None, len(made.events))
    assert source.schema.label == "label"
    got = source.read()
    assert got.meta.origin == str(made.path)
    assert_same(got, made.events, rtol=1e-15)


@pytest.mark.parametrize("size", [1, 7, 64, 299, 300, 10_000])
def test_chunks_are_the_read_in_pieces(made: Any, size: int) -> None:
    source = open_events(made.path)
    chunks = list(source.chunks(size))
    assert all(len(c) == size for c in chunks[:-1])
    assert 0 < len(chunks[-1]) <= size
    for a, b in pairwise(chunks):
        assert b.id[0] == a.id[-1] + 1
    assert_same(concatenate(chunks), source.read())


def test_projection(made: Any) -> None:
    source = open_events(made.path)
    got = source.read(["tau21_low", "mjj"])
    assert list(got.features) == ["tau21_low", "mjj"]
    whole = source.read()
    np.testing.assert_array_equal(got.features["mjj"], whole.features["mjj"])
    np.testing.assert_array_equal(got.label, whole.label)


def test_no_columns_still_gives_labels(made: Any) -> None:
    got = open_events(made.path).read([])
    assert not got.features
    np.testing.assert_array_equal(got.label, made.events.label)


def test_unknown_column(made: Any) -> None:
    source = open_events(made.path)
    with pytest.raises(MissingColumnError, match="did you mean 'tau21_") as caught:
        source.chunks(10, ["mjj", "tau21_lo"])
    assert caught.value.file == str(made.path)
    assert caught.value.suggestions[0] == "tau21_low"


def test_label_is_no_feature(made: Any) -> None:
    with pytest.raises(InputError, match="never read as a feature"):
        open_events(made.path).read(["label"])


@pytest.mark.parametrize("size", [0, -3])
def test_chunk_size_is_positive(made: Any, size: int) -> None:
    with pytest.raises(InputError, match="chunk size"):
        open_events(made.path).chunks(size)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_truncated(made: Any, fraction: float, tmp_path: Path) -> None:
    data = made.path.read_bytes()
    cut = tmp_path / made.path.name
    cut.write_bytes(data[: int(len(data) * fraction)])
    got = outcome(cut)
    if made.path.suffix not in (".csv", ".tsv"):
        assert isinstance(got, FileFormatError)
    if isinstance(got, Events):
        # A text table cut within its last number, or after a line, looks whole.
        assert 0 < len(got) < len(made.events)
    else:
        assert str(cut) in str(got)
        assert len(str(got)) < 500


def outcome(path: Path) -> Any:
    try:
        return open_events(path).read()
    except InputError as error:
        return error


def test_empty_file(made: Any, tmp_path: Path) -> None:
    empty = tmp_path / made.path.name
    empty.touch()
    with pytest.raises(FileFormatError, match="empty"):
        open_events(empty)


def test_wrong_content(made: Any, tmp_path: Path) -> None:
    """A file of another kind under this name."""
    wrong = tmp_path / made.path.name
    wrong.write_bytes(b"\x7fELF" + bytes(range(256)) * 20)
    with pytest.raises(NovumError, match=wrong.name):
        open_events(wrong).read()


def test_folder(made: Any, tmp_path: Path) -> None:
    (tmp_path / made.path.name).mkdir()
    with pytest.raises(InputError, match="folder"):
        open_events(tmp_path / made.path.name)


def test_summary(made: Any) -> None:
    summary = summarise(open_events(made.path))
    assert summary.n_events == len(made.events)
    assert summary.n_signal == int(made.events.label.sum())
    assert summary.suggested_mass == "mjj"
    assert [c.name for c in summary.columns] == list(made.events.features)
    for column in summary.columns:
        values = made.events.features[column.name]
        assert column.count == len(values)
        assert column.n_missing == column.n_infinite == 0
        np.testing.assert_allclose(
            [column.minimum, column.maximum, column.mean],
            [values.min(), values.max(), values.mean()],
        )


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files here")
def test_abandoned_chunks_keep_no_file_open(made: Any) -> None:
    chunks = open_events(made.path).chunks(10)
    next(chunks)
    del chunks
    gc.collect()
    held = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    assert str(made.path) not in held


def test_import_is_light() -> None:
    code = (
        "import sys, novum.io, novum.io.base\n"
        "novum.io.open_events\n"
        "heavy = {'pyarrow', 'h5py', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert set(novum.io.__all__) <= set(dir(novum.io))\n"
        "[getattr(novum.io, name) for name in novum.io.__all__]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
