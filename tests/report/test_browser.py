"""The page in a real browser: quiet, self-contained, inert, and moved by its controls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from novum.report import write_report
from novum.report.page import render
from novum.report.style import Format, to_bytes
from novum.search.result import SearchResult

from .browser import Browser, chromium

Make = Callable[..., SearchResult]
READY = "document.documentElement?.dataset.ready"
COUNTS = "document.getElementById('reading-counts').textContent"
ROLE = "document.getElementById('reading-role').textContent"
SELECTED = "JSON.stringify(document.getElementById('spectrum-plot').data[2].y)"
SHOWN = "id => getComputedStyle(document.getElementById(id)).display !== 'none'"
ATTACK = "<script>alert(1)</script>"

pytestmark = pytest.mark.skipif(chromium() is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def pages_alone() -> Iterator[None]:
    """Reports without the PNG and PDF files, which no page shows."""

    def svg_only(figure: Figure, kind: Format) -> bytes:
        return to_bytes(figure, kind) if kind == "svg" else b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("novum.report.write.to_bytes", svg_only)
        yield


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from .conftest import make_result

    result = make_result(evaluated=True, calibrated=True)
    return write_report(result, tmp_path_factory.mktemp("page"))


def choose(browser: Browser, element: str, value: int, event: str) -> None:
    browser.value(
        f"(() => {{ const e = document.getElementById('{element}'); e.value = {value};"
        f" e.dispatchEvent(new Event('{event}', {{ bubbles: true }})); }})()"
    )


def observed(text: str) -> float:
    found = re.search(r"([\d\u202f.]+) observed", text)
    assert found, text
    return float(found[1].replace("\u202f", ""))


def test_it_is_quiet_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.screen(1400)
    browser.open(page.as_uri(), ready=READY)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.value("typeof Plotly") == "object"
    assert browser.value("document.querySelectorAll('.static img').length") == 2
    assert browser.value(f"({SHOWN})('scan-plot')")
    assert browser.value("getComputedStyle(document.querySelector('.static')).display") == "none"


def test_the_slider_moves_the_spectrum_and_the_scan(browser: Browser, page: Path) -> None:
    browser.screen(1400)
    browser.open(page.as_uri(), ready=READY)
    before, spectrum = browser.value(COUNTS), browser.value(SELECTED)
    assert "1\u202f%" in before
    assert browser.value(ROLE) == "Fixed beforehand."
    traces = browser.value("document.getElementById('scan-plot').data.length")
    choose(browser, "choose-eps", 1, "input")
    after = browser.value(COUNTS)
    assert "10\u202f%" in after
    assert observed(after) > observed(before)
    assert browser.value(SELECTED) != spectrum
    assert browser.value("document.getElementById('scan-plot').data.length") == traces + 1
    assert browser.value(ROLE) == "For the eye: each further working point is a further trial."
    browser.value("document.getElementById('to-headline').click()")
    assert browser.value(COUNTS) == before
    assert browser.value(SELECTED) == spectrum


def test_the_keyboard_moves_the_slider(browser: Browser, page: Path) -> None:
    browser.screen(820)
    browser.open(page.as_uri(), ready=READY)
    before = browser.value(COUNTS)
    browser.value("document.getElementById('choose-eps').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="ArrowLeft", windowsVirtualKeyCode=37)
    assert observed(browser.value(COUNTS)) > observed(before)
    label = browser.value("document.getElementById('choose-eps').getAttribute('aria-valuetext')")
    assert label == "2\u202f%, for the eye"


def test_a_fragment_chooses_working_point_and_window(browser: Browser, page: Path) -> None:
    browser.screen(820)
    browser.open(page.as_uri() + "#eps_b=0.1&mass=4400", ready=READY)
    text = browser.value(COUNTS)
    assert text.startswith("4111–4636 GeV at a background efficiency of 10\u202f%")
    assert browser.value("document.getElementById('choose-eps').value") == "1"


def test_a_click_on_the_scan_chooses_the_window(browser: Browser, page: Path) -> None:
    browser.screen(1400)
    browser.open(page.as_uri(), ready=READY)
    place: dict[str, Any] = browser.value(
        "(() => { const p = document.getElementById('scan-plot'); p.scrollIntoView();"
        " const dots = p.querySelectorAll('.trace:nth-child(2) .point');"
        " const r = dots[0].getBoundingClientRect();"
        " return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; })()"
    )
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
    browser.value("new Promise(done => setTimeout(done, 400))")
    assert browser.value("document.getElementById('choose-window').value") == "0"
    assert browser.value(COUNTS).startswith("2867–3233 GeV")


def test_dark_mode_is_followed_live(browser: Browser, page: Path) -> None:
    browser.screen(820)
    browser.open(page.as_uri(), ready=READY)
    ink = "document.getElementById('spectrum-plot').layout.font.color"
    light = browser.value(ink)
    browser.screen(820, dark=True)
    browser.value("new Promise(done => setTimeout(done, 300))")
    assert (light, browser.value(ink)) == ("#1b1f24", "#e6e9ec")


def test_without_scripts_the_static_figures_stand(browser: Browser, page: Path) -> None:
    browser.screen(820)
    browser.open(page.as_uri(), script=False)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.value("getComputedStyle(document.querySelector('.static')).display") == "block"
    assert not browser.value(f"({SHOWN})('choose-eps') && document.body.matches('.live *')")
    assert browser.value("document.querySelector('.interactive').offsetHeight") == 0
    assert browser.value("[...document.images].every(i => i.naturalWidth > 0)")


def test_print_shows_the_static_figures(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.screen(820)
    browser.open(page.as_uri(), ready=READY)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value("document.querySelector('.interactive').offsetHeight") == 0
    assert browser.value("document.querySelector('.static').offsetHeight") > 200
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("width", [390, 820, 1400])
@pytest.mark.parametrize("which", ["full", "hostile"])
def test_no_width_scrolls_sideways(
    width: int, which: str, browser: Browser, page: Path, make: Make, tmp_path: Path
) -> None:
    long = "a_very_long_column_name_" * 12
    if which == "hostile":
        page = tmp_path / "page.html"
        result = make(mass=long, names=(long, "b"), origin=long, warnings=(long,))
        page.write_text(render(result, {}, None), encoding="utf-8")
    browser.screen(width)
    browser.open(page.as_uri(), ready=READY)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []


def test_hostile_names_are_inert(browser: Browser, make: Make, tmp_path: Path) -> None:
    names = (ATTACK, "<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>")
    result = make(mass=ATTACK, names=names, origin=f"{ATTACK}.h5", warnings=names)
    page = write_report(result, tmp_path)
    browser.screen(820)
    browser.open(page.as_uri() + "#eps_b=<script>alert(3)</script>&mass=NaN", ready=READY)
    assert browser.value("document.title").endswith(f"GeV, {ATTACK}.h5")
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.value("document.querySelectorAll('script').length") == 3
    assert browser.value("document.querySelector('#scan-plot .xtitle').textContent").startswith(
        ATTACK
    )
