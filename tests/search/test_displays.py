"""Constituents of the listed events come from memory or from the file, and only theirs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from novum.events import Cloud, Events, Meta
from novum.io import open_events, write_events
from novum.search import hunt
from novum.search.displays import DISPLAYED_EVENTS, displayed_clouds
from novum.search.result import SearchResult
from novum.simulation import toy_dijets


def with_jets(events: Events) -> Events:
    """The events with a cloud whose leading pT tells the event."""
    n = len(events)
    values = np.zeros((n, 5, 3), np.float32)
    values[:, :3, 0] = np.arange(n)[:, None] + np.array([1, 3, 2]) * 1000
    values[:, :3, 1] = 0.5
    jets = {"jets": Cloud(values, ("pt", "eta", "phi"))}
    return replace(events, clouds=jets | {"hits": Cloud(np.ones((n, 2, 2)), ("pt", "x"))})


@pytest.fixture
def events() -> Events:
    return with_jets(toy_dijets(50, 5, seed=1))


def test_from_memory(events: Events) -> None:
    found = displayed_clouds(events, np.array([7, 3]))
    assert [c[0].name for c in found] == ["jets", "jets"]  # a cloud without angles is not drawn
    assert found[0][0].pt == (3007.0, 2007.0, 1007.0)
    assert found[1][0].pt[0] == 3003
    assert found[0][0].eta == (0.5, 0.5, 0.5)


def test_from_the_file(events: Events, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_events(events, path)
    read = open_events(path).read(["mjj"])
    read = replace(read, meta=replace(read.meta, origin=str(path)))
    assert not read.clouds
    rows = np.arange(9)
    found = displayed_clouds(read, rows)
    assert found == displayed_clouds(events, rows)
    assert [bool(c) for c in found] == [True] * DISPLAYED_EVENTS + [False] * 3


def test_another_file_in_its_place_is_not_drawn(events: Events, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_events(events.take(np.arange(54, -1, -1)), path)
    read = replace(events, clouds={}, meta=Meta(origin=str(path)))
    assert displayed_clouds(read, np.array([0, 1])) == [(), ()]
    path.write_bytes(b"no longer a file of events")
    assert displayed_clouds(read, np.array([0, 1])) == [(), ()]
    path.unlink()
    assert displayed_clouds(read, np.array([0, 1])) == [(), ()]


def test_a_search_records_them(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_events(with_jets(toy_dijets(6000, 100, seed=2)), path)
    result = hunt(
        path, mass="mjj", features=["mj_low", "delta_mj"], members=1, repeats=1, folds=2,
        window=(3300.0, 3700.0), n_toys=50, output=tmp_path / "out", n_jobs=1,
    )  # fmt: skip
    source = open_events(path)
    by_id = {int(i): k for k, i in enumerate(source.read([]).id)}
    for e in result.selected_events[:DISPLAYED_EVENTS]:
        assert e.clouds[0].pt[0] == pytest.approx(3000 + by_id[e.id], rel=1e-3)
    assert SearchResult.load(tmp_path / "out") == result
