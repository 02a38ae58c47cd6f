"""The page: well formed, self-contained, inert, and honest about calibration."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from novum.report import write_report
from novum.report.page import FigureData, render
from novum.search.records import BestWindow
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

Make = Callable[..., SearchResult]
VOID = {"meta", "img", "source", "br", "hr", "input"}
SECTIONS = (
    *("scan", "windows", "calibration", "features", "validation", "stability", "events"),
    *("evaluation", "assumed", "settings", "references"),
)
HOSTILE = (
    "<script>alert(1)</script>",
    "$x_{",
    r"\frac{\$",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "{{ 7 * 7 }} \u202e\x00 \ud800",
)


class Checked(HTMLParser):
    """Collects tags and attributes; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_inert(text: str) -> None:
    """Well formed, no scripts but its own, and nothing loaded from anywhere but the page."""
    page = Checked(text)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    data = {"application/json": "explorer-data", "application/octet-stream": "plotly-packed"}
    assert scripts == [{"type": kind, "id": name} for kind, name in data.items()] + [{}]
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
        if "href" in attributes:
            assert tag == "a"
            assert re.match(r"https://(arxiv|doi)\.org/", attributes["href"] or "")
    style = text.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def plain(text: str) -> str:
    """The words of a page."""
    body = text.split("</style>")[1].split('<script type="application/json"')[0]
    body = re.sub(r"<[^>]*>", "", body)
    return html.unescape(body).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, full: SearchResult) -> Path:
    """A complete report."""
    return write_report(full, tmp_path_factory.mktemp("report"))


def test_report_is_whole(report: Path, full: SearchResult) -> None:
    text = report.read_text(encoding="utf-8")
    assert_inert(text)
    names = {"pvalue_scan", "spectrum", "features", "validation", "stability", "evaluation"}
    files = {p.name for p in (report.parent / "figures").iterdir()}
    assert files == {f"{n}.{suffix}" for n in names for suffix in ("png", "pdf")}
    uris = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)
    assert len(uris) == 2 * len(names)
    assert len({base64.b64decode(u) for u in uris}) == 2 * len(names)
    words = plain(text)
    assert "This search is not calibrated" in words
    assert "global p ≤ 0.0001 (not calibrated)" in words
    assert full.best is not None
    assert f"{full.best.counts.n_on:.0f} events observed" in words
    alts = [a["alt"] for tag, a in Checked(text).tags if tag == "img"]
    assert all(alt and re.search(r"\d", alt) for alt in alts)


def test_sections_are_in_order(make: Make) -> None:
    result = make(evaluated=True, calibrated=True)
    text = render(result, {}, result.evaluation[0])
    places = [text.index(f'<h2 id="{name}">') for name in SECTIONS]
    assert places == sorted(places)
    words = plain(text)
    assert "which the search never saw" in words
    assert "4.33" in words
    assert "6.1 × 10⁻⁴" in words or "0.00061" in words


def test_a_calibrated_search_says_what_is_counted_and_what_is_extrapolated(make: Make) -> None:
    result = make(calibrated=True)
    scan = result.calibration
    assert scan is not None
    assert scan.best_window is not None
    assert scan.global_p is not None
    assert scan.global_p.is_bound
    words = plain(render(result, {}, None))
    head = words.split("Scan and spectrum")[0]
    assert "global p ≤ 0.005 from 200 retrained null searches" in " ".join(head.split())
    assert "extrapolation and not a count0.0002168 % interval: 9 × 10⁻⁵ to 0.00042" in head
    assert "not calibrated" not in head
    assert "no retrained null search stands behind them" not in words
    assert "κ = 1, with no uncertainty" not in words
    assert "Working points other than the headline: no trial is counted for them." in words
    assert "reaches an AUC of 0.503" in words
    assert words.count("1.013 ± 0.021") == len(result.windows)
    assert "would scatter by 0.55" in words


