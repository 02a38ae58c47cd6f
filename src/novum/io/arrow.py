"""What Parquet and CSV share: Arrow columns to NumPy and `Events` to one flat Arrow table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from novum.errors import OutputError
from novum.events import Events
from novum.io.roles import role_of, split_unit

# What pyarrow raises on damaged input. ArrowInvalid is a ValueError, its I/O errors are OSErrors.
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, EOFError, MemoryError)


def is_numeric(kind: Any) -> bool:
    """Whether an Arrow type holds one number (or truth value, or nothing at all) per row."""
    t = pa.types
    tests = (t.is_integer, t.is_floating, t.is_boolean, t.is_decimal, t.is_null)
    return any(test(kind) for test in tests)


def to_numpy(column: Any) -> NDArray[Any]:
    """An Arrow array as NumPy, shape (n,): integers without nulls as they are, nulls as NaN."""
    kind = column.type
    if is_numeric(kind) and (column.null_count or not pa.types.is_integer(kind)):
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        # Not `safe`: integers beyond 2^53 lose digits as float64 features in any case.
        column = column.cast(pa.float64(), safe=False)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def flat_table(events: Events, format: str) -> Any:
    """Arrow table of ``novum_id``, bookkeeping, features, ``weight`` and ``label`` columns.

    Raises
    ------
    OutputError
        If there are clouds, or a feature would be read back as something else.
    """
    if events.clouds:
        raise OutputError(
            f"{format} holds no clouds ({', '.join(events.clouds)}); write a .h5 file instead"
        )
    for name in events.features:
        if role_of(name) or split_unit(name)[0] != name:
            raise OutputError(
                f"a feature named '{name}' would not be read back as one from {format}; rename it "
                "or write a .h5 file"
            )
    columns: dict[str, Any] = {"novum_id": events.id, **events.bookkeeping, **events.features}
    columns["weight"] = events.weight
    if events.label is not None:
        columns["label"] = events.label
    return pa.table(columns)
