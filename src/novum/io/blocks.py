"""Blocks of rows, as the formats deliver them: cut to a size, joined, and widened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Arrays by header, all with the same first axis: (n,) of columns, (n, P, F) of clouds. P is that of
# the block's fullest event where a file does not pad.
Block = Mapping[str, NDArray[Any]]


def rows_in(block: Block) -> int:
    """Number of rows of a block."""
    return len(next(iter(block.values())))


def rebatch(blocks: Iterator[Block], size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Blocks of exactly `size` rows (the last may be shorter) from blocks of any length."""
    parts: list[Block] = []
    held = 0
    for block in blocks:
        if not rows_in(block):
            continue
        parts.append(block)
        held += rows_in(block)
        if held < size:
            continue
        whole = joined(parts)
        cut = held - held % size
        for a in range(0, cut, size):
            yield {k: v[a : a + size] for k, v in whole.items()}
        # A copy, so that a short rest does not keep the whole block in memory.
        parts = [{k: v[cut:].copy() for k, v in whole.items()}] if cut < held else []
        held -= cut
    if parts:
        yield joined(parts)


def joined(parts: Sequence[Block]) -> dict[str, NDArray[Any]]:
    """Blocks after one another."""
    if len(parts) == 1:
        return dict(parts[0])
    return {k: stacked([p[k] for p in parts]) for k in parts[0]}


def stacked(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays after one another; clouds (n, P, F) of fewer particles are padded with zeros."""
    if arrays[0].ndim == 3:
        most = max(a.shape[1] for a in arrays)
        arrays = [_widened(a, most) for a in arrays]
    return np.concatenate(arrays)


def _widened(cloud: NDArray[Any], particles: int) -> NDArray[Any]:
    missing = particles - cloud.shape[1]
    return np.pad(cloud, ((0, 0), (0, missing), (0, 0))) if missing else cloud
