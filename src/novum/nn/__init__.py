"""Blocks of neural networks and losses, in torch; they know nothing of files or of training.

Members load on first use, and torch with them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.nn.autoencoders import Autoencoder as Autoencoder
    from novum.nn.autoencoders import conv_autoencoder as conv_autoencoder
    from novum.nn.autoencoders import dense_autoencoder as dense_autoencoder
    from novum.nn.ensemble import EnsembleLinear as EnsembleLinear
    from novum.nn.ensemble import EnsembleMLP as EnsembleMLP
    from novum.nn.losses import BinaryCrossEntropy as BinaryCrossEntropy
    from novum.nn.losses import Objective as Objective
    from novum.nn.losses import PiecewiseLinearLikelihood as PiecewiseLinearLikelihood
    from novum.nn.losses import Reconstruction as Reconstruction
    from novum.nn.losses import SquaredDistance as SquaredDistance
    from novum.nn.particles import cloud_autoencoder as cloud_autoencoder
    from novum.nn.particles import recurrent_autoencoder as recurrent_autoencoder
    from novum.nn.transport import squared_wasserstein as squared_wasserstein
    from novum.nn.variational import EnsembleVAE as EnsembleVAE
    from novum.nn.variational import EvidenceBound as EvidenceBound
    from novum.nn.variational import MixtureLatent as MixtureLatent
    from novum.nn.variational import NormalLatent as NormalLatent
    from novum.nn.velocity import VelocityField as VelocityField

_MEMBERS = {
    "Autoencoder": "novum.nn.autoencoders",
    "cloud_autoencoder": "novum.nn.particles",
    "conv_autoencoder": "novum.nn.autoencoders",
    "dense_autoencoder": "novum.nn.autoencoders",
    "BinaryCrossEntropy": "novum.nn.losses",
    "EnsembleLinear": "novum.nn.ensemble",
    "EnsembleMLP": "novum.nn.ensemble",
    "EnsembleVAE": "novum.nn.variational",
    "EvidenceBound": "novum.nn.variational",
    "MixtureLatent": "novum.nn.variational",
    "NormalLatent": "novum.nn.variational",
    "Objective": "novum.nn.losses",
    "PiecewiseLinearLikelihood": "novum.nn.losses",
    "Reconstruction": "novum.nn.losses",
    "SquaredDistance": "novum.nn.losses",
    "VelocityField": "novum.nn.velocity",
    "recurrent_autoencoder": "novum.nn.particles",
    "squared_wasserstein": "novum.nn.transport",
}

__all__ = [
    "Autoencoder",
    "BinaryCrossEntropy",
    "EnsembleLinear",
    "EnsembleMLP",
    "EnsembleVAE",
    "EvidenceBound",
    "MixtureLatent",
    "NormalLatent",
    "Objective",
    "PiecewiseLinearLikelihood",
    "Reconstruction",
    "SquaredDistance",
    "VelocityField",
    "cloud_autoencoder",
    "conv_autoencoder",
    "dense_autoencoder",
    "recurrent_autoencoder",
    "squared_wasserstein",
]


def __getattr__(name: str) -> Any:
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MEMBERS[name]), name)


def __dir__() -> list[str]:
    return sorted(_MEMBERS)
