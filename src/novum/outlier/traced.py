"""Arrays that write down what is done to them, so that code that scores becomes an ONNX graph.

NumPy and torch let objects other than their own take part in their functions (NEP 13, NEP 18 and
``__torch_function__``). Handed a `Traced` in place of an array, the code that scores events builds
the graph of itself: what is exported is what is tested. Types are promoted as NumPy does. Functions
and methods of torch are in `novum.outlier.traced_torch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
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
    np.greater: "greater",
    np.greater_equal: "greater_or_equal",
    np.less: "less",
    np.less_equal: "less_or_equal",
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


def _reduction(kind: str) -> Callable[..., Traced]:
    def reduce(
        self: Traced,
        axis: Any = None,
        keepdims: bool = False,
        *,
        dim: Any = None,
        keepdim: bool = False,
    ) -> Traced:
        """As that of an array or a tensor."""
        return reduced(kind, self, dim if axis is None else axis, keepdims or keepdim)

    return reduce


class Traced(NDArrayOperatorsMixin):
    """A node of a graph that behaves like the array, or the tensor, that will be there.

    Parameters
    ----------
    node : spox.Var
    """

    device = "cpu"  # where torch makes the constants that meet it

    def __init__(self, node: Any) -> None:
        self.node = node

    @property
    def shape(self) -> tuple[Any, ...]:
        """Lengths of its axes; that of the events is no number."""
        found: tuple[Any, ...] = self.node.unwrap_tensor().shape
        return found

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its numbers."""
        dtype: np.dtype[Any] = np.dtype(self.node.unwrap_tensor().dtype)
        return dtype

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Traced:
        if method == "__call__" and not options:
            if ufunc in _UFUNCS:
                return made(_UFUNCS[ufunc], *inputs)
            if ufunc in _LISTED:
                return Traced(getattr(op(), _LISTED[ufunc])(nodes(inputs)))
        if method == "reduce" and ufunc in _REDUCED and not options.keys() - {"axis", "keepdims"}:
            return reduced(_REDUCED[ufunc], *inputs, **{"axis": 0, "keepdims": False} | options)
        refuse(f"numpy.{ufunc.__name__}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in _FUNCTIONS:
            refuse(f"numpy.{function.__name__}")
        return _FUNCTIONS[function](*args, **kwargs)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.__name__
        return _torch(name, f"torch.{name}")(*args, **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        """What torch has both as a function and as a method of tensors."""
        if name.startswith("_"):  # NumPy and torch ask in this way what an object can do
            raise AttributeError(name)
        return partial(_torch(name, f"'{name}' of an array or a tensor"), self)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse("a conversion to a NumPy array")

    def __len__(self) -> NoReturn:
        refuse("what depends on the number of events")

    def __bool__(self) -> NoReturn:
        refuse("a choice that depends on a value")

    def __iter__(self) -> Iterator[Traced]:
        if not isinstance(self.shape[0], int):
            refuse("what depends on the number of events")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, key: Any) -> Traced:
        """Part of it by slices and whole numbers, and new axes."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if any(k is Ellipsis for k in keys):
            at = next(i for i, k in enumerate(keys) if k is Ellipsis)
            missing = self.ndim + 1 - sum(k is not None for k in keys)
            keys[at : at + 1] = [slice(None)] * missing
        if not all(k is None or isinstance(k, slice) or type(k) is int for k in keys):
            refuse("an index that is neither a slice nor a whole number")
        old = [k for k in keys if k is not None]
        one = [i for i, k in enumerate(old) if type(k) is int]
        slices = [slice(k, k + 1 or None) if type(k) is int else k for k in old]
        cuts = [(i, k) for i, k in enumerate(slices) if k != slice(None)]
        out = self
        if cuts:
            starts = [k.start or 0 for _, k in cuts]
            ends = [np.iinfo(np.int64).max if k.stop is None else k.stop for _, k in cuts]
            steps = [k.step or 1 for _, k in cuts]
            axes = [i for i, _ in cuts]
            out = made("slice", out, *map(Whole, (starts, ends, axes, steps)))
        out = made("squeeze", out, Whole(one)) if one else out
        new = [i for i, k in enumerate(k for k in keys if type(k) is not int) if k is None]
        return made("unsqueeze", out, Whole(new)) if new else out

    sum = _reduction("reduce_sum")
    mean = _reduction("reduce_mean")
    max = amax = _reduction("reduce_max")
    min = amin = _reduction("reduce_min")

    def clip(self, low: float, high: float) -> Traced:
        """As that of an array."""
        return self if np.isinf([low, high]).all() else made("clip", self, low, high)

    def astype(self, dtype: Any) -> Traced:
        """As that of an array."""
        same = self.dtype == dtype
        return self if same else Traced(op().cast(self.node, to=np.dtype(dtype).type))

    def reshape(self, *shape: int) -> Traced:
        """As that of an array; one length may be -1."""
        return made("reshape", self, Whole(shape))

    def flatten(self, start: int, end: int = -1) -> Traced:
        """As that of a tensor: the axes from one on become one."""
        if (start, end) != (1, -1):
            refuse(f"flatten({start}, {end})")
        return made("flatten", self, axis=1)

    def unflatten(self, axis: int, shape: Any) -> Traced:
        """As that of a tensor of two axes: the last becomes several."""
        if axis != 1 or self.ndim != 2:
            refuse(f"unflatten({axis})")
        return self.reshape(-1, *shape)


def _torch(name: str, said: str) -> Any:
    from novum.outlier.traced_torch import counterpart

    found = counterpart(name)
    if found is None:
        refuse(said)
    return found


def op() -> Any:
    """The operators of the graph, as functions of nodes."""
    return optional(f"spox.opset.ai.onnx.v{OPSET}", EXTRA, PURPOSE)


def made(kind: str, *inputs: Any, **attributes: Any) -> Traced:
    """A node of some kind; inputs that are no nodes become constants."""
    return Traced(getattr(op(), kind)(*nodes(inputs), **attributes))


def reduced(kind: str, x: Traced, axis: Any, keepdims: bool) -> Traced:
    """A node that runs over some axes, by default all."""
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis)
    return made(kind, x, Whole(axes), keepdims=keepdims)


def _stack(parts: Any, axis: int = 0) -> Traced:
    """Parts side by side, along a new axis."""
    return joined([made("unsqueeze", part, Whole([axis])) for part in parts], axis)


def joined(parts: Any, axis: int = 0) -> Traced:
    """Parts one behind the other, along an axis that is there."""
    return Traced(op().concat(nodes(parts), axis=axis))


def _searchsorted(a: Any, v: Traced, side: str = "left") -> Any:
    """How many of a few rising numbers lie before each value, by comparing with all."""
    before = a <= v[..., None] if side == "right" else a < v[..., None]
    return before.astype(np.int64).sum(axis=-1)


def _take(a: Traced, indices: Any, axis: int) -> Traced:
    return made("gather", a, Whole(indices), axis=axis)


def gathered(a: Any, indices: Any, axis: int) -> Traced:
    """Values of an array at places along one axis, of which both may be written down."""
    return Traced(op().gather_elements(*nodes([a]), *nodes([indices]), axis=axis))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.clip: Traced.clip,
    np.concatenate: joined,
    np.searchsorted: _searchsorted,
    np.stack: _stack,
    np.take: _take,
    np.take_along_axis: gathered,
}


class Whole:
    """A constant of whole numbers, such as axes and lengths: no part of the promotion of types."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.int64)


def nodes(values: Sequence[Any]) -> list[Any]:
    """The nodes of values, in the type that NumPy would promote them to."""
    values = [v if isinstance(v, Traced | Whole | int | float) else plain(v) for v in values]
    typed = [v.dtype if isinstance(v, Traced | np.ndarray) else v for v in values]
    common = np.result_type(*(t for t in typed if not isinstance(t, Whole)))
    return [_node(v, common) for v in values]


def _node(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, Traced):
        return value.astype(dtype).node
    constant = value.values if isinstance(value, Whole) else np.asarray(value, dtype)
    return op().const(constant)


def plain(value: Any) -> Any:
    """An array of an array or a tensor."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def refuse(what: str) -> NoReturn:
    """Raise an ExportError that names what a graph has no node for."""
    raise ExportError(f"{what} cannot be written as ONNX")
