"""Truth labels from a column that the user names, and labels joined by id."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, MissingColumnError
from novum.events import Events
from novum.io.base import open_events
from novum.io.origin import with_origin
from novum.io.roles import ROLES, role_of, to_labels


def read_labelled(
    path: str | os.PathLike[str],
    label: str | None = None,
    columns: Sequence[str] | None = None,
) -> Events:
    """Events whose labels come from the column `label`.

    Parameters
    ----------
    path : path-like
        Any table of events.
    label : str, optional
        A column of 0 (background) and 1 (signal). By default the column that has the name of a
        label, if there is one; the events are unlabelled if there is none.
    columns : sequence of str, optional
        Features to read; all by default. The label is never one of them.

    Raises
    ------
    MissingColumnError
        If `label` or a feature is missing; names the nearest.
    InputError
        If a label is neither 0 nor 1, or the file has a label column that `label` is not.
    """
    source = open_events(path)
    schema = source.schema
    if label is None or label == schema.label:
        return with_origin(source.read(columns), path)
    if label not in schema.columns:
        if role_of(label) == "label" and schema.label is not None:
            raise InputError(
                f"the labels of this file are read from its column '{schema.label}'",
                file=path,
                column=label,
            )
        known = [*schema.columns, *([schema.label] if schema.label else [])]
        raise MissingColumnError(label, known, file=path)
    events = source.read(None if columns is None else list(dict.fromkeys([*columns, label])))
    features = dict(events.features)
    truth = to_labels(features.pop(label), Path(path), label)
    return with_origin(replace(events, features=features, label=truth), path)


def require_labels(events: Events) -> NDArray[np.int8]:
    """The labels, shape (n,).

    Raises
    ------
    InputError
        If there are none; says which names hold labels.
    """
    if events.label is None:
        raise InputError(
            f"has no label column ({', '.join(ROLES['label'])}); name one with --label",
            file=events.meta.origin,
        )
    return events.label


def rows_by_id(ids: NDArray[np.uint64], table: Events) -> NDArray[np.int64]:
    """Row of `table` for each id, shape (n,).

    Raises
    ------
    InputError
        If the table lacks an id or has one twice; names the first.
    """
    order = np.argsort(table.id, kind="stable")
    known = table.id[order]
    twice = np.flatnonzero(known[1:] == known[:-1])
    if len(twice):
        raise InputError(
            f"has {len(twice)} ids more than once, the first is {known[twice[0]]}; a join needs "
            "each of them once",
            file=table.meta.origin,
            column="id",
            value=int(known[twice[0]]),
        )
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    missing = np.flatnonzero(known[place] != ids)
    if len(missing):
        raise InputError(
            f"lacks {len(missing)} of {len(ids)} ids, the first is {ids[missing[0]]} (where a file "
            "has no id column, its rows count from 0)",
            file=table.meta.origin,
            column="id",
            value=int(ids[missing[0]]),
        )
    return order[place]
