"""Losses with a leading model axis: one number a model, so that models never mix."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def weighted_bce(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted binary cross-entropy of each model.

    Parameters
    ----------
    logits : tensor (M, B)
        Log-odds of class 1.
    target : tensor (M, B)
        Classes 0 and 1.
    weight : tensor (M, B)
        Weights, not negative; a row of weight 0 does not count.

    Returns
    -------
    tensor (M,)
        Sum over the rows; the caller divides by what it means to average over.
    """
    return (weight * (softplus(logits) - target * logits)).sum(dim=1)
