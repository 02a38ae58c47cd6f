"""`BumpHuntConfig`: every choice of a bump hunt; imports nothing heavy, for the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BumpHuntConfig:
    """Settings of a bump hunt; command-line options have these names.

    Attributes
    ----------
    mass : str or None
        Column of the resonant variable, for a file of events; None: the file is a spectrum.
    mass_unit : str
        Unit of that column: GeV, TeV or MeV.
    luminosity : float or None
        Turns a differential cross-section ``y`` of a published spectrum into counts.
    family : str
        Background family: dijet or exp-polynomial.
    sqrt_s : float
        Centre-of-mass energy of the dijet family [GeV].
    relative_width : float
        Signal-region width over its centre.
    fit_range : (low, high) or None
        Range of the fit [GeV]; None: all bins of a given spectrum, the range that the dijet
        family describes for events.
    peak : str
        Shape of a measured peak: gaussian, or voigt with its `natural_width`.
    natural_width : float or None
        Full width at half maximum of the Lorentzian of a voigt peak [GeV].
    n_toys, seed : int
        Toys of the whole scan, and their seed.
    """

    mass: str | None = None
    mass_unit: str = "GeV"
    luminosity: float | None = None
    family: str = "dijet"
    sqrt_s: float = 13000.0
    relative_width: float = 0.12
    fit_range: tuple[float, float] | None = None
    peak: str = "gaussian"
    natural_width: float | None = None
    n_toys: int = 10000
    seed: int = 0
