"""Outlier detection from files to files: fit a detector on background, score events with it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.catalogue import StoredModel, build, load_model, save_model
from novum.errors import ConfigError, FileFormatError, InputError, OutputError
from novum.events import Events
from novum.io import atomic_path, open_events
from novum.outlier.base import Detector
from novum.progress import Progress
from novum.search.chunks import read_chunks
from novum.search.crossfitting import fold_of
from novum.search.model_inputs import Inputs
from novum.search.representations import (
    Representation,
    from_notes,
    representation_for,
    to_notes,
)

FloatArray = NDArray[np.float64]

_HELD_OUT = 5  # one event in so many is set aside for the p-values


@dataclass(frozen=True, eq=False)
class OutlierModel:
    """A fitted detector, the columns it reads, and held-out background that gives p-values.

    Attributes
    ----------
    detector : Detector
    inputs : Inputs
    held_out : mapping of str to float64 array (h,)
        Rising scores of background that the detector was not trained on, for each of its scores.
    trained_on : str
        Origin of the background.
    n_events, n_held_out : int
        Background events that it was trained on, and that were held out.
    seconds : float
        That the fit took.
    seed : int or None
        Of the fit: it says which events of the background were held out. None if unknown.
    file : str or None
        File of that background; None if it was no file, or is unknown.
    """

    detector: Detector
    inputs: Inputs
    held_out: Mapping[str, FloatArray]
    trained_on: str
    n_events: int
    n_held_out: int
    seconds: float = field(default=0.0)
    seed: int | None = None
    file: str | None = None

    def anomaly_score(self, events: Events) -> FloatArray:
        """Score of each event, shape (n,); higher is more anomalous.

        Raises
        ------
        InputError
            If a column is missing or a value is not finite.
        """
        return self.detector.anomaly_score(self.inputs.table(events))

    def p_value(self, scores: FloatArray) -> FloatArray:
        """Share of background at least as anomalous as each score, shape (n,).

        With the score itself counted among the h held-out events: (1 + number above) / (1 + h).
        For a background event that the detector was not trained on it is at most α with
        probability at most α, whatever the detector.
        """
        held = self.held_out[score_name(self.detector)]
        above = len(held) - np.searchsorted(held, scores, side="left")
        return np.asarray((1.0 + above) / (1.0 + len(held)))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into a new folder: words, numbers and arrays, nothing that runs."""
        notes = {
            "features": self.inputs.features,
            "cloud": self.inputs.cloud,
            "fields": self.inputs.fields,
            "particles": self.inputs.particles,
            "representation": to_notes(self.inputs.representation),
            "trained_on": self.trained_on,
            "n_events": self.n_events,
            "n_held_out": self.n_held_out,
            "seed": self.seed,
            "file": self.file,
        }
        arrays = {f"held-out {name}": values for name, values in self.held_out.items()}
        return save_model(StoredModel(self.detector, "detector", notes, arrays), Path(folder))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> OutlierModel:
        """Read a model that `save` wrote.

        Raises
        ------
        InputError
            If there is none.
        FileFormatError
            If it is damaged, no outlier model, or trained with another preprocessing.
        """
        stored = load_model(Path(folder))
        if stored.kind != "detector":
            raise FileFormatError(f"is a {stored.kind}, not a detector", file=folder)
        notes, detector = stored.notes, stored.model
        try:
            inputs = Inputs(
                tuple(notes["features"]),
                notes["cloud"],
                tuple(notes["fields"]),
                notes["particles"],
                from_notes(notes["representation"], detector, str(folder)),
            )
            names = detector.scores or ("score",)
            return cls(
                detector,
                inputs,
                {name: stored.arrays[f"held-out {name}"] for name in names},
                notes["trained_on"],
                notes["n_events"],
                notes["n_held_out"],
                seed=notes.get("seed"),
                file=notes.get("file"),
            )
        except KeyError as error:
            raise FileFormatError(f"damaged model: no {error}", file=folder) from None


def score_name(detector: Detector) -> str:
    """Which of its scores a detector gives; 'score' where there is one only."""
    return getattr(detector, "score_by", "score") if detector.scores else "score"


def choose_score(model: OutlierModel, score_by: str | None) -> None:
    """Let a model give another of its scores, if one is named.

    Raises
    ------
    ConfigError
        If there is no such score.
    """
    if score_by is None:
        return
    if score_by not in model.detector.scores:
        there = ", ".join(model.detector.scores) or "no other"
        raise ConfigError(f"score_by: {model.detector.name} has {there}, not '{score_by}'")
    model.detector.set_params(score_by=score_by)


