"""Finished windows are kept on disk, so that an interrupted scan goes on where it stopped."""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from pathlib import Path

import numpy as np

from novum.errors import OutputError
from novum.io import LOCK_FILE, atomic_path, remove_leftovers, write_text
from novum.io.atomic import make_folder
from novum.search.cost import COST_FILE
from novum.search.crossfitting import Scores
from novum.search.output import SCORES_FILE, SELECTED_FILE
from novum.search.result import RESULT_FILE
from novum.windows import Window

PARTIAL = ".partial"
_STATE = "state.json"
# What NumPy and zipfile raise on damage, depending on where it is.
_DAMAGED = (
    OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, SyntaxError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_OUTPUTS = (RESULT_FILE, SCORES_FILE, SELECTED_FILE, COST_FILE)


class Checkpoint:
    """Scores of finished windows in ``FOLDER/.partial``, tied to one config and one data set.

    Parameters
    ----------
    folder : path-like
        The output folder; made if needed. Its writer holds `novum.io.folder_lock` on it.
    key : str
        Identifies config and data; a partial scan of another key is refused.
    resume : bool
        Go on with what is there. Otherwise the folder must be empty or absent.
    keep : str
        Files that may be there all the same, by a pattern such as ``*.json``.

    Raises
    ------
    OutputError
        If the folder holds anything that would be overwritten or cannot be written.
    """

    def __init__(
        self, folder: str | Path, key: str, *, resume: bool = False, keep: str = ""
    ) -> None:
        self.folder = Path(folder)
        self._partial = self.folder / PARTIAL
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder}: is a file, not a folder")
        if self.folder.is_dir() and any(
            not (p.name == LOCK_FILE or p.match(keep or LOCK_FILE)) for p in self.folder.iterdir()
        ):
            if not resume:
                hint = ""
                if self._partial.is_dir():
                    hint = "; it holds an interrupted search: continue it with --resume"
                elif (self.folder / "result.json").exists():
                    hint = "; it holds a finished search: novum report makes its report again"
                raise OutputError(f"{self.folder}: exists and is not empty{hint}")
            self._check_key(key)
            remove_leftovers(self.folder, _OUTPUTS)
        self._key = key
        make_folder(self.folder)

    def _check_key(self, key: str) -> None:
        if not self._partial.is_dir():
            raise OutputError(f"{self.folder}: holds no interrupted search to resume")
        if not any(not p.name.startswith(".") for p in self._partial.iterdir()):
            return  # killed before anything was kept
        try:
            found = json.loads((self._partial / _STATE).read_text())["key"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise OutputError(f"{self._partial}: is damaged; remove it and start again") from None
        if found != key:
            raise OutputError(
                f"{self.folder}: holds an interrupted search with another config or other events"
            )

    def load(self, window: Window) -> Scores | None:
        """Scores of a finished window, or None."""
        path = self._path(window)
        if not path.exists():
            return None
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
                kept = {name: data[name] for name in data.files}
                text = kept.pop("estimate_names").tobytes().decode()
                return Scores(window=window, estimate_names=tuple(text.splitlines()), **kept)
        except _DAMAGED:
            path.unlink()
            return None

    def save(self, scores: Scores) -> None:
        """Keep the scores of a window."""
        try:
            self._partial.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written: {error.strerror}") from None
        write_text(self._partial / _STATE, json.dumps({"key": self._key}))
        with atomic_path(self._path(scores.window)) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                score=scores.score,
                fold=scores.fold,
                by_repeat=scores.by_repeat,
                fold_by_repeat=scores.fold_by_repeat,
                probe=scores.probe,
                importance=scores.importance,
                estimate_names=np.frombuffer("\n".join(scores.estimate_names).encode(), np.uint8),
                estimates=scores.estimates,
            )

    def finish(self) -> None:
        """Remove the partial files once the result is whole, the key of a resumed search last."""
        for path in self._partial.glob("*.npz"):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._partial, ignore_errors=True)

    def _path(self, window: Window) -> Path:
        return self._partial / f"window-{window.low:.6f}-{window.high:.6f}.npz"
