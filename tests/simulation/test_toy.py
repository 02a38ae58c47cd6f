"""The toy sampler: reproducible, falling, mildly sculpted, its resonance too small to see."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import cumulative_trapezoid

from novum import toy_dijets
from novum.errors import InputError
from novum.simulation.toy import FEATURES, M_RANGE


@pytest.fixture(scope="module")
def background():
    return toy_dijets(30000, seed=11)


@pytest.fixture(scope="module")
def signal():
    return toy_dijets(0, 5000, seed=3)


def test_equal_seeds_give_equal_events():
    a, b, c = (toy_dijets(500, 50, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.label, b.label)
    for name in a.features:
        np.testing.assert_array_equal(a.column(name), b.column(name))
        assert not np.array_equal(a.column(name), c.column(name))


def test_numbers_columns_and_origin():
    events = toy_dijets(500, 50, seed=4)
    assert len(events) == 550
    assert events.label.sum() == 50
    assert tuple(events.features) == ("mjj", *FEATURES)
    assert (events.meta.origin, events.meta.seed, events.meta.sqrt_s) == ("toy dijets", 4, 13000)
    assert events.weight.tolist() == [1.0] * 550
    for name in events.features:
        assert np.isfinite(events.column(name)).all()


def test_signal_stands_in_random_places():
    places = np.flatnonzero(toy_dijets(5000, 500, seed=5).label)
    assert stats.kstest(places / 5500, "uniform").pvalue > 1e-3


def test_the_background_of_the_twin_is_the_same():
    with_signal = toy_dijets(1000, 50, seed=6)
    twin = toy_dijets(1000, 0, seed=6)
    kept = with_signal.column("mjj")[with_signal.label == 0]
    np.testing.assert_array_equal(np.sort(kept), np.sort(twin.column("mjj")))


def test_the_spectrum_falls_as_it_says(background):
    m = background.column("mjj")
    assert M_RANGE[0] <= m.min()
    assert m.max() <= M_RANGE[1]
    counts = np.histogram(m, np.linspace(2400, 5400, 11))[0]
    assert (np.diff(counts) < 0).all()
    grid = np.linspace(*M_RANGE, 20001)
    x = grid / 13000
    cdf = cumulative_trapezoid((1 - x) ** 6 / x**4, grid, initial=0)
    assert stats.kstest(m, lambda v: np.interp(v, grid, cdf / cdf[-1])).pvalue > 1e-3


def test_features_drift_mildly_with_the_mass(background):
    m = background.column("mjj")
    high = m > np.quantile(m, 0.8)
    for name in FEATURES:
        x = background.column(name)
        assert abs(np.corrcoef(m, x)[0, 1]) < 0.1, "mild"
        shift = (x[high].mean() - x[~high].mean()) / x.std()
        assert 0 < shift < 0.3
    # the two jet masses carry a drift that no one can miss in 30,000 events: m**0.2
    x = background.column("mj_low")
    assert stats.pearsonr(m, x).pvalue < 1e-6
    slope = np.polyfit(np.log(m), np.log(x), 1)[0]
    assert slope == pytest.approx(0.2, abs=0.07)


def test_the_resonance_has_its_masses(signal):
    assert signal.label.all()
    m = signal.column("mjj")
    assert m.mean() == pytest.approx(3500, abs=10)
    assert m.std() / m.mean() == pytest.approx(0.03, abs=0.003)
    assert np.median(signal.column("mj_low")) == pytest.approx(100, abs=2)
    heavier = signal.column("mj_low") + signal.column("delta_mj")
    assert np.median(heavier) == pytest.approx(500, abs=5)
    assert heavier.std() == pytest.approx(40, abs=3)


def test_signal_is_two_pronged_and_background_is_not(signal, background):
    for name in ("tau21_low", "tau21_high"):
        assert signal.column(name).mean() < 0.45 < 0.55 < background.column(name).mean()


def test_other_masses_can_be_asked_for():
    events = toy_dijets(0, 2000, seed=7, mass=5000, masses=(80, 200))
    assert events.column("mjj").mean() == pytest.approx(5000, abs=20)
    assert np.median(events.column("mj_low")) == pytest.approx(80, abs=2)
    heavier = events.column("mj_low") + events.column("delta_mj")
    assert np.median(heavier) == pytest.approx(200, abs=4)


@pytest.mark.parametrize(("n_background", "n_signal"), [(0, 0), (-1, 10), (10, -1)])
def test_impossible_numbers_are_refused(n_background, n_signal):
    with pytest.raises(InputError, match=f"{n_background} background and {n_signal} signal"):
        toy_dijets(n_background, n_signal)
