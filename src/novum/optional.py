"""Optional packages: the one place that says what to install where one is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from novum.errors import MissingDependencyError


def optional(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package.

    Parameters
    ----------
    module : str
        Its name.
    extra : str
        Extra of novum that brings it.
    purpose : str
        What needs it, to begin the message with.

    Raises
    ------
    MissingDependencyError
        Says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != module.partition(".")[0]:
            raise  # it is there and lacks something itself
        raise _missing(module, extra, purpose) from None


def require(module: str, extra: str, purpose: str) -> None:
    """Raise unless `module` can be imported; nothing is imported. Parameters as `optional`.

    Raises
    ------
    MissingDependencyError
        Says what to install.
    """
    if find_spec(module) is None:
        raise _missing(module, extra, purpose)


def _missing(module: str, extra: str, purpose: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{purpose} needs {module}, which is not installed: pip install 'novum[{extra}]'"
    )
