"""Scoring with the networks of an ensemble, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK = 512  # rows; every product has this shape, so that a score does not depend on the rest


def mean_log_odds(
    x: NDArray[np.float32],
    weights: Sequence[NDArray[np.float32]],
    biases: Sequence[NDArray[np.float32]],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weighted mean over N networks of their log-odds.

    Parameters
    ----------
    x : float32 array (n, d)
        Standardised features.
    weights, biases : sequences of float32 arrays (N, n_in, n_out) and (N, 1, n_out)
        Of each layer; ReLU stands between them.
    share : array (N,)
        Weight of each network in the mean.

    Returns
    -------
    float64 array (n,)
    """
    padded = np.zeros((-(-len(x) // BLOCK) * BLOCK, x.shape[1]), dtype=np.float32)
    padded[: len(x)] = x
    total = np.zeros(len(padded))
    for at in range(0, len(padded), BLOCK):
        block = padded[at : at + BLOCK]
        for i, part in enumerate(share):
            h = block
            for w, b in zip(weights[:-1], biases[:-1], strict=True):
                h = h @ w[i]
                h += b[i]
                np.maximum(h, 0, out=h)
            total[at : at + BLOCK] += part * (h @ weights[-1][i] + biases[-1][i])[:, 0]
    return total[: len(x)]
