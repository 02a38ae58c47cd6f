"""Scan of the number of latent variables: what each bottleneck keeps of the background."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sklearn.base import clone

from novum.catalogue import build
from novum.errors import ConfigError
from novum.evaluation import auc
from novum.events import Events
from novum.io import open_events
from novum.io.documents import from_json, to_json
from novum.io.origin import with_origin
from novum.outlier.reconstruction import Reconstructor
from novum.progress import NoProgress, Progress
from novum.search.background import read_background
from novum.search.chunks import origin_of
from novum.search.outliers import OutlierModel, fit_outlier, score_name
from novum.search.representations import Representation

SCHEMA, SCHEMA_VERSION = "novum-latent-scan", 1
SIZES = (1, 2, 3, 4, 6, 8, 12)
SEEDS = 3


@dataclass(frozen=True)
class LatentPoint:
    """One size of the latent space.

    Attributes
    ----------
    latent : int
        Number of latent variables.
    residual : tuple of float
        Mean squared residual of held-out background for each seed, with features scaled to mean
        square one, or the first of the scores where a detector has another: what is lost of the
        background.
    auc : tuple of float
        Of signal against held-out background for each seed; empty without signal. Truth level.
    seconds : float
        Of all trainings.
    """

    latent: int
    residual: tuple[float, ...]
    auc: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class LatentScan:
    """Sizes of the latent space of one detector.

    Attributes
    ----------
    method, score : str
        The detector, and the score whose AUC is given.
    background, signal : str or None
        Where the events are from.
    n_events, n_held_out : int
        Background events that train and that measure, of the first seed.
    points : tuple of LatentPoint
        By rising size.
    """

    method: str
    score: str
    background: str
    signal: str | None
    n_events: int
    n_held_out: int
    points: tuple[LatentPoint, ...]
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The JSON text, the same bits for equal records."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "latent scan") -> LatentScan:
        """Inverse of `to_json`.

        Raises
        ------
        FileFormatError
            If the text is no latent scan, of another schema version, or damaged.
        """
        what = "latent scan"
        return from_json(cls, text, source, what=what, schema=SCHEMA, version=SCHEMA_VERSION)


def scan_latent(
    background: str | os.PathLike[str] | Events,
    method: str,
    *,
    latent: Sequence[int] | None = None,
    signal: str | os.PathLike[str] | Events | None = None,
    seeds: int = SEEDS,
    features: Sequence[str] | None = None,
    cloud: str | None = None,
    representation: Representation | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> LatentScan:
    """Train a detector with several sizes of its latent space; held-out background measures.

    Parameters
    ----------
    background : path or Events
    method : str
        Name of a detector with a latent space.
    latent : sequence of int, optional
        Sizes; by default those of 1, 2, 3, 4, 6, 8 and 12 that the detector takes and that are
        smaller than the number of columns.
    signal : path or Events, optional
        Signal for the AUC, a study at truth level: a size chosen by it is no blind choice.
    seeds : int
        Trainings of each size, with other held-out events each.
    features, cloud, representation, options
        As for `fit_outlier`.
    seed : int
        The first.
    progress : Progress, optional

    Raises
    ------
    ConfigError
        If the detector has no latent space, or a size makes no sense.
    InputError
        As `fit_outlier` does.
    """
    given = dict(options or {})
    if seeds < 1:
        raise ConfigError(f"seeds: must be at least 1, got {seeds}")
    detector = build("detector", method, **given)
    if not isinstance(detector, Reconstructor):
        raise ConfigError(f"latent: {method} has no latent space to scan")
    events, inputs = read_background(background, detector, features, cloud, representation)
    n_columns = len(inputs.names)
    sizes = _default_sizes(detector, n_columns) if latent is None else _checked(detector, latent)
    found: dict[int, list[tuple[OutlierModel, float | None]]] = {size: [] for size in sizes}
    # The largest first: one that is too large is refused before anything is trained.
    runs = [(size, seed + i) for size in reversed(sizes) for i in range(seeds)]
    known: Events | None = None
    for size, own in (progress or NoProgress()).track(runs, "latent sizes", len(runs)):
        model = fit_outlier(
            events,
            method,
            features=features,
            cloud=inputs.cloud,
            representation=inputs.representation,
            options=given | {"latent": size},
            seed=own,
        )
        if signal is not None and known is None:
            known = _signal(model, signal)
        found[size].append((model, None if known is None else _auc(model, known)))
    first = found[sizes[0]][0][0]
    return LatentScan(
        method=method,
        score=score_name(first.detector),
        background=first.trained_on,
        signal=None if signal is None else origin_of(signal),
        n_events=first.n_events,
        n_held_out=first.n_held_out,
        points=tuple(_point(size, made) for size, made in found.items()),
    )


def _checked(detector: Reconstructor, latent: Sequence[int]) -> list[int]:
    sizes = sorted(set(latent))
    if not sizes or sizes[0] < 1:
        raise ConfigError(f"latent: sizes must be at least 1, got {tuple(latent)}")
    for size in sizes:
        _require_size(detector, size)
    return sizes


def _default_sizes(detector: Reconstructor, n_columns: int) -> list[int]:
    sizes = [size for size in SIZES if size < n_columns and _takes(detector, size)]
    if not sizes:
        raise ConfigError(f"latent: {n_columns} columns are too few for {detector.name}")
    return sizes


def _takes(detector: Reconstructor, size: int) -> bool:
    try:
        _require_size(detector, size)
    except ConfigError:
        return False
    return True


def _require_size(detector: Reconstructor, size: int) -> None:
    clone(detector).set_params(latent=size).check_ready()


def _signal(model: OutlierModel, signal: str | os.PathLike[str] | Events) -> Events:
    if isinstance(signal, Events):
        return signal
    source = open_events(signal)
    model.inputs.require(source.schema, str(signal))
    return with_origin(source.read(model.inputs.columns), signal)


def _auc(model: OutlierModel, signal: Events) -> float:
    held = model.held_out[score_name(model.detector)]
    return auc(held, model.anomaly_score(signal))


def _point(size: int, made: Sequence[tuple[OutlierModel, float | None]]) -> LatentPoint:
    return LatentPoint(
        latent=size,
        residual=tuple(float(model.held_out[model.detector.scores[0]].mean()) for model, _ in made),
        auc=tuple(found for _, found in made if found is not None),
        seconds=sum(model.seconds for model, _ in made),
    )


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least and largest."""
    return median(values), min(values), max(values)
