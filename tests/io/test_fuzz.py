"""Damaged files of every format: a typed error or events, never anything else."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novum.errors import NovumError
from novum.io import FORMATS, open_events, read_spectrum

from .layouts import N

flips = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6
)


often = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@often
@given(flips=flips, header=st.booleans(), keep=st.sampled_from([1.0, 1.0, 1.0, 0.7]))
def test_damaged_bytes(made: Any, tmp_path: Path, flips: Any, header: bool, keep: float) -> None:
    data = bytearray(made.path.read_bytes())
    flip(data, flips, header)
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


def flip(data: bytearray, flips: Any, header: bool) -> None:
    reach = min(len(data), 512) if header else len(data)
    for where, bits in flips:
        data[int(where * reach)] ^= bits


@settings(often, max_examples=20)
@given(flips=flips, header=st.booleans(), keep=st.sampled_from([1.0, 1.0, 0.7]), junk=st.binary())
def test_damaged_layouts(
    laid_out: Any, tmp_path: Path, flips: Any, header: bool, keep: float, junk: bytes
) -> None:
    """Bytes flipped and put in, the end cut off, in files of every published layout."""
    data = bytearray(laid_out[0].read_bytes())
    flip(data, flips, header)
    where = int(flips[0][0] * len(data))
    data[where:where] = junk
    path = tmp_path / laid_out[0].name
    path.write_bytes(data[: int(len(data) * keep)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = outcome(path)
    assert isinstance(got, NovumError) or 0 < got[0] == got[1] <= N + len(junk) + 6


def outcome(path: Path) -> Any:
    try:
        source = open_events(path)
        return len(source.read()), sum(len(c) for c in source.chunks(77))
    except NovumError as error:
        return error


def test_every_format_is_damaged(tested_formats: set[str]) -> None:
    assert tested_formats == {f.name for f in FORMATS}


@often
@given(cut=st.floats(0, 1), at=st.floats(0, 1), junk=st.binary(max_size=64))
def test_cut_and_spliced(made: Any, tmp_path: Path, cut: float, at: float, junk: bytes) -> None:
    """Bytes put in between, and the end cut off."""
    data = made.path.read_bytes()
    where = int(at * len(data))
    path = tmp_path / made.path.name
    path.write_bytes((data[:where] + junk + data[where:])[: int(cut * (len(data) + len(junk)))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = outcome(path)
    assert isinstance(got, NovumError) or 0 < got[0] == got[1] <= len(made.events) + 64


@often
@given(data=st.binary(max_size=300), format=st.sampled_from(FORMATS))
def test_anything_behind_a_signature(tmp_path: Path, data: bytes, format: Any) -> None:
    path = tmp_path / f"a{format.suffixes[0]}"
    for content in (data, format.magic + data, format.magic + data + format.magic):
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = outcome(path)
        # A few words are a table of text columns, which has no features.
        assert isinstance(got, NovumError) or got[0] == got[1]


NUMBERS = st.one_of(st.floats(), st.integers(-(10**30), 10**30), st.text(max_size=3), st.none())
NAMES = ("low", "high", "bin_centre", "bin_width", "counts", "y")


@often
@given(
    names=st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    rows=st.lists(st.lists(NUMBERS, min_size=6, max_size=6), max_size=4),
    luminosity=st.one_of(st.none(), st.floats()),
)
def test_any_spectrum(tmp_path: Path, names: Any, rows: Any, luminosity: float | None) -> None:
    cells = [["" if v is None else str(v).replace("\0", "") for v in row] for row in rows]
    lines = [names, *(row[: len(names)] for row in cells)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(line) for line in lines), encoding="utf-8", newline="")
    try:
        got = read_spectrum(path, luminosity=luminosity)
    except NovumError:
        return
    assert np.all(np.diff(got.edges) > 0)
    assert np.isfinite(got.edges).all()
    assert np.isfinite(got.counts).all()
    assert (got.counts >= 0).all()
    assert len(got.edges) == len(got.counts) + 1
