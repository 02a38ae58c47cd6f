"""Outlier detection from files to files: fit a detector on background, score events with it."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from novum.catalogue import StoredModel, build, load_model, save_model
from novum.errors import ConfigError, InputError, OutputError, require_seed
from novum.events import Events
from novum.io import atomic_path
from novum.outlier.base import Detector
from novum.outlier.tail import count_at_least
from novum.progress import Progress
from novum.search.background import heaviest_of, read_background, split
from novum.search.chunks import read_chunks
from novum.search.model_inputs import Inputs
from novum.search.representations import Representation, to_notes
from novum.search.stored_model import stored_inputs

FloatArray = NDArray[np.float64]


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
        Background events that it was trained on, and that were held out. Events of unequal weight
        are thinned to equal ones (`split`), so that the two do not add up to all of them then.
    seconds : float
        That the fit took.
    seed : int or None
        Of the fit: it says which events of the background were held out. None if unknown.
    file : str or None
        File of that background, its full path; None if it was no file, or is unknown.
    heaviest : float
        The largest weight of the background.
    held_out_mean : float64 array (d,) or None
        Mean of the held-out events, by which they are recognised. None if unknown.
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
    heaviest: float = 1.0
    held_out_mean: FloatArray | None = None

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
        return np.asarray((1.0 + count_at_least(held, scores)) / (1.0 + len(held)))

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
            "heaviest": self.heaviest,
            "seconds": self.seconds,
        }
        arrays = {f"held-out {name}": values for name, values in self.held_out.items()}
        if self.held_out_mean is not None:
            arrays["held-out mean"] = self.held_out_mean
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
        inputs = stored_inputs(stored, folder)
        notes, detector = stored.notes, stored.model
        names = detector.scores or ("score",)
        return cls(
            detector,
            inputs,
            {name: stored.arrays[f"held-out {name}"] for name in names},
            notes["trained_on"],
            notes["n_events"],
            notes["n_held_out"],
            seconds=notes.get("seconds", 0.0),
            seed=notes.get("seed"),
            file=notes.get("file"),
            heaviest=notes.get("heaviest", 1.0),
            held_out_mean=stored.arrays.get("held-out mean"),
        )


def score_name(detector: Detector) -> str:
    """Which of its scores a detector gives; 'score' where there is one only."""
    return getattr(detector, "score_by", "score") if detector.scores else "score"


def choose_score(model: OutlierModel, score_by: str | None) -> OutlierModel:
    """The model with another of its scores, if one is named; that of the caller stays as it is.

    Raises
    ------
    ConfigError
        If there is no such score.
    """
    if score_by is None:
        return model
    if score_by not in model.detector.scores:
        there = ", ".join(model.detector.scores) or "no other"
        raise ConfigError(f"score_by: {model.detector.name} has {there}, not '{score_by}'")
    return replace(model, detector=copy.copy(model.detector).set_params(score_by=score_by))


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

    One event in five, drawn by a hash of its id, is held out for the p-values. Events weigh in the
    training; of those held out one stays with a probability of its weight over the largest.

    Parameters
    ----------
    background : path or Events
        Background, or data with little else.
    method : str or Detector
        Name in the catalogue, or a detector, of which a copy is trained.
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
        Of what is held out, and of a detector that has none of its own; below 2³².

    Raises
    ------
    ConfigError
        If there is no such method or parameter, or the method cannot read such a representation.
    InputError
        If a column is missing, a value is not finite, a weight is negative, or there are too few
        events.
    """
    require_seed(seed)
    if seed >= 2**32:
        raise ConfigError(f"seed: must be below 2**32, got {seed}")
    detector = _made(method, dict(options or {}), seed)
    detector.check_ready()
    events, inputs = read_background(background, detector, features, cloud, representation)
    X = inputs.table(events)
    heaviest = heaviest_of(events)
    training, held = split(events, seed, heaviest)
    if held.sum() < 1 or training.sum() < 2:
        raise InputError(
            f"too few events to train on and to hold out: of {len(events)}, which have "
            f"{len(np.unique(events.id))} different ids, {training.sum()} would train and "
            f"{held.sum()} be held out",
            file=events.meta.origin,
            value=len(events),
        )
    start = time.monotonic()
    weights = events.weight[training]
    detector.fit(X[training], sample_weight=weights, alike=inputs.representation is not None)
    seconds = time.monotonic() - start
    return OutlierModel(
        detector,
        inputs,
        _held_out_scores(detector, X[held]),
        events.meta.origin,
        int(training.sum()),
        int(held.sum()),
        seconds,
        seed,
        None if isinstance(background, Events) else str(Path(background).resolve()),
        heaviest,
        X[held].mean(axis=0, dtype=np.float64),
    )


def _made(method: str | Detector, options: dict[str, Any], seed: int) -> Detector:
    if isinstance(method, str):
        detector: Detector = build("detector", method, **options)
    else:
        detector = clone(method)
        for key in options.keys() - detector.get_params().keys():
            raise ConfigError(f"{key}: {detector.name} has no such parameter")
        detector.set_params(**options)
    parameters = detector.get_params()
    unseeded = "random_state" in parameters and parameters["random_state"] is None
    return detector.set_params(random_state=seed) if unseeded else detector


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
    model = choose_score(model, score_by)
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
