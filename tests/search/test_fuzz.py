"""Damaged results and kept windows, and configs of anything: typed errors, never anything else."""

import json
import math
from contextlib import suppress
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novum.errors import ConfigError, InputError, NovumError
from novum.search import HuntConfig, SearchResult, read_config
from novum.search.checkpoint import Checkpoint
from novum.search.config import MOST_CONFIG_TEXT

KEYS = [f.name for f in fields(HuntConfig)]
GOOD = {"mass": "m", "features": ["a", "b"]}

often = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
flips = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6
)
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["1,2", "nan,inf", "2,1", "1e999,2", ",", "0x10", "1_0", "\ud800"]),
)
anything = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
configs = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=6)), anything)


def damaged(data: bytes, flips: Any) -> bytes:
    out = bytearray(data)
    for where, bits in flips:
        out[int(where * len(out))] ^= bits
    return bytes(out)


def accepted(path: Path) -> HuntConfig | None:
    """The config of a file as the command line makes it; None where it is refused."""
    with suppress(NovumError):
        return HuntConfig().with_values(read_config(path), str(path)).validated()
    return None


def check_usable(config: HuntConfig) -> None:
    """What is accepted can be hashed and kept, and all its numbers are finite."""
    assert len(config.hash()) == 12
    again = HuntConfig().with_values(json.loads(json.dumps(config.to_dict())))
    assert again == config
    for value in config.to_dict().values():
        for number in value if isinstance(value, list) else [value]:
            assert not isinstance(number, float) or math.isfinite(number)


# --- configs


@often
@given(values=configs, suffix=st.sampled_from([".json", ".yaml"]), complete=st.booleans())
def test_a_config_of_anything(values: Any, suffix: str, complete: bool, tmp_path: Path) -> None:
    values = {**GOOD, **values} if complete else values
    path = tmp_path / f"config{suffix}"
    text = json.dumps(values) if suffix == ".json" else yaml.safe_dump(values, allow_unicode=False)
    path.write_text(text, encoding="utf-8")
    config = accepted(path)
    if config is not None:
        check_usable(config)


@often
@given(key=st.sampled_from(KEYS), value=anything)
def test_every_key_with_anything(key: str, value: Any) -> None:
    try:
        config = HuntConfig().with_values({**GOOD, key: value}).validated()
    except ConfigError:
        return
    check_usable(config)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1, 10**30, -(10**30), 1e308, [math.inf] * 2], ids=repr
)
def test_no_key_takes_a_wild_number(key: str, value: Any) -> None:
    """Accepted only where it makes sense, and then it can be stored."""
    try:
        config = HuntConfig().with_values({**GOOD, key: value}).validated()
    except ConfigError:
        return
    check_usable(config)


