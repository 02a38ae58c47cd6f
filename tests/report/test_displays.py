"""Event displays: circles in proportion to pT, nothing cut, words for those who do not see."""

from dataclasses import replace

import numpy as np
import pytest

from novum.report import alt, displays
from novum.search.records import EventCloud, SelectedEvent
from novum.search.result import SearchResult


def event(phi: float, n: int = 3) -> SelectedEvent:
    """Two back-to-back clouds of `n` particles, the first around `phi` with more pT."""
    angles = np.array([phi, phi + np.pi])[:, None] + np.linspace(-0.3, 0.3, n)
    angles = np.angle(np.exp(1j * angles))
    pt = np.array([[300.0], [200.0]]) * np.linspace(1, 0.1, n)
    clouds = tuple(
        EventCloud(name, tuple(p), tuple(np.linspace(-0.2, 0.2, n)), tuple(a))
        for name, p, a in zip(("jet_low", "jet_high"), pt, angles, strict=True)
    )
    return SelectedEvent(1, 3412.0, 2.5, (1.0,), clouds=clouds)


@pytest.mark.parametrize("phi", [0.0, 3.1, -3.1, 1.5])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_jet_is_cut(phi: float, theme: str) -> None:
    figure = displays([event(phi)], theme)
    first, second = (np.asarray(c.get_offsets()) for c in figure.axes[0].collections[:2])
    assert first[:, 1] == pytest.approx(np.pi / 2, abs=0.5)
    assert second[:, 1] == pytest.approx(-np.pi / 2, abs=0.5)


def test_areas_are_in_proportion_to_pt() -> None:
    one = event(0.3)
    drawn = displays([one]).axes[0].collections[0].get_sizes()
    np.testing.assert_allclose(drawn / drawn[0], np.array(one.clouds[0].pt) / one.clouds[0].pt[0])


def test_events_without_particles_are_left_out() -> None:
    empty = replace(event(0.0), clouds=())
    assert sum(ax.axison for ax in displays([event(0.0), empty, event(1.0)]).axes) == 2
    with pytest.raises(ValueError, match="no event carries particles"):
        displays([empty])


def test_in_words() -> None:
    text = alt.displays([event(0.0), event(1.0, n=7)])
    assert "3412 GeV with 3 particles in jet_low, 3 particles in jet_high" in text
    assert "7 particles in jet_high" in text


def test_the_report_draws_them(full: SearchResult, tmp_path, monkeypatch) -> None:
    from novum.report import write_report

    monkeypatch.setattr("novum.report.write.to_bytes", lambda figure, format: b"<svg/>")
    page = write_report(full, tmp_path / "without").read_text()
    assert "as the detector saw them" not in page
    assert not (tmp_path / "without" / "figures" / "displays.png").exists()
    drawn = replace(full, selected_events=(event(0.0), event(1.0)))
    page = write_report(drawn, tmp_path / "with").read_text()
    assert "as the detector saw them" in page
    assert (tmp_path / "with" / "figures" / "displays.png").exists()