def test_a_counted_global_p_carries_its_interval(make: Make) -> None:
    result = make(calibrated=True)
    assert result.calibration is not None
    counted = PValue.from_toys(6, 200, "retrained null searches")
    scan = replace(result.calibration, global_p=counted)
    head = plain(render(replace(result, calibration=scan), {}, None)).split("Scan and")[0]
    assert counted.interval is not None
    assert f"68 % interval: {counted.interval[0]:.2g} to {counted.interval[1]:.2g}" in head


def test_the_calibration_chooses_the_window_and_may_withhold_it(make: Make) -> None:
    result = make(calibrated=True)
    scan = result.calibration
    assert scan is not None
    assert result.best_window is not None
    reason = "the selection sculpts the mass"
    best = (result.best_window.low, result.best_window.high)
    windows = tuple(
        replace(w, p=None, z_cal=None, z=None, withheld=reason) if (w.low, w.high) == best else w
        for w in scan.windows
    )
    second = max((w for w in windows if w.z_cal is not None), key=lambda w: w.z_cal or 0.0)
    chosen = BestWindow(second.low, second.high)
    changed = replace(result, calibration=replace(scan, windows=windows, best_window=chosen))
    words = plain(render(changed, {}, None))
    assert f"The best window is {second.low:.0f}–{second.high:.0f} GeV" in words
    assert words.count(f"withheld: {reason}") == 2, "in both tables"
    none = tuple(replace(w, p=None, z_cal=None, z=None, withheld=reason) for w in scan.windows)
    empty = replace(scan, windows=none, best_window=None, global_p=None, t_observed=None)
    words = plain(render(replace(result, calibration=empty), {}, None))
    assert "Every window was withheld: no p-value can be quoted." in words


def test_features_are_ranked_and_dependence_on_the_mass_is_named(make: Make) -> None:
    result = make(names=("first", "second", "third"))
    text = plain(render(result, {}, None))
    table = text.split("What was selected")[1]
    places = [table.index(name) for name in ("second", "first", "third")]
    assert places == sorted(places), "importance 1.2, 0.6, 0.6; then separation 0.6, 0.2"
    rows = text.split("Do the features follow the mass?")[1]
    assert re.search(r"third0\.350[\d.]+——follows the mass", rows.replace("\n", ""))
    assert re.search(r"second−0\.060−[\d.]+——weak but clear", rows.replace("\n", ""))
    assert re.search(r"first0\.004[\d.]+——none seen", rows.replace("\n", ""))


def test_all_withheld_says_so(make: Make) -> None:
    text = render(make(withheld=True), {}, None)
    assert_inert(text)
    words = plain(text)
    assert "Every window was withheld: no p-value can be quoted." in words
    assert "not calibrated" in words
    assert "withheld: masked fit has p = 0.0004, below 0.01" in words


def test_text_from_the_result_is_inert(make: Make) -> None:
    result = make(
        mass="$m_{<b>",
        names=HOSTILE,
        origin=HOSTILE[3],
        warnings=HOSTILE,
        versions={"<i>": "<u>"},
        references=("javascript:alert(1)", "</li>"),
        evaluated=True,
    )
    svg = FigureData(b"<svg/>", b"<svg/>")
    text = render(result, {"features": svg}, result.evaluation[0])
    text.encode("utf-8")
    assert_inert(text)
    for raw in ("<script>alert", "m_{<b>", "<i>", "<img src=http", "\u202e", "\x00"):
        assert raw not in text
    assert "{{ 7 * 7 }}" in html.unescape(text)
    assert "<script>alert(1)</script>" in html.unescape(text)


def test_equal_results_give_equal_bytes(
    report: Path, full: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    first, again = report.parent, SearchResult.from_json(full.to_json())
    second = write_report(again, tmp_path).parent
    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert len(files) == 13
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_figures_of_an_earlier_report_go(make: Make, tmp_path: Path) -> None:
    stale = tmp_path / "figures" / "evaluation.png"
    stale.parent.mkdir()
    stale.write_bytes(b"old")
    window = replace(make(names=()).windows[0], folds=())
    write_report(make(windows=(window,), best_window=None), tmp_path)
    assert {p.stem for p in stale.parent.iterdir()} == {"pvalue_scan", "spectrum"}
    assert not stale.exists()
