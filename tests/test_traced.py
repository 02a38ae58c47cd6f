"""Arrays that write down what is done to them: every operation against NumPy and torch."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import handle_torch_function

from novum.errors import ExportError
from novum.nn.particles import recurrent_autoencoder
from novum.outlier.traced import Traced, trace

X = np.random.default_rng(1).standard_normal((7, 6)).astype(np.float32)
A = np.random.default_rng(2).standard_normal((3, 6, 4)).astype(np.float32)
DOUBLE = np.random.default_rng(3).standard_normal(6)
STEPS = np.sort(np.r_[X[:2, 0], -1, 1])  # values of x among them


def ran(function, x=X):
    """What onnxruntime makes of the graph of a function."""
    model = trace(function, x.shape[1])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {"x": x})
    assert found.dtype == np.float32
    return found


NUMPY = {
    "operators": lambda x: (1 - x) * 2 / (x**2 + DOUBLE**2) - (-x + np.abs(x)) @ A[0] @ A[0].T,
    "functions": lambda x: np.sqrt(np.exp(x) + 1) + np.log(np.abs(x) + 1),
    "bounds": lambda x: np.maximum(x, 0.1) + np.minimum(x, DOUBLE) + x.clip(-0.5, 0.3),
    "no bounds": lambda x: x.clip(-np.inf, np.inf),
    "batched product": lambda x: x @ A + A.mean(axis=1)[:, None],
    "sum": lambda x: (x @ A).sum(axis=-1),
    "mean": lambda x: (x @ A).mean(axis=0),
    "largest": lambda x: x - x.max(axis=1, keepdims=True),
    "least": lambda x: x - x.min(axis=-1, keepdims=True),
    "everything": lambda x: x / (x**2).sum(),
    "two axes": lambda x: (x @ A).sum(axis=(0, 2)),
    "sum of exponentials": lambda x: np.logaddexp.reduce(x, axis=1),
    "distances": lambda x: ((x[:, None, :] - A[0].T) ** 2).sum(axis=2),
    "new axes": lambda x: x[None, ..., None] * x[None, :, None],
    "parts": lambda x: (x @ A)[..., 1:-1] - (x @ A)[:2, :, ::2][0:1],
    "places": lambda x: (x @ A)[1:, ..., -1, None] + (x @ A)[0, :3, 2],
    "single rows": lambda x: sum(row * i for i, row in enumerate(x @ A)),
    "order": lambda x: ((x > 0.5) * 1.0 + (x <= DOUBLE) * 2.0) * (x >= 0) - (1 * (x < -0.5)),
    "stack": lambda x: np.stack([x, 2 * x], axis=1),
    "side by side": lambda x: np.concatenate([x, DOUBLE + 0 * x], axis=1),
    "one behind the other": lambda x: np.concatenate([x, A[0].T]),
    "columns": lambda x: np.take(x, np.array([4, 0, 4]), axis=1),
    "no columns": lambda x: np.take(x, np.arange(0), axis=1).sum(axis=1),
    "places in a row": lambda x: np.take_along_axis(x, (x > 0).astype(np.int64) + 2, axis=1),
    "places in a list": lambda x: np.take_along_axis(
        DOUBLE, np.clip(x[:, 0] + 2, 0, 5).astype(int), 0
    ),
    "cells": lambda x: 10 * np.searchsorted(np.sort(X[3]), x) - np.searchsorted(STEPS, x[:, :1]),
    "cells of edges": lambda x: np.searchsorted(STEPS, np.clip(x, -1, 1), side="right"),
    "shape": lambda x: x.reshape(-1, 2, 3),
    "types": lambda x: (x.astype(np.float64) - DOUBLE).astype(np.float32),
}


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_code_gives_what_it_gives_for_arrays(name):
    np.testing.assert_allclose(ran(NUMPY[name]), NUMPY[name](X), rtol=2e-5, atol=2e-5)


def test_types_are_promoted_as_those_of_arrays():
    seen = []
    trace(lambda x: seen.extend([x, x * 2, x + DOUBLE, x + X[0]]) or x, 6)
    assert [s.dtype for s in seen] == [np.float32, np.float32, np.float64, np.float32]
    assert [s.ndim for s in seen] == [2, 2, 2, 2]


def gated(x, **changes):
    """States of a recurrent layer, and the last."""
    torch.manual_seed(1)
    layer = nn.GRU(2, 4, batch_first=True)
    settings = {"has_biases": True, "num_layers": 1, "dropout": 0.0, "train": False}
    settings |= {"bidirectional": False, "batch_first": True} | changes
    x = x.reshape(-1, 3, 2)
    if isinstance(x, torch.Tensor):
        return layer(x)
    return handle_torch_function(torch.gru, (x,), x, None, list(layer.parameters()), **settings)


def networks():
    torch.manual_seed(0)
    image = nn.Unflatten(1, (1, 2, 3))
    return {
        "dense": nn.Sequential(nn.Linear(6, 5), nn.PReLU(5), nn.Linear(5, 3, bias=False)),
        "relu": nn.Sequential(nn.Linear(6, 5), nn.ReLU()),
        "convolution": nn.Sequential(
            image,
            nn.Conv2d(1, 4, (1, 2), stride=(1, 2), padding=1, bias=False),
            nn.PReLU(4),
            nn.Conv2d(4, 6, (3, 2), groups=2, padding=(2, 1), dilation=2),
            nn.Flatten(),
        ),
        "transposed": nn.Sequential(
            image,
            nn.ConvTranspose2d(1, 4, 3, stride=2, padding=1, output_padding=1),
            nn.ConvTranspose2d(4, 2, 2, groups=2, bias=False),
            nn.Flatten(),
        ),
        "margin": lambda x: functional.pad(x.reshape(-1, 1, 2, 3), (0, 1, 2, 0)).flatten(1),
        "no margin": lambda x: functional.pad(x, (0, 0)),
        "methods": lambda x: x.square().clamp_min(0.3) - x.abs() + x.detach().amax(dim=1)[:, None],
        "reductions": lambda x: x.sum(dim=1) + x.mean(dim=-1, keepdim=True).amin(dim=1),
        "softplus": lambda x: functional.softplus(30 * x),
        "constants": lambda x: (
            torch.where(x > 0, torch.arange(6, device=x.device), 0).type_as(x)
            @ torch.ones(6, 2).type_as(x)
        ),
        "side by side": lambda x: torch.cat([x, 2 * x[:, :1]], dim=-1).diff(dim=1),
        "axes": lambda x: x[:, None].expand(-1, 3, -1).transpose(1, 2).flatten(1),
        "sorted": lambda x: x.sort(dim=1)[0].cumsum(dim=1) + x.sort(descending=True)[1],
        "chosen": lambda x: (3 * x).gather(1, x.argmin(dim=1)[:, None].expand(-1, 4)),
        "masked": lambda x: (x + 0).masked_fill_((x < 0)[:, :1], torch.inf).amin(dim=0),
        "recurrent": lambda x: gated(x)[0],
        "last state": lambda x: gated(x)[1],
        "sphere": lambda x: functional.normalize(x, dim=-1),
    }


@pytest.mark.parametrize("name", networks())
def test_torch_code_gives_what_it_gives_for_tensors(name):
    network = networks()[name]
    with torch.no_grad():
        wanted = network(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(ran(network), wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (np.sin, "numpy.sin"),
        (lambda x: np.linalg.norm(x, axis=1), "numpy.norm"),
        (lambda x: np.add.accumulate(x), "numpy.add"),
        (lambda x: np.add(np.ones(6), x, out=np.ones((7, 6))), "numpy.add"),
        (np.asarray, "a conversion to a NumPy array"),
        (lambda x: x[np.array([0, 1])], "an index that is neither a slice nor a whole number"),
        (list, "what depends on the number of events"),
        (lambda x: x if x else -x, "a choice that depends on a value"),
        (lambda x: x / len(x), "what depends on the number of events"),
        (torch.erf, "torch.erf"),
        (lambda x: x.erf(), "'erf' of an array or a tensor"),
        (lambda x: x.sort(dim=0), "a sort of the events"),
        (lambda x: x.diff(n=2), "diff with n = 2"),
        (lambda x: gated(x, bidirectional=True), "a gru that is not one layer"),
        (lambda x: functional.normalize(x, p=1.0), "normalize with p = 1"),
        (lambda x: functional.pad(x, (1, 1), value=2.0), "pad with constant, 2.0"),
        (lambda x: x.flatten(0), "flatten"),
        (lambda x: x.unflatten(0, (1, 7)), "unflatten"),
        (nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 1, 1, padding="same")), "padding"),
    ],
)
def test_what_has_no_counterpart_is_named(function, named):
    with pytest.raises(ExportError, match=named):
        trace(function, 6)


def test_a_batch_may_have_any_size():
    for n in (0, 1, 1000):
        x = np.ones((n, 3), np.float32)
        assert ran(lambda x: x.sum(axis=1), x).shape == (n,)
        assert ran(recurrent_autoencoder(1, (4, 2), 2).encode, x).shape == (n, 2)
    assert not isinstance(X, Traced)
