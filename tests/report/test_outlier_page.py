"""The page of an outlier run: whole, inert, true to its record, and legible at any width."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from novum.events import Cloud, Events
from novum.physics.jet_images import JetImages
from novum.report import write_outlier_report
from novum.report.explained_figures import contribution_figure, value_figure
from novum.report.explained_jets import carried_image, display_figure, image_figure
from novum.report.outlier_alt import alts
from novum.report.outlier_figures import latent_picture, score_figure
from novum.report.outlier_page import passing_table, render_outliers, rows_of
from novum.report.style import Format, to_bytes
from novum.search import Explanation, explain, fit_outlier
from novum.search.explained import leading

from .browser import Browser, chromium
from .test_page import HOSTILE, Checked, plain

FIELDS = ("pt", "eta", "phi")


def sample(n: int, seed: int, names: tuple[str, ...] = ("a", "b", "c"), shift: float = 0) -> Events:
    """Normal features and a cloud of five particles around (1, 3)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((len(names), n))
    x[-1] += shift
    places = [1, 3] + 0.2 * rng.standard_normal((n, 5, 2))
    values = np.concatenate([rng.uniform(5, 90, (n, 5, 1)), places], axis=2)
    made = Events.from_arrays(dict(zip(names, x, strict=True)))
    return replace(made, clouds={"jet": Cloud(values, FIELDS)})


def explained(names: tuple[str, ...] = ("a", "b", "c"), **options: object) -> Explanation:
    model = fit_outlier(sample(400, 0, names), "pca", features=list(names), options=options)
    return explain(model, sample(200, 1, names, shift=2), top=8, background=sample(300, 2, names))


@pytest.fixture(scope="module")
def tabular() -> Explanation:
    return explained(latent=2)


@pytest.fixture(scope="module")
def imaged() -> Explanation:
    image = JetImages(size=12, half_width=1.0)
    model = fit_outlier(sample(400, 0), "pca", representation=image, options={"latent": 5})
    return explain(model, sample(50, 1), top=8, background=sample(300, 2))


