"""The background of a fit: how it is read, which of its events train, and which are held out."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.events import Events
from novum.io import open_events
from novum.io.origin import with_origin
from novum.outlier.base import Detector
from novum.outlier.tail import HELD_OUT, equally_likely
from novum.search.crossfitting import fold_of, hash_of
from novum.search.model_inputs import Inputs
from novum.search.representations import Representation, representation_for

_THINNING = 2  # which of the numbers of an event thins; 0 sets aside, 1 draws samples


def read_background(
    background: str | os.PathLike[str] | Events,
    detector: Detector,
    features: Sequence[str] | None,
    cloud: str | None,
    representation: Representation | None,
) -> tuple[Events, Inputs]:
    """Events to fit a detector on, and what it reads of them; as `fit_outlier` is asked.

    Faults name the file that is read, wherever its events are from.
    """
    representation = representation_for(detector, representation)
    events = _events(background, features, cloud, representation)
    if representation is not None and cloud is None:
        cloud = _only_cloud(events, representation.kind)
    return events, Inputs.choose(events, features, cloud, representation)


def _events(
    background: str | os.PathLike[str] | Events,
    features: Sequence[str] | None,
    cloud: str | None,
    representation: Representation | None,
) -> Events:
    if isinstance(background, Events):
        return background
    source = open_events(background)
    if representation is not None:
        columns = [*source.schema.clouds] if cloud is None else [cloud]
    elif features is None and cloud is None:
        columns = list(source.schema.columns)
    else:
        columns = [*(features or ()), *([] if cloud is None else [cloud])]
    return with_origin(source.read(columns), background)


def _only_cloud(events: Events, kind: str) -> str:
    """The cloud to make images or clouds of jets of, where none is named."""
    names = list(events.clouds)
    if len(names) != 1:
        there = ", ".join(names) or "none"
        raise InputError(
            f"name the cloud to make {kind} of jets of; there are: {there}",
            file=events.meta.origin,
        )
    return names[0]


def split(
    events: Events, seed: int, heaviest: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which events of a background train and which are held out by a fit, each of shape (n,).

    Of those set aside, events of unequal weight are thinned: they count one by one in a p-value.

    Parameters
    ----------
    events : Events
    seed : int
    heaviest : float
        The largest weight of the whole background.
    """
    aside = fold_of(events.id, seed, HELD_OUT) == 0
    drawn = hash_of(events.id, seed, _THINNING) / 2.0**64
    return ~aside, aside & equally_likely(events.weight, drawn, heaviest)


def heaviest_of(events: Events) -> float:
    """The largest weight of a background.

    Raises
    ------
    InputError
        If a weight is negative, or all are zero.
    """
    least, most = events.weight.min(initial=np.inf), events.weight.max(initial=0.0)
    if least < 0 or not most:
        what = "negative weights" if least < 0 else "weights that are all zero"
        raise InputError(
            f"has {what}", file=events.meta.origin, column="weight", value=float(least)
        )
    return float(most)
