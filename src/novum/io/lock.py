"""One writer a folder: a lock of the operating system that no crash can leave behind."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from novum.errors import OutputError
from novum.io.atomic import make_folder
from novum.io.base import reason

LOCK_FILE = ".lock"

_CANNOT_LOCK = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_held: set[int] = set()


@contextmanager
def folder_lock(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a folder, made if needed, against every other process and thread that locks it.

    The lock goes with the process, also if that is killed, so that a lock file that is left over
    blocks nobody. Workers that the process starts do not hold it. It is not reentrant.

    Parameters
    ----------
    folder : path-like
        The folder; while it is held there is a file ``.lock`` in it.

    Raises
    ------
    OutputError
        If another process writes the folder, or it cannot be made or written.
    """
    path = make_folder(folder) / LOCK_FILE
    handle = _locked(path)
    owner = os.getpid()
    _held.add(handle)
    try:
        yield
    finally:
        if os.getpid() == owner:
            _held.discard(handle)
            # Removed before it is let go: whoever opened it meanwhile sees that it is gone.
            with suppress(OSError):
                path.unlink(missing_ok=True)
            os.close(handle)


def _locked(path: Path) -> int:
    while True:
        try:
            # Python's descriptors are closed on exec, and `_let_go` closes them on fork.
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be written: {reason(error)}") from None
        try:
            _lock(handle, path)
            # The file may have been removed between opening and locking it.
            if _is_still(handle, path):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 200).decode("utf-8", "replace")
        who = f" ({holder})" if holder else ""
        raise OutputError(f"{path.parent}: is being written by another process{who}") from None
    except OSError as error:
        if error.errno not in _CANNOT_LOCK:
            raise OutputError(f"{path.parent}: cannot be locked: {reason(error)}") from None
        warnings.warn(
            f"{path.parent}: this file system has no locks; start no second search in this folder",
            stacklevel=2,
        )


def _is_still(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _let_go() -> None:
    """In a forked child: close its copies, which would hold the lock after its parent's end."""
    for handle in _held:
        with suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
