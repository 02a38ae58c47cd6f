"""Events from columns in memory, under the same conventions as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, MissingColumnError
from novum.events import Events
from novum.io.roles import BOOKKEEPING, ROLES, rank, role_of, to_integers, to_labels

MEMORY = Path("memory")


def events_from_columns(
    names: Iterable[str],
    get: Callable[[str], Any],
    wanted: Sequence[str] | None = None,
) -> Events:
    """Build `Events` from named columns; weights, labels and numbers are known by their names.

    Parameters
    ----------
    names : iterable of str
        All columns there are.
    get : callable
        Column of a name, one number per event.
    wanted : sequence of str, optional
        Features to take; by default all columns that are no role.

    Raises
    ------
    MissingColumnError
        If a wanted column is missing; names the nearest.
    InputError
        If a wanted column holds a role or is not numeric.
    """
    columns = [str(name) for name in names]
    roles: dict[str, str] = {}
    for role in ROLES:
        found = [name for name in columns if role_of(name) == role]
        if found:
            roles[role] = min(found, key=lambda name: rank(name, role))
    features = [name for name in columns if role_of(name) is None]
    for name in wanted or ():
        if name not in columns:
            raise MissingColumnError(name, features, file=MEMORY)
        if name not in features:
            raise InputError(
                f"is a {role_of(name)} column, which is never read as a feature",
                file=MEMORY,
                column=name,
            )
    found_ids = roles.get("id")
    label = roles.get("label")
    return Events.from_arrays(
        {name: _numbers(get(name), name) for name in (wanted or features)},
        weight=_numbers(get(roles["weight"]), roles["weight"]) if "weight" in roles else None,
        label=None if label is None else to_labels(np.asarray(get(label)), MEMORY, label),
        id=(
            None
            if found_ids is None
            else to_integers(np.asarray(get(found_ids)), MEMORY, found_ids, signed=False)
        ),
        bookkeeping={
            r: to_integers(np.asarray(get(roles[r])), MEMORY, roles[r])
            for r in BOOKKEEPING
            if r in roles
        },
    )


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        kind = np.asarray(values).dtype
        raise InputError(
            f"is not numeric: its type is {kind}", file=MEMORY, column=name, value=str(kind)
        ) from None
