"""A journal of finished pseudo-searches: one JSON line each, so that a run can go on anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from novum.calibration.pseudo import PseudoResult
from novum.errors import OutputError
from novum.io import folder_lock, write_text
from novum.progress import Progress
from novum.workers import in_workers


class Record(Protocol):
    """What can be saved as a file."""

    def save(self, path: str | Path) -> Path:
        """Write it whole or not at all."""


R = TypeVar("R", bound=Record)


class Journal:
    """Finished jobs of one run, appended and flushed one by one.

    Parameters
    ----------
    path : path-like or None
        The file; None keeps nothing.
    key : str
        Identifies everything that decides the results; a journal of another key is refused.
    resume : bool
        Go on with what is there; otherwise a journal that exists is refused.

    Raises
    ------
    OutputError
        If the journal belongs to another run or cannot be written.
    """

    def __init__(self, path: Path | None, key: str, *, resume: bool) -> None:
        self._path = path
        self.done: dict[str, PseudoResult] = {}
        if path is None:
            return
        if path.exists():
            if not resume:
                raise OutputError(f"{path}: an interrupted run; continue it with --resume")
            self._read(path, key)
        lines = [json.dumps({"key": key})]
        lines += [self._line(name, row) for name, row in self.done.items()]
        # Without a line that was cut short; the old journal stays until the new one is whole.
        write_text(path, "\n".join(lines) + "\n")

    def add(self, name: str, result: PseudoResult) -> None:
        """Keep one finished job."""
        self.done[name] = result
        if self._path is not None:
            self._append(self._line(name, result) + "\n")

    def _read(self, path: Path, key: str) -> None:
        lines = path.read_bytes().splitlines()
        try:
            found = json.loads(lines[0])["key"] if lines else key
        except (ValueError, KeyError, TypeError):
            raise OutputError(f"{path}: is damaged; remove it and start again") from None
        if found != key:
            raise OutputError(f"{path}: belongs to a run with other settings or other events")
        for line in lines[1:]:
            try:
                name, row = msgspec.json.decode(line, type=tuple[str, PseudoResult])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # cut short when the run was interrupted: that job is done again
            self.done[name] = row

    def _append(self, text: str) -> None:
        assert self._path is not None
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from None

    @staticmethod
    def _line(name: str, result: PseudoResult) -> str:
        return msgspec.json.encode((name, result)).decode()


def run_jobs(
    work: Callable[..., PseudoResult],
    jobs: Sequence[tuple[str, tuple[Any, ...]]],
    journal: Journal,
    n_jobs: int | None,
    progress: Progress,
    description: str,
) -> list[PseudoResult]:
    """Run named jobs in worker processes and return their results in order.

    A job's result depends on its arguments alone, so neither the number of workers nor an
    interruption changes anything.
    """
    left = [(name, args) for name, args in jobs if name not in journal.done]
    calls = (partial(_named, name, work, args) for name, args in left)
    with in_workers(calls, n_jobs, in_order=False) as results:
        for name, result in progress.track(results, description, len(left)):
            journal.add(name, result)
    return [journal.done[name] for name, _ in jobs]


def recorded(
    work: Callable[[Path | None], R], output: str | Path | None, file: str, journal: str
) -> R:
    """Do resumable work and save the record that it makes; the journal goes once that is written.

    Parameters
    ----------
    work : callable
        Takes the path of its journal, None to keep none, and returns the record.
    output : path-like or None
        Folder of record and journal, locked meanwhile; None saves nothing.
    file, journal : str
        Their names there.

    Raises
    ------
    OutputError
        If the record is there already, or the folder cannot be written.
    """
    if output is None:
        return work(None)
    folder = Path(output)
    path = folder / file
    with folder_lock(folder):
        if path.exists():
            raise OutputError(f"{path}: exists already and is not overwritten")
        record = work(folder / journal)
        record.save(path)
        (folder / journal).unlink(missing_ok=True)
    return record


def _named(
    name: str, work: Callable[..., PseudoResult], args: tuple[Any, ...]
) -> tuple[str, PseudoResult]:
    return name, work(*args)
