"""Published spectra: tables of bins with counts or with a density."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, MissingColumnError
from novum.io.base import open_events

FloatArray = NDArray[np.float64]

_EDGES = (("low", "high"), ("bin_low", "bin_high"), ("xlow", "xhigh"))
_CENTRES = (("bin_centre", "bin_width"), ("bin_center", "bin_width"))
_COUNTS = ("counts", "count", "n", "events", "observed")
_DENSITIES = ("y", "density", "cross_section")


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A binned spectrum: edges (B+1,) in GeV, rising and without gaps, and counts (B,)."""

    edges: FloatArray
    counts: FloatArray
    origin: str


def read_spectrum(path: str | os.PathLike[str], *, luminosity: float | None = None) -> Spectrum:
    """Read a binned spectrum from any table that `open_events` reads.

    Bins are columns ``low, high`` or ``bin_centre, bin_width`` [GeV]; counts are a column
    ``counts``, or are made from a differential cross-section ``y`` as
    ``round(y * bin_width * luminosity)``.

    Parameters
    ----------
    path : path-like
        The table.
    luminosity : float, optional
        Integrated luminosity that turns ``y`` into counts, in the inverse unit of ``y`` times GeV.

    Raises
    ------
    MissingColumnError
        If the bins or the counts are missing.
    InputError
        If bins leave gaps or overlap, counts are negative, or ``y`` comes without a luminosity.
    """
    source = open_events(path)
    columns = source.schema.columns
    table = source.read()
    edges = next((p for p in _EDGES if set(p) <= set(columns)), None)
    centres = next((p for p in _CENTRES if set(p) <= set(columns)), None)
    if edges is not None:
        low, high = (table.column(name) for name in edges)
    elif centres is not None:
        middle, width = (table.column(name) for name in centres)
        low, high = middle - width / 2, middle + width / 2
    else:
        raise MissingColumnError("bin_centre", columns, file=path)
    counts_name = next((n for n in _COUNTS if n in columns), None)
    density_name = next((n for n in _DENSITIES if n in columns), None)
    if counts_name is not None:
        counts = table.column(counts_name)
    elif density_name is None:
        raise MissingColumnError("counts", columns, file=path)
    elif luminosity is None:
        raise InputError(
            "is a density; say the luminosity that turns it into counts (--luminosity)",
            file=path,
            column=density_name,
        )
    else:
        counts = np.round(table.column(density_name) * (high - low) * luminosity)
    _check(low, high, counts, path)
    return Spectrum(np.append(low, high[-1]), counts, str(path))


def _check(
    low: FloatArray, high: FloatArray, counts: FloatArray, path: str | os.PathLike[str]
) -> None:
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise InputError("a bin is empty, reversed or not finite", file=path, column="low")
    apart = np.abs(low[1:] - high[:-1]) > 1e-3 * (high - low)[:-1]
    if apart.any():
        row = int(np.argmax(apart))
        raise InputError(
            f"bins leave a gap or overlap: one ends at {high[row]:g}, the next begins at "
            f"{low[row + 1]:g} GeV",
            file=path,
            value=float(low[row + 1]),
        )
    if not np.isfinite(counts).all() or counts.min() < 0:
        bad = counts[~(np.isfinite(counts) & (counts >= 0))][0]
        raise InputError(
            "a Poisson likelihood takes no negative or missing count",
            file=path,
            column="counts",
            value=float(bad),
        )
