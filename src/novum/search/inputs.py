"""From whatever the user has to the arrays a search works on, every fault named."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, WindowError
from novum.events import Events
from novum.io import open_events, require_finite, to_gev
from novum.io.memory import events_from_columns
from novum.io.origin import with_origin
from novum.search.config import HuntConfig, Pair

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Columns of one search: features X (n, d), mass m (n,) in GeV, weights w (n,), ids (n,)."""

    X: FloatArray
    m: FloatArray
    w: FloatArray
    ids: NDArray[np.uint64]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Sample:
        """Some of the events, by mask or by position."""
        return Sample(self.X[rows], self.m[rows], self.w[rows], self.ids[rows])

    @property
    def size(self) -> FloatArray:
        """|w| over the largest, shape (n,): exactly 1 where all weights are equal."""
        size: FloatArray = np.abs(self.w) / np.abs(self.w).max()
        return size

    def sha256(self) -> str:
        """Digest of every number the search sees."""
        digest = hashlib.sha256()
        for array in (self.X, self.m, self.w, self.ids):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def as_events(data: Any, config: HuntConfig) -> tuple[Events, HuntConfig]:
    """Events from a path, Events, a mapping of columns, a structured array or a data frame.

    Where a file states the unit of its mass axis and the config does not, the file decides.
    """
    wanted = [config.mass, *config.features] if config.mass and config.features else None
    if isinstance(data, Events):
        return data, config
    if isinstance(data, str | Path):
        source = open_events(data)
        unit = config.mass_unit or source.schema.units.get(config.mass)
        # Constituents are no input of a search: they are not read.
        events = source.read(source.schema.columns if wanted is None else wanted)
        return with_origin(events, data), replace(config, mass_unit=unit)
    if isinstance(data, np.ndarray) and data.dtype.names:
        return events_from_columns(data.dtype.names, data.__getitem__, wanted), config
    if isinstance(data, Mapping):
        return events_from_columns(data, data.__getitem__, wanted), config
    for names in ("column_names", "columns"):  # Arrow tables; data frames
        if hasattr(data, names) and hasattr(data, "__getitem__"):
            return events_from_columns(getattr(data, names), data.__getitem__, wanted), config
    raise InputError(
        "events are given as a path, Events, a mapping of columns, a structured array or a data "
        f"frame, not as {type(data).__name__}"
    )


def make_sample(events: Events, config: HuntConfig) -> Sample:
    """The columns a search needs, checked: present, finite, not constant, weights usable.

    Raises
    ------
    InputError
        Names file, column and value.
    """
    m = to_gev(events.column(config.mass), config.mass_unit or "GeV")
    X = np.column_stack([events.column(name) for name in config.features])
    require_finite(events, [config.mass, *config.features])
    origin = events.meta.origin
    if len(events) == 0:
        raise InputError("has no events", file=origin)
    for name, column in zip(config.features, X.T, strict=True):
        if column.min() == column.max():
            raise InputError(
                f"is constant ({column[0]:g}); leave it out of the features",
                file=origin,
                column=name,
                value=column[0],
            )
    return Sample(X=X, m=m, w=usable_weights(events), ids=events.id)


def usable_weights(events: Events) -> FloatArray:
    """Weights that make a spectrum, shape (n,): finite, of either sign, with a positive sum.

    Raises
    ------
    InputError
        If a weight is not finite, or they add up to 0 or less.
    """
    w, origin = events.weight, events.meta.origin
    if not np.all(np.isfinite(w)):
        bad = w[~np.isfinite(w)]
        raise InputError(
            f"{len(bad)} weights are not finite (first: {bad[0]:g})",
            file=origin,
            column="weight",
            value=bad[0],
        )
    total = float(w.sum())
    if not total > 0:
        said = f"weights add up to {total:g}" if np.any(w) else "all weights are zero"
        raise InputError(
            f"{said}; a search needs a positive sum", file=origin, column="weight", value=total
        )
    return w


def check_units(m: FloatArray, config: HuntConfig, origin: str) -> None:
    """Refuse windows whose unit cannot be that of the mass axis.

    Raises
    ------
    WindowError
        Names the column, its range and the unit it looks like.
    """
    low, high = float(m.min()), float(m.max())
    asked = config.window or config.centers or config.fit_range
    column = f"{origin}, column '{config.mass}'" if origin else f"column '{config.mass}'"
    if asked is not None and not (high >= asked[0] and low <= asked[1]):
        _refuse_outside(asked, low, high, column, config)
    if config.mass_unit is None and config.family == "dijet":
        check_looks_like_gev(m, column, config.sqrt_s)


def _refuse_outside(asked: Pair, low: float, high: float, column: str, config: HuntConfig) -> None:
    a, b = asked
    if low < config.sqrt_s and high >= 1000 * a and low <= 1000 * b:
        raise WindowError(
            f"{a:g}-{b:g} looks like TeV, while {column} runs over {low:.4g}-{high:.4g} GeV; "
            "give windows in GeV",
            value=asked,
        )
    others = () if config.mass_unit else ((1000.0, "TeV"), (1e-3, "MeV"))
    for factor, unit in others:
        if high * factor >= a and low * factor <= b:
            raise WindowError(
                f"{column} runs over {low:.4g}-{high:.4g}, which looks like {unit}, while "
                f"{a:g}-{b:g} is in GeV; pass --mass-unit {unit}",
                value=asked,
            )
    raise WindowError(
        f"{a:g}-{b:g} GeV lies outside the data: {column} runs over {low:.4g}-{high:.4g} GeV"
        + (f", read in {config.mass_unit}" if config.mass_unit else ""),
        value=asked,
    )


def check_looks_like_gev(m: FloatArray, column: str, sqrt_s: float) -> None:
    """Refuse a dijet mass axis that nobody gave a unit and that looks like TeV or MeV.

    Raises
    ------
    WindowError
        Names the column, its range and the unit it looks like.
    """
    low, high = float(m.min()), float(m.max())
    unit = "TeV" if high < 20 else "MeV" if low > sqrt_s else None
    if unit is not None:
        raise WindowError(
            f"{column} runs over {low:.4g}-{high:.4g}, which looks like {unit}; say which with "
            f"--mass-unit {unit} or --mass-unit GeV",
            value=(low, high),
        )
