"""The page: well formed, self-contained, inert, and honest about calibration."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from novum.report import write_report
from novum.report.page import FigureData, render
from novum.search.result import SearchResult

Make = Callable[..., SearchResult]
VOID = {"meta", "img", "source", "br", "hr"}
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
    """Well formed, no scripts, and nothing loaded from anywhere but the page."""
    page = Checked(text)
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "base", "form"}
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
    body = re.sub(r"<[^>]*>", "", text.split("</style>")[1])
    return html.unescape(body).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, full: SearchResult) -> Path:
    """A complete report."""
    return write_report(full, tmp_path_factory.mktemp("report"))


def test_report_is_whole(report: Path, full: SearchResult) -> None:
    text = report.read_text(encoding="utf-8")
    assert_inert(text)
    names = {"pvalue_scan", "spectrum", "features", "stability", "evaluation"}
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
    text = render(make(evaluated=True), {}, make(evaluated=True).evaluation[0])
    order = ("scan", "spectrum", "features", "stability", "events", "evaluation", "assumed")
    places = [text.index(f'<h2 id="{name}">') for name in (*order, "settings", "references")]
    assert places == sorted(places)
    words = plain(text)
    assert "which the search never saw" in words
    assert "4.33" in words
    assert "6.1 × 10⁻⁴" in words or "0.00061" in words


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
    for raw in ("<script", "m_{<b>", "<i>", "<img src=http", "\u202e", "\x00"):
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
    assert len(files) == 11
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


WRAPPER = """<!DOCTYPE html><meta charset="utf-8">
<iframe style="width:390px;height:800px;border:0" srcdoc="{page}"></iframe>
<script>addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const figures = [...page.images].map(i => i.naturalWidth);
  const found = {{scroll: root.scrollWidth, client: root.clientWidth, figures}};
  document.querySelector("iframe").remove();
  document.title = JSON.stringify(found);
}})</script>"""


@pytest.mark.parametrize("which", ["full", "hostile"])
def test_a_phone_does_not_scroll_sideways(
    which: str, report: Path, make: Make, tmp_path: Path
) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    long = "a_very_long_column_name_" * 12
    text = report.read_text(encoding="utf-8")
    if which == "hostile":
        result = make(mass=long, names=(long, "b"), origin=long, warnings=(long,))
        text = render(result, {}, None)
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(WRAPPER.format(page=html.escape(text)), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    flags += " --disable-background-networking --disable-component-update --disable-sync"
    command = [chromium, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", wrapper.as_uri()],
        capture_output=True, timeout=100, check=True, text=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title, done.stdout[:300]
    found = json.loads(html.unescape(title[1]))
    assert 300 < found["client"] <= 390
    assert found["scroll"] <= 390
    if which == "full":
        assert len(found["figures"]) == 5
        assert all(found["figures"])
