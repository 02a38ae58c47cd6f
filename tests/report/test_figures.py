"""Figures: they draw every state of a record, and nothing in a name is mathematics."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

from novum.report import (
    calibration,
    evaluation,
    features,
    pvalue_scan,
    spectrum,
    stability,
    validation,
)
from novum.report.spectrum_figure import selected_expectation
from novum.report.stability_figure import band
from novum.report.style import darkened, to_bytes
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

Make = Callable[..., SearchResult]


def test_names_are_literal_text(make: Make) -> None:
    names = ("<script>alert(1)</script>", "$x_{", r"a$\b$", "n\nl\x00")
    result = make(mass="$m_{jj", names=names)
    assert result.best is not None
    svg = to_bytes(pvalue_scan(result), "svg").decode()
    svg += to_bytes(features(result.best, "dark"), "svg").decode()
    assert "<script" not in svg
    assert "\x00" not in svg
    labels = [ax.get_xlabel() for ax in features(result.best).axes]
    assert labels == [*names[:3], "n l\ufffd"]


def test_user_settings_stay(full: SearchResult) -> None:
    before = dict(mpl.rcParams)
    evaluation(full.evaluation[0], "dark")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_scan_of_withheld_windows(make: Make, theme: str) -> None:
    figure = pvalue_scan(make(withheld=True), theme)
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts.count("withheld") == 1  # neighbours share one label
    assert {"1σ", "2σ", "3σ"} <= set(texts)


def test_bounds_and_underflows_carry_arrows(make: Make) -> None:
    result = make()
    first = replace(result.windows[0], p=PValue.from_toys(0, 1000, "toys"), z=3.0)
    second = replace(result.windows[1], p=PValue(0.0, 0.0, "on/off"), z=40.0)
    plain_arrows = _arrows(result)
    assert (
        _arrows(replace(result, windows=(first, second, *result.windows[2:]))) - plain_arrows == 2
    )


def _arrows(result: SearchResult) -> int:
    return sum(
        getattr(t, "arrow_patch", None) is not None for t in pvalue_scan(result).axes[0].texts
    )


def test_unfitted_spectrum_is_scaled_to_the_on_off_expectation(make: Make) -> None:
    result = make(withheld=True)
    window = result.windows[2]
    expected, label = selected_expectation(result, window)
    assert label == "inclusive fit, scaled"
    scale = window.counts.n_off / window.counts.n_sb
    np.testing.assert_allclose(expected, np.multiply(scale, window.fit.expected))
    assert len(spectrum(result).axes) == 3


def test_spectrum_of_many_unequal_bins(make: Make) -> None:
    result = make()
    edges = tuple(np.geomspace(2400, 7400, 101).tolist())
    figure = spectrum(replace(result, spectrum=replace(result.spectrum, edges=edges)))
    assert figure.axes[0].get_ylabel() == "Events / GeV"


def test_recoloured_figure_is_the_dark_one(full: SearchResult) -> None:
    assert full.best is not None
    recoloured = darkened(to_bytes(stability(full.best, "light"), "svg"))
    assert _without_ids(recoloured) == _without_ids(to_bytes(stability(full.best, "dark"), "svg"))


def _without_ids(svg: bytes) -> bytes:
    names = set(re.findall(rb'id="(\w+)"', svg))  # hashes of the contents, colours included
    return re.sub(rb"\w+", lambda match: b"" if match[0] in names else match[0], svg)


def test_empty_records_draw(full: SearchResult) -> None:
    assert full.best is not None
    bare = replace(full.best, repeat_z=(), features=())
    notes = [t.get_text() for t in stability(bare).axes[1].texts]
    assert "no cross-fit recorded" in notes
    with pytest.raises(ValueError, match="no feature records"):
        features(bare)
    empty = replace(full.evaluation[0], eps_b=(), eps_s=(), sic=(), max_sic=None)
    notes = [t.get_text() for t in evaluation(empty).axes[0].texts]
    assert "nowhere do 25 background events pass" in notes


def test_stability_shows_median_and_band(full: SearchResult) -> None:
    assert full.best is not None
    window = replace(full.best, repeat_z=(1.0, 2.0, 3.0, 4.0, 10.0))
    low, middle, high = band(window.repeat_z)
    assert middle == 3.0
    assert (low, high) == pytest.approx(np.quantile(window.repeat_z, [0.15865, 0.84135]))
    plain, spread = (stability(window, fold_seed_spread=s).axes[1] for s in (None, 0.5))
    assert len(spread.containers) == len(plain.containers) + 1


def test_calibration_marks_the_search(make: Make) -> None:
    scan = make(calibrated=True).calibration
    assert scan is not None
    ax = calibration(scan).axes[0]
    counts = sum(patch.get_height() for patch in ax.patches)
    assert counts == len(scan.t_null)
    assert any(f"T = {scan.t_observed:.2f}" in t.get_text() for t in ax.texts)
    none = replace(scan, t_observed=None, t_null=(), effective_windows=None)
    assert not calibration(none).axes[0].texts[0].get_text().startswith("this search")


def test_scan_of_a_calibrated_search_highlights_its_window(make: Make) -> None:
    result = make(calibrated=True)
    texts = " ".join(t.get_text() for t in pvalue_scan(result).axes[0].texts)
    assert result.calibration is not None
    assert f"calibrated z = {result.calibration.t_observed:.2f}" in texts


def test_validation_draws_bins_that_hold_events(full: SearchResult) -> None:
    assert full.best is not None
    figure = validation(full.best)
    lines = figure.axes[0].containers[0].lines[0]
    assert np.isnan(lines.get_ydata()[0])
    assert np.isfinite(lines.get_ydata()[1:]).all()
    bare = replace(full.best, features=tuple(replace(f, profile=None) for f in full.best.features))
    with pytest.raises(ValueError, match="no feature of the window carries a profile"):
        validation(bare)


def test_import_is_lazy() -> None:
    code = "import sys, novum.report; sys.exit('matplotlib' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(p for p in sys.path if p)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
