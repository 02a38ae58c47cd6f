"""Jet images: pT in the pixels of the η-φ plane (arXiv:1407.5675)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError
from novum.physics.jet_preprocessing import preprocess

_JETS = 8192  # at once


@dataclass(frozen=True)
class JetImages:
    """How images are made of jets.

    Jets are centred, rotated and flipped (`novum.physics.jet_preprocessing`). A pixel holds the
    sum of the pT of its constituents to the power `pt_power` (arXiv:2202.00686), smeared by a
    Gaussian filter where `smear` is not 0; the pixels add up to one. Constituents outside the
    image are left out.

    Attributes
    ----------
    size : int
        Pixels along one side.
    half_width : float
        From the centre to an edge [rad].
    pt_power : float
        n of pT → pT^n of a pixel: below 1 soft pixels count more.
    smear : float
        Standard deviation of the filter in pixels.
    """

    kind: ClassVar[str] = "images"

    size: int = 40
    half_width: float = 0.8
    pt_power: float = 1.0
    smear: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 2:
            raise ConfigError(f"size: must be at least 2, got {self.size}")
        for key in ("half_width", "pt_power"):
            if not 0 < getattr(self, key) < math.inf:
                raise ConfigError(f"{key}: must be finite and positive, got {getattr(self, key):g}")
        if not 0 <= self.smear < math.inf:
            raise ConfigError(f"smear: must be finite and not negative, got {self.smear:g}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the pixels, row by row."""
        side = range(self.size)
        return tuple(f"pixel {i},{j}" for i in side for j in side)

    def __call__(self, constituents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Images (n, size, size) of jets (n, P, F): pT, η, φ first; 0 where all is outside.

        Raises
        ------
        InputError
            If a jet has no constituent, or a pT is negative or not finite.
        """
        starts = range(0, len(constituents), _JETS)
        parts = [self._images(constituents[i : i + _JETS], i) for i in starts]
        return np.concatenate(parts) if parts else np.zeros((0, self.size, self.size), np.float32)

    def _images(self, constituents: NDArray[np.floating], first: int) -> NDArray[np.float32]:
        jets, size = preprocess(constituents, first_row=first), self.size
        pt, x, y = np.moveaxis(jets, -1, 0)
        column = np.floor((x + self.half_width) * (size / 2 / self.half_width)).astype(np.int64)
        row = np.floor((y + self.half_width) * (size / 2 / self.half_width)).astype(np.int64)
        inside = (pt > 0) & (column >= 0) & (column < size) & (row >= 0) & (row < size)
        jet = np.broadcast_to(np.arange(len(jets))[:, None], pt.shape)
        pixel = (jet * size + row) * size + column
        flat = np.bincount(pixel[inside], pt[inside], len(jets) * size * size)
        images = np.power(flat, self.pt_power).reshape(-1, size, size)
        if self.smear:
            from scipy.ndimage import gaussian_filter

            images = gaussian_filter(images, (0, self.smear, self.smear), mode="constant")
        total = images.sum(axis=(1, 2), keepdims=True)
        return np.asarray(images / np.where(total > 0, total, 1.0), np.float32)
