"""Optimal transport between samples, as a loss."""

from __future__ import annotations

from scipy.optimize import linear_sum_assignment
from torch import Tensor


def squared_wasserstein(x: Tensor, y: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance of two samples of equal size, with its gradient by both.

    The least mean squared distance of pairs, over all ways to pair them: exact, in O(B³). The
    best pairs do not change with a small shift of the points, so that the gradient is that of the
    distances of these pairs. Between samples of one distribution it is not 0 but falls with B.

    Parameters
    ----------
    x, y : tensors (B, d)

    Returns
    -------
    tensor ()
        NaN where a number is not finite.
    """
    a, b = x.detach().double(), y.detach().double()
    cost = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
    if not cost.isfinite().all():
        return (x.sum() + y.sum()) * float("nan")
    _, partner = linear_sum_assignment(cost.cpu().numpy())
    return (x - y[partner]).square().sum(dim=1).mean()
