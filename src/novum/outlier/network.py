"""Networks side by side, in NumPy: scoring needs no torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.outlier.traced import is_traced

Weights = Sequence[NDArray[np.float32]]

ROWS = 512  # every product has this many rows, so that no event depends on those beside it


def layers(
    x: NDArray[np.float32], weights: Weights, biases: Weights, straight: Collection[int]
) -> list[NDArray[np.float32]]:
    """Outputs of every layer of M fully connected networks.

    Parameters
    ----------
    x : float32 array (M, n, n_in) or (n, n_in)
        Inputs of each, or of all.
    weights, biases : sequences of float32 arrays (M, a, b) and (M, 1, b)
    straight : collection of int
        Layers, counted from 0, without ReLU.

    Returns
    -------
    list of float32 arrays (M, n, b)
        One for each layer.
    """
    if is_traced(x):
        return _traced_layers(x, weights, biases, straight)
    n, models = x.shape[-2], len(weights[0])
    padded = np.zeros((*x.shape[:-2], -(-n // ROWS) * ROWS, x.shape[-1]), np.float32)
    padded[..., :n, :] = x
    out = [np.empty((models, padded.shape[-2], w.shape[2]), np.float32) for w in weights]
    for model in range(models):
        inputs = padded if padded.ndim == 2 else padded[model]
        for at in range(0, len(inputs), ROWS):
            h = inputs[at : at + ROWS]
            for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
                h = h @ w[model]
                h += b[model]
                if i not in straight:
                    np.maximum(h, 0, out=h)
                out[i][model, at : at + ROWS] = h
    return [part[:, :n] for part in out]


def _traced_layers(
    h: Any, weights: Weights, biases: Weights, straight: Collection[int]
) -> list[Any]:
    """The same of a `Traced`, with whole batches for products."""
    out = []
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        h = h @ w + b
        h = h if i in straight else np.maximum(h, 0)
        out.append(h)
    return out
