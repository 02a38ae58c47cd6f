"""Records of single events: contributions, values beside background, nearest background events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import Detector
from novum.outlier.reconstruction import Reconstructor
from novum.search.background_sample import BackgroundSample
from novum.search.displays import DISPLAYED_EVENTS
from novum.search.explained import (
    QUANTILES,
    EventImage,
    ExplainedEvent,
    ExplainedPiece,
    NearEvent,
)
from novum.search.lowest import Lowest
from novum.search.outliers import OutlierModel
from novum.search.pieces import Piece, image_of
from novum.search.records import EventCloud, Numbers

FloatArray = NDArray[np.float64]
Clouds = Sequence[tuple[EventCloud, ...]]


@dataclass(frozen=True, eq=False)
class PieceTable:
    """Pieces, and the contributions (k, G) of the explained events."""

    pieces: tuple[Piece, ...]
    contributions: FloatArray

    @property
    def first_columns(self) -> NDArray[np.int64]:
        """Column of X that holds the value of each piece; none where values tell nothing."""
        return np.array([p.columns[0] for p in self.pieces if p.valued], np.int64)

    def records(self, background: FloatArray) -> tuple[ExplainedPiece, ...]:
        """Names, and quantiles of a background sample (b, d)."""
        columns = self.first_columns
        if not len(columns):
            return tuple(ExplainedPiece(p.name) for p in self.pieces)
        quantiles = np.quantile(background[:, columns], QUANTILES, axis=0).T
        pairs = zip(self.pieces, quantiles, strict=True)
        return tuple(ExplainedPiece(p.name, numbers(q)) for p, q in pairs)


def event_records(
    model: OutlierModel,
    top: Lowest,
    table: PieceTable,
    sample: BackgroundSample,
    near: int,
    *,
    clouds: Clouds,
    same: bool,
) -> tuple[ExplainedEvent, ...]:
    """A record for each explained event.

    Parameters
    ----------
    model : OutlierModel
    top : Lowest
        Events with `id`, `row` and `X` (k, d), whose keys are minus the scores.
    table : PieceTable
    sample : BackgroundSample
    near : int
        Nearest background events of each.
    clouds : sequence of tuple of EventCloud
        Of the first few events.
    same : bool
        Whether events and background are from one file, where an event is not its own neighbour.
    """
    X, ids = top.columns["X"], top.columns["id"]
    scores, columns = -top.keys, table.first_columns
    p_values = model.p_value(scores)
    rebuilt = _rebuilt(model.detector, X)
    place, distance = nearest_events(model.detector, X, sample, ids if same else None, near)
    below = _below(X[:, columns], sample.X[:, columns])
    latent = _latent(model.detector, X)
    has_image = image_of(model.inputs) is not None
    found = []
    for i in range(len(X)):
        image = has_image and i < DISPLAYED_EVENTS and len(place[i]) > 0
        pictures = clouds[i] if i < len(clouds) else ()
        found.append(
            ExplainedEvent(
                id=int(ids[i]),
                row=int(top.columns["row"][i]),
                score=float(scores[i]),
                p_value=float(p_values[i]),
                contributions=numbers(table.contributions[i]),
                values=numbers(X[i, columns]),
                rebuilt=() if rebuilt is None else numbers(rebuilt[i, columns]),
                below=numbers(below[i]),
                near=tuple(
                    NearEvent(int(sample.ids[j]), float(f"{r:.4g}"))
                    for j, r in zip(place[i], distance[i], strict=True)
                ),
                latent=numbers(latent[i]),
                image=_image(X[i], rebuilt, i, sample.X[place[i][0]]) if image else None,
                clouds=pictures,
                particles=_particles(model, table, i, X[i], pictures),
            )
        )
    return tuple(found)


def nearest_events(
    detector: Detector,
    X: FloatArray,
    sample: BackgroundSample,
    ids: NDArray[np.uint64] | None,
    near: int,
) -> tuple[list[NDArray[np.int64]], list[FloatArray]]:
    """Nearest rows of a background sample for each event (n, d), and their distances.

    Distances are Euclidean in standardised features, or Mahalanobis distances in the latent space
    of detectors that rebuild events. Background events with the id of an event are left out where
    `ids` are given.
    """
    own, others = _coordinates(detector, X), _coordinates(detector, sample.X)
    places, distances = [], []
    for i, point in enumerate(own):
        r = np.sqrt(((others - point) ** 2).sum(axis=1))
        if ids is not None:
            r[sample.ids == ids[i]] = np.inf
        first = np.argsort(r, kind="stable")[:near]
        first = first[np.isfinite(r[first])]
        places.append(first)
        distances.append(r[first])
    return places, distances


def numbers(values: NDArray[np.floating]) -> Numbers:
    """Six significant digits of each, for the record."""
    return tuple(float(f"{v:.6g}") for v in values)


def _coordinates(detector: Detector, X: FloatArray) -> FloatArray:
    if isinstance(detector, Reconstructor):
        return detector.latent_axes(X)
    return np.asarray((X - detector.center_) / detector.scale_)


def _latent(detector: Detector, X: FloatArray) -> FloatArray:
    if not isinstance(detector, Reconstructor):
        return np.zeros((len(X), 0))
    return detector.latent_axes(X)[:, :2]


def _rebuilt(detector: Detector, X: FloatArray) -> FloatArray | None:
    """What can be set beside the events: not what is rebuilt in an order of its own."""
    ordered = isinstance(detector, Reconstructor) and detector.rebuilds_in_order
    return detector.reconstruct(X) if ordered else None


def _below(values: FloatArray, background: FloatArray) -> FloatArray:
    """Share of background below each value (n, d), half of those that are equal."""
    found = np.empty(values.shape)
    for j, column in enumerate(np.sort(background, axis=0).T):
        ends = [np.searchsorted(column, values[:, j], side) for side in ("left", "right")]
        found[:, j] = np.mean(ends, axis=0) / len(column)
    return found


def _image(x: FloatArray, rebuilt: FloatArray | None, i: int, near: FloatArray) -> EventImage:
    return EventImage(numbers(x), () if rebuilt is None else numbers(rebuilt[i]), numbers(near))


def _particles(
    model: OutlierModel,
    table: PieceTable,
    i: int,
    x: FloatArray,
    clouds: tuple[EventCloud, ...],
) -> Numbers:
    """Contributions of the particles of the first cloud that is drawn, in its order."""
    inputs = model.inputs
    if not clouds or clouds[0].name != inputs.cloud or inputs.representation is not None:
        return ()  # a representation has its own order and leaves particles out
    pt = x[table.first_columns[len(inputs.features) :]]
    carried = table.contributions[i, len(inputs.features) :]
    present = np.flatnonzero(pt > 0)
    order = present[np.argsort(-pt[present], kind="stable")][: len(clouds[0].pt)]
    return numbers(carried[order]) if len(order) == len(clouds[0].pt) else ()
