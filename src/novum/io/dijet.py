"""Columns of a dijet table that follow from its others, in the two namings of LHCO files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

# How the two jets are told apart in column names: "pxj1" and "mass_1".
_NAMINGS = (("j1", "j2", "mj"), ("_1", "_2", "mass_"))
DIJET = ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high")
_IN_GEV = DIJET[:3]
_IN_GEV_PER_JET = ("px", "py", "pz", "m", "pt", "mass", "e")


@dataclass(frozen=True)
class Derived:
    """A column made of others: which ones, and how."""

    needs: tuple[str, ...]
    compute: Callable[[Columns], FloatArray]


def derived_columns(names: Collection[str]) -> dict[str, Derived]:
    """What can be derived from columns of these names, by the name of the result.

    That is ``tau21`` of each jet, and ``mjj``, ``mj_low``, ``delta_mj``, ``tau21_low`` and
    ``tau21_high`` of the dijet.
    """
    found: dict[str, Derived] = {}
    for one, two, mass in _NAMINGS:
        masses = (f"{mass}1", f"{mass}2")
        momenta = tuple(f"{p}{jet}" for jet in (one, two) for p in ("px", "py", "pz"))
        taus = tuple(f"{t}{jet}" for jet in (one, two) for t in ("tau1", "tau2"))
        recipes = {
            f"tau21{one}": Derived(taus[:2], _ratio_of(*taus[:2])),
            f"tau21{two}": Derived(taus[2:], _ratio_of(*taus[2:])),
            "mjj": Derived((*momenta, *masses), _invariant_mass(momenta, masses)),
            "mj_low": Derived(masses, _lower_mass(masses)),
            "delta_mj": Derived(masses, _mass_difference(masses)),
            "tau21_low": Derived((*taus, *masses), _tau21_of(taus, masses, lighter=True)),
            "tau21_high": Derived((*taus, *masses), _tau21_of(taus, masses, lighter=False)),
        }
        for name, recipe in recipes.items():
            if name not in found and all(n in names for n in recipe.needs):
                found[name] = recipe
    return found


def unit_of(name: str) -> str | None:
    """GeV for the energies, momenta and masses of an LHCO table, else None."""
    if name in _IN_GEV:
        return "GeV"
    stem = name[:-2] if name.endswith(("j1", "j2", "_1", "_2")) else None
    return "GeV" if stem in _IN_GEV_PER_JET else None


def invariant_mass(first: tuple[FloatArray, ...], second: tuple[FloatArray, ...]) -> FloatArray:
    """Mass of two jets given as (px, py, pz, m), shape (n,), in the unit of the momenta."""
    total = [a + b for a, b in zip(first[:3], second[:3], strict=True)]
    energy = _energy(first) + _energy(second)
    # Rounding can make the square of a small mass negative.
    squared = energy**2 - sum(p**2 for p in total)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def safe_ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, shape (n,), and 0 where the denominator is 0 (a jet of one particle has τ1 = 0)."""
    zero = denominator == 0
    return np.where(zero, 0.0, numerator / np.where(zero, 1.0, denominator))


def _energy(jet: tuple[FloatArray, ...]) -> FloatArray:
    px, py, pz, m = jet
    return np.asarray(np.sqrt(px**2 + py**2 + pz**2 + m**2))


def _as_float(columns: Columns, names: tuple[str, ...]) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(columns[n], dtype=np.float64) for n in names)


def _ratio_of(tau1: str, tau2: str) -> Callable[[Columns], FloatArray]:
    def compute(columns: Columns) -> FloatArray:
        below, above = _as_float(columns, (tau1, tau2))
        return safe_ratio(above, below)

    return compute


def _invariant_mass(
    momenta: tuple[str, ...], masses: tuple[str, ...]
) -> Callable[[Columns], FloatArray]:
    def compute(columns: Columns) -> FloatArray:
        p, (m1, m2) = _as_float(columns, momenta), _as_float(columns, masses)
        return invariant_mass((*p[:3], m1), (*p[3:], m2))

    return compute


def _lower_mass(masses: tuple[str, ...]) -> Callable[[Columns], FloatArray]:
    return lambda columns: np.minimum(*_as_float(columns, masses))


def _mass_difference(masses: tuple[str, ...]) -> Callable[[Columns], FloatArray]:
    def compute(columns: Columns) -> FloatArray:
        m1, m2 = _as_float(columns, masses)
        return np.abs(m1 - m2)

    return compute


def _tau21_of(
    taus: tuple[str, ...], masses: tuple[str, ...], *, lighter: bool
) -> Callable[[Columns], FloatArray]:
    def compute(columns: Columns) -> FloatArray:
        first, second = _ratio_of(*taus[:2])(columns), _ratio_of(*taus[2:])(columns)
        m1, m2 = _as_float(columns, masses)
        return np.where((m1 < m2) == lighter, first, second)

    return compute
