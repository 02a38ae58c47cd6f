"""`BumpHuntConfig`: every choice of a bump hunt; imports nothing heavy, for the command line."""

from __future__ import annotations

from dataclasses import dataclass

from novum.errors import ConfigError


@dataclass(frozen=True)
class BumpHuntConfig:
    """Settings of a bump hunt; command-line options have these names.

    Attributes
    ----------
    mass : str or None
        Column of the resonant variable, for a file of events; without it the file is a spectrum.
    mass_unit : str or None
        Unit of that column: GeV, TeV or MeV. Where not given, what the file states, else GeV.
    luminosity : float or None
        Turns a differential cross-section ``y`` of a published spectrum into counts.
    family : str
        Background family: dijet, exp-polynomial or power-exponential.
    sqrt_s : float
        Centre-of-mass energy of the dijet family [GeV].
    relative_width : float
        Signal-region width over its centre.
    fit_range : (low, high) or None
        Range of the fit, as LOW,HIGH [GeV]. Where not given, all bins of a given spectrum, and for
        events the range that the dijet family describes.
    peak : str
        Shape of a measured peak: gaussian, or voigt with its `natural_width`.
    natural_width : float or None
        Full width at half maximum of the Lorentzian of a voigt peak [GeV].
    spurious : bool
        Also compare the family with others: the spurious signal of every window.
    n_toys : int
        Toys of the whole scan.
    seed : int
        Seed of the toys.
    """

    mass: str | None = None
    mass_unit: str | None = None
    luminosity: float | None = None
    family: str = "dijet"
    sqrt_s: float = 13000.0
    relative_width: float = 0.12
    fit_range: tuple[float, float] | None = None
    peak: str = "gaussian"
    natural_width: float | None = None
    spurious: bool = False
    n_toys: int = 10000
    seed: int = 0

    def validated(self) -> BumpHuntConfig:
        """Return self after checking every value.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        if self.peak not in ("gaussian", "voigt"):
            raise ConfigError(f"peak: must be gaussian or voigt, got '{self.peak}'")
        if not 0 < self.relative_width < 1:
            raise ConfigError(
                f"relative_width: must be between 0 and 1, got {self.relative_width:g}"
            )
        if self.n_toys < 1 or self.seed < 0:
            raise ConfigError(f"n_toys and seed: got {self.n_toys} and {self.seed}")
        for key in ("luminosity", "sqrt_s", "natural_width"):
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise ConfigError(f"{key}: must be positive, got {value:g}")
        if self.fit_range is not None and not self.fit_range[0] < self.fit_range[1]:
            raise ConfigError(f"fit_range: {self.fit_range} is empty; give LOW,HIGH")
        return self
