"""Outputs appear whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from novum.errors import InputError, OutputError
from novum.io import atomic_path, write_bytes, write_text
from novum.io.atomic import check_new_folder, make_folder


def names(folder: Any) -> Any:
    return sorted(p.name for p in folder.iterdir())


def test_written_whole(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.json") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".json"
        temporary.write_text("new")
        assert not (tmp_path / "a.json").exists()
    assert (tmp_path / "a.json").read_text() == "new"
    assert names(tmp_path) == ["a.json"]


def test_text_and_bytes(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "σ\n")
    write_bytes(str(tmp_path / "b"), b"\xff\n")
    assert (tmp_path / "a.txt").read_bytes() == "σ\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\xff\n"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    write_text(tmp_path / "a", "old")

    def fail() -> None:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise error("stop")

    with pytest.raises(error):
        fail()
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "no space left on device"), (errno.EROFS, "read-only file system")],
)
def test_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, words: str
) -> None:
    write_text(tmp_path / "a", "old")

    def full(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OutputError, match=f"a: cannot be written: {words}"):
        write_text(tmp_path / "a", "new")
    monkeypatch.undo()
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_disk_full_while_events_are_written(tmp_path: Path) -> None:
    """A real limit on file size, in a process of its own, since HDF5 is known to crash on it."""
    code = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from novum.errors import OutputError
from novum.events import Events
from novum.io import write_events
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
events = Events.from_arrays({"x": np.random.default_rng(0).normal(size=200_000)})
for suffix in ("h5", "parquet", "csv", "csv.gz"):
    path = Path(sys.argv[1], f"a.{suffix}")
    path.write_text("old")
    try:
        write_events(events, path, overwrite=True)
    except OutputError as error:
        assert str(error).startswith(f"{path}: cannot be written: file too large"), error
    else:
        raise AssertionError(suffix)
    assert path.read_text() == "old"
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["a.csv", "a.csv.gz", "a.h5", "a.parquet"]


def test_existing_file_is_kept_when_asked(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(OutputError, match="exists already"):
        write_text(tmp_path / "a", "new", overwrite=False)


def test_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def race() -> None:
        with atomic_path(path, overwrite=False) as temporary:
            temporary.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(OutputError, match="exists"):
        race()
    assert path.read_text() == "theirs"


def test_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    write_text(tmp_path / "there" / "a", "old")
    (tmp_path / "a").symlink_to(tmp_path / "there" / "a")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "there" / "a").read_text() == "new"


def test_bad_targets(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^\S*/nowhere/a: there is no folder '\S*/nowhere'$"):
        write_text(tmp_path / "nowhere" / "a", "x")
    with pytest.raises(OutputError, match="is a folder"):
        write_text(tmp_path, "x")
    with pytest.raises(OutputError, match="not a file name"):
        write_text("a\0", "x")
    with pytest.raises(OutputError, match="cannot be written: file name too long"):
        write_text(tmp_path / ("a" * 300), "x")
    if os.path.exists("/dev/null"):
        with pytest.raises(OutputError, match="not a regular file"):
            write_text("/dev/null", "x")


def test_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such file"), atomic_path(tmp_path / "a"):
        pass


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_folder_is_made_with_those_around_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert make_folder(folder) == folder
    (folder / "kept").write_text("x")
    assert make_folder(str(folder)) == folder
    assert names(folder) == ["kept"]


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"file: cannot be made: it is a file, not a folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match=r"out: cannot be made: not a directory"):
        make_folder(tmp_path / "file" / "out")


def test_whether_a_folder_can_be_made_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "there").mkdir()
    check_new_folder(tmp_path / "a" / "b")
    assert sorted(names(tmp_path)) == ["file", "there"]
    for name, message in (
        ("there", "exists already and is not overwritten"),
        ("file/out", "cannot be written: not a directory"),
        ("a" * 300, "cannot be written: file name too long"),
    ):
        with pytest.raises(OutputError, match=message):
            check_new_folder(tmp_path / name)
    if os.path.isdir("/proc/self"):
        with pytest.raises(OutputError, match="cannot be written"):
            check_new_folder("/proc/out")
