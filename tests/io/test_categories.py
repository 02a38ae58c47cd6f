"""Columns of names: words and numbers of every format, in the order of the events."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from novum.errors import MissingColumnError
from novum.io.categories import read_categories


def words(path, column: str) -> list[str]:
    found = read_categories(path, column)
    return [found.names[code] for code in found.codes]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2a", " 1", None, "2a"], ["2a", "1", "", "2a"]),
        ([3, 1, 2, 1], ["3", "1", "2", "1"]),
        ([1.0, None, 2.5, 1.0], ["1", "", "2.5", "1"]),
        (pa.array(["u", "v", "u", "u"]).dictionary_encode(), ["u", "v", "u", "u"]),
    ],
    ids=["words", "integers", "floats", "dictionary"],
)
def test_words_of_parquet(tmp_path, values, expected):
    pq.write_table(pa.table({"x": np.arange(4.0), "c": values}), tmp_path / "a.parquet")
    assert words(tmp_path / "a.parquet", "c") == expected


def test_a_column_of_a_csv_file_is_words_whatever_its_first_rows_hold(tmp_path):
    n = 200_000  # more than the first MiB, from which types are taken
    (tmp_path / "a.csv").write_text("x,channel\n" + "1.25,1\n" * n + "1.25,2a\n1.25,\n")
    found = read_categories(tmp_path / "a.csv", "channel")
    assert set(found.names) == {"1", "2a", ""}
    assert [found.names[code] for code in found.codes[-3:]] == ["1", "2a", ""]
    assert len(found.codes) == n + 2


def test_numbers_of_other_formats(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3.0), c=np.array([2, 1, 2]))
    assert words(tmp_path / "a.npz", "c") == ["2", "1", "2"]


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("x,channel\n1,2a\n")
    with pytest.raises(MissingColumnError, match="did you mean 'channel'"):
        read_categories(tmp_path / "a.csv", "chanel")
