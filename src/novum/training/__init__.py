"""Training: many small networks with a clock each in one program, and any single network.

Data lie on the device once, as one table; a batch is a draw of row numbers. `train` takes
ensembles whose gradients are written out: every model has its own seed, rows, validation split,
epochs and early stopping, so that what becomes of it does not depend on the models that train
beside it. `minimise` takes one network of any kind with the gradients of autograd.
Members load on first use; all but `TrainingConfig` need torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.training.autograd import minimise as minimise
    from novum.training.autograd import seeded_network as seeded_network
    from novum.training.config import TrainingConfig as TrainingConfig
    from novum.training.loop import train as train
    from novum.training.rows import Rows as Rows
    from novum.training.rows import split_rows as split_rows
    from novum.training.snapshots import Trained as Trained
    from novum.training.threads import one_thread as one_thread

_MEMBERS = {
    "Rows": "novum.training.rows",
    "Trained": "novum.training.snapshots",
    "TrainingConfig": "novum.training.config",
    "minimise": "novum.training.autograd",
    "one_thread": "novum.training.threads",
    "seeded_network": "novum.training.autograd",
    "split_rows": "novum.training.rows",
    "train": "novum.training.loop",
}

__all__ = [
    "Rows",
    "Trained",
    "TrainingConfig",
    "minimise",
    "one_thread",
    "seeded_network",
    "split_rows",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MEMBERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MEMBERS[name]), name)


def __dir__() -> list[str]:
    return sorted(_MEMBERS)
