"""Searches of weighted events: common weights, prescales, negative weights.

Random tests have fixed seeds and accept with probability 1 - 1e-3 where their null is true.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

import novum
from novum.events import Meta
from novum.search.bump import bumphunt
from novum.search.bump_config import BumpHuntConfig
from novum.search.counting import Sums, counts_of, on_off_counts
from novum.search.selection import thresholds
from novum.statistics import Dijet, SpectrumFit, effective_spectrum, fit_spectrum, on_off_z
from novum.statistics.likelihood import BinIntegrals
from novum.windows import Window

WINDOW = Window.around(3300.0, 3700.0, 200.0)
FALSE_ALARM = 1e-3
FAMILY, PARAMETERS = Dijet(), np.array([0.0, 10.0, -5.0])
EDGES = np.linspace(2600.0, 4600.0, 41)


def prescaled(events, at, factor):
    """Each event below `at` [GeV] kept with probability 1/factor, and weighing `factor` then."""
    m = events.column("mjj")
    keep = (m >= at) | (np.random.default_rng(1).random(len(m)) < 1 / factor)
    kept = events.take(keep)
    return replace(kept, weight=np.where(kept.column("mjj") < at, factor, 1.0))


# --- the on/off test on background toys


@pytest.fixture(scope="module")
def spectrum():
    """Masses of the background density on a fine grid, and its cumulative distribution."""
    fine = np.linspace(EDGES[0], EDGES[-1], 2001)
    density = BinIntegrals.of(FAMILY, fine, 3).expected(PARAMETERS)[0]
    return fine, np.r_[0.0, density.cumsum()] / density.sum()


@pytest.fixture(scope="module")
def fit() -> SpectrumFit:
    """A fit that knows the density well: nearly all of z is that of the two counts."""
    mean = 1e7 * BinIntegrals.of(FAMILY, EDGES, 3).expected(PARAMETERS)[0]
    return fit_spectrum(mean, EDGES, WINDOW, FAMILY, 3)


def draw(rng, spectrum, n, at=None, factor=1.0, negative=0.0):
    """Masses and weights of Poisson-distributed background events."""
    fine, cumulative = spectrum
    m = np.interp(rng.random(rng.poisson(n)), cumulative, fine)
    w = np.ones(len(m))
    if at is not None:
        keep = (m >= at) | (rng.random(len(m)) < 1 / factor)
        m = m[keep]
        w = np.where(m < at, factor, 1.0)
    return m, np.where(rng.random(len(m)) < negative, -w, w)


def on_off_toys(spectrum, fit, n_toys, seed, eps_b=0.05, n=40_000, **kind):
    """z of a selection that knows nothing of the mass, and the counts behind it."""
    rng = np.random.default_rng(seed)
    counts = []
    for _ in range(n_toys):
        m, w = draw(rng, spectrum, n, **kind)
        share = (rng.random(len(m)) < eps_b).astype(float)
        counts.append(on_off_counts(share, m, w, WINDOW, fit))
    z = np.array([float(on_off_z(*c.effective())) for c in counts])
    return z, counts


def mean_agrees(values, slack=0.0):
    """The mean of independent values agrees with 0 ± slack, at `FALSE_ALARM` / 2."""
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return abs(np.mean(values)) < slack + stats.norm.isf(FALSE_ALARM / 4) * error


def spread_agrees(z, slack=0.0):
    """The standard deviation agrees with 1 ± slack, at `FALSE_ALARM` / 2."""
    n = len(z)
    low, high = stats.chi2.ppf([FALSE_ALARM / 4, 1 - FALSE_ALARM / 4], n - 1) / (n - 1)
    return (1 - slack) * low**0.5 < np.std(z, ddof=1) < (1 + slack) * high**0.5


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"at": 3500.0, "factor": 10.0},
        {"at": 3300.0, "factor": 10.0},
        {"negative": 0.2},
        {"at": 3500.0, "factor": 10.0, "negative": 0.2},
    ],
    ids=["plain", "step in the window", "step at its edge", "negative", "both"],
)
def test_background_gives_standard_normal_z(spectrum, fit, kind):
    z, counts = on_off_toys(spectrum, fit, 400, 1, **kind)
    assert mean_agrees(z, slack=0.05)  # counts are skewed
    assert spread_agrees(z, slack=0.05)
    excess = [c.n_on - c.expected for c in counts]
    assert mean_agrees(excess), "sums of weights are unbiased"
    quoted = np.mean([np.hypot(c.expected_error, (c.n_on * c.scale_on) ** 0.5) for c in counts])
    assert np.std(excess) == pytest.approx(quoted, rel=0.15)


def test_one_scale_for_all_is_not_standard_normal(spectrum, fit):
    """What Σw/Σw² of the whole sample would say of prescaled toys."""
    rng = np.random.default_rng(2)
    z = []
    for _ in range(200):
        m, w = draw(rng, spectrum, 40_000, at=3300.0, factor=10.0)
        share = rng.random(len(m)) < 0.05
        counts = w * share * w.sum() / (w @ w)
        on, off = WINDOW.in_signal_region(m), WINDOW.in_sidebands(m)
        z.append(float(on_off_z(counts[on].sum(), counts[off].sum(), *fit.ratio(WINDOW))))
    assert np.std(z) < 0.85


def test_rare_large_weights_that_are_not_selected_are_not_forgotten(spectrum, fit):
    """About three selected sideband events carry nearly all of the expectation.

    The scale of the selected events alone would give a spread of nearly 4 here.
    """
    z, _ = on_off_toys(spectrum, fit, 400, 3, at=3300.0, factor=100.0)
    assert np.std(z) < 1.2
    assert abs(z.mean()) < 0.3


def test_an_excess_is_linear_in_the_weight(spectrum, fit):
    m, w = draw(np.random.default_rng(4), spectrum, 40_000, at=3500.0, factor=10.0)
    share = np.full(len(m), 0.05)
    before = on_off_counts(share, m, w, WINDOW, fit)
    more = np.r_[m, np.full(50, 3600.0)], np.r_[w, np.full(50, 2.0)], np.r_[share, np.ones(50)]
    after = on_off_counts(more[2], more[0], more[1], WINDOW, fit)
    assert after.n_on == pytest.approx(before.n_on + 100)
    assert after.expected == before.expected


@pytest.mark.parametrize("c", [1e-8, 0.25, 7.0, 1e9])
def test_a_common_weight_of_counts_is_exact(spectrum, fit, c):
    m, w = draw(np.random.default_rng(5), spectrum, 40_000, negative=0.1)
    share = np.where(np.arange(len(m)) % 20 == 0, 1.0, 0.0)
    one = on_off_counts(share, m, w, WINDOW, fit)
    other = on_off_counts(share, m, c * w, WINDOW, fit)
    assert other.effective() == pytest.approx(one.effective(), rel=1e-12)
    for name in ("n_on", "n_off", "n_sr", "n_sb", "expected", "scale_on", "scale_off"):
        assert getattr(other, name) == pytest.approx(c * getattr(one, name), rel=1e-12)


def test_plain_counts_have_scales_of_exactly_one(spectrum, fit):
    m, w = draw(np.random.default_rng(6), spectrum, 40_000)
    share = np.random.default_rng(7).choice([0.0, 1 / 3, 1.0], len(m))
    counts = on_off_counts(share, m, w, WINDOW, fit)
    assert (counts.scale_on, counts.scale_off) == (1.0, 1.0)
    assert counts.effective() == (counts.n_on, counts.n_off, counts.ratio, counts.ratio_error)


def test_sums_below_zero_count_as_zero():
    w = np.r_[np.ones(40), -np.ones(20)]
    counts = counts_of(Sums(-5.0, 15.0, 15.0), Sums(10.0, 20.0, 20.0), w, w, 0.5, 0.01)
    assert counts.n_on == 0
    assert float(on_off_z(*counts.effective())) < 0
    nothing = counts_of(Sums(3.0, 5.0, 5.0), Sums(-1.0, 5.0, 5.0), w, w, 0.5, 0.01)
    assert (nothing.n_off, nothing.expected) == (0, 0)
    assert np.isfinite(on_off_z(*nothing.effective()))


# --- whole searches


@pytest.mark.parametrize("c", [1e-6, 40.0])
def test_a_common_weight_changes_nothing_but_the_sums(toy, quick, c):
    scan = {"width": 400, "centers": (3300, 3700), "repeats": 2}
    plain = quick(toy, **scan)
    scaled = quick(replace(toy, weight=np.full(len(toy), c)), **scan)
    assert scaled.global_p == plain.global_p
    assert scaled.inclusive_global_p == plain.inclusive_global_p
    assert scaled.best_window == plain.best_window
    for a, b in zip(scaled.windows, plain.windows, strict=True):
        assert a.z == pytest.approx(b.z, abs=1e-7)  # as far as iminuit converges
        assert a.shape.z == pytest.approx(b.shape.z, abs=1e-6)
        assert a.inclusive.z == pytest.approx(b.inclusive.z, abs=1e-6)
        assert a.repeat_z == pytest.approx(b.repeat_z, abs=1e-7)
        assert a.selected_counts == pytest.approx(b.selected_counts, abs=1e-6)
        assert a.counts.n_on == pytest.approx(c * b.counts.n_on)
        assert a.counts.expected_error == pytest.approx(c * b.counts.expected_error)
        for p, q in zip(a.working_points, b.working_points, strict=True):
            assert (p.z, p.n_on) == (pytest.approx(q.z, abs=1e-7), pytest.approx(c * q.n_on))


def test_a_prescaled_search_finds_what_is_there(quick):
    events = prescaled(novum.toy_dijets(60_000, 300, seed=2), 3000.0, 10.0)
    result = quick(events)
    window = result.windows[0]
    assert window.withheld is None
    assert window.z > 4
    assert window.fit.p_value > 0.01, "the step of the prescale is no step of the density"
    assert window.inclusive.z is not None
    exposure = np.array(result.spectrum.exposure)
    below = np.array(result.spectrum.edges[1:]) <= 2950
    np.testing.assert_allclose(exposure[below], 0.1, rtol=1e-6)
    np.testing.assert_allclose(exposure[np.array(result.spectrum.edges[:-1]) >= 3050], 1, rtol=1e-6)


def test_the_headline_is_among_the_working_points(quick):
    events = prescaled(novum.toy_dijets(20_000, 100, seed=3), 3500.0, 5.0)
    signs = np.random.default_rng(8).choice([1.0, -1.0], len(events), p=[0.9, 0.1])
    window = quick(replace(events, weight=signs * events.weight), repeats=2).windows[0]
    point = next(p for p in window.working_points if p.eps_b == 0.05)
    assert point.n_on == pytest.approx(window.counts.n_on)
    assert point.expected_error == pytest.approx(window.counts.expected_error)
    assert point.selected_counts == pytest.approx(window.selected_counts, abs=1e-5)
    assert point.z == pytest.approx(on_off_z(*window.counts.effective()))


class Recorder(ClassifierMixin, BaseEstimator):
    """Scores by the first feature, and refuses weights below 0 as trees do."""

    def fit(self, X, y, sample_weight):
        assert sample_weight.min() >= 0
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X):
        return X[:, 0]


def test_negative_weights_are_searched_with_a_warning(toy, quick):
    weight = np.random.default_rng(9).choice([1.0, -1.0], len(toy), p=[0.8, 0.2])
    result = quick(replace(toy, weight=weight), classifier=Recorder())
    counts = result.windows[0].counts
    rows = WINDOW.in_signal_region(toy.column("mjj"))
    assert counts.n_sr == pytest.approx(weight[rows].sum())
    assert counts.scale_on == pytest.approx(1 / 0.6, rel=0.3)
    negative = int((weight < 0).sum())
    assert any(w.startswith(f"{negative} of 6060 weights are negative") for w in result.warnings)
    assert not any("counts as 0" in w for w in result.warnings)


def test_a_selection_that_adds_up_to_less_than_nothing_says_so(toy, quick):
    weight = np.where(toy.label == 1, -1.0, 1.0)
    result = quick(replace(toy, weight=weight))
    counts = result.windows[0].counts
    assert counts.n_on == 0
    assert any("signal region add up to -" in w and "counts as 0" in w for w in result.warnings)


def test_thresholds_take_the_size_of_weights():
    score, m = np.arange(100.0), np.full(100, 3200.0)
    signs = np.where(np.arange(100) % 3 == 0, -1.0, 1.0)
    fold = np.zeros(100, dtype=np.int16)
    for eps_b in (0.5, 0.1):
        arguments = (WINDOW, eps_b)
        plain = thresholds(score, fold, m, np.ones(100), *arguments)
        assert thresholds(score, fold, m, signs, *arguments) == plain


def test_weights_that_add_up_to_nothing_are_refused(toy, quick):
    weight = np.where(np.arange(len(toy)) % 2, 1.0, -1.0)
    with pytest.raises(novum.NovumError, match="weights add up to 0; a search needs a positive"):
        quick(replace(toy, weight=weight, meta=Meta(origin="a.h5")))


# --- bump hunts


def write(path, m, w):
    lines = [f"{a!r},{b!r}" for a, b in zip(m.tolist(), w.tolist(), strict=True)]
    path.write_text("\n".join(["mjj,weight", *lines]) + "\n")
    return path


def test_a_bump_hunt_in_prescaled_events(tmp_path):
    events = prescaled(novum.toy_dijets(150_000, 1500, seed=4), 3000.0, 10.0)
    path = write(tmp_path / "events.csv", events.column("mjj"), events.weight)
    config = BumpHuntConfig(mass="mjj", n_toys=200, fit_range=(2450, 7000))
    result = bumphunt(path, config)
    assert result.best.window.low < 3500 < result.best.window.high
    assert result.peak is not None
    # 1500 events of 3 % resolution, recorded with a prescale below 3000 GeV
    assert result.peak.events == pytest.approx(1500, abs=3 * result.peak.events_error)
    assert result.peak.events_error < 300
    assert result.peak.fit_p > 0.01


def test_a_bump_hunt_with_negative_weights(tmp_path):
    m = novum.toy_dijets(60_000, 0, seed=5).column("mjj")
    w = np.random.default_rng(10).choice([1.0, -1.0], len(m), p=[0.8, 0.2])
    config = BumpHuntConfig(mass="mjj", n_toys=200, fit_range=(2450, 6000))
    result = bumphunt(write(tmp_path / "events.csv", m, w), config)
    assert result.background.p_value > 1e-3
    inside = (m >= 2450) & (m <= 6000)
    neff = w[inside].sum() ** 2 / inside.sum()
    assert result.n_events == pytest.approx(neff, rel=0.05)


def test_effective_counts_of_a_search_are_those_of_statistics(quick):
    events = prescaled(novum.toy_dijets(20_000, 0, seed=6), 3000.0, 4.0)
    result = quick(events)
    counts, exposure = effective_spectrum(
        events.column("mjj"), events.weight, result.spectrum.edges
    )
    np.testing.assert_array_equal(result.spectrum.counts, counts)
    np.testing.assert_array_equal(result.spectrum.exposure, exposure)
