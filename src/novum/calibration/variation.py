"""Systematic variations of an injected signal: scale and resolution of the mass or a feature."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from novum.errors import ConfigError
from novum.search.config import HuntConfig
from novum.search.inputs import Sample

_FORM = re.compile(r"(?P<column>.+):(?P<what>scale|smear)=(?P<value>[-+.0-9eE]+)")


@dataclass(frozen=True)
class Variation:
    """A changed scale or a worse resolution of one column of the signal.

    Attributes
    ----------
    column : str
        The resonant variable or a feature.
    scale : float
        Factor on every value.
    smear : float
        Standard deviation of a further Gaussian factor around 1.
    """

    column: str
    scale: float = 1.0
    smear: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Variation:
        """From ``COLUMN:scale=1.02`` or ``COLUMN:smear=0.05``.

        Raises
        ------
        ConfigError
        """
        match = _FORM.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            value = float(match["value"])
        except ValueError:
            raise ConfigError(
                f"vary: '{text}' is not COLUMN:scale=1.02 or COLUMN:smear=0.05"
            ) from None
        if not 0 <= value < 10 or (match["what"] == "scale" and value == 0):
            raise ConfigError(f"vary: {match['what']} must be between 0 and 10, got {value:g}")
        return cls(match["column"], **{match["what"]: value})

    def check(self, config: HuntConfig) -> None:
        """Refuse a column that the search does not use.

        Raises
        ------
        ConfigError
        """
        known = (config.mass, *config.features)
        if self.column not in known:
            raise ConfigError(f"vary: the search uses {', '.join(known)}, not '{self.column}'")

    def applied(self, signal: Sample, config: HuntConfig, rng: np.random.Generator) -> Sample:
        """The signal with the column changed; errors as `check`."""
        self.check(config)
        factor = self.scale * (1 + self.smear * rng.standard_normal(len(signal.m)))
        if self.column == config.mass:
            return replace(signal, m=signal.m * factor)
        X = signal.X.copy()
        X[:, config.features.index(self.column)] *= factor
        return replace(signal, X=X)

    def __str__(self) -> str:
        what = f"scale={self.scale:g}" if self.smear == 0 else f"smear={self.smear:g}"
        return f"{self.column}:{what}"