def fit_outlier(
    background: str | os.PathLike[str] | Events,
    method: str | Detector,
    *,
    features: Sequence[str] | None = None,
    cloud: str | None = None,
    representation: Representation | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> OutlierModel:
    """Train a detector on background.

    One event in five, drawn by a hash of its id, is held out for the p-values.

    Parameters
    ----------
    background : path or Events
        Background, or data with little else.
    method : str or Detector
        Name in the catalogue, or a detector.
    features : sequence of str, optional
        Columns; by default all.
    cloud : str, optional
        Cloud whose particles are read as well, as further columns.
    representation : JetImages or JetClouds, optional
        Read images or clouds of jets made of the cloud instead, as the detectors that are made
        for them do by default.
    options : mapping, optional
        Parameters of the detector.
    seed : int

    Raises
    ------
    ConfigError
        If there is no such method or parameter, or the method cannot read such a representation.
    InputError
        If a column is missing or constant, a value is not finite, or there are too few events.
    """
    detector = _made(method, dict(options or {}), seed)
    detector.check_ready()
    representation = representation_for(detector, representation)
    events = _read(background, features, cloud, representation)
    if representation is not None and cloud is None:
        cloud = _only_cloud(events, representation.kind)
    inputs = Inputs.choose(events, features, cloud, representation)
    X = inputs.table(events)
    held = is_held_out(events, seed)
    if held.sum() < 1 or (~held).sum() < 2:
        raise InputError(
            f"too few events to train on and to hold out: {len(events)}",
            file=events.meta.origin,
            value=len(events),
        )
    start = time.monotonic()
    detector.fit(X[~held], sample_weight=events.weight[~held], alike=representation is not None)
    seconds = time.monotonic() - start
    return OutlierModel(
        detector,
        inputs,
        _held_out_scores(detector, X[held]),
        events.meta.origin,
        int((~held).sum()),
        int(held.sum()),
        seconds,
        seed,
        None if isinstance(background, Events) else str(background),
    )


def is_held_out(events: Events, seed: int) -> NDArray[np.bool_]:
    """Which events of a background a fit with this seed holds out, shape (n,)."""
    return np.asarray(fold_of(events.id, seed, _HELD_OUT) == 0)


def _made(method: str | Detector, options: dict[str, Any], seed: int) -> Detector:
    if not isinstance(method, str):
        return method
    detector: Detector = build("detector", method, **options)
    seeded = "random_state" in detector.get_params()
    return detector.set_params(random_state=seed) if seeded else detector


def _read(
    background: str | os.PathLike[str] | Events,
    features: Sequence[str] | None,
    cloud: str | None,
    representation: Representation | None,
) -> Events:
    if isinstance(background, Events):
        return background
    source = open_events(background)
    if representation is not None:
        return source.read([*source.schema.clouds] if cloud is None else [cloud])
    if features is None and cloud is None:
        return source.read(source.schema.columns)
    return source.read([*(features or ()), *([] if cloud is None else [cloud])])


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


def _held_out_scores(detector: Detector, X: FloatArray) -> dict[str, FloatArray]:
    if not detector.scores:
        return {"score": np.sort(detector.anomaly_score(X))}
    chosen, found = score_name(detector), {}
    for name in detector.scores:
        detector.set_params(score_by=name)
        found[name] = np.sort(detector.anomaly_score(X))
    detector.set_params(score_by=chosen)
    return found


def score_file(
    model: OutlierModel,
    events: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    score_by: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Score a file of any size, a chunk at a time, into a Parquet file.

    Its columns are ``id``, ``score`` and ``p_value``, in the order of the events.

    Parameters
    ----------
    model : OutlierModel
    events : path
    output : path
        New file that ends in .parquet.
    score_by : str, optional
        Another of the scores of the detector.
    progress : Progress, optional

    Returns
    -------
    int
        Number of events.

    Raises
    ------
    ConfigError
        If the detector has no such score.
    InputError
        If the file lacks a column of the model, or a value is not finite.
    OutputError
        If the output exists or is no .parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if Path(output).suffix != ".parquet":
        raise OutputError(f"{output}: scores are written as .parquet")
    choose_score(model, score_by)
    schema = pa.schema([("id", pa.uint64()), ("score", pa.float64()), ("p_value", pa.float64())])
    n = 0
    with (
        atomic_path(output, overwrite=False) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for chunk in read_chunks(events, model.inputs, "scoring", progress):
            scores = model.anomaly_score(chunk)
            columns = [chunk.id, scores, model.p_value(scores)]
            writer.write_table(pa.table(columns, schema=schema))
            n += len(chunk)
    return n