@often
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_config_of_any_bytes(data: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"config{suffix}"
    path.write_bytes(data)
    accepted(path)


@often
@given(
    text=st.text("{}[]&*!?:-,#|>'\"%@ \n\tab01.~<", max_size=80),
    at=st.sampled_from(["", "seed: ", "features: ", "a: &a\n"]),
)
def test_a_config_of_yaml_signs(text: str, at: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(at + text)
    accepted(path)


LAUGHS = "[" + "&a [x, x]" + "".join(f", &{b} [*{a}, *{a}]" for a, b in pairwise("abcde")) + "]"


@pytest.mark.parametrize(
    "text",
    [
        f"features: {LAUGHS}",
        "features: &a [*a]",
        "features: &a {b: *a}",
        "<<: &a {<<: *a}",
        "[" * 1000,
        "{" * 60_000,
        "- " * 30_000,
        "? " * 30_000,
        "x" * (MOST_CONFIG_TEXT + 1),
        "seed: " + "9" * 60_000,
        "seed: !!bool x",
        "seed: !!timestamp x",
        "seed: !!python/object/apply:os.getpid []",
        "seed: !!python/name:os.getpid",
    ],
    ids=lambda text: text[:24],
)
def test_yaml_bombs(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(tmp_path / "config.yaml")
    assert "config.yaml" in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("text", ["[" * 50_000, '{"a":' * 10_000, '{"seed": ' + "9" * 60_000 + "}"])
def test_json_bombs(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        read_config(tmp_path / "config.json")


# --- results


@pytest.fixture(scope="module")
def text(quick, toy) -> bytes:
    """A result as it is stored."""
    return quick(toy.take(np.arange(3000))).to_json().encode()


def loaded(data: bytes, folder: Path) -> SearchResult | None:
    (folder / "result.json").write_bytes(data)
    refused: NovumError | None = None
    try:
        result = SearchResult.load(folder)
    except NovumError as error:
        refused = error
    if refused is not None:
        assert "result.json" in str(refused)
        return None
    # What is shown of it must not fail either.
    assert result.summary() in repr(result)
    assert result._repr_html_()
    return result


@often
@given(flips=flips, keep=st.sampled_from([1.0, 1.0, 1.0, 0.999, 0.5, 0.0]))
def test_a_damaged_result(text: bytes, flips: Any, keep: float, tmp_path: Path) -> None:
    data = damaged(text, flips)[: int(keep * len(text))]
    loaded(data, tmp_path)


@often
@given(path=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5), value=anything)
def test_a_result_with_anything_in_it(
    text: bytes, path: list[float], value: Any, tmp_path: Path
) -> None:
    """Any value anywhere in the document."""
    document = at = json.loads(text)
    for i, share in enumerate(path):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = keys[int(share * len(keys))]
        if i + 1 == len(path) or not isinstance(at[key], dict | list) or not at[key]:
            at[key] = value
            break
        at = at[key]
    loaded(json.dumps(document).encode(), tmp_path)


@often
@given(data=st.one_of(st.binary(max_size=100), anything.map(lambda v: json.dumps(v).encode())))
def test_a_result_of_anything(data: bytes, tmp_path: Path) -> None:
    assert loaded(data, tmp_path) is None


@pytest.mark.parametrize("data", [b"[" * 10**6, b'{"a":' * 10**5, b"9" * 10**6], ids=len)
def test_a_result_that_is_a_bomb(data: bytes, tmp_path: Path) -> None:
    assert loaded(data, tmp_path) is None


# --- windows of an interrupted search


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> tuple[Any, bytes]:
    """The scores of one window and the file that they are kept in."""
    from novum.search.crossfitting import Scores
    from novum.windows import Window

    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for f in fields(Scores):
        if f.name == "estimate_names":
            arrays[f.name] = ("signal_fraction", "signal_events")
        elif f.name != "window":
            arrays[f.name] = rng.normal(size=(2, 40)).astype(np.float32)
    scores = Scores(window=Window.around(3300, 3700), **arrays)
    folder = tmp_path_factory.mktemp("kept")
    Checkpoint(folder, "key").save(scores)
    return scores, next(folder.glob(".partial/*.npz")).read_bytes()


@often
@given(flips=flips, header=st.booleans(), keep=st.sampled_from([1.0, 1.0, 1.0, 0.5]))
def test_a_damaged_window_is_as_it_was_or_trained_again(
    kept: Any, flips: Any, header: bool, keep: float, tmp_path: Path
) -> None:
    scores, data = kept
    checkpoint = Checkpoint(tmp_path, "key", resume=True)
    checkpoint.save(scores)
    path = next(tmp_path.glob(".partial/*.npz"))
    # The directory of a zip file is at its end.
    tail = len(data) - 600 if header else 0
    path.write_bytes((data[:tail] + damaged(data[tail:], flips))[: int(keep * len(data))])
    got = checkpoint.load(scores.window)
    if got is None:
        assert not path.exists()
        return
    assert all(
        np.array_equal(getattr(got, f.name), getattr(scores, f.name))
        for f in fields(replace(got))
        if f.name != "window"
    )
