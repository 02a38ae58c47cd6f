"""`LimitConfig`: every choice of a limit; imports nothing heavy, for the command line."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from novum.errors import ConfigError
from novum.search.config import HuntConfig, Pair

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CUT = re.compile(r"\s*(?P<column>[^<>=]*[^<>=\s])\s*(?P<sign>>=|<=|>|<)\s*(?P<value>[^<>=\s]+)\s*")


@dataclass(frozen=True)
class Cut:
    """One cut on a column: ``column sign value``, with >, >=, < or <=."""

    column: str
    sign: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Cut:
        """From words such as ``"score > 0.9"``.

        Raises
        ------
        ConfigError
            If it is not a column, an operator and a number.
        """
        match = _CUT.fullmatch(text)
        if match is None:
            raise ConfigError(f"cut: '{text}' is not COLUMN>VALUE (operators: >, >=, <, <=)")
        try:
            value = float(match["value"])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(f"cut: '{match['value']}' in '{text}' is not a number")
        return cls(match["column"], match["sign"], value)

    def passes(self, values: Any) -> Any:
        """Mask of the values that pass; shape of `values`."""
        return _OPERATORS[self.sign](values, self.value)

    def __str__(self) -> str:
        return f"{self.column} {self.sign} {self.value:g}"


@dataclass(frozen=True)
class LimitConfig:
    """Settings of a limit; command-line options have these names.

    Attributes
    ----------
    mass : str
        Column of the resonant variable.
    cut : tuple of str
        Cuts COLUMN>VALUE (or >=, <, <=), comma separated or repeated; fixed on independent data.
    window : (low, high) or None
        Signal region, as LOW,HIGH [GeV].
    sideband : float or None
        Width of each sideband [GeV]; by default half the width of the signal region.
    signal_events : float
        Signal events, before any cut, that signal strength 1 stands for.
    luminosity : float or None
        Integrated luminosity [1/fb]; adds the limit on the cross-section [fb].
    signal_systematic : float
        Relative uncertainty of the expected signal.
    background_systematic : float
        Relative uncertainty of the transfer factor beyond that of the fit.
    spurious : float
        Signal that the background model may fake in the signal region [events], one standard
        deviation.
    level : float
        Confidence level.
    mass_unit : str or None
        Unit of the mass column: GeV, TeV or MeV. Where not given, what the file states, else GeV.
    fit_range : (low, high) or None
        Range of the spectrum fit, as LOW,HIGH [GeV]; found from the data where not given.
    family : str
        Spectrum family, as for `novum hunt`.
    sqrt_s : float
        Centre-of-mass energy of the dijet family [GeV].
    n_params : int or None
        Number of parameters of the family; chosen by an F-test where not given.
    n_toys : int
        Toys of either hypothesis at every signal strength, where few events are expected.
    seed : int
        Seed of the toys.
    """

    mass: str = ""
    cut: tuple[str, ...] = ()
    window: Pair | None = None
    sideband: float | None = None
    signal_events: float = 1.0
    luminosity: float | None = None
    signal_systematic: float = 0.0
    background_systematic: float = 0.0
    spurious: float = 0.0
    level: float = 0.95
    mass_unit: str | None = None
    fit_range: Pair | None = None
    family: str = "dijet"
    sqrt_s: float = 13000.0
    n_params: int | None = None
    n_toys: int = 10000
    seed: int = 0

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """The parsed cuts."""
        return tuple(Cut.parse(t) for text in self.cut for t in text.split(",") if t.strip())

    def validated(self) -> LimitConfig:
        """Return self after checking every value.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        if not self.mass:
            raise ConfigError("mass: name the column of the resonant variable (--mass)")
        if self.window is None:
            raise ConfigError("window: state the signal region (--window LOW,HIGH)")
        if any(cut.column == self.mass for cut in self.cuts):
            raise ConfigError(f"cut: '{self.mass}' is the resonant variable; --window cuts on it")
        for key in ("signal_events", "luminosity"):
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"{key}: must be positive, got {value:g}")
        for key in ("signal_systematic", "background_systematic", "spurious"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ConfigError(f"{key}: must not be negative, got {getattr(self, key):g}")
        if not 0 < self.level < 1:
            raise ConfigError(f"level: must be between 0 and 1, got {self.level:g}")
        if self.n_toys < 100 or self.seed < 0:
            raise ConfigError(f"n_toys and seed: got {self.n_toys} and {self.seed}")
        replace(self.scan, features=("any",)).validated()
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain data, in the order of the attributes."""
        return asdict(self)

    @property
    def scan(self) -> HuntConfig:
        """The settings of the spectrum fit as those of a search with one window.

        Folds and background efficiency only decide how many sideband events are too few.
        """
        return HuntConfig(
            mass=self.mass,
            features=tuple(dict.fromkeys(cut.column for cut in self.cuts)),
            mass_unit=self.mass_unit,
            folds=2,
            eps_b=0.4,
            window=self.window,
            sideband=self.sideband,
            fit_range=self.fit_range,
            family=self.family,
            sqrt_s=self.sqrt_s,
            n_params=self.n_params,
        )
