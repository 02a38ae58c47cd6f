"""Data and scripts of the interactive figures: true to the record, small, and allowed by hash."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from novum.report.explorer import explorer_data, safe_json
from novum.report.page import FigureData, render
from novum.report.ranking import ranked_features, separation_by_chance
from novum.report.script import scripts
from novum.report.style import darkened, to_bytes
from novum.report.write import drawings
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

Make = Callable[..., SearchResult]


def point(data: dict[str, Any], window: int, eps: str) -> dict[str, Any]:
    return dict(data["windows"][window]["points"][data["eps"].index(eps)])


def test_spectra_are_those_of_the_record(make: Make) -> None:
    result = make()
    data = explorer_data(result)
    assert data["eps"][0] == "20\u202f%"
    assert data["eps"][data["headline"]] == "1\u202f%"
    assert sum(data["counts"]) == pytest.approx(sum(result.spectrum.counts), rel=1e-4)
    for i, window in enumerate(result.windows):
        headline = point(data, i, "1\u202f%")
        assert sum(headline["counts"]) == pytest.approx(sum(window.selected_counts), rel=1e-4)
        tight = point(data, i, "0.1\u202f%")
        assert sum(tight["counts"]) == pytest.approx(
            sum(window.working_points[-1].selected_counts), rel=1e-4
        )


def test_a_withheld_window_has_no_p_value_at_any_working_point(make: Make) -> None:
    window = explorer_data(make())["windows"][9]
    assert window["withheld"]
    assert [p["local"] for p in window["points"]] == [None] * 8


def test_working_points_are_gaussian_tails_of_their_z(make: Make) -> None:
    result = make()
    data = explorer_data(result)
    record = result.windows[3].working_points[1]
    local = point(data, 3, "10\u202f%")["local"]
    assert local["p"] == pytest.approx(PValue.from_z(record.z, "").value, rel=1e-3)


def test_windows_without_working_points_show_the_headline(make: Make) -> None:
    result = make()
    bare = replace(result, windows=tuple(replace(w, working_points=()) for w in result.windows))
    data = explorer_data(bare)
    assert data["eps"] == ["1\u202f%"]
    assert all(len(w["points"]) == 1 for w in data["windows"])
    mixed = replace(bare, windows=(result.windows[0], *bare.windows[1:]))
    assert explorer_data(mixed)["windows"][1]["points"].count(None) == 7


def test_the_axis_holds_every_point_that_is_shown(make: Make) -> None:
    data = explorer_data(make(calibrated=True))
    for i, depth in enumerate(data["depths"]):
        shown = [w["points"][j]["local"] for w in data["windows"] for j in (i, data["headline"])]
        shown += [w[kind] for w in data["windows"] for kind in ("inclusive", "calibrated")]
        lowest = min(np.log10(q["p"]) for q in shown if q is not None)
        assert depth["floor"] <= lowest
        assert all(np.log10(g["p"]) >= depth["floor"] for g in depth["guides"])


def test_json_cannot_end_its_element() -> None:
    hostile = {"</script><script>": ["<!--", "]]>", "&amp;", "\u2028", "é\ud800"]}
    text = str(safe_json(hostile))
    assert not re.search(r"[<>&]|[^\x20-\x7e]", text)
    assert json.loads(text) == hostile


def test_names_are_escaped_for_plotly(make: Make) -> None:
    data = explorer_data(make(mass='<a href="javascript:alert(1)">'))
    assert "<" not in data["mass"]


def test_the_policy_allows_exactly_the_two_scripts() -> None:
    found = scripts()
    plotly = gzip.decompress(base64.b64decode(found.plotly)).decode()
    sources = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (found.own, plotly)
    }
    allowed = re.search(r"script-src ([^;]*);", found.policy)
    assert allowed
    assert set(allowed[1].split()) == sources
    assert "default-src 'none'" in found.policy
    assert plotly.lstrip().startswith("/**\n* plotly.js v")
    assert "</script" not in found.own.lower()
    assert "<!--" not in found.own


def test_a_large_report_stays_small(make: Make) -> None:
    names = tuple(f"a_long_feature_name_{i}" for i in range(12))
    result = make(names=names, relative_width=0.078, evaluated=True, calibrated=True)
    assert len(result.windows) >= 20
    assert len(result.spectrum.counts) == 100
    assert len(result.windows[0].working_points) == 8
    svg = {name: to_bytes(draw(), "svg") for name, draw in drawings(result).items()}
    figures = {name: FigureData(light=data, dark=darkened(data)) for name, data in svg.items()}
    assert len(figures) == 7
    assert len(render(result, figures, result.evaluation[0]).encode()) < 6e6


def test_separation_by_chance_is_that_of_equal_densities(make: Make) -> None:
    record = make().windows[0].features[0]
    rng = np.random.default_rng(1)
    width = np.diff(record.edges)
    share = np.array(record.rejected) * width
    draws = rng.multinomial(60, share / share.sum(), 2000) / 60
    mean = 0.5 * np.abs(draws - share / share.sum()).sum(axis=1).mean()
    # 60 events in 25 bins: few per bin, where the Gaussian mean deviation is 5 % too large
    assert separation_by_chance(record, 60) == pytest.approx(mean, rel=0.1)
    assert separation_by_chance(record, 0) == 1


def test_bars_are_shares_of_the_largest(make: Make) -> None:
    ranked = ranked_features(make(names=("a", "b", "c", "d")).windows[0])
    assert max(r.importance_bar for r in ranked) == 1
    assert max(r.separation_bar for r in ranked) == 1
    assert all(0 <= r.importance_bar <= 1 for r in ranked)
    assert [r.importance for r in ranked] == sorted((r.importance for r in ranked), reverse=True)
