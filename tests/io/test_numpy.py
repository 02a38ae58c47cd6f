"""What is particular to NumPy files."""

import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from novum.errors import FileFormatError, InputError
from novum.io import open_events


def cathode(n: int = 50, **changes: Any) -> Any:
    rng = np.random.default_rng(0)
    data = rng.uniform(0.1, 0.5, (n, 6)).astype(np.float32)
    data[:, 0] = rng.uniform(1.5, 8, n)
    data[:, 5] = rng.integers(0, 2, n)
    for column, value in changes.items():
        data[n // 2, int(column[1])] = value
    return data


def saved(path: Path, array: Any) -> Any:
    np.save(path / "a.npy", array)
    return path / "a.npy"


def test_cathode_layout_is_delivered_in_gev(tmp_path: Path) -> None:
    data = cathode()
    source = open_events(saved(tmp_path, data))
    assert source.schema.columns == ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high")
    assert source.schema.units == dict.fromkeys(("mjj", "mj_low", "delta_mj"), "GeV")
    got = source.read()
    for i, name in enumerate(source.schema.columns):
        factor = 1000 if i < 3 else 1
        np.testing.assert_allclose(got.features[name], data[:, i].astype(float) * factor)
    np.testing.assert_array_equal(got.label, data[:, 5])


def test_cathode_layout_may_have_gaps(tmp_path: Path) -> None:
    assert len(open_events(saved(tmp_path, cathode(c3=np.nan, c0=np.nan))).read()) == 50


@pytest.mark.parametrize(
    "array",
    [
        cathode(c5=2),
        cathode(c5=np.nan),
        cathode(c0=2500),
        cathode(c0=0.1),
        cathode(c1=300),
        cathode(c4=-1),
        cathode()[:, :5],
        cathode().astype(int),
        np.zeros(5),
        np.float64(3),
        np.full((4, 6), np.nan),
        np.zeros((2, 3, 4)),
        np.array([["a"] * 6]),
    ],
    ids=str,
)
def test_other_plain_arrays_need_names(tmp_path: Path, array: Any) -> None:
    with pytest.raises(FileFormatError, match="no column names; save a structured array"):
        open_events(saved(tmp_path, array))


def test_label_is_checked_beyond_the_rows_that_tell_the_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from novum.io import numpy as novum_numpy

    monkeypatch.setattr(novum_numpy, "_CHECKED_ROWS", 10)
    with pytest.raises(InputError, match="labels must be 0"):
        open_events(saved(tmp_path, cathode(c5=3))).read()


@pytest.mark.parametrize("array", [np.zeros((0, 6)), np.zeros(0, dtype=[("a", float)])])
def test_no_rows(tmp_path: Path, array: Any) -> None:
    with pytest.raises(InputError, match="has no events"):
        open_events(saved(tmp_path, array))


def test_structured_array_of_mixed_types(tmp_path: Path) -> None:
    kinds = [("x", ">f4"), ("name", "U3"), ("p", float, 3), ("z", complex), ("ok", bool)]
    array = np.ones(2, dtype=[*kinds, ("Event", "u8")])
    source = open_events(saved(tmp_path, array))
    assert source.schema.columns == ("x", "ok")
    assert source.read().bookkeeping["event"].tolist() == [1, 1]
    for name, kind in {"name": "<U3", "p": r"float64 array \(3,\)", "z": "complex128"}.items():
        with pytest.raises(InputError, match=f"column '{name}': is not numeric: .*{kind}"):
            source.read([name])


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickles_are_never_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    array = np.array([Trap(), Trap()], dtype=object)
    if suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        np.savez(path, x=array)
    with pytest.raises(FileFormatError, match=r"(?i)python objects"):
        open_events(path)


def test_more_data_than_the_shape_says(tmp_path: Path) -> None:
    path = saved(tmp_path, cathode())
    path.write_bytes(path.read_bytes() + b"\0" * 24)
    with pytest.raises(FileFormatError, match="does not fit the length"):
        open_events(path)


def test_invented_shape(tmp_path: Path) -> None:
    path = saved(tmp_path, cathode())
    data = path.read_bytes().replace(b"(50, 6), }          ", b"(5000000000000, 6), }")
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_events(path)


def test_archive_called_npy(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=[1.0])
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(FileFormatError, match=r"is it a \.npz file"):
        open_events(tmp_path / "a.npy")


def npz(path: Path, **arrays: Any) -> Any:
    np.savez(path / "a.npz", **arrays)
    return path / "a.npz"


def test_unequal_lengths(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column 'y': has 3 entries but 'x' has 4"):
        open_events(npz(tmp_path, x=np.zeros(4), y=np.zeros(3)))


def test_other_members_are_left_out(tmp_path: Path) -> None:
    path = npz(tmp_path, x=np.zeros(4), seed=3, image=np.zeros((2, 2)), name=np.array(["a"] * 4))
    source = open_events(path)
    assert source.schema.columns == ("x",)
    assert source.schema.n_events == 4


def test_no_columns(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no one-dimensional arrays"):
        open_events(npz(tmp_path, image=np.zeros((2, 2))))


@pytest.mark.parametrize("order", ["C", "F"])
def test_table_in_either_order(tmp_path: Path, order: Literal["C", "F"]) -> None:
    data = np.asarray(np.arange(12.0).reshape(4, 3), order=order)
    path = npz(tmp_path, data=data, columns=["a", "b [TeV]", "label"])
    with pytest.raises(InputError, match="labels must be 0"):
        open_events(path).read()
    data[:, 2] = 1
    source = open_events(npz(tmp_path, data=data, columns=["a", "b [TeV]", "label"]))
    assert source.schema.units == {"b": "TeV"}
    got = [c.features["b"].tolist() for c in source.chunks(3)]
    assert got == [[1, 4, 7], [10]]


def test_table_with_other_number_of_names(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="'columns' has 2 names"):
        open_events(npz(tmp_path, data=np.zeros((4, 3)), columns=["a", "b"]))


def test_member_that_is_shorter_than_it_says(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(4))
    short = (tmp_path / "x.npy").read_bytes().replace(b"(4,), }   ", b"(4000,), }")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", short)
    with pytest.raises(FileFormatError, match="not as long as its shape"):
        open_events(tmp_path / "a.npz")


def test_archive_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_events(tmp_path / "a.npz")
