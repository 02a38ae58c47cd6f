"""Outlier models as ONNX files: what other programs need to score events as novum does."""

from __future__ import annotations

import json
import os
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, OutputError
from novum.io import atomic_path, open_events
from novum.io.origin import with_origin
from novum.optional import optional
from novum.search.outliers import OutlierModel, choose_score, score_name

TOLERANCE = 1e-5  # of the larger of an event's score and that of typical background
BATCHES = (1, 1024)

_ROWS = 4096  # that the file is checked on
_FAR = 8  # one random row in so many is as many standard deviations away
_SECONDS = 0.2  # that a timing takes


class PrecisionWarning(UserWarning):
    """An exported file gives other scores than the model that it was made of."""


@dataclass(frozen=True)
class OnnxCheck:
    """What onnxruntime makes of an exported file, on one core.

    Attributes
    ----------
    n_events : int
        Rows that it was compared on.
    deviation : float
        Largest difference from `OutlierModel.anomaly_score`, relative to the score of the row or
        to the median score of held-out background, whichever is larger in absolute value.
    seconds : dict of int to float
        Time an event in batches of so many.
    """

    n_events: int
    deviation: float
    seconds: dict[int, float]


@dataclass(frozen=True)
class OnnxExport:
    """A model that was exported.

    Attributes
    ----------
    path : Path
    detector, score : str
        What the file computes.
    n_inputs : int
        Columns of its input.
    opset : int
        Version of the operators that it is made of.
    n_bytes : int
    check : OnnxCheck or None
        None where onnxruntime is not installed.
    """

    path: Path
    detector: str
    score: str
    n_inputs: int
    opset: int
    n_bytes: int
    check: OnnxCheck | None


def export_onnx(
    model: OutlierModel,
    path: str | os.PathLike[str],
    *,
    score_by: str | None = None,
    events: str | os.PathLike[str] | None = None,
) -> OnnxExport:
    """Write the anomaly score of a model as an ONNX file.

    Its input ``x``, float32 (n, d), are the columns of `Inputs.names` in their own units, which
    the metadata list; its output ``score``, float32 (n,), is higher for odder events. Where
    onnxruntime is installed the file is checked before it gets its name.

    Parameters
    ----------
    model : OutlierModel
    path : path
        New file that ends in .onnx.
    score_by : str, optional
        Another of the scores of the detector.
    events : path, optional
        Events to check the file on, of which the first 4096 are read; by default random rows.

    Raises
    ------
    ExportError
        If the detector has no such form; says why.
    ConfigError
        If the detector has no such score.
    InputError
        If the events lack a column of the model, or a value is not finite or too large for float32.
    OutputError
        If the file exists or does not end in .onnx.
    MissingDependencyError
        Says what to install.

    Warns
    -----
    PrecisionWarning
        If the file deviates by more than 1e-5.
    """
    if Path(path).suffix != ".onnx":
        raise OutputError(f"{path}: models are exported as .onnx")
    model = choose_score(model, score_by)
    graph = model.detector.to_onnx()
    _describe(graph, model)
    rows = _random_rows(model) if events is None else _rows_of(model, events)
    with atomic_path(path, overwrite=False) as temporary:
        temporary.write_bytes(graph.SerializeToString())
        check = _checked(temporary, model, rows, events) if find_spec("onnxruntime") else None
        n_bytes = temporary.stat().st_size
    if check is not None and not check.deviation <= TOLERANCE:
        warnings.warn(
            f"{path}: scores deviate by {check.deviation:.1g}, more than {TOLERANCE:g}",
            PrecisionWarning,
            stacklevel=2,
        )
    return OnnxExport(
        Path(path),
        model.detector.name,
        score_name(model.detector),
        model.detector.n_features_in_,
        graph.opset_import[0].version,
        n_bytes,
        check,
    )


def _describe(graph: Any, model: OutlierModel) -> None:
    """Put into the file what it takes to use it."""
    helper = optional("onnx.helper", "onnx", "writing an ONNX file")
    graph.producer_name, graph.producer_version = "novum", version("novum")
    graph.doc_string = "Anomaly score of the columns of x: higher is more anomalous."
    words = {
        "columns": json.dumps(model.inputs.names),
        "detector": model.detector.name,
        "score": score_name(model.detector),
        "novum": version("novum"),
    }
    helper.set_model_props(graph, words)


def _random_rows(model: OutlierModel) -> NDArray[np.float32]:
    """Rows about as far from the mean as background, and some farther."""
    detector = model.detector
    z = np.random.default_rng(0).standard_normal((_ROWS, detector.n_features_in_))
    z[::_FAR] *= _FAR
    if np.isinf(detector.farthest_):
        z = np.abs(z)  # pixels, or shares of pT
    if detector.takes == "clouds":
        particles = np.arange(z.shape[1] // 3)
        z *= np.repeat(particles <= np.arange(_ROWS)[:, None] % len(particles), 3, axis=1)
    return np.asarray(z * detector.scale_ + detector.center_, np.float32)


def _rows_of(model: OutlierModel, events: str | os.PathLike[str]) -> NDArray[np.float32]:
    source = open_events(events)
    chunks = source.chunks(_ROWS, model.inputs.columns)
    model.inputs.require(source.schema, str(events))
    first = with_origin(next(iter(chunks)), events)
    X = model.inputs.table(first)
    far = np.argwhere(np.abs(X) > np.finfo(np.float32).max)
    if len(far):
        _refuse(model, events, X, *far[0])
    return np.asarray(X, np.float32)


def _require_finite(
    model: OutlierModel,
    events: str | os.PathLike[str],
    rows: NDArray[np.float32],
    found: NDArray[np.float32],
) -> None:
    """Refuse events that have no score in float32, and no deviation from it."""
    odd = np.flatnonzero(~np.isfinite(found))
    if len(odd):
        detector = model.detector
        distance = np.abs((rows[odd[0]] - detector.center_) / detector.scale_)
        _refuse(model, events, rows, odd[0], np.argmax(distance))


def _refuse(
    model: OutlierModel,
    events: str | os.PathLike[str],
    X: NDArray[np.floating],
    row: np.intp,
    column: np.intp,
) -> NoReturn:
    value = float(X[row, column])
    raise InputError(
        f"{value:g} in row {row} (rows count from 0) is too large for float32, in which an ONNX "
        "file computes; leave this event out",
        file=events,
        column=model.inputs.names[column],
        value=value,
    )


def _checked(
    path: Path,
    model: OutlierModel,
    rows: NDArray[np.float32],
    events: str | os.PathLike[str] | None,
) -> OnnxCheck:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = model.detector.anomaly_score(rows)
    typical = np.median(np.abs(model.held_out[score_name(model.detector)]))
    (found,) = session.run(None, {"x": rows})
    if events is not None:
        _require_finite(model, events, rows, found)
    unit = np.maximum(np.abs(wanted), typical)
    deviation = np.abs(found - wanted) / np.where(unit > 0, unit, 1.0)
    seconds = {n: _seconds_an_event(session, np.resize(rows, (n, rows.shape[1]))) for n in BATCHES}
    return OnnxCheck(len(rows), float(deviation.max()), seconds)


def _seconds_an_event(session: Any, rows: NDArray[np.float32]) -> float:
    """Median over some runs."""
    session.run(None, {"x": rows})
    taken: list[float] = []
    while sum(taken) < _SECONDS:
        start = time.perf_counter()
        session.run(None, {"x": rows})
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)) / len(rows)
