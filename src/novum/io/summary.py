"""`summarise`: one streamed pass that says what a source holds and which column is a mass."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from novum.io.base import EventSource, Schema

FloatArray = NDArray[np.float64]

DISTINCT_CAP = 1000
_CHUNK = 65_536
_SAMPLE = 20_000

# Tried in this order; the first that matches a column that varies wins.
_MASS_NAMES = (
    r"m_?jj|mass_?jj|di_?jet_?mass|jj_?mass",
    r"m_?(ll|mumu|ee|gg|yy|inv)|di_?(muon|lepton|electron|photon)_?mass|inv(ariant)?_?mass",
    r"m|mass",
    r"m_?jets?\w*|mass_?\w+|\w+_mass|\w+_mass_\w+",
)


@dataclass(frozen=True)
class ColumnSummary:
    """One feature column.

    Attributes
    ----------
    name, unit, dtype : str
        As in the file; the unit is None where unknown.
    count : int
        Number of rows.
    n_missing, n_infinite : int
        Rows that are NaN, and rows that are infinite.
    minimum, maximum, mean : float
        Of the finite values; NaN if there are none.
    distinct : int
        Number of different finite values; counted up to `DISTINCT_CAP`. 1: constant.
    """

    name: str
    unit: str | None
    dtype: str
    count: int
    n_missing: int
    n_infinite: int
    minimum: float
    maximum: float
    mean: float
    distinct: int


@dataclass(frozen=True)
class InputSummary:
    """What a source holds.

    Attributes
    ----------
    origin, format : str
        Where the events come from, and the file format.
    n_events : int
        Number of events.
    columns : tuple of ColumnSummary
        The feature columns in the order of the file.
    weight, label : str or None
        Columns that hold weights and labels.
    bookkeeping : mapping of str to str
        Columns that hold ``run``, ``lumi`` and ``event`` numbers.
    sum_of_weights : float
        Sum over all events; the number of events if there are no weights.
    n_signal : int or None
        Events labelled as signal; None without labels.
    suggested_mass : str or None
        Column that looks like the resonant variable.
    reason : str
        Why it was suggested, or why none was.
    clouds : mapping of str to tuple of str
        Clouds and their fields; they are not read.
    on_request : tuple of str
        Columns that are read only when they are named.
    notes : tuple of str
        How the file is read where that is not plain.
    """

    origin: str
    format: str
    n_events: int
    columns: tuple[ColumnSummary, ...]
    weight: str | None
    label: str | None
    bookkeeping: Mapping[str, str]
    sum_of_weights: float
    n_signal: int | None
    suggested_mass: str | None
    reason: str
    clouds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on_request: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Running:
    """Statistics of one column so far."""

    count: int = 0
    missing: int = 0
    infinite: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    total: float = 0.0
    distinct: FloatArray = field(default_factory=lambda: np.empty(0))
    sample: FloatArray = field(default_factory=lambda: np.empty(0))

    def add(self, values: FloatArray) -> None:
        finite = values[np.isfinite(values)]
        self.count += len(values)
        self.missing += int(np.isnan(values).sum())
        self.infinite += int(np.isinf(values).sum())
        if not len(finite):
            return
        self.minimum = min(self.minimum, float(finite.min()))
        self.maximum = max(self.maximum, float(finite.max()))
        self.total += float(finite.sum())
        if len(self.distinct) < DISTINCT_CAP:
            self.distinct = np.union1d(self.distinct, finite)[:DISTINCT_CAP]
        if len(self.sample) < _SAMPLE:
            self.sample = np.concatenate([self.sample, finite[: _SAMPLE - len(self.sample)]])

    def summary(self, name: str, schema: Schema) -> ColumnSummary:
        finite = self.count - self.missing - self.infinite
        return ColumnSummary(
            name=name,
            unit=schema.units.get(name),
            dtype=schema.dtypes.get(name, "float64"),
            count=self.count,
            n_missing=self.missing,
            n_infinite=self.infinite,
            minimum=self.minimum if finite else np.nan,
            maximum=self.maximum if finite else np.nan,
            mean=self.total / finite if finite else np.nan,
            distinct=len(self.distinct),
        )


def summarise(source: EventSource) -> InputSummary:
    """Count, range and gaps of every feature column, and which one looks like the mass.

    The source is streamed once, in bounded memory.

    Parameters
    ----------
    source : EventSource
        What `open_events` returns.

    Returns
    -------
    InputSummary
        The record.

    Raises
    ------
    InputError
        If the source cannot be read.
    """
    schema = source.schema
    running = {name: _Running() for name in schema.columns}
    n_events, weights, n_signal, origin = 0, 0.0, 0, ""
    for chunk in source.chunks(_CHUNK, schema.columns):
        for name, values in chunk.features.items():
            running[name].add(values)
        n_events += len(chunk)
        weights += float(chunk.weight.sum())
        n_signal += 0 if chunk.label is None else int((chunk.label == 1).sum())
        origin = chunk.meta.origin
    columns = tuple(running[name].summary(name, schema) for name in schema.columns)
    mass, reason = suggest_mass(columns, {n: r.sample for n, r in running.items()})
    return InputSummary(
        origin=origin,
        format=schema.format,
        n_events=n_events,
        columns=columns,
        weight=schema.weight,
        label=schema.label,
        bookkeeping=schema.bookkeeping,
        sum_of_weights=weights,
        n_signal=None if schema.label is None else n_signal,
        suggested_mass=mass,
        reason=reason,
        clouds=schema.clouds,
        on_request=schema.on_request,
        notes=schema.notes,
    )


def suggest_mass(
    columns: Sequence[ColumnSummary], samples: Mapping[str, FloatArray]
) -> tuple[str | None, str]:
    """Column that looks like the resonant variable, or None, and why.

    Names decide first; otherwise the column with the largest values among those that are positive,
    spread over a wide range and fall steeply.

    Parameters
    ----------
    columns : sequence of ColumnSummary
        The candidates.
    samples : mapping of str to float array
        Some finite values of each, shape (k,).
    """
    varying = [c for c in columns if c.distinct > 1]
    for pattern in _MASS_NAMES:
        for column in varying:
            if re.fullmatch(pattern, column.name, re.IGNORECASE):
                return column.name, f"'{column.name}' is named like an invariant mass"
    falling = [c for c in varying if _falls(c, samples[c.name])]
    if not falling:
        return None, "no column is named like a mass or has a wide, falling, positive spectrum"
    best = max(falling, key=lambda c: c.mean)
    return best.name, (
        f"no column is named like a mass; '{best.name}' is positive and falls steeply over a wide "
        "range, which is a guess from its shape only"
    )


def _falls(column: ColumnSummary, sample: FloatArray) -> bool:
    if column.distinct < min(100, column.count // 2) or not column.minimum > 0 or len(sample) < 50:
        return False
    low, high = np.quantile(sample, (0.2, 0.995))
    if high < 2 * low:
        return False
    counts, _ = np.histogram(sample, bins=6, range=(low, high))
    return bool(counts[0] > 3 * counts[-1] and np.all(counts[1:] <= 1.1 * counts[:-1] + 5))
