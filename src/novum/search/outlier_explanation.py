"""`explain`: the most anomalous events of a file, and what carries their scores."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, InputError
from novum.events import Events
from novum.io import open_events
from novum.outlier.reconstruction import Reconstructor
from novum.progress import Progress
from novum.search.background_sample import BackgroundSample, Source, background_sample
from novum.search.chunks import origin_of, read_chunks
from novum.search.contributions import occlusion, residual_contributions
from novum.search.crossfitting import hash_of
from novum.search.displays import DISPLAYED_EVENTS, displayed_clouds
from novum.search.explained import Explanation, LatentPicture, ModelRecord
from novum.search.explained_events import PieceTable, event_records
from novum.search.lowest import Lowest
from novum.search.outliers import OutlierModel, choose_score, score_name
from novum.search.pieces import image_of, patch_side, pieces_of
from novum.search.provenance import versions
from novum.search.records import EventCloud
from novum.search.score_spectrum import passing_events, score_spectrum

FloatArray = NDArray[np.float64]

TOP, DRAWS, NEAR = 10, 64, 3
_SCORES = 50_000  # whose spectrum is drawn
_PICTURED = 1500  # points of a picture of the latent space


@dataclass(eq=False)
class _Scored:
    """What is kept of a file that was scored."""

    top: Lowest
    scores: Lowest
    pictured: Lowest
    ranks: NDArray[np.int64]  # events by 1 + the number of held-out events above them
    n: int = field(default=0)


def explain(
    model: OutlierModel | str | os.PathLike[str],
    events: Source,
    *,
    top: int = TOP,
    background: Source | None = None,
    score_by: str | None = None,
    draws: int = DRAWS,
    near: int = NEAR,
    seed: int = 0,
    progress: Progress | None = None,
) -> Explanation:
    """Find the most anomalous events and say what makes them so.

    Where the score is a sum of residuals (mse, mae and residual-mahalanobis of detectors that
    rebuild events), the contributions of the features are its summands. For all others a feature
    in turn takes the values of background events: the contribution is the mean drop of the score.
    Events are read in chunks.

    Parameters
    ----------
    model : OutlierModel or path
    events : path or Events
    top : int
        How many events are explained.
    background : path or Events, optional
        Background to compare with; by default what the model held out of the file that it was
        trained on.
    score_by : str, optional
        Another of the scores of the detector.
    draws : int
        Background events whose values each feature takes.
    near : int
        Nearest background events that are named of each event.
    seed : int
        Of samples and draws.
    progress : Progress, optional

    Raises
    ------
    ConfigError
        If the detector has no such score, or a number makes no sense.
    InputError
        If a file lacks a column of the model, holds a value that is not finite, has fewer than
        `top` events, or there is no background.
    """
    for key, value in (("top", top), ("draws", draws), ("near", near)):
        if value < 1:
            raise ConfigError(f"{key}: must be at least 1, got {value}")
    model = model if isinstance(model, OutlierModel) else OutlierModel.load(model)
    model = choose_score(model, score_by)
    sample = background_sample(model, background, seed, progress)
    scored = _score(model, events, top, seed, progress)
    if scored.n < top:
        raise InputError(
            f"holds {scored.n} events, the {top} most anomalous were asked for",
            file=origin_of(events),
            value=top,
        )
    X = scored.top.columns["X"]
    pieces = pieces_of(model.inputs, whole_patches=False)
    found = residual_contributions(model.detector, X, pieces)
    how = "occlusion" if found is None else "residuals"
    if found is None:
        pieces = pieces_of(model.inputs, whole_patches=True)
        found = occlusion(model.detector, X, pieces, sample.X[:draws], progress)
    table = PieceTable(pieces, found)
    image = image_of(model.inputs)
    held = model.held_out[score_name(model.detector)]
    return Explanation(
        model=model_record(model),
        origin=origin_of(events),
        n_events=scored.n,
        background=sample.origin,
        n_background=len(sample.ids),
        how=how,
        draws=min(draws, len(sample.ids)) if how == "occlusion" else 0,
        seed=seed,
        image_size=0 if image is None else image.size,
        patch=0 if image is None else 1 if how == "residuals" else patch_side(image.size),
        pieces=table.records(sample.X),
        events=event_records(
            model, scored.top, table, sample, near,
            clouds=_clouds(model, events, scored.top.columns["row"]),
            same=_same(events, background, model),
        ),
        spectrum=score_spectrum(held, scored.scores.columns["score"], -scored.top.keys),
        passing=passing_events(scored.ranks),
        latent=_picture(model, sample, scored.pictured.columns["X"]),
        notes=(*_notes(model, events), *sample.notes),
        versions=versions(model.detector),
    )  # fmt: skip


def _score(
    model: OutlierModel, events: Source, top: int, seed: int, progress: Progress | None
) -> _Scored:
    h = len(model.held_out[score_name(model.detector)])
    kept = _Scored(Lowest(top), Lowest(_SCORES), Lowest(_PICTURED), np.zeros(h + 2, np.int64))
    for chunk in read_chunks(events, model.inputs, "scoring", progress):
        X = model.inputs.table(chunk)
        scores = model.detector.anomaly_score(X)
        ranks = np.rint(model.p_value(scores) * (1 + h)).astype(np.int64)
        rows = kept.n + np.arange(len(chunk))
        drawn = hash_of(chunk.id, seed, 1)
        kept.top.add(-scores, id=chunk.id, row=rows, X=X)
        kept.scores.add(drawn, score=scores)
        kept.pictured.add(drawn, X=X)
        kept.ranks += np.bincount(ranks, minlength=h + 2)
        kept.n += len(chunk)
    return kept


def model_record(model: OutlierModel) -> ModelRecord:
    """What a model is, in words and numbers."""
    detector, inputs = model.detector, model.inputs
    return ModelRecord(
        method=detector.name,
        summary=(type(detector).__doc__ or detector.name).strip().splitlines()[0],
        parameters={key: _words(value) for key, value in detector.get_params().items()},
        score=score_name(detector),
        columns=inputs.columns,
        n_columns=len(inputs.names),
        trained_on=model.trained_on,
        n_events=model.n_events,
        n_held_out=model.n_held_out,
        references=tuple(detector.reference),
    )


def _words(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_words(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _picture(model: OutlierModel, sample: BackgroundSample, X: FloatArray) -> LatentPicture | None:
    if not isinstance(model.detector, Reconstructor):
        return None
    n_latent = model.detector.latent_whitening_.shape[-1]
    axes = (model.detector.latent_axes(part) for part in (sample.X[:_PICTURED], X))
    background, events = (
        tuple(tuple(np.round(axis, 3).tolist()) for axis in part[:, :2].T) for part in axes
    )
    return LatentPicture(n_latent, background, events)


def _clouds(
    model: OutlierModel, events: Source, rows: NDArray[np.int64]
) -> list[tuple[EventCloud, ...]]:
    """Particles of the first few events as the file has them; first those that the model reads."""
    few, own = rows[:DISPLAYED_EVENTS], model.inputs.cloud
    read = events
    if not isinstance(read, Events):
        source = open_events(read)
        if not source.schema.clouds:
            return []
        read, few = source.rows(few, list(source.schema.clouds)), np.arange(len(few))
    found = displayed_clouds(read, few)
    return [tuple(sorted(clouds, key=lambda c: c.name != own)) for clouds in found]


def _same(events: Source, background: Source | None, model: OutlierModel) -> bool:
    """Whether events and background are the same, so that an event may be its own neighbour."""
    if isinstance(events, Events) or isinstance(background, Events):
        return events is background
    other = model.file if background is None else os.fspath(background)
    return other is not None and Path(events).resolve() == Path(other).resolve()


def _notes(model: OutlierModel, events: Source) -> tuple[str, ...]:
    if not _same(events, None, model):
        return ()
    return (
        "Four in five of these events are those that the model was trained on; p-values hold for "
        "the others.",
    )
