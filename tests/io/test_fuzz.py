"""Damaged files of every format: a typed error or events, never anything else."""

import warnings
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novum.errors import NovumError
from novum.io import open_events

flips = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(flips=flips, header=st.booleans(), keep=st.sampled_from([1.0, 1.0, 1.0, 0.7]))
def test_damaged_bytes(made: Any, tmp_path: Path, flips: Any, header: bool, keep: float) -> None:
    data = bytearray(made.path.read_bytes())
    reach = min(len(data), 512) if header else len(data)
    for where, bits in flips:
        data[int(where * reach)] ^= bits
    path = tmp_path / made.path.name
    path.write_bytes(data[: int(len(data) * keep)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = outcome(path)
    if isinstance(got, NovumError):
        assert path.name in str(got)
    else:
        # A flip can make one line of a text table into two; no format may invent events.
        assert 0 < got[0] == got[1] <= len(made.events) + 3


def outcome(path: Path) -> Any:
    try:
        source = open_events(path)
        return len(source.read()), sum(len(c) for c in source.chunks(77))
    except NovumError as error:
        return error
