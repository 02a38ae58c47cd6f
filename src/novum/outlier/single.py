"""Autoencoders of any architecture: members that train one after the other, with autograd."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import require_events
from novum.outlier.network import ROWS
from novum.outlier.traced import is_traced
from novum.outlier.trained import NetworkReconstructor, cut

if TYPE_CHECKING:
    import torch

    from novum.nn import Autoencoder
    from novum.training import Rows

FloatArray = NDArray[np.float64]


class SingleReconstructor(NetworkReconstructor):
    """Base of autoencoders too large to train side by side: one fills a core.

    What is learnt is kept as plain arrays, and the network is built anew to score.
    """

    # Residuals of thousands of pixels have no covariance that a sample determines.
    scores: ClassVar[tuple[str, ...]] = ("mse", "mae", "latent-distance")

    @abstractmethod
    def _network(self, d: int) -> Autoencoder:
        """A new network for rows of d numbers; it is seeded by the caller."""

    def _train(self, z: FloatArray, w: FloatArray) -> None:
        import torch

        from novum.training import seeded_network, split_rows

        require_events(len(z), self.latent + 1, f"a latent space of {self.latent}")
        d = z.shape[1]
        table = torch.from_numpy(np.column_stack([cut(z, self.farthest_), w.astype(np.float32)]))
        same = np.zeros(len(z), np.int8)
        self.parameters_, losses, epochs = [], [], []
        for seed in self._seeds():
            network = seeded_network(lambda: self._network(d), seed)
            rows = split_rows(same, self.validation_fraction, seed)
            loss, ran = self._train_one(network, table, rows)
            losses.append(loss)
            epochs.append(ran)
            self.parameters_.append([p.detach().cpu().numpy() for p in network.parameters()])
        self.validation_loss_, self.epochs_ = np.array(losses), np.array(epochs)

    def _train_one(
        self, network: Autoencoder, table: torch.Tensor, rows: Rows
    ) -> tuple[float, int]:
        """Train one member in place; its validation loss and the epochs that it ran."""
        import torch

        from novum.training import minimise

        def loss(x: torch.Tensor, _: torch.Generator) -> torch.Tensor:
            return network.energy(x)

        trained = minimise(network, table, rows, self._training(), loss, one_cycle=False)
        for parameter, best in zip(network.parameters(), trained.parameters, strict=True):
            parameter.data = torch.from_numpy(best[0, 0]).to(parameter.device)
        return float(trained.loss[0, 0]), int(trained.epochs[0])

    def _networks(self) -> Iterator[Any]:
        import torch

        from novum.training import seeded_network

        for parameters in self.parameters_:
            # First weights are drawn, and torch's own generator is not ours to move.
            network = seeded_network(lambda: self._network(self.n_features_in_), 0)
            for mine, theirs in zip(network.parameters(), parameters, strict=True):
                mine.data = torch.from_numpy(theirs)
            yield network.eval()

    def _rebuilt(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        if is_traced(z):
            return self._traced(cut(z, self.farthest_))
        import torch

        from novum.training import one_thread

        x = torch.from_numpy(cut(z, self.farthest_))
        padded = torch.cat([x, x.new_zeros(-len(x) % ROWS, x.shape[1])])
        latent, rebuilt = [], []
        with torch.no_grad(), one_thread():
            for network in self._networks():
                hidden = [network.encode(part) for part in torch.split(padded, ROWS)]
                latent.append(torch.cat(hidden)[: len(x)].numpy())
                rows = [network.decode(part) for part in hidden]
                rebuilt.append(torch.cat(rows)[: len(x)].numpy())
        return np.array(latent, np.float64), np.array(rebuilt, np.float64)

    def _traced(self, x: Any) -> tuple[Any, Any]:
        networks = list(self._networks())
        hidden = [network.encode(x) for network in networks]
        rebuilt = [network.decode(h) for network, h in zip(networks, hidden, strict=True)]
        return np.stack(hidden).astype(np.float64), np.stack(rebuilt).astype(np.float64)
