"""Searches in processes of their own: killed without warning, and two in one folder."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import novum
from novum.io import write_events
from novum.search.cost import COST_FILE
from novum.simulation.toy import FEATURES

OPTIONS = (
    "--mass mjj --width 400 --step 400 --centers 3300,3700 --eps-b 0.1 --folds 2 --repeats 1 "
    f"--members 1 --n-params 3 --n-toys 50 --features {','.join(FEATURES)}"
).split()
TABLES = ("result.json", "scores.parquet", "selected.parquet")
SEARCH = (
    "import novum.report; novum.report.write_report = lambda result, folder: folder\n"
    "from novum.cli import main; main()"
)


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> Path:
    """The file that every process searches."""
    path = tmp_path_factory.mktemp("killed") / "events.h5"
    write_events(novum.toy_dijets(3000, 40, seed=1), path)
    return path


@dataclass
class Search:
    """A search as its own process; without the figures, which take longer."""

    process: subprocess.Popen
    log: Path

    def end(self, status: int = 0) -> str:
        """Wait for it; what it printed."""
        self.process.wait(timeout=120)
        printed = self.log.read_text()
        assert self.process.returncode == status, printed
        return printed

    def wait_for(self, what: Callable[[], object]) -> None:
        until = time.monotonic() + 240
        while not what():
            assert self.process.poll() is None, f"it ended before: {self.log.read_text()}"
            assert time.monotonic() < until, "it did nothing"
            time.sleep(0.002)


@pytest.fixture(scope="module")
def start(events, tmp_path_factory):
    """Starts searches of the events; whatever is left of them at the end is killed."""
    logs = tmp_path_factory.mktemp("logs")
    started: list[Search] = []

    def search(folder: Path, *more: str, workers: int = 2) -> Search:
        # Not a pipe: workers that outlive a killed search would keep it open.
        log = logs / str(len(started))
        command = [sys.executable, "-c", SEARCH, "hunt", str(events), "-o", str(folder)]
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [*command, "-j", str(workers), *OPTIONS, *more],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(Search(process, log))
        return started[-1]

    yield search
    for each in started:
        with suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait(timeout=60)


def kept(folder: Path) -> list[Path]:
    return sorted((folder / ".partial").glob("window-*.npz"))


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones included, but for the time that a search took."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != COST_FILE)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory) -> dict[str, bytes]:
    """The files of an undisturbed search; one worker starts sooner and changes no byte."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    start(folder, workers=1).end()
    assert set(content(folder)) == set(TABLES)
    return content(folder)


@pytest.fixture
def killed(start, tmp_path) -> Path:
    """The folder of a search that was killed once its first window was kept."""
    folder = tmp_path / "out"
    search = start(folder)
    search.wait_for(lambda: kept(folder))
    search.process.kill()
    search.end(-signal.SIGKILL)
    assert not (folder / "result.json").exists()
    assert (folder / ".lock").exists(), "nothing could remove it"
    return folder


def test_a_killed_search_resumes_to_the_same_bytes(killed, start, whole):
    assert is_free(killed), "its workers, which may still be alive, hold the lock"
    for name in (*TABLES, ".partial/window-1.000000-2.000000.npz"):
        (killed / name).with_name(f".0123abcd-{Path(name).name}").write_bytes(b"half")
    mine = {".0123abcd-notes.txt": b"mine", ".0123-result.json": b"mine"}
    for name, data in mine.items():
        (killed / name).write_bytes(data)
    start(killed, "--resume", workers=1).end()
    assert content(killed) == whole | mine


def test_two_searches_in_one_folder_one_is_refused(start, whole, tmp_path):
    folder = tmp_path / "out"
    first = start(folder)
    first.wait_for(lambda: kept(folder))
    os.killpg(first.process.pid, signal.SIGSTOP)  # so that it does not end before the others begin
    for words in ((), ("--resume",)):
        printed = start(folder, *words).end(1)
        assert f"{folder}: is being written by another process" in printed
        assert f"(process {first.process.pid} on " in printed
    os.killpg(first.process.pid, signal.SIGCONT)
    first.end()
    assert content(folder) == whole


def is_free(folder: Path) -> bool:
    """Whether nobody holds the lock of a folder."""
    handle = os.open(folder / ".lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
