"""The catalogue: which members there are, making one by its name, and models on disk.

Members are found by discovery, so that listing them imports no machine-learning library.
"""

from __future__ import annotations

from novum.catalogue.members import KINDS, Entry, Option, build, entries, find, typed_options
from novum.catalogue.persistence import StoredModel, load_model, save_model

__all__ = [
    "KINDS",
    "Entry",
    "Option",
    "StoredModel",
    "build",
    "entries",
    "find",
    "load_model",
    "save_model",
    "typed_options",
]
