"""Scan of the number of latent variables: what each bottleneck keeps of the background."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from novum.catalogue import build
from novum.errors import ConfigError
from novum.evaluation import auc
from novum.events import Events
from novum.io import open_events
from novum.io.documents import from_json, to_json
from novum.outlier.reconstruction import Reconstructor
from novum.progress import NoProgress, Progress
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
    latent: Sequence[int] = SIZES,
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
    latent : sequence of int
        Sizes.
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
    sizes, given = sorted(set(latent)), dict(options or {})
    if not sizes or sizes[0] < 1:
        raise ConfigError(f"latent: sizes must be at least 1, got {tuple(latent)}")
    if seeds < 1:
        raise ConfigError(f"seeds: must be at least 1, got {seeds}")
    if not isinstance(build("detector", method, **given), Reconstructor):
        raise ConfigError(f"latent: {method} has no latent space to scan")
    found: dict[int, list[tuple[OutlierModel, float | None]]] = {size: [] for size in sizes}
    runs = [(size, seed + i) for size in sizes for i in range(seeds)]
    for size, own in (progress or NoProgress()).track(runs, "latent sizes", len(runs)):
        model = fit_outlier(
            background,
            method,
            features=features,
            cloud=cloud,
            representation=representation,
            options=given | {"latent": size},
            seed=own,
        )
        found[size].append((model, None if signal is None else _auc(model, signal)))
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


def _auc(model: OutlierModel, signal: str | os.PathLike[str] | Events) -> float:
    events = signal
    if not isinstance(events, Events):
        source = open_events(events)
        model.inputs.require(source.schema, origin_of(signal))
        events = source.read(model.inputs.columns)
    held = model.held_out[score_name(model.detector)]
    return auc(held, model.anomaly_score(events))


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
