"""The plan of a scan: windows with support, bins that meet their edges, and clear refusals."""

import numpy as np
import pytest

import novum
from novum.errors import FitError, NovumError, WindowError
from novum.search.config import HuntConfig
from novum.search.inputs import check_units
from novum.search.scan import plan_scan
from novum.windows import Window


@pytest.fixture(scope="module")
def m():
    return novum.toy_dijets(20000, 0, seed=4).column("mjj")


def config(**changes) -> HuntConfig:
    return HuntConfig(mass="mjj", features=("x",), **{"folds": 3, "eps_b": 0.05, **changes})


def plan(m, **changes):
    return plan_scan(m, np.ones(len(m)), config(**changes))


@pytest.fixture(scope="module")
def default(m):
    return plan(m)


def on_an_edge(value: float, edges: np.ndarray) -> bool:
    return bool(np.isclose(edges, value, rtol=1e-9).any())


def test_default_windows_have_support(default, m):
    assert len(default.windows) > 5
    for window in default.windows:
        assert window.in_lower_sideband(m).sum() > 0
        assert window.in_upper_sideband(m).sum() > 0
        assert window.in_sidebands(m).sum() >= 3 / 0.05, "one selected event in every fold"
        assert window.in_signal_region(m).sum() > 0


def test_default_windows_lie_inside_the_range_of_the_fit(default, m):
    low, high = default.fit_range
    assert m.min() <= low * (1 + 1e-9)
    assert low < high <= m.max() * 1.02
    for window in default.windows:
        assert window.span[0] >= low * (1 - 1e-9)
        assert window.span[1] <= high * (1 + 1e-9)


def test_default_windows_rise_and_overlap_by_half(default):
    for left, right in zip(default.windows, default.windows[1:], strict=False):
        assert right.span[0] == pytest.approx(left.low)
        assert right.low == pytest.approx(np.sqrt(left.low * left.high))


def test_the_relative_width_is_that_which_was_asked_for(m):
    for width in (0.08, 0.2):
        for window in plan(m, relative_width=width).windows:
            assert (window.high - window.low) / window.center == pytest.approx(width)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"relative_width": 0.2},
        {"window": (3300, 3700)},
        {"window": (3300, 3700), "sideband": 150},
        {"width": 400},
        {"width": 400, "step": 100, "sideband": 200, "centers": (3100, 4500)},
        {"fit_range": (2600, 6000)},
    ],
    ids=str,
)
def test_bins_meet_every_edge_and_hold_every_event(m, settings):
    made = plan(m, **settings)
    low, high = settings.get("fit_range", (m.min(), m.max()))
    m = m[(m >= low) & (m <= high)]  # a default scan looks at nothing outside a stated range
    assert made.counts.sum() == len(m)
    assert made.edges[0] <= m.min()
    assert made.edges[-1] > m.max()
    for window in made.windows:
        for edge in (*window.span, window.low, window.high):
            assert on_an_edge(edge, made.fit_edges)
        inside = (made.edges[:-1] > window.low - 1e-6) & (made.edges[1:] < window.high + 1e-6)
        assert inside.sum() >= 4, "a masked fit sees the slope on both sides"
        assert made.counts[inside].sum() == window.in_signal_region(m).sum()
    assert len(made.fit_edges) == len(made.counts[made.fit_bins]) + 1
    assert (made.fit_edges[0], made.fit_edges[-1]) == made.fit_range


def test_weights_enter_the_spectrum(m):
    w = np.linspace(0.5, 1.5, len(m))
    made = plan_scan(m, w, config())
    assert (made.counts / made.exposure).sum() == pytest.approx(w.sum())
    assert made.counts.sum() == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=0.01)


def test_the_linear_scan_has_the_centres_that_were_asked_for(m):
    made = plan(m, width=400, step=200, sideband=200, centers=(3100, 4500))
    assert [w.center for w in made.windows] == list(range(3100, 4501, 200))
    assert made.windows[0] == Window(2900, 3300, ((2700, 2900), (3300, 3500)))


def test_one_window_is_one_window(m):
    assert plan(m, window=(3300, 3700)).windows == (Window.around(3300, 3700),)
    assert plan(m, window=(3300, 3700), sideband=100).windows[0].span == (3200, 3800)


def test_a_stated_fit_range_is_kept(m):
    made = plan(m, fit_range=(2800, 6000))
    low, high = made.fit_range
    grid = made.edges[1] / made.edges[0]
    assert 2800 / grid <= low <= 2800 * grid
    assert 6000 / grid <= high <= 6000 * grid
    assert all(2800 / grid <= w.span[0] and w.span[1] <= 6000 * grid for w in made.windows)


@pytest.mark.parametrize("settings", [{}, {"window": (3300, 3700)}, {"width": 400}], ids=str)
def test_a_fit_range_wider_than_the_data_ends_with_them(m, settings):
    made = plan(m, fit_range=(1000, 12000), **settings)
    assert made.fit_range == (made.edges[0], made.edges[-1])


def test_the_range_starts_after_a_turn_on():
    rng = np.random.default_rng(1)
    m = novum.toy_dijets(30000, 0, seed=5).column("mjj")
    kept = m[rng.random(len(m)) < 0.5 * (1 + np.tanh((m - 2700) / 150))]
    made = plan(kept)
    assert made.fit_range[0] > 2700
    assert made.windows[0].span[0] > 2700


def test_too_few_events_for_the_folds(m):
    with pytest.raises(WindowError, match=r"too few events: 5 folds.* 0\.001 need 5000") as caught:
        plan(m[:3000], folds=5, eps_b=0.001)
    assert "--eps-b" in str(caught.value)
    assert caught.value.value > 0, "the number that the best window has"


