"""Whether a stored outlier model is whole: its notes, its numbers, and one score as a trial."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from novum.catalogue import StoredModel
from novum.errors import FileFormatError, MissingDependencyError
from novum.outlier.base import Detector
from novum.outlier.reconstruction import Reconstructor
from novum.search.model_inputs import Inputs
from novum.search.representations import from_notes


@dataclass(frozen=True)
class _Notes:
    """What is stored beside a detector, in its types."""

    features: tuple[str, ...]
    cloud: str | None
    fields: tuple[str, ...]
    particles: int
    representation: Any
    trained_on: str
    n_events: int
    n_held_out: int
    seconds: float = 0.0
    seed: int | None = None
    file: str | None = None
    heaviest: float = 1.0


def stored_inputs(stored: StoredModel, folder: str | os.PathLike[str]) -> Inputs:
    """The inputs of a stored model, once all of it is found to be whole.

    Whoever edited or cut a file of the folder learns so here, not by what a detector says of an
    array that is missing or too short.

    Raises
    ------
    FileFormatError
        Names the folder: if this is no detector, a note is missing or of another type, the inputs
        are not those of the training, or an event cannot be scored.
    MissingDependencyError
        If the detector needs a package that is not there.
    """
    if stored.kind != "detector":
        raise FileFormatError(f"is a {stored.kind}, not a detector", file=folder)
    notes, detector = _notes(stored, folder), stored.model
    made = from_notes(notes.representation, detector, str(folder))
    inputs = Inputs(notes.features, notes.cloud, notes.fields, notes.particles, made)
    with _damage(folder):
        _require_same_columns(inputs, detector)
        names = detector.scores or ("score",)
        for name in names:
            held = stored.arrays[f"held-out {name}"]
            if held.shape != (notes.n_held_out,) or not notes.n_held_out:
                raise ValueError(f"{held.shape} held-out scores of {notes.n_held_out} events")
            if not (held[1:] >= held[:-1]).all() or np.isnan(held).any():
                raise ValueError("held-out scores are not numbers that rise")
        _try(detector)
    return inputs


def _notes(stored: StoredModel, folder: str | os.PathLike[str]) -> _Notes:
    import msgspec

    try:
        return msgspec.convert(stored.notes, _Notes)
    except msgspec.ValidationError as error:
        raise FileFormatError(f"damaged model: notes: {error}", file=folder) from None


def _require_same_columns(inputs: Inputs, detector: Detector) -> None:
    if inputs.representation is not None and not inputs.has_plane:
        raise ValueError(f"jets are made of pt, eta and phi, the fields are {inputs.fields}")
    if len(inputs.names) != detector.n_features_in_:
        raise ValueError(
            f"reads {len(inputs.names)} columns, the detector was trained on "
            f"{detector.n_features_in_}"
        )
    for name in ("center_", "scale_"):
        array = getattr(detector, name)
        if array.shape != (detector.n_features_in_,) or np.isnan(array).any():
            raise ValueError(f"{name}: not {detector.n_features_in_} numbers")


def _try(detector: Detector) -> None:
    """Score one event, a standard deviation from the mean in all columns, in every way there is."""
    row = (detector.center_ + detector.scale_)[None, :]
    chosen = getattr(detector, "score_by", None)
    for name in detector.scores:
        detector.set_params(score_by=name)
        detector.anomaly_score(row)  # refuses what is not a number
    if chosen is not None:
        detector.set_params(score_by=chosen)
    detector.anomaly_score(row)
    if isinstance(detector, Reconstructor) and np.isnan(detector.latent_axes(row)).any():
        raise ValueError("latent variables of a typical event are not numbers")


@contextmanager
def _damage(folder: str | os.PathLike[str]) -> Iterator[None]:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MissingDependencyError:
        raise
    except Exception as error:  # whatever missing or wrong numbers lead to
        said = f"no {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]
        raise FileFormatError(f"damaged model: {said}", file=folder) from None
