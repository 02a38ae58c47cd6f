"""A file that reports failed writes when asked, not where they happen."""

from __future__ import annotations

import io
import os
from typing import Any


class UnfailingFile(io.RawIOBase):
    """A file for HDF5 to write to: once a write has failed, it swallows all that follow.

    When a disk is full, HDF5 crashes the process as it closes the file. This file lets it close in
    peace; `require_written` then says what went wrong.

    Parameters
    ----------
    raw : io.FileIO
        The file proper, unbuffered, to read and write.
    """

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._at = 0
        self._size = os.fstat(raw.fileno()).st_size
        self._error: OSError | None = None

    def require_written(self) -> None:
        """Raise what the first failed write raised.

        Raises
        ------
        OSError
            If a write has failed.
        """
        if self._error is not None:
            raise self._error

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Where the next read or write is; the end is where it would be without failures."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """Where the next read or write is."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, with zeros where the file ends early."""
        view = memoryview(buffer).cast("B")
        data = os.pread(self._raw.fileno(), len(view), self._at)
        view[:] = data.ljust(len(view), b"\0")
        self._at += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        """Write all of the data, or remember why not."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self._error is None and done < len(view):
                done += os.pwrite(self._raw.fileno(), view[done:], self._at + done)
        except OSError as error:
            self._error = error
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file, or remember why not."""
        self._size = self._at if size is None else size
        try:
            if self._error is None:
                self._raw.truncate(self._size)
        except OSError as error:
            self._error = error
        return self._size
