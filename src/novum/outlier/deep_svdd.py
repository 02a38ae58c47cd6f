"""Deep support vector data description: networks that map background onto a point."""

from __future__ import annotations

import warnings
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import FitError
from novum.outlier.base import FARTHEST, evenly
from novum.outlier.network import layers
from novum.outlier.trained import NetworkDetector, cut

FloatArray = NDArray[np.float64]

_OFF = 0.1  # least component of a centre: with the weights at 0 a network maps all to 0
_EVENTS = 100_000  # the most from which centres and scales are taken
_PROBES = 1000  # events and far points at which a network is looked at
_CONSTANT = 1e-3  # least spread of their scores over the mean
_LEAST = 1e-30


class CollapseWarning(UserWarning):
    """Some networks map all events onto the same point: their score is constant."""


@final
class DeepSVDD(NetworkDetector):
    """Distance from a centre onto which networks have learnt to map the background.

    One-class Deep SVDD (Ruff et al., Proceedings of Machine Learning Research 80 (2018) 4393,
    and sec. 2 of arXiv:1906.02694): the mean squared distance of the outputs from a fixed centre
    is minimised. The centre is the mean output of the untrained network, with no component within
    0.1 of 0. The score is the mean over the networks of the squared distance, each over its mean
    on background.

    A network that maps everything onto the centre has learnt nothing. The papers rule that out by
    layers without biases and activations without bound. But such a network maps the mean of
    standardised features to 0, away from the centre, and takes the middle of the background for
    odd. Here layers have biases, the training ends where the validation loss no longer falls, and
    a network is found out whose score is the same for events and for points far from all of them.

    Parameters
    ----------
    latent : int
        Number of outputs.
    hidden : tuple of int
        Nodes of the hidden layers.
    members : int
        Number of networks.
    biases : bool
        Whether the layers have biases.
    epochs : int
        Most passes over the training events.
    batch_size : int
        Events per step.
    learning_rate : float
        Of Adam.
    patience : int or None
        Epochs without a lower validation loss after which a network stops; None: never.
    validation_fraction : float
        Share of the training events that each network sets aside to find its best epoch.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.

    Attributes
    ----------
    centre_ : float32 array (members, latent)
    distance_ : float64 array (members,)
        Mean squared distance of background from it.
    spread_ : float64 array (members,)
        Standard deviation of the score of each network, over its mean, on events and on points
        ten standard deviations away.
    validation_loss_ : float64 array (members,)
        Mean squared distance of each network on its own validation events.
    epochs_ : int array (members,)
        Epochs that each ran.
    """

    name: ClassVar[str] = "deep-svdd"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1906.02694", "Deep Semi-Supervised Anomaly Detection"),
        (
            "2106.10164",
            "Rare and Different: Anomaly Scores from a combination of likelihood and "
            "out-of-distribution models to detect new physics at the LHC",
        ),
    )

    def __init__(
        self,
        latent: int = 8,
        *,
        hidden: tuple[int, ...] = (64, 32),
        members: int = 5,
        biases: bool = True,
        epochs: int = 50,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        patience: int | None = 10,
        validation_fraction: float = 0.2,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent,
            hidden=hidden,
            members=members,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.biases = biases

    @classmethod
    def published(cls, random_state: int | None = None) -> DeepSVDD:
        """One network without biases, trained as in the paper of 2018.

        Its weight decay of 1e-6, its lower learning rate at the end and its pre-training as an
        autoencoder are left out.
        """
        return cls(
            32,
            members=1,
            biases=False,
            epochs=150,
            batch_size=200,
            learning_rate=1e-4,
            patience=None,
            random_state=random_state,
        )

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        import torch

        from novum.nn import EnsembleMLP, SquaredDistance

        network = EnsembleMLP.seeded(
            z.shape[1], self.hidden, self._seeds(), n_out=self.latent, biased=self.biases
        )
        self._keep([p.detach().numpy() for p in network.parameters()])
        rows = evenly(len(z), _EVENTS)
        some, share = z[rows], w[rows]
        centre = np.average(self._outputs(some), axis=1, weights=share)
        away = np.where(centre < 0, -1.0, 1.0) * np.maximum(np.abs(centre), _OFF)
        self.centre_ = away.astype(np.float32)
        objective = SquaredDistance(torch.from_numpy(self.centre_))
        self._keep(self._fit_networks(network, objective, z, w))
        distance = np.average(self._distances(some), axis=1, weights=share)
        self.distance_ = np.maximum(distance, _LEAST)
        self._find_collapsed(z[evenly(len(z), _PROBES)])

    def _find_collapsed(self, z: FloatArray) -> None:
        """Warn of networks whose score is constant.

        Raises
        ------
        FitError
            If all are.
        """
        far = np.random.default_rng(0).standard_normal((_PROBES, z.shape[1]))
        far *= FARTHEST / np.linalg.norm(far, axis=1, keepdims=True)
        scores = self._member_scores(np.concatenate([z, far]))
        self.spread_ = scores.std(axis=1) / np.maximum(scores.mean(axis=1), _LEAST)
        collapsed = int((~(self.spread_ > _CONSTANT)).sum())
        if not collapsed:
            return
        message = (
            f"{collapsed} of {self.members} networks of {self.name} have collapsed: they map "
            "everything onto one point. Lower learning_rate or epochs"
        )
        if collapsed == self.members:
            raise FitError(message)
        warnings.warn(message, CollapseWarning, stacklevel=4)

    def member_scores(self, X: ArrayLike) -> FloatArray:
        """Scores of the single members (M, n): their spread is that of other seeds."""
        return np.concatenate([self._member_scores(z) for z in self._blocks(X)], axis=1)

    def _score(self, z: FloatArray) -> FloatArray:
        score: FloatArray = self._member_scores(z).mean(axis=0)
        return score

    def _member_scores(self, z: FloatArray) -> FloatArray:
        return self._distances(z) / self.distance_[:, None]

    def _distances(self, z: FloatArray) -> FloatArray:
        squares: FloatArray = ((self._outputs(z) - self.centre_[:, None]) ** 2).sum(axis=2)
        return squares

    def _outputs(self, z: FloatArray) -> FloatArray:
        last = len(self.weights_) - 1
        outputs = layers(cut(z, self.farthest_), self.weights_, self.biases_, straight=(last,))
        return outputs[-1].astype(np.float64)

    def _keep(self, learnt: list[NDArray[np.float32]]) -> None:
        self.weights_, self.biases_ = learnt[::2], learnt[1::2]
