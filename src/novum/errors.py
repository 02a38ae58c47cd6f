"""Every error novum raises on purpose, the near-misses of their messages, and one common check."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike


class NovumError(Exception):
    """Base of all errors raised on purpose; the command line prints these without a traceback."""


class InputError(NovumError, ValueError):
    """Input that cannot be used. Names the file, column and value where they are known.

    Parameters
    ----------
    message : str
        What is wrong and, where possible, what to do about it.
    file : path-like, optional
        The file the input came from.
    column : str, optional
        The offending column.
    value : object, optional
        The offending value.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | PathLike[str] | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.file = None if file is None else str(file)
        self.column = column
        self.value = value
        where = [self.file] if self.file else []
        if column is not None:
            where.append(f"column '{column}'")
        super().__init__(f"{', '.join(where)}: {message}" if where else message)


class MissingColumnError(InputError):
    """A column that was asked for is not in the input; the nearest names are suggested."""

    def __init__(
        self, column: str, available: Iterable[str], *, file: str | PathLike[str] | None = None
    ) -> None:
        names = list(available)
        near = nearest(column, names)
        hint = f"did you mean {_listed(near)}?" if near else f"it has {_listed(names)}"
        super().__init__(f"no such column; {hint}", file=file, column=column)
        self.suggestions = near


class FileFormatError(InputError):
    """A file is truncated, damaged or not in a layout that novum reads."""


class WindowError(InputError):
    """A window that is empty, one-sided, outside the data or in other units than the data."""


class ConfigError(NovumError, ValueError):
    """A configuration key or value that novum does not know."""


class FitError(NovumError, ArithmeticError):
    """A fit that has no solution or did not converge."""


class OutputError(NovumError, OSError):
    """An output folder or file that exists, cannot be written or does not belong to this run."""


class ExportError(NovumError, ValueError):
    """Something that cannot be written in the format of others; the message says why."""


class MissingDependencyError(NovumError, ImportError):
    """An optional package is needed; the message says what to install."""


def require_seed(seed: int) -> None:
    """Refuse a seed that no generator of random numbers takes.

    Raises
    ------
    ConfigError
        If it is negative.
    """
    if seed < 0:
        raise ConfigError(f"seed: must not be negative, got {seed}")


def nearest(name: str, available: Iterable[str], n: int = 3) -> list[str]:
    """Names close to `name`, best first, compared without regard to case."""
    import difflib  # only where there is an error: --help shall be quick

    by_lower: dict[str, str] = {}
    for candidate in available:
        by_lower.setdefault(candidate.lower(), candidate)
    close = difflib.get_close_matches(name.lower(), by_lower, n=n, cutoff=0.5)
    return [by_lower[c] for c in close]


def _listed(names: list[str], most: int = 12) -> str:
    shown = ", ".join(f"'{n}'" for n in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
