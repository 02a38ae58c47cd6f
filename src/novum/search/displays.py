"""Constituents of the few events that a report draws, read from their file when they are known.

A search reads no constituents: they take a hundred times the memory of the features.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from novum.errors import NovumError
from novum.events import Cloud, Events
from novum.io import open_events
from novum.search.records import EventCloud

DISPLAYED_EVENTS = 6
_MOST_PARTICLES = 200
_FIELDS = ("pt", "eta", "phi")


def displayed_clouds(events: Events, rows: NDArray[np.int64]) -> list[tuple[EventCloud, ...]]:
    """Clouds of the first `DISPLAYED_EVENTS` of some rows; empty where there are none to draw.

    Parameters
    ----------
    events : Events
        With clouds, or from a file that has them.
    rows : int array (k,)

    Returns
    -------
    list of k tuples
        pT [GeV], η and φ [rad] of the particles of each cloud, rounded for the record.
    """
    shown = rows[:DISPLAYED_EVENTS]
    clouds = {
        name: cloud
        for name, cloud in _clouds(events, shown).items()
        if set(_FIELDS) <= set(cloud.fields)
    }
    found = [
        tuple(c for name, cloud in clouds.items() if (c := event_cloud(name, cloud, i)).pt)
        for i in range(len(shown))
    ]
    return found + [()] * (len(rows) - len(shown))


def _clouds(events: Events, rows: NDArray[np.int64]) -> Mapping[str, Cloud]:
    if events.clouds:
        return events.take(rows).clouds
    if not len(rows) or not Path(events.meta.origin).is_file():
        return {}
    try:
        source = open_events(events.meta.origin)
        names = list(source.schema.clouds)
        read = source.rows(rows, names) if names else None
    except NovumError:  # displays are an extra: the file may have gone since it was read
        return {}
    if read is None or not np.array_equal(read.id, events.id[rows]):
        return {}
    return read.clouds


def event_cloud(name: str, cloud: Cloud, row: int) -> EventCloud:
    """Particles of the event in a row of a cloud with pt, eta and phi, rounded for the record."""
    values = np.asarray(cloud.values[row], np.float64)
    pt, eta, phi = (values[:, cloud.fields.index(field)] for field in _FIELDS)
    present = np.flatnonzero(pt > 0)
    leading = present[np.argsort(-pt[present], kind="stable")][:_MOST_PARTICLES]
    return EventCloud(
        name=name,
        pt=tuple(float(f"{v:.4g}") for v in pt[leading]),
        eta=tuple(np.round(eta[leading], 3).tolist()),
        phi=tuple(np.round(phi[leading], 3).tolist()),
    )
