"""Energies and masses in GeV."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError

_IN_GEV = {"mev": 1e-3, "gev": 1.0, "tev": 1e3}


def to_gev(values: ArrayLike, unit: str) -> NDArray[np.float64]:
    """Values of any shape in `unit` (``MeV``, ``GeV`` or ``TeV``) as float64 in GeV.

    Raises
    ------
    InputError
        If the unit is another; names it.
    """
    factor = _IN_GEV.get(unit.strip().lower())
    if factor is None:
        raise InputError(f"'{unit}' is no unit of energy; known are MeV, GeV and TeV", value=unit)
    return np.asarray(values, dtype=np.float64) * factor
