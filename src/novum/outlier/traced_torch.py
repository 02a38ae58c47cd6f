"""What is done where functions of torch, and methods of tensors, meet a `Traced`."""

from __future__ import annotations

from typing import Any

import numpy as np

from novum.outlier.traced import (
    Traced,
    Whole,
    gathered,
    is_traced,
    joined,
    made,
    nodes,
    op,
    plain,
    refuse,
)


def counterpart(name: str) -> Any:
    """What stands for a function of torch, or for the method of tensors of that name, if anything.

    Parameters
    ----------
    name : str
    """
    return getattr(_Torch, name, None)


class _Torch:
    """By the names of the functions, with their arguments."""

    @staticmethod
    def linear(x: Traced, weight: Any, bias: Any = None) -> Any:
        product = x @ plain(weight).T
        return product if bias is None else product + plain(bias)

    @staticmethod
    def relu(x: Traced, inplace: bool) -> Any:
        return np.maximum(x, 0)

    @staticmethod
    def prelu(x: Traced, weight: Any) -> Traced:
        return made("prelu", x, plain(weight).reshape(-1, *[1] * (x.ndim - 2)))

    @staticmethod
    def normalize(x: Any, p: float, dim: int, eps: float, out: None) -> Any:
        if p != 2:
            refuse(f"normalize with p = {p:g}")
        return x / np.maximum(np.sqrt((x**2).sum(axis=dim, keepdims=True)), eps)

    @staticmethod
    def softplus(x: Traced) -> Traced:
        return made("softplus", x)

    @staticmethod
    def abs(x: Traced) -> Any:
        return np.abs(x)

    @staticmethod
    def square(x: Traced) -> Any:
        return x * x

    @staticmethod
    def clamp_min(x: Traced, min: Any) -> Any:
        return np.maximum(x, min)

    @staticmethod
    def detach(x: Traced) -> Traced:
        return x

    @staticmethod
    def type_as(x: Any, other: Any) -> Any:
        return (x if is_traced(x) else plain(x)).astype(other.dtype)

    @staticmethod
    def cat(tensors: Any, dim: int = 0) -> Traced:
        return joined(tensors, dim)

    @staticmethod
    def expand(x: Traced, *shape: int) -> Traced:
        return made("expand", x, Whole([1 if n == -1 else n for n in shape]))

    @staticmethod
    def transpose(x: Traced, dim0: int, dim1: int) -> Traced:
        order = list(range(x.ndim))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return made("transpose", x, perm=order)

    @staticmethod
    def where(condition: Any, input: Any, other: Any) -> Traced:
        return Traced(op().where(*nodes([condition]), *nodes([input, other])))

    @staticmethod
    def masked_fill_(x: Traced, mask: Any, value: float) -> Traced:
        # What x was cut out of does not change with it, as it does in torch.
        x.node = _Torch.where(mask, value, x).node
        return x

    @staticmethod
    def gather(x: Any, dim: int, index: Any) -> Traced:
        return gathered(x, index, dim)

    @staticmethod
    def argmin(x: Traced, dim: int, keepdim: bool = False) -> Traced:
        return made("arg_min", x, axis=dim, keepdims=keepdim)

    @staticmethod
    def sort(x: Traced, dim: int = -1, descending: bool = False) -> tuple[Traced, Traced]:
        if not isinstance(x.shape[dim], int):
            refuse("a sort of the events")
        length = op().const(np.array([x.shape[dim]]))
        values, index = op().top_k(x.node, length, axis=dim, largest=descending)
        return Traced(values), Traced(index)

    @staticmethod
    def cumsum(x: Traced, dim: int) -> Traced:
        return made("cum_sum", x, Whole(dim))

    @staticmethod
    def diff(x: Traced, n: int = 1, dim: int = -1) -> Any:
        if n != 1:
            refuse(f"diff with n = {n}")
        before, after = [slice(None)] * x.ndim, [slice(None)] * x.ndim
        before[dim], after[dim] = slice(-1), slice(1, None)
        return x[tuple(after)] - x[tuple(before)]

    @staticmethod
    def gru(
        x: Traced,
        hx: Any,
        params: Any,
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Traced, Traced]:
        if not has_biases or hx is not None or num_layers > 1 or bidirectional or not batch_first:
            refuse("a gru that is not one layer from a state of zeros, with biases, rows first")
        w_in, w_state, b_in, b_state = map(_gates, params)
        bias = np.concatenate([b_in, b_state], axis=1)
        steps, width = x.shape[1], w_state.shape[2]
        padded, rows = _not_empty(x)
        inputs = nodes([_Torch.transpose(padded, 0, 1), w_in, w_state, bias])
        # Torch adds the bias of the state before the reset.
        found, _ = op().gru(*inputs, hidden_size=width, linear_before_reset=1)
        whole = _Torch.transpose(Traced(found)[:, 0], 0, 1)
        cut = Traced(op().slice(whole.node, op().const(np.array([0])), rows.node))
        states = cut.reshape(-1, steps, width)
        return states, states[None, :, -1]

    @staticmethod
    def pad(x: Traced, pad: Any, mode: str = "constant", value: Any = None) -> Traced:
        if mode != "constant" or value:
            refuse(f"pad with {mode}, {value}")
        if not any(pad):
            return x
        before, after = np.zeros((2, x.ndim), np.int64)
        for i in range(len(pad) // 2):  # from the last axis on
            before[-1 - i], after[-1 - i] = pad[2 * i], pad[2 * i + 1]
        return made("pad", x, Whole([*before, *after]))

    @staticmethod
    def conv2d(
        x: Traced, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Traced:
        return _convolved("conv", x, weight, bias, stride, padding, dilation, groups)

    @staticmethod
    def conv_transpose2d(
        x: Traced,
        weight: Any,
        bias: Any,
        stride: Any,
        padding: Any,
        output_padding: Any,
        groups: int,
        dilation: Any,
    ) -> Traced:
        more = {"output_padding": output_padding}
        kind = "conv_transpose"
        return _convolved(kind, x, weight, bias, stride, padding, dilation, groups, **more)


def _not_empty(x: Traced) -> tuple[Traced, Traced]:
    """Rows of three axes, or one of zeros where there is none; and how many there are.

    Where it meets no rows, onnxruntime 1.32 ends its process in a gru.
    """
    rows = Traced(op().shape(x.node, start=0, end=1))
    pads = joined([np.zeros(3, np.int64), np.maximum(1 - rows, 0), np.zeros(2, np.int64)], 0)
    return Traced(op().pad(x.node, pads.node)), rows


def _gates(weights: Any) -> Any:
    """Weights of one direction, in ONNX's order of gates: update, reset, new."""
    reset, update, new = np.split(plain(weights), 3)
    return np.concatenate([update, reset, new])[None]


def _convolved(
    kind: str,
    x: Traced,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    **more: Any,
) -> Traced:
    """A convolution as torch's modules call it, with all arguments in pairs."""
    if isinstance(padding, str):
        refuse(f"a convolution with padding '{padding}'")
    inputs = [x, weight] if bias is None else [x, weight, bias]
    pads = (*padding, *padding)
    settings = {"strides": stride, "pads": pads, "dilations": dilation, "group": groups}
    return made(kind, *inputs, **settings, **more)
