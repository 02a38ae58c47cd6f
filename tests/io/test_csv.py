"""What is particular to text tables."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from novum.errors import FileFormatError, InputError
from novum.io import csv as novum_csv
from novum.io import open_events


def csv(path: Path, text: str) -> Any:
    (path / "a.csv").write_text(text)
    return open_events(path / "a.csv")


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "165617,7496,G,59.9\n165617,7513,G,97.1\n"])
def test_header_is_needed(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match="holds numbers, not column names"):
        csv(tmp_path, text)


def test_some_numbers_may_be_names(tmp_path: Path) -> None:
    assert csv(tmp_path, "AUC,model,1e-2\n0.9,2,0.1\n").schema.columns == ("AUC", "model", "1e-2")


def test_header_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no events"):
        csv(tmp_path, "a,b\n")


@pytest.mark.parametrize("row", ["1\n", "1,2,3\n"])
def test_ragged_rows(tmp_path: Path, row: str) -> None:
    with pytest.raises(FileFormatError, match=r"a.csv: cannot be read: .*Expected 2 columns"):
        csv(tmp_path, "a,b\n1,2\n" + row).read()


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="column 'a': there are two"):
        csv(tmp_path, "a,b,a\n1,2,3\n")


def test_gaps_and_infinities(tmp_path: Path) -> None:
    got = csv(tmp_path, "a,b\n1,\nnan,inf\nNA,-inf\n").read()
    np.testing.assert_array_equal(got.features["a"], [1, np.nan, np.nan])
    np.testing.assert_array_equal(got.features["b"], [np.nan, np.inf, -np.inf])


def test_units_and_windows_line_ends(tmp_path: Path) -> None:
    source = csv(tmp_path, '"mjj [TeV]",pt [GeV]\r\n1.5,2\r\n')
    assert source.schema.units == {"mjj": "TeV", "pt": "GeV"}
    assert source.read(["pt", "mjj"]).features["mjj"].tolist() == [1.5]


def test_byte_order_mark(tmp_path: Path) -> None:
    assert csv(tmp_path, "\ufeffmjj,b\n1,2\n").schema.columns == ("mjj", "b")


def test_saved_pandas_index_is_left_out(tmp_path: Path) -> None:
    assert csv(tmp_path, ",a,b\n0,1,2\n1,3,4\n").schema.columns == ("a", "b")


def test_types_hold_beyond_the_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novum_csv, "_BLOCK_BYTES", 64)
    rows = [f"{i},{i}" for i in range(20)] + ["0.5,9007199254740993"]
    got = csv(tmp_path, "x,event\n" + "\n".join(rows) + "\n").read()
    assert got.features["x"][-1] == 0.5
    assert got.bookkeeping["event"][-1] == 9007199254740993


def test_empty_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novum_csv, "_BLOCK_BYTES", 64)
    got = csv(tmp_path, "x,y\n" + "1,\n" * 40 + "1,2.5\n").read()
    assert got.features["y"][-1] == 2.5
    assert np.isnan(got.features["y"][:-1]).all()


def test_word_after_the_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novum_csv, "_BLOCK_BYTES", 64)
    source = csv(tmp_path, "x,y\n" + "1,2\n" * 40 + "1,oops\n")
    with pytest.raises(FileFormatError, match="invalid value 'oops'"):
        source.read()


def test_truth_values(tmp_path: Path) -> None:
    assert csv(tmp_path, "x,ok\n1,true\n2,false\n").read().features["ok"].tolist() == [1, 0]


def test_damaged_gzip(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    data[-6] ^= 1  # the checksum
    (tmp_path / "a.csv.gz").write_bytes(data)
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_events(tmp_path / "a.csv.gz").read()


def test_plain_text_called_gz(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_events(tmp_path / "a.csv.gz")


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,\xff\xfe\n1,2\n")
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_events(tmp_path / "a.csv").read()
