"""Optional packages: the one place that says what to install where one is missing."""

from __future__ import annotations

from importlib.util import find_spec

from novum.errors import MissingDependencyError


def require(module: str, extra: str, purpose: str) -> None:
    """Raise unless `module` can be imported; nothing is imported.

    Parameters
    ----------
    module : str
        Name that would be imported.
    extra : str
        Extra of novum that brings it.
    purpose : str
        What needs it, to begin the message with.

    Raises
    ------
    MissingDependencyError
        Says what to install.
    """
    if find_spec(module) is None:
        raise MissingDependencyError(
            f"{purpose} needs {module}, which is not installed: pip install 'novum[{extra}]'"
        )
