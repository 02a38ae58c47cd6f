"""Optional packages: imported in one place, with an error that says what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from novum.errors import MissingDependencyError


def optional(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package.

    Parameters
    ----------
    module : str
        Its name.
    extra : str
        The extra of novum that installs it.
    purpose : str
        What needs it, as the subject of a sentence.

    Raises
    ------
    MissingDependencyError
        If it is not installed; says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != module.partition(".")[0]:
            raise  # it is there and lacks something itself
        raise MissingDependencyError(
            f"{purpose} needs {module}: pip install 'novum[{extra}]'"
        ) from None
