"""What a score is explained by: single features, particles, or pixels and patches of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages
from novum.search.model_inputs import Inputs

_PATCHES = 10  # along one side of an image, at most
_OF_A_JET = 3  # numbers of a particle: share of pT and two coordinates


@dataclass(frozen=True, eq=False)
class Piece:
    """Columns of X that are explained together.

    Attributes
    ----------
    name : str
    columns : int array
        A feature is one column, a particle has one for each of its fields, pT first.
    valued : bool
        Whether its first column tells something by itself, as that of a pixel does not.
    """

    name: str
    columns: NDArray[np.int64]
    valued: bool = True


def image_of(inputs: Inputs) -> JetImages | None:
    """How images are made, for models that read images."""
    made = inputs.representation
    return made if isinstance(made, JetImages) else None


def pieces_of(inputs: Inputs, whole_patches: bool) -> tuple[Piece, ...]:
    """All columns of X in pieces, each in one of them.

    Parameters
    ----------
    inputs : Inputs
    whole_patches : bool
        Whether the pixels of an image are taken in square patches.
    """
    names, image = inputs.names, image_of(inputs)
    if image is not None:
        if whole_patches:
            return _patches(f"{inputs.cloud} patch", image.size)
        return tuple(Piece(n, np.array([j]), False) for j, n in enumerate(names))
    single = len(inputs.features)
    n, width = inputs.particles, len(inputs.fields)
    if isinstance(inputs.representation, JetClouds):
        n, width = inputs.representation.particles, _OF_A_JET
    features = [Piece(name, np.array([j])) for j, name in enumerate(inputs.features)]
    particles = [
        Piece(f"{inputs.cloud}[{i}]", single + i * width + np.arange(width)) for i in range(n)
    ]
    return (*features, *particles)


def patch_side(size: int) -> int:
    """Pixels along one side of a patch of a square image."""
    return -(-size // _PATCHES)


def _patches(name: str, size: int) -> tuple[Piece, ...]:
    side = patch_side(size)
    pixels, starts = np.arange(size * size).reshape(size, size), range(0, size, side)
    return tuple(
        Piece(
            f"{name} {i // side},{j // side}",
            pixels[i : i + side, j : j + side].ravel(),
            False,
        )
        for i in starts
        for j in starts
    )


def gathered(values: NDArray[np.float64], pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """Sums (n, G) over the columns of each of G pieces of values (n, d)."""
    return np.stack([values[:, piece.columns].sum(axis=1) for piece in pieces], axis=1)
