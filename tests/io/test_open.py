"""Which reader a file gets, and what is said of a path that cannot be opened."""

import os
from pathlib import Path
from typing import Any

import pytest

from novum.errors import FileFormatError, InputError
from novum.io import FORMATS, open_events


def test_missing_file_suggests_near_names(tmp_path: Path) -> None:
    (tmp_path / "dijets_2016.parquet").touch()
    (tmp_path / "readme").touch()
    with pytest.raises(InputError, match=r"no such file; did you mean 'dijets_2016.parquet'\?"):
        open_events(tmp_path / "dijet_2016.parquet")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        open_events(tmp_path / "nowhere" / "a.csv")


def test_file_used_as_folder(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="no such file"):
        open_events(tmp_path / "a" / "b.csv")


def test_null_character() -> None:
    with pytest.raises(InputError, match="not a file name"):
        open_events("a\0.csv")


def test_unknown_suffix_names_the_known(tmp_path: Path) -> None:
    path = tmp_path / "events.xyz"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match=r"unknown suffix '.xyz'.*\.parquet.*\.csv.*\.h5"):
        open_events(path)


def test_unknown_suffix_of_known_content(made: Any, tmp_path: Path) -> None:
    path = tmp_path / "events.data"
    path.write_bytes(made.path.read_bytes())
    signed = next(f for f in FORMATS if f.name == made.format).magic
    hint = "looks like format='" if signed else "unknown suffix"
    with pytest.raises(FileFormatError, match=hint):
        open_events(path)


def test_format_overrides_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "events.txt"
    path.write_text("a,b\n1,2\n")
    assert open_events(path, format="csv").read().features["b"].tolist() == [2]


def test_unknown_format(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="did you mean 'parquet'"):
        open_events(path, format="parket")


def test_upper_case_suffix(tmp_path: Path) -> None:
    path = tmp_path / "EVENTS.CSV"
    path.write_text("a,b\n1,2\n")
    assert len(open_events(path).read()) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(InputError, match="not a regular file"):
        open_events(tmp_path / "a.csv")


def test_permission_denied(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied", str(made.path))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match="permission denied"):
        open_events(made.path)


def test_hdf5_of_no_known_layout(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["jets"] = [1.0, 2.0]
    with pytest.raises(FileFormatError, match=r"neither novum's own.*it has: jets"):
        open_events(tmp_path / "a.h5")
