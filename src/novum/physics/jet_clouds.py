"""Jet clouds: the hardest constituents of a jet, preprocessed, as points in the η-φ plane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.physics.jet_preprocessing import preprocess

FIELDS = ("pt", "x", "y")

_JETS = 8192  # at once


@dataclass(frozen=True)
class JetClouds:
    """How clouds are made of jets.

    Jets are centred, rotated and flipped with all of their constituents
    (`novum.physics.jet_preprocessing`). Then the hardest are kept, pT falling, and their pT to the
    power `pt_power` add up to one. Constituents of equal pT stay in the order of the file.

    Attributes
    ----------
    particles : int
        Constituents kept; absent ones are zeros.
    pt_power : float
        n of pT → pT^n: below 1 soft constituents count more.
    """

    kind: ClassVar[str] = "clouds"

    particles: int = 40
    pt_power: float = 1.0

    def __post_init__(self) -> None:
        if self.particles < 1:
            raise ConfigError(f"particles: must be at least 1, got {self.particles}")
        if not 0 < self.pt_power < math.inf:
            raise ConfigError(f"pt_power: must be finite and positive, got {self.pt_power:g}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers of a cloud, row by row."""
        return tuple(f"particle {i} {field}" for i in range(self.particles) for field in FIELDS)

    def __call__(self, constituents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Clouds (n, particles, 3) of jets (n, P, F), which hold pT, η, φ first.

        The three are the share of pT, and the coordinates in the plane [rad].

        Raises
        ------
        InputError
            If a jet has no constituent, or a pT is negative or not finite; names the row.
        """
        starts = range(0, len(constituents), _JETS)
        parts = [self._clouds(constituents[i : i + _JETS], i) for i in starts]
        return np.concatenate(parts) if parts else np.zeros((0, self.particles, 3), np.float32)

    def _clouds(self, constituents: NDArray[np.floating], first: int) -> NDArray[np.float32]:
        jets = preprocess(constituents, first_row=first)
        hardest = np.argsort(-jets[..., 0], axis=1, kind="stable")[:, : self.particles]
        kept = np.take_along_axis(jets, hardest[..., None], axis=1)
        kept[..., 0] **= self.pt_power
        kept[..., 0] /= kept[..., 0].sum(axis=1, keepdims=True)
        out = np.zeros((len(jets), self.particles, 3), np.float32)
        out[:, : kept.shape[1]] = kept
        return out
