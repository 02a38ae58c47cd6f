"""One writer a folder, whoever crashes."""

import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from novum.errors import OutputError
from novum.io import LOCK_FILE, folder_lock

HOLD = """
import sys
from novum.io import folder_lock
with folder_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_held_and_removed(tmp_path):
    folder = tmp_path / "new" / "out"
    with folder_lock(folder):
        assert (folder / LOCK_FILE).read_text().startswith(f"process {os.getpid()} on ")
        with pytest.raises(OutputError, match="is being written by another process"):
            folder_lock(folder).__enter__()
        assert (folder / LOCK_FILE).exists(), "the refused one does not remove it"
    assert list(folder.iterdir()) == []


def test_another_process_is_named(holder, tmp_path):
    with pytest.raises(OutputError) as caught:
        folder_lock(tmp_path).__enter__()
    assert str(tmp_path) in str(caught.value)
    assert f"is being written by another process (process {holder.pid} on " in str(caught.value)
    holder.communicate("")
    with folder_lock(tmp_path):
        pass


def test_a_killed_process_blocks_nobody(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK_FILE).exists()
    with folder_lock(tmp_path):
        pass
    assert not (tmp_path / LOCK_FILE).exists()


def test_an_error_lets_it_go(tmp_path):
    with pytest.raises(KeyboardInterrupt), folder_lock(tmp_path):
        raise KeyboardInterrupt
    with folder_lock(tmp_path):
        pass


def child(folder: Path, started, done) -> None:
    started.set()
    done.wait(30)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_does_not_hold_it(tmp_path):
    context = multiprocessing.get_context("fork")
    started, done = context.Event(), context.Event()
    with folder_lock(tmp_path):
        process = context.Process(target=child, args=(tmp_path, started, done))
        process.start()
        assert started.wait(30)
    with folder_lock(tmp_path):  # while the child lives
        assert process.is_alive()
        done.set()
        process.join(30)
        assert process.exitcode == 0
        assert (tmp_path / LOCK_FILE).exists(), "the child removes nothing"
        with pytest.raises(OutputError, match="another process"):
            folder_lock(tmp_path).__enter__()


def test_only_one_of_many_holds_it(tmp_path):
    """Threads that lock, count and unlock as fast as they can."""
    inside, most, got = 0, 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal inside, most, got
        for _ in range(200):
            try:
                with folder_lock(tmp_path):
                    with counting:
                        inside += 1
                        most, got = max(most, inside), got + 1
                    with counting:
                        inside -= 1
            except OutputError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert most == 1
    assert got > 50


def test_bad_folders(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for folder, words in (
        (tmp_path / "file", "is a file, not a folder"),
        (tmp_path / "file" / "out", "cannot be made: not a directory"),
    ):
        with pytest.raises(OutputError, match=words):
            folder_lock(folder).__enter__()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / LOCK_FILE).symlink_to(precious)
    with pytest.raises(OutputError, match="cannot be written"):
        folder_lock(tmp_path).__enter__()
    assert precious.read_text() == "mine"


def test_a_file_system_without_locks_is_said_to_be_one(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.warns(UserWarning, match="has no locks"), folder_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).exists()
    assert list(tmp_path.iterdir()) == []
