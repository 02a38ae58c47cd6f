"""Events after one another, and the check that their numbers are finite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from novum.errors import InputError
from novum.events import Cloud, Events
from novum.io.blocks import stacked


def concatenate(events: Sequence[Events]) -> Events:
    """Events after one another, with the origin of the first.

    Parameters
    ----------
    events : sequence of Events
        At least one; all with the same features, clouds and bookkeeping, and all or none labelled.
        Clouds of fewer particles are padded with zeros.

    Returns
    -------
    Events
        Of the summed length; ids are kept as they are.

    Raises
    ------
    InputError
        If there is nothing to join, or one has columns that another lacks.
    """
    if not events:
        raise InputError("there are no events to join")
    first = events[0]
    if len(events) == 1:
        return first
    for other in events[1:]:
        require_alike(first, other)
    return replace(
        first,
        id=np.concatenate([e.id for e in events]),
        features={k: np.concatenate([e.features[k] for e in events]) for k in first.features},
        weight=np.concatenate([e.weight for e in events]),
        label=(
            None
            if first.label is None
            else np.concatenate([e.label for e in events if e.label is not None])
        ),
        clouds={k: _join_clouds([e.clouds[k] for e in events]) for k in first.clouds},
        bookkeeping={
            k: np.concatenate([e.bookkeeping[k] for e in events]) for k in first.bookkeeping
        },
    )


def require_alike(first: Events, other: Events) -> None:
    """Refuse events that cannot follow others because their columns differ.

    Raises
    ------
    InputError
        Names the columns of both.
    """
    for mine, theirs in zip(_shape(first), _shape(other), strict=True):
        if mine != theirs:
            raise InputError(
                f"cannot be joined: one has {sorted(mine)}, the other {sorted(theirs)}",
                file=other.meta.origin,
            )


def _shape(events: Events) -> tuple[set[str], set[str], set[str], set[str]]:
    label = set() if events.label is None else {"label"}
    clouds = {f"{name} ({', '.join(cloud.fields)})" for name, cloud in events.clouds.items()}
    return set(events.features), clouds, set(events.bookkeeping), label


def _join_clouds(clouds: Sequence[Cloud]) -> Cloud:
    return Cloud(stacked([c.values for c in clouds]), clouds[0].fields)


def require_finite(events: Events, columns: Sequence[str], *, first_row: int | None = None) -> None:
    """Refuse NaN and infinities in the named features and in the weights.

    Parameters
    ----------
    events : Events
    columns : sequence of str
    first_row : int, optional
        Row of the first of these events in their file, where they are only some of it.

    Raises
    ------
    InputError
        Names the file, the column, the first bad value with its row, and how many there are where
        these are all events.
    MissingColumnError
        If there is no such feature.
    """
    checked = {name: events.column(name) for name in columns}
    for name, values in {**checked, "weight": events.weight}.items():
        bad = ~np.isfinite(values)
        if not bad.any():
            continue
        row = int(np.argmax(bad))
        said = f"{int(bad.sum())} of {len(values)} values are not finite, the first is"
        if first_row is not None:
            said = "not all values are finite, the first that is not is"
        raise InputError(
            f"{said} {values[row]} in row {row + (first_row or 0)} (rows count from 0); remove "
            "these events or the column",
            file=events.meta.origin,
            column=name,
            value=float(values[row]),
        )
