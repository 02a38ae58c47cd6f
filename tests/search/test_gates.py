"""Gates: where the background estimate cannot be trusted, no p-value is quoted, and all say why."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import novum
from novum.cli import console
from novum.cli.app import run
from novum.io import write_events
from novum.report.ranking import verdict
from novum.search.gates import FEWEST_EQUAL, marks_region
from novum.windows import Window

LEAK = {"features": ["leak", "mj_low"], "classifier": "trees", "members": 1}


def leaking(noise: float, seed: int):
    """Background alone, with a feature that is the mass within `noise` GeV."""
    events = novum.toy_dijets(6000, 0, seed=seed)
    m = events.column("mjj")
    leak = m + np.random.default_rng(seed + 100).normal(0, noise, len(m))
    return replace(events, features={**events.features, "leak": leak})


def broken(seed: int = 2):
    """A spectrum with a dent that no dijet function follows."""
    events = novum.toy_dijets(20000, 0, seed=seed)
    m = events.column("mjj")
    dent = (m > 4300) & (m < 4900) & (np.random.default_rng(0).random(len(m)) < 0.7)
    return events.take(~dent)


@pytest.mark.parametrize("noise", [0, 1, 50])
@pytest.mark.parametrize("seed", range(3))
def test_a_copy_of_the_mass_is_withheld(quick, noise, seed):
    window = quick(leaking(noise, seed), **LEAK, seed=seed).windows[0]
    print(f"noise {noise} GeV: {window.counts}, z = {window.z}, {window.withheld}")
    assert window.counts.n_on > 3 * window.counts.expected, "the selection is a fake excess"
    assert (window.z, window.p) == (None, None)
    assert window.withheld


@pytest.mark.parametrize("seed", range(3))
def test_the_reason_names_the_features(quick, seed):
    window = quick(leaking(50, seed), **LEAK, seed=seed).windows[0]
    assert window.withheld.startswith("the feature 'leak' follows the mass")


@pytest.mark.parametrize("seed", range(4))
def test_a_smeared_copy_of_the_mass_is_not_an_excess(quick, seed):
    """Half a signal region of noise (6 % of the mass): still no signal, so no 4 sigma."""
    window = quick(leaking(200, seed), **LEAK, seed=seed).windows[0]
    print(f"noise 200 GeV: {window.counts}, z = {window.z}, {window.withheld}")
    assert window.withheld or window.z < 4


@pytest.mark.parametrize("seed", range(3))
def test_honest_features_are_not_withheld(quick, seed):
    window = quick(novum.toy_dijets(6000, 0, seed=seed)).windows[0]
    assert window.withheld is None
    assert abs(window.validation.z) < 3


def with_feature(values, n: int = 6000):
    """Background alone with a feature made from the masses."""
    events = novum.toy_dijets(n, 0, seed=4)
    x = np.asarray(values(events.column("mjj")), np.float64)
    return replace(events, features={**events.features, "x": x})


def test_a_function_of_the_mass_without_correlation_is_withheld(quick):
    """A parabola around the median of the sidebands cuts out the signal region."""
    events = with_feature(lambda m: (m - 3420) ** 2)
    window = quick(events, features=["x", "mj_low"], classifier="trees", members=1).windows[0]
    record = next(f for f in window.features if f.name == "x")
    assert abs(record.mass_correlation) < 0.3
    assert window.counts.n_on > 3 * window.counts.expected, "the selection is a fake excess"
    assert window.withheld.startswith("the feature 'x' follows the mass (mutual information ")
    assert verdict(record, window) == "follows the mass"


@pytest.mark.parametrize("where", ["signal region", "sidebands"])
def test_a_feature_that_marks_the_signal_region_is_withheld(quick, where):
    """Constant there and noise elsewhere: trees need no more, and the sidebands show nothing."""

    def marking(m):
        noise = np.random.default_rng(1).normal(size=len(m))
        inside = (m >= 3300) & (m < 3700)
        return np.where(inside == (where == "signal region"), 2.0, noise)

    events = with_feature(marking)
    window = quick(events, features=["x", "mj_low"], classifier="trees", members=1).windows[0]
    assert window.counts.n_on > 3 * window.counts.expected, "the selection is a fake excess"
    assert window.withheld.startswith(f"the feature 'x' is constant in the {where} alone (2)")


def test_a_feature_that_only_signal_has_is_no_mark(toy_sample):
    """Nothing of background is displaced, a fifth of the signal region is."""
    window = Window.around(3300, 3700)
    inside = window.in_signal_region(toy_sample.m)
    x = (inside & (np.random.default_rng(2).random(len(inside)) < 0.2)).astype(float)
    displaced = replace(toy_sample, X=x[:, None])
    assert marks_region(displaced, window, ("displaced",)) is None
    few = displaced.take(~inside | (np.cumsum(inside) < FEWEST_EQUAL))
    assert marks_region(few, window, ("displaced",)) is None


def test_a_spectrum_that_the_family_does_not_describe_is_withheld(quick):
    result = quick(broken(), window=(3300, 3700), fit_range=(2600, 7000))
    window = result.windows[0]
    assert window.fit.p_value < 0.01
    assert (window.z, window.p) == (None, None)
    assert "the masked fit of the inclusive spectrum has p = " in window.withheld
    assert window.inclusive.z is None
    assert window.inclusive.withheld
    assert (result.best_window, result.global_p, result.gross_vitells) == (None, None, None)
    assert result.inclusive_global_p is None
    assert "every window is withheld" in result.summary()


def test_scores_that_tie_are_withheld(quick, toy):
    """One feature with two values passes 30 % or everything, not 5 %."""
    coin = (np.random.default_rng(0).random(len(toy)) < 0.3).astype(float)
    events = replace(toy, features={**toy.features, "coin": coin})
    window = quick(events, features=["coin"]).windows[0]
    assert window.z is None
    assert window.withheld.startswith("scores tie")


def test_withheld_windows_are_no_candidates(quick):
    """Of a scan, only the windows that may be quoted compete for the best one."""
    events = novum.toy_dijets(6000, 60, seed=1)
    m = events.column("mjj")
    # leaks the mass above 4 TeV only
    noise = np.random.default_rng(0).normal(0, 50, len(m))
    leak = np.where(m > 4000, m + noise, 3500 + 10 * noise)
    events = replace(events, features={**events.features, "leak": leak})
    result = quick(
        events,
        features=["leak", "mj_low", "delta_mj", "tau21_low"],
        classifier="trees",
        width=400,
        centers=(3500, 4500),
        step=1000,
    )
    good, bad = result.windows
    assert good.withheld is None
    assert bad.withheld
    assert bad.counts.n_on > bad.counts.expected
    assert result.best_window.low == 3300
    assert result.withheld_note.startswith("1 of 2 windows are withheld; the largest excess")
    assert f"{bad.counts.n_on:.1f} observed" in result.withheld_note


def test_the_reason_reaches_console_file_and_report(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("novum.report.write.to_bytes", lambda figure, format: b"<svg/>")
    for name in ("out", "err"):
        monkeypatch.setattr(console, name, Console(width=400, stderr=name == "err"))
    write_events(broken(), tmp_path / "events.parquet")
    words = ["hunt", str(tmp_path / "events.parquet"), "-o", str(tmp_path / "out"), "-j", "1"]
    settings = "--mass mjj --features mj_low,delta_mj --window 3300,3700 --fit-range 2600,7000"
    quick_ones = "--members 1 --repeats 1 --folds 2 --eps-b 0.05 --n-toys 100"
    assert run([*words, *settings.split(), *quick_ones.split()]) == 0
    document = json.loads((tmp_path / "out/result.json").read_text())
    window = document["windows"][0]
    assert window["p"] is None
    assert document["global_p"] is None
    reason = window["withheld"]
    assert reason.startswith("the masked fit of the inclusive spectrum")
    printed = capsys.readouterr().out
    assert reason in printed
    assert "every window is withheld: no p-value can be quoted" in printed
    page = (tmp_path / "out/report.html").read_text()
    assert "the masked fit of the inclusive spectrum has p = " in page
