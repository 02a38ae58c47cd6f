"""Injected against found: a small study on the sampler, its record, lines and variations."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import novum
from novum.calibration import InjectionStudy, Variation, inject_and_search
from novum.calibration.injection import JOURNAL, default_strengths, joined, signal_pool
from novum.calibration.study import InjectionPoint
from novum.calibration.target import find_target
from novum.errors import ConfigError, FileFormatError, InputError, OutputError
from novum.events import Events, Meta
from novum.progress import NoProgress
from novum.search.inputs import Sample, make_sample
from novum.statistics.retrained import calibrate_scan

from .conftest import FALSE_ALARM, SIZE, Keeping

STRENGTHS = (10, 30, 60, 120, 200)
N = 6
LARGE = stats.norm.isf(FALSE_ALARM / 2)


def study(config, calibration, **changes) -> InjectionStudy:
    arguments = {
        "signal": "sampler", "strengths": STRENGTHS, "n": N, "null": "sampler", "size": SIZE,
        "n_jobs": 1,
    }  # fmt: skip
    return inject_and_search(config, calibration=calibration, **{**arguments, **changes})


@pytest.fixture(scope="module")
def found(config, calibration) -> InjectionStudy:
    return study(config, calibration)


# --- the study


def test_the_study_says_what_was_done(found, calibration):
    assert (found.key, found.calibration_sha256) == (calibration.key, calibration.sha256())
    assert (found.signal, found.null, found.seed) == ("toy dijets", "sampler", 2)
    assert (found.window.low, found.window.high) == (3300, 3700)
    assert found.acceptance == pytest.approx(stats.norm.cdf(200 / 105) * 2 - 1, abs=0.03)
    assert tuple(p.strength for p in found.points) == STRENGTHS
    for p in found.points:
        assert p.n == len(p.t) == N
        error = LARGE * np.sqrt(found.acceptance * (1 - found.acceptance) * p.strength / N)
        assert p.in_region == pytest.approx(found.acceptance * p.strength, abs=error)
        assert 0 < p.selected <= p.in_region
        assert p.z_cal_interval[0] <= p.z_cal <= p.z_cal_interval[1]


def test_what_is_found_is_what_was_selected(found, calibration):
    """Slope 1 within 3 σ; κ of only twenty null searches moves all strengths together."""
    line = found.closure
    scan = calibrate_scan(calibration.counts)
    counts = calibration.counts
    common = float(scan.kappa_error[0] * (counts.ratio * counts.n_off).mean())
    net = np.array([p.net for p in found.points])
    error = np.hypot(line.slope_error, common * net.sum() / (net**2).sum())
    assert all(0 < p.net <= p.selected for p in found.points), "some of it is in the sidebands"
    assert abs(line.slope - 1) < 3 * error
    assert error < 0.15
    assert line.ndf == 4
    assert line.intercept == 0


def test_efficiency_and_significance_rise_with_the_signal(found):
    efficiency = np.array([p.efficiency for p in found.points])
    error = np.array([(e * (1 - e) / (p.in_region * N)) ** 0.5
                      for e, p in zip(efficiency, found.points, strict=True)])  # fmt: skip
    step = np.hypot(error[1:], error[:-1])
    # Scores of one training move together: three times the binomial error.
    assert (np.diff(efficiency) > -3 * LARGE * step).all()
    assert efficiency[-1] > efficiency[0]
    z = [p.z_cal for p in found.points]
    assert z == sorted(z)
    assert z[-1] > 3 > z[0]
    assert found.threshold is not None
    assert STRENGTHS[0] < found.threshold < STRENGTHS[-1]


@pytest.fixture(scope="module")
def varied_and_cut_short(config, calibration, tmp_path_factory) -> tuple[InjectionStudy, Path]:
    """The study `varied`, and its folder as it was after twelve of twenty searches."""
    folder, copy = (tmp_path_factory.mktemp(name) / "out" for name in ("varied", "cut"))
    made = study(
        config, calibration, n=2, vary=[Variation.parse("mjj:scale=1.3")], output=folder,
        progress=Keeping(folder, 12, copy),
    )  # fmt: skip
    return made, copy


@pytest.fixture(scope="module")
def varied(varied_and_cut_short) -> InjectionStudy:
    """Two searches a strength, and two with the resonance moved to 4.55 TeV."""
    return varied_and_cut_short[0]


def test_a_varied_signal_is_searched_beside_the_nominal_one(varied, found):
    (moved,) = varied.variations
    assert moved.variation == "mjj:scale=1.3"
    assert [p.strength for p in moved.points] == list(STRENGTHS)
    assert sum(p.in_region for p in moved.points) < 0.02 * sum(STRENGTHS)
    assert sum(p.in_region for p in varied.points) > 0.8 * sum(STRENGTHS)
    assert moved.points[-1].z_cal < varied.points[-1].z_cal - 2
    # The nominal searches are those of the study without variations.
    assert [p.t for p in varied.points] == [p.t[:2] for p in found.points]


@pytest.mark.usefixtures("unjudged")
def test_an_interrupted_study_resumes_to_the_same_bytes(
    varied_and_cut_short, config, calibration, tmp_path
):
    class Stop(NoProgress):
        def track(self, items, description, total=None):
            yield next(iter(items))
            raise KeyboardInterrupt

    def again(**changes) -> InjectionStudy:
        vary = [Variation("mjj", scale=1.3)]
        return study(config, calibration, n=2, vary=vary, output=tmp_path, **changes)

    with pytest.raises(KeyboardInterrupt):
        again(progress=Stop())
    assert [p.name for p in tmp_path.iterdir()] == [JOURNAL]
    varied, cut_short = varied_and_cut_short
    shutil.copytree(cut_short, tmp_path, dirs_exist_ok=True)
    assert len((tmp_path / JOURNAL).read_bytes().splitlines()) == 13
    with pytest.raises(OutputError, match="--resume"):
        again()
    for change in ({"seed": 3}, {"null": "sidebands"}, {"size": SIZE + 1}):
        with pytest.raises(OutputError, match="other settings"):
            again(resume=True, **change)
    assert again(resume=True).to_json() == varied.to_json()
    assert [p.name for p in tmp_path.iterdir()] == ["injection.json"]
    assert InjectionStudy.load(tmp_path / "injection.json") == varied
    with pytest.raises(OutputError, match="exists already"):
        again()


# --- signal and strengths


def test_injected_events_have_identities_of_their_own(config, toy):
    data = make_sample(toy, config)
    pool, origin = signal_pool("sampler", find_target(config, size=SIZE))
    assert origin == "toy dijets"
    both = joined(data, pool.take(np.arange(50)))
    assert len(np.unique(both.ids)) == len(both.ids) == SIZE + 50
    np.testing.assert_array_equal(both.m[:SIZE], data.m)
    np.testing.assert_array_equal(both.X[SIZE:], pool.X[:50])


def test_only_labelled_signal_is_injected(config, toy):
    target = find_target(config, size=SIZE)
    mixed = novum.toy_dijets(100, 60, seed=3)
    pool, _ = signal_pool(mixed, target)
    assert sorted(pool.m) == sorted(mixed.column("mjj")[mixed.label == 1])
    with pytest.raises(InputError, match="no signal events"):
        signal_pool(toy, target)
    heavy = Events.from_arrays(
        dict(mixed.features), weight=np.full(160, 2.0), meta=Meta(origin="heavy")
    )
    with pytest.raises(InputError, match=r"heavy, column 'weight': .*must not be weighted"):
        signal_pool(heavy, target)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"strengths": (1, 2, 3, 4)}, ConfigError, "at least 5 different"),
        ({"strengths": (1, 2, 3, 4, 4)}, ConfigError, "at least 5 different"),
        ({"strengths": (0, 1, 2, 3, 4)}, InputError, "between 1 and that, not 0-4"),
        ({"strengths": (1, 2, 3, 4, 10**7)}, InputError, "holds 3150 events.*not 1-10000000"),
        ({"n": 1}, ConfigError, "n: give at least 2 searches a strength, got 1"),
        ({"n": 0}, ConfigError, "got 0"),
        ({"seed": 1}, ConfigError, "seed: 1 drew the null data of the calibration"),
        ({"size": 2 * SIZE}, ConfigError, "does not apply here: its searches have"),
        ({"null": "sidbands"}, ConfigError, "neither sampler nor sidebands nor a file"),
        ({"vary": [Variation("met", scale=1.1)]}, ConfigError, "uses mjj, .*not 'met'"),
        ({"n_jobs": 0}, ConfigError, "jobs: must not be 0"),
        (
            {"signal": novum.toy_dijets(0, 300, seed=1, mass=5500)},
            InputError,
            "no signal event lies in a signal region",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_studied_is_refused_before_any_search(
    config, calibration, monkeypatch, change, error, words
):
    def never(*args):
        raise AssertionError("it searched")

    monkeypatch.setattr("novum.calibration.injection._Study._one", never)
    if change.get("strengths") == (1, 2, 3, 4, 10**7):
        assert 50 * int(SIZE**0.5) == 3150
    arguments = {"strengths": ()} if "signal" in change else {}
    with pytest.raises(error, match=words):
        study(config, calibration, **{**arguments, **change})


def test_another_config_is_refused(config, calibration):
    with pytest.raises(ConfigError, match=r"eps_b = 0\.1 there, 0\.2 here"):
        study(replace(config, eps_b=0.2), calibration)


def test_default_strengths_are_half_a_sigma_to_three(config):
    target = find_target(config, size=SIZE)
    pool, _ = signal_pool("sampler", target)
    inside = (target.sample.m >= 3300) & (target.sample.m < 3700)
    share = ((pool.m >= 3300) & (pool.m < 3700)).mean()
    expected = [s * inside.sum() ** 0.5 / share for s in (0.5, 1, 1.5, 2, 3)]
    np.testing.assert_allclose(default_strengths(pool, target.plan), expected, atol=0.51)


# --- variations


@pytest.fixture(scope="module")
def signal(config) -> Sample:
    return make_sample(novum.toy_dijets(0, 2000, seed=4), config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mjj:scale=1.02", Variation("mjj", scale=1.02)),
        ("mj_low:scale=0.5", Variation("mj_low", scale=0.5)),
        ("mj_low:smear=0.05", Variation("mj_low", smear=0.05)),
        ("a:b:smear=1e-2", Variation("a:b", smear=0.01)),
    ],
)
def test_variations_are_read(text, expected):
    assert Variation.parse(text) == expected
    assert Variation.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mjj", "'mjj' is not COLUMN:scale"),
        ("mjj:shift=2", "is not COLUMN:scale"),
        ("mjj:scale=", "is not COLUMN:scale"),
        ("mjj:scale=1.0.2", "is not COLUMN:scale"),
        (":scale=1", "is not COLUMN:scale"),
        ("mjj:scale=nan", "is not COLUMN:scale"),
        ("mjj:scale=0", "scale must be between 0 and 10, got 0"),
        ("mjj:scale=-1", "got -1"),
        ("mjj:smear=11", "smear must be between 0 and 10, got 11"),
    ],
)
def test_what_is_no_variation_is_refused(text, words):
    with pytest.raises(ConfigError, match=f"vary: .*{words}"):
        Variation.parse(text)


@given(st.text(max_size=20))
def test_any_text_is_a_variation_or_refused(text):
    try:
        Variation.parse(text)
    except ConfigError as error:
        assert "vary:" in str(error)  # noqa: PT017


def test_a_scale_changes_its_column_alone(signal, config):
    rng = np.random.default_rng(1)
    mass = Variation("mjj", scale=1.02).applied(signal, config, rng)
    np.testing.assert_allclose(mass.m, 1.02 * signal.m)
    np.testing.assert_array_equal(mass.X, signal.X)
    feature = Variation("delta_mj", scale=0.9).applied(signal, config, rng)
    np.testing.assert_allclose(feature.X[:, 1], 0.9 * signal.X[:, 1])
    np.testing.assert_array_equal(feature.X[:, 0], signal.X[:, 0])
    np.testing.assert_array_equal(feature.m, signal.m)
    with pytest.raises(ConfigError, match="the search uses mjj, mj_low, delta_mj, not 'met'"):
        Variation("met", scale=2.0).applied(signal, config, rng)


def test_a_smear_widens_its_column_alone(signal, config):
    smeared = Variation("mj_low", smear=0.05).applied(signal, config, np.random.default_rng(2))
    pull = (smeared.X[:, 0] / signal.X[:, 0] - 1) / 0.05
    assert stats.kstest(pull, "norm").pvalue > FALSE_ALARM
    np.testing.assert_array_equal(smeared.X[:, 1], signal.X[:, 1])
    np.testing.assert_array_equal(smeared.m, signal.m)


# --- the record


def point(strength: int, selected: float, z: float, excess: float | None = None) -> InjectionPoint:
    return InjectionPoint(
        strength=strength, n=10, in_region=0.9 * strength, selected=selected, net=selected,
        excess=selected if excess is None else excess, excess_error=2.0, z_cal=z,
        z_cal_interval=(z - 1, z + 1), withheld_rate=0.0, t=(z,) * 10,
    )  # fmt: skip


def with_points(found: InjectionStudy, *points: InjectionPoint) -> InjectionStudy:
    return replace(found, points=points)


def test_threshold_is_where_the_median_stays_above_three(found):
    rising = [point(s, s / 2, s / 20) for s in (20, 40, 60, 80, 100)]
    assert with_points(found, *rising).threshold == pytest.approx(60)
    assert with_points(found, *rising[:2]).threshold is None
    assert with_points(found, *rising[3:]).threshold == 80
    steps = [point(20, 9, 1.0), point(40, 20, 3.5), point(60, 30, 2.0), point(80, 40, 5.0)]
    assert with_points(found, *steps).threshold == pytest.approx(60 + 20 / 3)


def test_lines_are_weighted_least_squares(found):
    x = np.array([10.0, 25.0, 30.0, 50.0, 80.0])
    y = 0.97 * x + np.array([1.0, -2.0, 1.5, 0.3, -1.0])
    points = [point(2 * int(v), v, 4.0 + v, e) for v, e in zip(x, y, strict=True)]
    made = with_points(found, *points)
    slope = (x @ y) / (x @ x)
    assert made.closure.slope == pytest.approx(slope)
    assert made.closure.slope_error == pytest.approx(2 / (x @ x) ** 0.5)
    assert made.closure.chi2 == pytest.approx((((y - slope * x) / 2) ** 2).sum())
    assert made.closure.p_value == pytest.approx(stats.chi2(4).sf(made.closure.chi2))
    in_region = 0.9 * 2 * x
    reference = np.polyfit(in_region, y, 1)
    assert (made.response.slope, made.response.intercept) == pytest.approx(tuple(reference))
    assert made.response.ndf == 3
    assert with_points(found, *points[:2]).response is None


def test_a_study_without_a_discovery_has_no_response(found):
    made = with_points(found, *[point(s, 1.0, 0.1) for s in STRENGTHS])
    assert made.threshold is None
    assert made.response is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "novum-calibration"}, "is not a novum injection study"),
        ({"schema_version": 2}, "has schema version 2, this novum reads 1"),
        ({"points": []}, "damaged injection study: it has no points"),
        ({"points": 3}, "damaged injection study"),
    ],
    ids=str,
)
def test_a_damaged_study_is_refused(found, change, words, tmp_path):
    path = tmp_path / "injection.json"
    path.write_text(json.dumps({**json.loads(found.to_json()), **change}))
    with pytest.raises(FileFormatError, match=words):
        InjectionStudy.load(path)
    path.write_text("[" * 100_000)
    with pytest.raises(FileFormatError, match="damaged"):
        InjectionStudy.load(path)
    with pytest.raises(InputError, match="cannot read a study"):
        InjectionStudy.load(tmp_path / "nowhere.json")
