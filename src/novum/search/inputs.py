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
from novum.search.config import HuntConfig

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Columns of one search: features X (n, d), mass m (n,) in GeV, weights w (n,), ids (n,)."""

    X: FloatArray
    m: FloatArray
    w: FloatArray
    ids: NDArray[np.uint64]

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
    if isinstance(data, Events):
        return data, config
    if isinstance(data, str | Path):
        source = open_events(data)
        unit = config.mass_unit or source.schema.units.get(config.mass)
        wanted = [config.mass, *config.features] if config.mass and config.features else None
        return source.read(wanted), replace(config, mass_unit=unit)
    if isinstance(data, np.ndarray) and data.dtype.names:
        return Events.from_arrays({name: data[name] for name in data.dtype.names}), config
    columns = getattr(data, "columns", None)
    if isinstance(data, Mapping) or columns is not None:
        names = list(data) if isinstance(data, Mapping) else list(columns or ())
        return Events.from_arrays({str(name): np.asarray(data[name]) for name in names}), config
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
    w = events.weight
    if not np.all(np.isfinite(w)) or w.min() < 0:
        bad = w[~(np.isfinite(w) & (w >= 0))]
        raise InputError(
            f"{len(bad)} weights are negative or not finite (first: {bad[0]:g}); the Poisson "
            "likelihood of a search cannot take them",
            file=origin,
            column="weight",
            value=bad[0],
        )
    if not w.sum() > 0:
        raise InputError("all weights are zero", file=origin, column="weight", value=0.0)
    return Sample(X=X, m=m, w=w, ids=events.id)


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
    if asked is not None:
        a, b = asked
        if high >= a and low <= b:
            return
        if high >= 1000 * a and low <= 1000 * b:
            raise WindowError(
                f"{a:g}-{b:g} looks like TeV, while {column} runs over {low:.4g}-{high:.4g} GeV; "
                "give windows in GeV",
                value=asked,
            )
        for factor, unit in ((1000.0, "TeV"), (1e-3, "MeV")):
            if high * factor >= a and low * factor <= b:
                raise WindowError(
                    f"{column} runs over {low:.4g}-{high:.4g}, which looks like {unit}, while "
                    f"{a:g}-{b:g} is in GeV; pass --mass-unit {unit}",
                    value=asked,
                )
        raise WindowError(
            f"{a:g}-{b:g} GeV lies outside the data: {column} runs over {low:.4g}-{high:.4g} GeV",
            value=asked,
        )
    if config.mass_unit is None and config.family == "dijet" and high < 20:
        raise WindowError(
            f"{column} runs over {low:.4g}-{high:.4g}, which looks like TeV; say which with "
            "--mass-unit TeV or --mass-unit GeV",
            value=(low, high),
        )
