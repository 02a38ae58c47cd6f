"""Outlier detection: learn what background events look like, score what is odd.

A new detector is one file here and one line in `MEMBERS`. Higher scores are more anomalous.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

MEMBERS = {
    "Autoencoder": "novum.outlier.autoencoder",
    "CloudAutoencoder": "novum.outlier.cloud_autoencoder",
    "Combined": "novum.outlier.combined",
    "ConvAutoencoder": "novum.outlier.conv_autoencoder",
    "DeepSVDD": "novum.outlier.deep_svdd",
    "DirichletVAE": "novum.outlier.dirichlet_vae",
    "FlowDensity": "novum.outlier.flow",
    "GaussianMixture": "novum.outlier.gmm",
    "GaussianMixtureVAE": "novum.outlier.gmvae",
    "IsolationForest": "novum.outlier.iforest",
    "KMeans": "novum.outlier.kmeans",
    "KernelDensity": "novum.outlier.kde",
    "Mahalanobis": "novum.outlier.mahalanobis",
    "NormalisedAutoencoder": "novum.outlier.nae",
    "PCA": "novum.outlier.pca",
    "RecurrentAutoencoder": "novum.outlier.recurrent_autoencoder",
    "VariationalAutoencoder": "novum.outlier.vae",
    "WassersteinNormalisedAutoencoder": "novum.outlier.wnae",
}

__all__ = [
    "PCA",
    "Autoencoder",
    "CloudAutoencoder",
    "Combined",
    "ConvAutoencoder",
    "DeepSVDD",
    "DirichletVAE",
    "FlowDensity",
    "GaussianMixture",
    "GaussianMixtureVAE",
    "IsolationForest",
    "KMeans",
    "KernelDensity",
    "Mahalanobis",
    "NormalisedAutoencoder",
    "RecurrentAutoencoder",
    "VariationalAutoencoder",
    "WassersteinNormalisedAutoencoder",
]


def __getattr__(name: str) -> Any:
    if name in MEMBERS:
        return getattr(import_module(MEMBERS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(MEMBERS)