def test_too_few_events_in_one_window(m):
    with pytest.raises(WindowError, match=r"too few events.*60 sideband events.*the best has \d+"):
        plan(m, window=(6000, 6200), fit_range=(2600, 6500))


def test_a_handful_of_events_cannot_be_searched():
    few = novum.toy_dijets(30, 0, seed=1).column("mjj")
    for settings in ({}, {"window": (3300, 3700)}, {"width": 400}):
        with pytest.raises((WindowError, FitError)):
            plan(few, **settings)


@pytest.mark.parametrize(
    ("window", "region"),
    [
        ((2300, 2500), "lower sideband"),
        ((2400.0, 2600.0), "lower sideband"),
        ((8200, 8600), "upper sideband|signal region"),
    ],
)
def test_one_sided_windows_name_the_empty_region(m, window, region):
    with pytest.raises(WindowError, match=f"the ({region}) of window .* is empty.*column 'mjj'"):
        plan(m, window=window, fit_range=(2600, 6000))


def test_a_reversed_window_is_empty(m):
    with pytest.raises(
        WindowError, match="signal region is empty: low 3700 is not below high 3300"
    ):
        plan(m, window=(3700, 3300))


def test_windows_in_a_gap_of_the_data_are_left_out(m):
    """Edges where fits have no support are left out, so too a window with one empty sideband."""
    made = plan(m[(m < 4200) | (m > 5200)], fit_range=(2600, 7000))
    for window in made.windows:
        assert window.in_lower_sideband(m[(m < 4200) | (m > 5200)]).any()
        assert window.in_upper_sideband(m[(m < 4200) | (m > 5200)]).any()


def test_edges_that_meet_on_no_grid_are_refused(m):
    with pytest.raises(WindowError, match="multiples of a common length"):
        plan(m, width=400, step=0.001, sideband=200, centers=(3300, 3301))


def test_masses_of_zero_have_no_relative_width(m):
    with pytest.raises(WindowError, match="needs positive masses; 1 are not, the smallest is -600"):
        plan(np.append(m, -600.0))


@pytest.mark.parametrize(
    "settings",
    [
        {"fit_range": (7000, 2700)},
        {"fit_range": (3000, 3001)},
        {"fit_range": (2700, 2700)},
        {"relative_width": 0.0},
        {"relative_width": 2.0},
        {"relative_width": 3.0},
        {"relative_width": -1.0},
        {"relative_width": float("nan")},
        {"relative_width": 1.5},
        {"relative_width": 1e-4},
        {"width": float("inf")},
        {"width": 1e9},
        {"width": 400.0, "step": float("inf")},
        {"width": 400.0, "centers": (3700, 3300)},
        {"window": (3300.0, float("inf"))},
        {"sqrt_s": 100.0},
        {"family": "dijt"},
        {"n_params": 9, "window": (3300, 3700)},
    ],
    ids=str,
)
def test_impossible_settings_are_refused_on_purpose(toy, quick, settings):
    with pytest.raises(NovumError):
        quick(toy, **settings)


# --- units


def units(m, **changes):
    check_units(np.asarray(m, dtype=float), config(**changes), "a.csv")


def test_tev_data_against_gev_windows():
    with pytest.raises(WindowError) as caught:
        units([2.4, 7.5], window=(3300, 3700))
    assert str(caught.value) == (
        "a.csv, column 'mjj' runs over 2.4-7.5, which looks like TeV, while 3300-3700 is in GeV; "
        "pass --mass-unit TeV"
    )


@pytest.mark.parametrize("key", ["window", "centers", "fit_range"])
def test_every_interval_is_checked(key):
    with pytest.raises(WindowError, match="looks like TeV"):
        units([2.4, 7.5], **{key: (3300, 3700)})


def test_gev_data_against_tev_windows():
    with pytest.raises(WindowError) as caught:
        units([2400, 7500], window=(3.3, 3.7))
    assert str(caught.value) == (
        "3.3-3.7 looks like TeV, while a.csv, column 'mjj' runs over 2400-7500 GeV; "
        "give windows in GeV"
    )


def test_mev_data_against_gev_windows():
    with pytest.raises(WindowError, match=r"looks like MeV.*--mass-unit MeV"):
        units([80e3, 100e3], window=(85, 95))


def test_tev_data_in_a_default_scan():
    with pytest.raises(WindowError, match=r"runs over 2.4-7.5, which looks like TeV"):
        units([2.4, 7.5])


def test_a_wrong_unit_is_not_answered_with_another_wrong_one(toy, quick):
    # GeV data declared as TeV: neither "pass --mass-unit MeV" nor silence helps
    with pytest.raises(WindowError) as caught:
        quick(toy, mass_unit="TeV", window=(3300, 3700))
    assert "--mass-unit MeV" not in str(caught.value)


@pytest.mark.parametrize("asked", [(10000, 11000), (100, 200), (20000, 30000)])
def test_windows_outside_the_data(asked):
    with pytest.raises(WindowError, match=r"lies outside the data: a.csv, column 'mjj' runs over"):
        units([2400, 7500], window=asked)


def test_a_stated_unit_is_believed(toy, quick):
    in_tev = {k: v / 1000 if k == "mjj" else v for k, v in toy.features.items()}
    said, plain = quick(in_tev, mass_unit="TeV"), quick(toy.blind())
    assert said.windows[0].z == pytest.approx(plain.windows[0].z)
    assert said.spectrum.edges[-1] == pytest.approx(plain.spectrum.edges[-1])
