"""What autoencoders of jets as particles have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.outlier.network import ROWS
from novum.outlier.single import SingleReconstructor
from novum.outlier.traced import is_traced

FloatArray = NDArray[np.float64]


class ParticleReconstructor(SingleReconstructor):
    """Base of autoencoders that read particles: pT and two coordinates each, zeros where none is.

    Their scores beside ``latent-distance`` are distances between a jet and the rebuilt one.
    `reconstruct` gives particles in an order of their own where the distance knows no order.
    A jet without particles is refused, but not by the file that `to_onnx` makes.
    """

    takes: ClassVar[Literal["table", "images", "clouds"]] = "clouds"
    sums: ClassVar[tuple[str, ...]] = ()  # but over particles that are there, or are matched

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        require_jets(z, self.name)
        super()._train(z, w)

    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        if not is_traced(z):
            require_jets(z, self.name)
        return super()._rebuilt(z)

    def _member_scores(self, z: FloatArray) -> FloatArray:
        if self.score_by == "latent-distance":
            return super()._member_scores(z)
        import torch

        from novum.nn.particles import DISTANCES
        from novum.training import one_thread

        distance: Any = DISTANCES[self.score_by]
        if is_traced(z):
            return np.stack([distance(z, rebuilt) for rebuilt in self._rebuilt(z)[1]])
        starts = range(0, len(z), ROWS)
        found = []
        with torch.no_grad(), one_thread():
            for rebuilt in self._rebuilt(z)[1]:
                jets = torch.from_numpy(z), torch.from_numpy(rebuilt)
                parts = [distance(*(jet[i : i + ROWS] for jet in jets)) for i in starts]
                found.append(torch.cat(parts).numpy())
        return np.array(found, np.float64)


def require_jets(z: FloatArray, name: str) -> None:
    """Raise an InputError where rows are no jets of particles."""
    if z.shape[1] % 3:
        raise InputError(
            f"{name} reads particles of pT and two coordinates each, {z.shape[1]} columns are none",
            value=z.shape[1],
        )
    pt = z[:, ::3]
    if pt.min() < 0:
        raise InputError(f"{name}: a particle has a negative pT", value=float(pt.min()))
    if not pt.any(axis=1).all():
        raise InputError(f"{name}: a jet has no constituent")
