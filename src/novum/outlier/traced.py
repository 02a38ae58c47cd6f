"""Arrays that write down what is done to them, so that code that scores becomes an ONNX graph.

NumPy and torch let objects other than their own take part in their functions (NEP 13, NEP 18 and
``__torch_function__``). Handed a `Traced` in place of an array, the code that scores events builds
the graph of itself: what is exported is what is tested. Types are promoted as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from novum.errors import ExportError
from novum.optional import optional

EXTRA, PURPOSE = "onnx", "writing an ONNX file"
OPSET = 18  # that of onnxruntime 1.14 and later

_UFUNCS = {
    np.add: "add",
    np.subtract: "sub",
    np.multiply: "mul",
    np.true_divide: "div",
    np.matmul: "matmul",
    np.power: "pow",
    np.negative: "neg",
    np.absolute: "abs",
    np.exp: "exp",
    np.log: "log",
    np.sqrt: "sqrt",
}
_LISTED = {np.maximum: "max", np.minimum: "min"}  # their nodes take any number of inputs
_REDUCED = {
    np.add: "reduce_sum",
    np.maximum: "reduce_max",
    np.minimum: "reduce_min",
    np.logaddexp: "reduce_log_sum_exp",
}


def trace(score: Callable[[Any], Any], columns: int) -> Any:
    """The graph of a function that scores events.

    Parameters
    ----------
    score : callable
        Of events (n, d) to scores (n,), by operations that `Traced` knows.
    columns : int
        d.

    Returns
    -------
    onnx.ModelProto
        Input ``x``, float32 (n, d) with any n; output ``score``, float32 (n,).

    Raises
    ------
    MissingDependencyError
        Says what to install.
    ExportError
        Names an operation that has no counterpart here.
    """
    spox = optional("spox", EXTRA, PURPOSE)
    x = spox.argument(spox.Tensor(np.float32, ("n", columns)))
    scored = score(Traced(x)).astype(np.float32)
    return spox.build({"x": x}, {"score": scored.node})


def is_traced(x: object) -> bool:
    """Whether it is a `Traced`, whatever type it claims to be."""
    return isinstance(x, Traced)


class Traced(NDArrayOperatorsMixin):
    """A node of a graph that behaves like the array that will be there.

    Parameters
    ----------
    node : spox.Var
    """

    def __init__(self, node: Any) -> None:
        self.node = node

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.node.unwrap_tensor().shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its numbers."""
        dtype: np.dtype[Any] = np.dtype(self.node.unwrap_tensor().dtype)
        return dtype

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Traced:
        if method == "__call__" and not options:
            if ufunc in _UFUNCS:
                return _made(_UFUNCS[ufunc], *inputs)
            if ufunc in _LISTED:
                return Traced(getattr(_op(), _LISTED[ufunc])(_nodes(inputs)))
        if method == "reduce" and ufunc in _REDUCED and not options.keys() - {"axis", "keepdims"}:
            return _reduced(_REDUCED[ufunc], *inputs, **{"axis": 0, "keepdims": False} | options)
        _refuse(f"numpy.{ufunc.__name__}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Traced:
        if function is np.stack:
            return _stack(*args, **kwargs)
        _refuse(f"numpy.{function.__name__}")

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Traced:
        name = function.__name__
        if not hasattr(_Torch, name):
            _refuse(f"torch.{name}")
        made: Traced = getattr(_Torch, name)(*args, **(kwargs or {}))
        return made

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("a conversion to a NumPy array")

    def __len__(self) -> NoReturn:
        _refuse("what depends on the number of events")

    def __bool__(self) -> NoReturn:
        _refuse("a choice that depends on a value")

    def __getitem__(self, key: Any) -> Traced:
        """Part of it by slices, and new axes."""
        keys = list(key) if isinstance(key, tuple) else [key]
        missing = self.ndim - sum(isinstance(k, slice) for k in keys)
        if any(k is Ellipsis for k in keys):
            at = next(i for i, k in enumerate(keys) if k is Ellipsis)
            keys[at : at + 1] = [slice(None)] * missing
        if not all(k is None or isinstance(k, slice) for k in keys):
            _refuse("an index that is no slice")
        slices = [k for k in keys if k is not None]
        cuts = [(i, k) for i, k in enumerate(slices) if k != slice(None)]
        out = self
        if cuts:
            starts = [k.start or 0 for _, k in cuts]
            ends = [np.iinfo(np.int64).max if k.stop is None else k.stop for _, k in cuts]
            steps = [k.step or 1 for _, k in cuts]
            axes = [i for i, _ in cuts]
            out = _made("slice", out, *map(_Whole, (starts, ends, axes, steps)))
        new = [i for i, k in enumerate(keys) if k is None]
        return _made("unsqueeze", out, _Whole(new)) if new else out

    def sum(self, axis: Any, keepdims: bool = False) -> Traced:
        """As that of an array."""
        return _reduced("reduce_sum", self, axis, keepdims)

    def mean(self, axis: Any, keepdims: bool = False) -> Traced:
        """As that of an array."""
        return _reduced("reduce_mean", self, axis, keepdims)

    def max(self, axis: Any, keepdims: bool = False) -> Traced:
        """As that of an array."""
        return _reduced("reduce_max", self, axis, keepdims)

    def min(self, axis: Any, keepdims: bool = False) -> Traced:
        """As that of an array."""
        return _reduced("reduce_min", self, axis, keepdims)

    def clip(self, low: float, high: float) -> Traced:
        """As that of an array."""
        return self if np.isinf([low, high]).all() else _made("clip", self, low, high)

    def astype(self, dtype: Any) -> Traced:
        """As that of an array."""
        same = self.dtype == dtype
        return self if same else Traced(_op().cast(self.node, to=np.dtype(dtype).type))

    def reshape(self, *shape: int) -> Traced:
        """As that of an array; one length may be -1."""
        return _made("reshape", self, _Whole(shape))

    def flatten(self, start: int, end: int = -1) -> Traced:
        """As that of a tensor: the axes from one on become one."""
        if (start, end) != (1, -1):
            _refuse(f"flatten({start}, {end})")
        return _made("flatten", self, axis=1)

    def unflatten(self, axis: int, shape: Any) -> Traced:
        """As that of a tensor of two axes: the last becomes several."""
        if axis != 1 or self.ndim != 2:
            _refuse(f"unflatten({axis})")
        return self.reshape(-1, *shape)


class _Torch:
    """What is done where torch's functions meet a `Traced`, by their names."""

    @staticmethod
    def linear(x: Traced, weight: Any, bias: Any = None) -> Any:
        product = x @ _plain(weight).T
        return product if bias is None else product + _plain(bias)

    @staticmethod
    def relu(x: Traced, inplace: bool) -> Any:
        return np.maximum(x, 0)

    @staticmethod
    def prelu(x: Traced, weight: Any) -> Traced:
        return _made("prelu", x, _plain(weight).reshape(-1, *[1] * (x.ndim - 2)))

    @staticmethod
    def normalize(x: Any, p: float, dim: int, eps: float, out: None) -> Any:
        if p != 2:
            _refuse(f"normalize with p = {p:g}")
        return x / np.maximum(np.sqrt((x**2).sum(axis=dim, keepdims=True)), eps)

    @staticmethod
    def pad(x: Traced, pad: Any, mode: str = "constant", value: Any = None) -> Traced:
        if mode != "constant" or value:
            _refuse(f"pad with {mode}, {value}")
        if not any(pad):
            return x
        before, after = np.zeros((2, x.ndim), np.int64)
        for i in range(len(pad) // 2):  # from the last axis on
            before[-1 - i], after[-1 - i] = pad[2 * i], pad[2 * i + 1]
        return _made("pad", x, _Whole([*before, *after]))

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
        _refuse(f"a convolution with padding '{padding}'")
    inputs = [x, weight] if bias is None else [x, weight, bias]
    pads = (*padding, *padding)
    settings = {"strides": stride, "pads": pads, "dilations": dilation, "group": groups}
    return _made(kind, *inputs, **settings, **more)


def _op() -> Any:
    return optional(f"spox.opset.ai.onnx.v{OPSET}", EXTRA, PURPOSE)


def _made(kind: str, *inputs: Any, **attributes: Any) -> Traced:
    """A node of some kind; inputs that are no nodes become constants."""
    return Traced(getattr(_op(), kind)(*_nodes(inputs), **attributes))


def _reduced(kind: str, x: Traced, axis: Any, keepdims: bool) -> Traced:
    return _made(kind, x, _Whole(np.atleast_1d(axis)), keepdims=keepdims)


def _stack(parts: Any, axis: int = 0) -> Traced:
    """Parts side by side, along a new axis."""
    there = [_made("unsqueeze", part, _Whole([axis])) for part in parts]
    return Traced(_op().concat(_nodes(there), axis=axis))


class _Whole:
    """A constant of whole numbers, such as axes and lengths: no part of the promotion of types."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.int64)


def _nodes(values: Sequence[Any]) -> list[Any]:
    """The nodes of values, in the type that NumPy would promote them to."""
    values = [v if isinstance(v, Traced | _Whole | int | float) else _plain(v) for v in values]
    typed = [v.dtype if isinstance(v, Traced | np.ndarray) else v for v in values]
    common = np.result_type(*(t for t in typed if not isinstance(t, _Whole)))
    return [_node(v, common) for v in values]


def _node(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, Traced):
        return value.astype(dtype).node
    plain = value.values if isinstance(value, _Whole) else np.asarray(value, dtype)
    return _op().const(plain)


def _plain(value: Any) -> Any:
    """An array of an array or a tensor."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _refuse(what: str) -> NoReturn:
    raise ExportError(f"{what} cannot be written as ONNX")
