"""The choice of the family in a search and in a bump hunt, from the records to the screen."""

import json

import numpy as np
import pytest

import novum
from novum.cli.app import run
from novum.search.counting import with_family_choice, with_ratio_error
from novum.search.records import Counts
from novum.search.result import SearchResult
from novum.search.scan import background_family
from novum.statistics import Dijet, PowerExponential, fit_spectrum, on_off_z
from novum.statistics.likelihood import BinIntegrals
from novum.windows import Window


def test_a_search_records_the_choice_and_it_survives_json(quick) -> None:
    result = quick(novum.toy_dijets(6000, 0, seed=3))
    (window,) = result.windows
    spurious, counts = window.spurious, window.counts
    assert spurious is not None
    assert {a.family for a in spurious.alternatives} >= {"power-exponential"}
    farthest = max((a.ratio - counts.ratio for a in spurious.alternatives), key=abs)
    assert spurious.signal == pytest.approx(counts.n_off * farthest)
    assert spurious.passes == (spurious.relative < 0.2)
    assert window.repeat_z[0] == pytest.approx(window.z, abs=1e-9)  # one repeat: the same test
    assert SearchResult.from_json(result.to_json()) == result
    assert "1408.7084" in result.references


@pytest.mark.parametrize(("n_off", "passes"), [(400.0, True), (2e7, False)])
def test_only_a_spurious_signal_that_matters_widens_the_test(n_off: float, passes: bool) -> None:
    """A spectrum of another family: its slope matters only where events are plenty."""
    edges = np.linspace(2000.0, 5000.0, 61)
    window = Window.around(3000.0, 3400.0)
    truth = np.array([0.0, -4.0, -12.0, 5.0])
    mean = BinIntegrals.of(PowerExponential(), edges, 4).expected(truth)[0]
    fit = fit_spectrum(3e5 * mean / mean.sum(), edges, window, Dijet(), 3)
    ratio, error = fit.ratio(window)
    n_on = n_off * ratio
    before = Counts(n_on, n_off, n_on, n_off, ratio, error, n_on, 0.0)
    before = with_ratio_error(before, error)
    after, spurious = with_family_choice(before, fit, window)
    assert spurious.passes == passes
    assert spurious.sigma == pytest.approx(np.hypot(np.sqrt(n_on), before.expected_error))
    if passes:
        assert after is before
        return
    largest = max(abs(a.ratio - ratio) for a in spurious.alternatives)
    assert after.ratio_error == pytest.approx(np.hypot(error, largest))
    assert after.expected_error**2 == pytest.approx(before.expected_error**2 + spurious.signal**2)
    excess = (1.2 * n_on, n_off, ratio)
    assert on_off_z(*excess, after.ratio_error) < on_off_z(*excess, error)


def test_every_family_can_be_chosen(quick) -> None:
    for name in ("dijet", "exp-polynomial", "power-exponential"):
        assert background_family(name, 13000.0, 2000.0, 8000.0).name == name
    result = quick(novum.toy_dijets(3000, 0, seed=4), family=name, fit_range=(2800.0, 5000.0))
    assert result.windows[0].fit.family == name
    assert "dijet" in {a.family for a in result.windows[0].spurious.alternatives}
    assert "1804.03496" in result.references


def test_bumphunt_prints_and_writes_the_spurious_signal(tmp_path, capsys) -> None:
    edges = np.linspace(2000.0, 6000.0, 41)
    shape = BinIntegrals.of(PowerExponential(), edges, 4).expected(np.array([0.0, -4, -12, -3]))[0]
    counts = np.random.default_rng(1).poisson(1e5 * shape / shape.sum())
    rows = np.column_stack([edges[:-1], edges[1:], counts])
    path, out = tmp_path / "s.csv", tmp_path / "out.json"
    np.savetxt(path, rows, delimiter=",", header="low,high,counts", comments="")
    words = ["bumphunt", str(path), "--n-toys", "50"]
    assert run([*words, "--spurious", "-o", str(out)]) == 0
    document, printed = json.loads(out.read_text()), capsys.readouterr().out
    assert len(document["spurious"]) == len(document["windows"])
    for s, w in zip(document["spurious"], document["windows"], strict=True):
        assert s["z"] == pytest.approx(w["z"], abs=1e-6)
        assert abs(s["z_nuisance"]) <= abs(s["z"])
        assert s["sigma"] == pytest.approx(np.hypot(w["expected"] ** 0.5, w["expected_error"]))
        worst = max((a["signal"] for a in s["alternatives"]), key=abs)
        assert s["signal"] == worst
        assert s["nuisance"] == (0 if s["passes"] else abs(worst))
    failing = sum(not s["passes"] for s in document["spurious"])
    assert f"{failing} of {len(document['spurious'])} windows" in printed
    assert "power-exponential" in printed
    plain = tmp_path / "plain.json"
    assert run([*words, "-o", str(plain)]) == 0
    assert json.loads(plain.read_text())["spurious"] == []
    assert "spurious" not in capsys.readouterr().out