@pytest.fixture(scope="module")
def page(tabular: Explanation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    def svg_only(figure: Figure, kind: Format) -> bytes:
        return to_bytes(figure, kind) if kind == "svg" else b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("novum.report.write.to_bytes", svg_only)
        yield write_outlier_report(tabular, tmp_path_factory.mktemp("page") / "out")


def assert_inert(text: str) -> None:
    """Well formed, no scripts at all, and nothing loaded from anywhere but the page."""
    for tag, attributes in Checked(text).tags:
        assert tag not in {"script", "link", "iframe", "object", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
        if "href" in attributes:
            assert re.match(r"https://(arxiv|doi)\.org/", attributes["href"] or "")


def test_the_page_is_whole(page: Path, tabular: Explanation) -> None:
    text = page.read_text(encoding="utf-8")
    assert_inert(text)
    names = {"scores", "latent", "contributions", "values", "displays"}
    assert {p.stem for p in (page.parent / "figures").iterdir()} == names
    uris = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)
    assert len({base64.b64decode(u) for u in uris}) == 2 * len(names)
    texts = [a["alt"] for tag, a in Checked(text).tags if tag == "img"]
    assert len(texts) == len(names)
    assert all(alt and re.search(r"\d", alt) for alt in texts)
    words = plain(text + '<script type="application/json"')
    assert "the 8 most anomalous of 200 events" in words
    assert "Contributions add up to the score." in words
    for event in tabular.events:
        assert words.count(f"{event.near[0].id} (") >= 1
    assert Explanation.load(page.parent) == tabular


def test_the_page_of_images_has_pixels_and_no_bars(imaged: Explanation) -> None:
    text = render_outliers(imaged, {})
    assert_inert(text)
    words = plain(text + '<script type="application/json"')
    assert "each pixel has its own" in words
    assert "jet as images of 12 × 12 pixels" in " ".join(words.split())
    assert "pixel 0,0" not in words
    figure = image_figure(imaged)
    assert len(figure.axes) == 4 * 4
    assert "Images of the 4 most anomalous jets" in alts(imaged)["images"]
    drawn = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(drawn.ravel(), imaged.events[0].image.pixels)
    carried = figure.axes[2].images[0].get_array()
    np.testing.assert_allclose(carried, carried_image(imaged.events[0], imaged))
    assert carried.sum() == pytest.approx(imaged.events[0].score, rel=1e-4)
    with pytest.raises(ValueError, match="no values"):
        value_figure(imaged)


def test_patches_cover_their_pixels(imaged: Explanation) -> None:
    event = replace(imaged.events[0], contributions=tuple(range(9)))
    found = carried_image(event, replace(imaged, patch=5))
    assert found.shape == (12, 12)
    assert found[4, 4] == 0
    assert found[5, 9] == 4
    assert found[11, 11] == 8


def test_bars_are_contributions(tabular: Explanation) -> None:
    figure = contribution_figure(tabular)
    for ax, event in zip(figure.axes, tabular.events, strict=False):
        widths = [p.get_width() for p in ax.patches if isinstance(p, Rectangle)]
        assert widths == sorted(event.contributions, reverse=True)
    rows = rows_of(tabular.events[0], tabular)
    assert rows[0].bar == 1
    assert [r.name for r in rows] == [tabular.pieces[j].name for j in leading(tabular.events[0], 3)]


def test_every_score_and_place_is_drawn(tabular: Explanation) -> None:
    upper, lower = score_figure(tabular).axes
    marked = next(line for line in upper.lines if line.get_label() == "explained")
    high = tabular.spectrum.edges[-1]
    expected = [min(e.score, high) for e in tabular.events]
    np.testing.assert_allclose(marked.get_xdata(), expected)
    passed = next(line for line in lower.lines if line.get_label() == "events")
    assert passed.get_ydata()[-1] == 1
    points = latent_picture(tabular).axes[0].collections[-1].get_offsets()
    assert len(points) == len(tabular.events)
    assert sum(tabular.spectrum.events) == pytest.approx(1)
    assert sum(tabular.spectrum.background) == pytest.approx(1)


def test_one_latent_variable_is_a_histogram() -> None:
    found = explained(latent=1)
    (axes,) = latent_picture(found).axes
    marked = axes.lines[-1].get_xdata()
    assert len(marked) == 8
    with pytest.raises(ValueError, match="no latent space"):
        latent_picture(replace(found, latent=None))


def test_the_table_of_p_values_counts_events(tabular: Explanation) -> None:
    for p, n, expected, low, high in passing_table(tabular):
        assert n == tabular.passing.n[tabular.passing.p.index(p)]
        assert expected == pytest.approx(p * 200)
        assert low < expected < high
    assert [row[0] for row in passing_table(tabular)] == sorted(
        {row[0] for row in passing_table(tabular)}, reverse=True
    )


def test_single_jets_fill_the_frame_and_what_carries_is_opaque(tabular: Explanation) -> None:
    axes = display_figure(tabular).axes[0]
    cloud = tabular.events[0].clouds[0]
    offsets = np.asarray(axes.collections[0].get_offsets())
    center = np.average(offsets, axis=0, weights=cloud.pt)
    np.testing.assert_allclose(center, 0, atol=0.02)
    assert axes.get_xlim()[1] < 1.3
    carried = tuple(float(i == 1) for i in range(5))
    one = replace(tabular, events=(replace(tabular.events[0], particles=carried),))
    opacity = display_figure(one).axes[0].collections[0].get_facecolors()[:, 3]
    assert opacity.argmax() == 1
    assert np.ptp(np.delete(opacity, 1)) == 0


@pytest.fixture(scope="module")
def hostile() -> Explanation:
    found = explained((*HOSTILE[:3], "a" * 300))
    return replace(found, origin=HOSTILE[3], background=HOSTILE[4], notes=HOSTILE)


def test_names_from_outside_are_text(hostile: Explanation) -> None:
    text = render_outliers(hostile, {})
    text.encode("utf-8")
    assert_inert(text)
    for raw in ("<script>alert", "<img src=http", "\u202e", "\x00"):
        assert raw not in text
    contribution_figure(hostile)
    value_figure(hostile)


def test_an_interrupted_report_leaves_nothing(
    tabular: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(figure: Figure, kind: Format) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("novum.report.write.to_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_outlier_report(tabular, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_equal_records_give_equal_pages(tabular: Explanation) -> None:
    again = Explanation.from_json(tabular.to_json())
    assert render_outliers(again, {}) == render_outliers(tabular, {})


@pytest.mark.skipif(chromium() is None, reason="chromium is not installed")
def test_in_a_browser(page: Path, hostile: Explanation, tmp_path: Path) -> None:
    other = tmp_path / "hostile.html"
    other.write_text(render_outliers(hostile, {}), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        for path in (page, other):
            for width, dark in ((390, False), (1200, True)):
                browser.screen(width, dark=dark)
                browser.open(path.as_uri())
                assert browser.value("document.documentElement.scrollWidth") <= width
                assert browser.complaints() == []
                assert browser.requests() == [path.as_uri()]
                assert browser.value("[...document.images].every(i => i.naturalWidth > 0)")
