"""Preprocessing of jets: what translations, rotations and reflections change is taken out.

The steps of arXiv:1803.00107 and arXiv:1808.08979: the pT-weighted centroid goes to the origin, the
principal axis to the vertical, the half with more pT up and to the right, and pT adds up to one.
Jets are arrays (n, P, F) with pT [GeV], η and φ [rad] first and pT = 0 where there is no
constituent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.physics.particles import FloatArray, delta_phi

STEPS = ("centred", "rotated", "flipped", "normalised")  # models say which they were trained on

_EVEN = 1e-9  # relative difference of pT below which a jet is as heavy on both sides


def preprocess(
    constituents: NDArray[np.floating],
    *,
    rotated: bool = True,
    flipped: bool = True,
    normalised: bool = True,
    first_row: int = 0,
) -> FloatArray:
    """All steps, one after the other.

    Parameters
    ----------
    constituents : array (n, P, F)
        F ≥ 3: pT, η, φ and others, which are left out.
    rotated, flipped, normalised : bool
        Whether these steps are done; jets are always centred.
    first_row : int
        Number of the first jet, for errors.

    Returns
    -------
    float64 array (n, P, 3)
        pT, and the two coordinates in the plane; zeros where there is no constituent.

    Raises
    ------
    InputError
        If a jet has no constituent, or a pT is negative or not finite; names the row.
    """
    jets = centre(constituents, first_row)
    if rotated:
        jets = rotate(jets)
    if flipped:
        jets = flip(jets)
    return normalise(jets) if normalised else jets


def centre(constituents: NDArray[np.floating], first_row: int = 0) -> FloatArray:
    """Coordinates relative to the pT-weighted centroid, (n, P, 3); azimuths may wrap around."""
    require_jets(constituents, first_row)
    jets = np.array(constituents[..., :3], np.float64)
    pt = jets[..., 0]
    hardest = jets[np.arange(len(jets)), pt.argmax(axis=1), 2]
    jets[..., 2] = delta_phi(jets[..., 2], hardest[:, None])
    jets[..., 1:] -= _mean(pt, jets[..., 1:])[:, None]
    return _absent_at_zero(jets)


def rotate(jets: FloatArray) -> FloatArray:
    """Principal axis of the pT-weighted second moments along the second coordinate.

    Jets without a principal axis, such as those of one constituent, stay as they are.
    """
    pt, x, y = np.moveaxis(jets, -1, 0)
    xx, yy, xy = ((pt * product).sum(axis=1) for product in (x * x, y * y, x * y))
    # The axis of largest variance is at this angle from the first coordinate.
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    angle = np.where(np.hypot(2 * xy, xx - yy) > 1e-12 * (xx + yy), angle, np.pi / 2)
    turn = (np.pi / 2 - angle)[:, None]
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([pt, cos * x - sin * y, sin * x + cos * y], axis=-1)


def flip(jets: FloatArray) -> FloatArray:
    """The half with more pT at positive values, for both coordinates."""
    out = jets.copy()
    for axis in (1, 2):
        difference = (jets[..., 0] * np.sign(jets[..., axis])).sum(axis=1)
        out[difference < -_EVEN * jets[..., 0].sum(axis=1), :, axis] *= -1
    return out


def normalise(jets: FloatArray) -> FloatArray:
    """Sum of pT one."""
    out = jets.copy()
    out[..., 0] /= jets[..., 0].sum(axis=1, keepdims=True)
    return out


def require_jets(constituents: NDArray[np.floating], first_row: int = 0) -> None:
    """Refuse what is no jet, as `preprocess` does.

    Raises
    ------
    InputError
        If a jet has no constituent, or a pT is negative or not finite; names the row.
    """
    if constituents.ndim != 3 or constituents.shape[2] < 3:
        raise InputError(
            f"jets are given as (n, constituents, at least pT, η, φ), not {constituents.shape}"
        )
    jets = constituents[..., :3]
    bad = ~np.isfinite(jets).all(axis=(1, 2)) | (jets[..., 0] < 0).any(axis=1)
    for fault, said in (
        (bad, "has a constituent whose pT is negative or not finite"),
        (~(jets[..., 0] > 0).any(axis=1), "has no constituent"),
    ):
        if fault.any():
            row = first_row + int(np.argmax(fault))
            raise InputError(f"the jet in row {row} (rows count from 0) {said}", value=row)


def _mean(pt: FloatArray, values: FloatArray) -> FloatArray:
    mean: FloatArray = (pt[..., None] * values).sum(axis=1) / pt.sum(axis=1)[:, None]
    return mean


def _absent_at_zero(jets: FloatArray) -> FloatArray:
    jets[jets[..., 0] == 0] = 0.0
    return jets
