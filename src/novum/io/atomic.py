"""Outputs that appear whole or not at all: written beside their place, then moved into it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from novum.errors import NovumError, OutputError
from novum.io.base import reason

_TOKEN = re.compile(r"[0-9a-f]{8}")  # what tells a temporary file from the file that it becomes


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """A temporary path in the folder of `path` that becomes `path` when the block succeeds.

    If the block fails, what it wrote is removed and an older file stays as it was. The temporary
    name keeps the suffix, for writers that go by it.

    Parameters
    ----------
    path : path-like
        Where the file belongs. A symbolic link is followed.
    overwrite : bool
        Whether a file that exists is replaced.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OutputError
        If the file cannot be written (names the path and the reason, such as "no space left on
        device") or exists and `overwrite` is false.
    """
    target = _resolved(path)
    _check_target(target, overwrite)
    temporary = target.with_name(f".{secrets.token_hex(4)}-{target.name[-120:]}")
    try:
        yield temporary
        _sync(temporary)
        _check_target(target, overwrite)
        os.replace(temporary, target)
        with suppress(OSError):  # some file systems cannot sync a folder; the file itself is safe
            _sync(target.parent)
    except NovumError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {reason(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block succeeds.

    If the block fails, nothing of it is left.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OutputError
        If there is something of that name already, or it cannot be written.
    """
    target = _resolved(path)
    temporary = target.with_name(f".{secrets.token_hex(4)}-{target.name[-120:]}")
    try:
        _require_free(target)
        make_folder(target.parent)
        temporary.mkdir()
        yield temporary
        for written in temporary.iterdir():
            _sync(written)
        os.rename(temporary, target)  # refuses a folder that is not empty
    except NovumError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {reason(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: str | os.PathLike[str]) -> None:
    """Try whether a new folder can be made; nothing of the trial is left.

    Before work that takes long: `atomic_folder` says the same, but only once it is done.

    Raises
    ------
    OutputError
        As `atomic_folder` does.
    """
    target = _resolved(path)
    try:
        _require_free(target)
        around = next(parent for parent in target.parents if parent.exists())
        os.rmdir(tempfile.mkdtemp(prefix=".", dir=around))
    except NovumError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {reason(error)}") from error


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = True) -> None:
    """Write text (UTF-8) whole or not at all.

    Raises
    ------
    OutputError
        As `atomic_path` does.
    """
    write_bytes(path, text.encode("utf-8"), overwrite=overwrite)


def write_bytes(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = True) -> None:
    """Write bytes whole or not at all.

    Raises
    ------
    OutputError
        As `atomic_path` does.
    """
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder and those that it lies in, where they are not there already; return its path.

    Raises
    ------
    OutputError
        If it cannot be made; names the path and the reason.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{folder}: cannot be made: it is a file, not a folder") from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {reason(error)}") from None
    return folder


def remove_leftovers(folder: str | os.PathLike[str], names: Collection[str]) -> None:
    """Remove what a killed process left of writing files of these names into a folder.

    Parameters
    ----------
    folder : path-like
        Nobody else may be writing these files there; see `novum.io.folder_lock`.
    names : collection of str
        Names of the files themselves; others are not touched.
    """
    for path in Path(folder).glob(".*-*"):
        token, _, name = path.name[1:].partition("-")
        if name in names and _TOKEN.fullmatch(token) and path.is_file():
            with suppress(OSError):
                path.unlink()


def _resolved(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(os.path.realpath(Path(path).expanduser()))
    except ValueError as error:  # a null character in the name
        raise OutputError(f"{str(path)!r}: is not a file name: {error}") from None
    except RuntimeError as error:  # no home folder of that user
        raise OutputError(f"{path}: {error}") from None


def _require_free(target: Path) -> None:
    if target.exists():
        raise OutputError(f"{target}: exists already and is not overwritten")


def _check_target(target: Path, overwrite: bool) -> None:
    try:
        if not target.parent.is_dir():
            raise OutputError(f"{target}: there is no folder '{target.parent}'")
        if target.is_dir():
            raise OutputError(f"{target}: is a folder, not a file")
        if not target.exists():
            return
    except NovumError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {reason(error)}") from error
    if not target.is_file():
        # Moving a file onto /dev/null or a pipe would replace the device.
        raise OutputError(f"{target}: is not a regular file")
    if not overwrite:
        raise OutputError(f"{target}: exists already and is not overwritten")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
