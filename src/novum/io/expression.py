"""Columns made of branches: ``Jet_pt[:,0]``, ``sqrt(px1**2 + py1**2)``. Parsed, never evaluated.

The grammar, in Python's syntax and with its precedence::

    expression := number | branch | branch "[:," index "]" | "(" expression ")"
                | "-" expression | expression ("+" | "-" | "*" | "/" | "**") expression
                | function "(" expression {"," expression} ")"
                | ("sum" | "count") "(" branch ")"

A branch is a name, also a dotted one; an index counts from 0. Nothing else is known: whatever
Python's own parser makes of a text is checked node by node against this list, and computed by
NumPy in double precision.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LONGEST = 1000  # characters
_DEEPEST = 50

FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "abs": (np.abs, 1), "sqrt": (np.sqrt, 1), "exp": (np.exp, 1), "log": (np.log, 1),
    "sin": (np.sin, 1), "cos": (np.cos, 1), "tan": (np.tan, 1), "arcsinh": (np.arcsinh, 1),
    "sinh": (np.sinh, 1), "cosh": (np.cosh, 1), "tanh": (np.tanh, 1),
    "arctan2": (np.arctan2, 2), "hypot": (np.hypot, 2),
    "minimum": (np.minimum, 2), "maximum": (np.maximum, 2),
}  # fmt: skip
REDUCTIONS = ("sum", "count")
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: np.divide, ast.Pow: np.power,
}  # fmt: skip


class Branches(Protocol):
    """What an expression is computed from."""

    def values(self, branch: str) -> FloatArray:
        """Its numbers, one for each result."""
        ...

    def item(self, branch: str, index: int) -> FloatArray:
        """The entry of this index of each event, NaN where it has none, shape (n,)."""
        ...

    def reduced(self, branch: str, function: str) -> FloatArray:
        """``sum`` or ``count`` of the entries of each event, shape (n,)."""
        ...


@dataclass(frozen=True)
class Use:
    """How an expression uses a branch: ``""`` plainly, ``"item"``, ``"sum"`` or ``"count"``."""

    branch: str
    how: str = ""


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes
    ----------
    text : str
        As it was written.
    uses : tuple of Use
        The branches that it needs.
    """

    text: str
    uses: tuple[Use, ...]
    _tree: ast.expr

    def compute(self, branches: Branches) -> FloatArray:
        """The result; divisions by zero and roots of negative numbers give inf and NaN."""
        with np.errstate(all="ignore"):
            return np.asarray(_compute(self._tree, branches), dtype=np.float64)


def parse(text: str) -> Expression:
    """Check an expression.

    Raises
    ------
    ValueError
        If it is outside the grammar; says where.
    """
    if len(text) > LONGEST:
        raise ValueError(f"an expression has at most {LONGEST} characters, this has {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError("is no expression of branches") from None
    return Expression(text, tuple(dict.fromkeys(_uses(tree, 0))), tree)


def _uses(node: ast.expr, depth: int) -> Iterator[Use]:
    """The branches below a node; refuses what is not in the grammar."""
    if depth > _DEEPEST:
        raise ValueError(f"is nested more than {_DEEPEST} deep")
    match node:
        case ast.Constant(value=bool()):
            raise ValueError("a truth value is not a number")
        case ast.Constant(value=int() | float() as value):
            if not abs(value) < 1e300:
                raise ValueError("a number is too large")
        case ast.Name() | ast.Attribute():
            yield Use(_branch(node))
        case ast.Subscript():
            yield Use(_branch(node.value), "item")
            _index(node)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from _uses(operand, depth + 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            yield from _uses(left, depth + 1)
            yield from _uses(right, depth + 1)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            yield from _uses_of_call(name, args, depth)
        case _:
            raise ValueError(f"'{ast.unparse(node)[:60]}' is not in the grammar of expressions")


def _uses_of_call(name: str, args: list[ast.expr], depth: int) -> Iterator[Use]:
    if name in REDUCTIONS:
        if len(args) != 1:
            raise ValueError(f"'{name}' takes one branch")
        yield Use(_branch(args[0]), name)
        return
    if name not in FUNCTIONS:
        raise ValueError(f"'{name}' is no function; known: {', '.join([*FUNCTIONS, *REDUCTIONS])}")
    if len(args) != FUNCTIONS[name][1]:
        raise ValueError(f"'{name}' takes {FUNCTIONS[name][1]} argument(s), not {len(args)}")
    for arg in args:
        yield from _uses(arg, depth + 1)


def _branch(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{_branch(value)}.{attribute}"
    raise ValueError(f"'{ast.unparse(node)[:60]}' is not the name of a branch")


def _index(node: ast.Subscript) -> int:
    match node.slice:
        case ast.Tuple(
            elts=[ast.Slice(lower=None, upper=None, step=None), ast.Constant(value=int(index))]
        ) if not isinstance(index, bool) and 0 <= index < 2**31:
            return index
    raise ValueError(
        f"'[{ast.unparse(node.slice)[:60]}]' is no index; write '[:,0]' for the first entry"
    )


def _compute(node: ast.expr, branches: Branches) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.float64(value)
        case ast.Name() | ast.Attribute():
            return branches.values(_branch(node))
        case ast.Subscript():
            return branches.item(_branch(node.value), _index(node))
        case ast.UnaryOp(operand=operand):
            return np.negative(_compute(operand, branches))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_compute(left, branches), _compute(right, branches))
        case ast.Call(func=ast.Name(id=name), args=args):
            if name in REDUCTIONS:
                return branches.reduced(_branch(args[0]), name)
            return FUNCTIONS[name][0](*(_compute(a, branches) for a in args))
    raise AssertionError(ast.dump(node))  # `_uses` let through what this does not know
