"""State of a running training in one file of plain arrays, so that it can go on after a stop."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from novum.errors import FileFormatError
from novum.io import atomic_path

if TYPE_CHECKING:
    from novum.training.loop import _Loop


def save_state(loop: _Loop, path: Path) -> None:
    """Write the state, whole or not at all."""
    first, second = loop.adam.moments()
    groups: dict[str, Sequence[Tensor]] = {
        "parameter": list(loop.network.parameters()),
        "first": first,
        "second": second,
        "best": loop.best.parameters,
    }
    arrays = {
        f"{name}{i}": t.detach().cpu().numpy()
        for name, group in groups.items()
        for i, t in enumerate(group)
    }
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            key=_key(loop),
            step=loop.step,
            alive=np.array(loop.alive),
            started=loop.started,
            loss=loop.best.loss,
            epochs=loop.best.epochs,
            last_improved=loop.best.last_improved,
            **arrays,  # type: ignore[arg-type]
        )


def load_state(loop: _Loop, path: Path) -> None:
    """Put the state of a file into a training that has just begun.

    Raises
    ------
    FileFormatError
        If the file is damaged or belongs to another training.
    """
    try:
        # Opened here: what is no archive makes numpy leave its own file open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            state = dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise FileFormatError(f"no checkpoint of a training: {error}", file=path) from None
    if str(state.get("key")) != _key(loop):
        raise FileFormatError("belongs to a training on other data or settings", file=path)
    loop.alive = state["alive"].tolist()
    loop.step = int(state["step"])
    loop.started = state["started"]
    loop.best.loss, loop.best.epochs = state["loss"], state["epochs"]
    loop.best.last_improved = state["last_improved"]
    if loop.alive:
        values, *moments = (_group(state, name) for name in ("parameter", "first", "second"))
        loop.restore(loop.alive, *moments)
        for parameter, value in zip(loop.network.parameters(), values, strict=True):
            parameter.data.copy_(value)
    loop.best.parameters = _group(state, "best")


def _group(state: dict[str, NDArray[Any]], name: str) -> list[Tensor]:
    found: list[Tensor] = []
    while f"{name}{len(found)}" in state:
        found.append(torch.from_numpy(state[f"{name}{len(found)}"]))
    return found


def _key(loop: _Loop) -> str:
    """Digest of data, rows, settings and the shape of the network."""
    digest = hashlib.sha256(repr(loop.config).encode())
    digest.update(loop.table.cpu().numpy().tobytes())
    for r in loop.rows:
        digest.update(np.int64(r.seed).tobytes() + r.training.tobytes() + r.validation.tobytes())
    digest.update(repr([p.shape[1:] for p in loop.best.parameters]).encode())
    return digest.hexdigest()
