"""A sample of background for explanations, by default of what a model held out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.events import Events
from novum.progress import Progress
from novum.search.background import split
from novum.search.chunks import origin_of, read_chunks
from novum.search.crossfitting import hash_of
from novum.search.lowest import Lowest
from novum.search.outliers import OutlierModel

FloatArray = NDArray[np.float64]
Source = str | os.PathLike[str] | Events

SAMPLE = 5000  # events
_NUMBERS = 1 << 24  # of all of them


@dataclass(frozen=True, eq=False)
class BackgroundSample:
    """Background events as a model reads them.

    Attributes
    ----------
    origin : str
    ids : uint64 array (b,)
    X : array (b, d)
    notes : tuple of str
        What is not as it should be.
    """

    origin: str
    ids: NDArray[np.uint64]
    X: FloatArray
    notes: tuple[str, ...] = ()


def background_sample(
    model: OutlierModel, background: Source | None, seed: int, progress: Progress | None = None
) -> BackgroundSample:
    """At most `SAMPLE` events of a background, drawn by a hash of their ids.

    Parameters
    ----------
    model : OutlierModel
    background : path, Events or None
        None: what the model held out of the file that it was trained on.
    seed : int
    progress : Progress, optional

    Raises
    ------
    InputError
        If that file is gone, or is not what the model was trained on.
    """
    own = background is None
    source: Source = _trained_on(model) if background is None else background
    held_out = own and model.seed is not None
    d = len(model.inputs.names)
    sample = Lowest(max(1, min(SAMPLE, _NUMBERS // d)))
    n_training = n_kept = 0
    total = np.zeros(d)
    for chunk in read_chunks(source, model.inputs, "background", progress):
        training, rows = np.zeros(len(chunk), bool), np.ones(len(chunk), bool)
        if held_out:
            training, rows = split(chunk, int(model.seed or 0), model.heaviest)
        kept = chunk.take(rows)
        X = model.inputs.table(kept)
        n_training, n_kept = n_training + int(training.sum()), n_kept + len(kept)
        total += X.sum(axis=0, dtype=np.float64)
        sample.add(hash_of(kept.id, seed, 1), id=kept.id, X=X)
    origin = origin_of(source)
    if not n_kept:
        raise InputError("has no event to compare with", file=origin, value=0)
    if held_out:
        _require_same(model, origin, (n_training, n_kept), total / n_kept)
    notes = () if held_out or not own else ("The background sample is that of the training.",)
    return BackgroundSample(origin, sample.columns["id"], sample.columns["X"], notes)


def _trained_on(model: OutlierModel) -> str:
    if model.file is None or not Path(model.file).is_file():
        there = f"is not in '{model.file}' any more" if model.file else "is in no file"
        raise InputError(
            f"the background of the training ({model.trained_on}) {there}; name a file of "
            "background"
        )
    return model.file


def _require_same(
    model: OutlierModel, origin: str, counts: tuple[int, int], mean: FloatArray
) -> None:
    """Refuse a file whose events are not those of the training."""
    expected = model.held_out_mean
    same = expected is None or np.allclose(mean, expected, rtol=1e-6, atol=1e-6)
    if counts != (model.n_events, model.n_held_out) or not same:
        raise InputError(
            f"has other events than the {model.n_events} that the model was trained on and the "
            f"{model.n_held_out} that were held out; name a file of background",
            file=origin,
            value=sum(counts),
        )
