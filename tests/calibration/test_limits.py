"""Limits of a trained selection against the closed form of a Gaussian statistic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special, stats

from novum.calibration import InjectionStudy, TrainedLimit, limits, trained_limit
from novum.calibration.study import InjectionPoint
from novum.errors import InputError
from novum.search.records import WindowEdges

from .conftest import FALSE_ALARM

SLOPE = 0.04  # of T with the signal: T ~ N(SLOPE μ, 1)
STRENGTHS = (10, 20, 35, 50, 65, 80, 95, 110, 130)
WINDOW = WindowEdges(3300.0, 3700.0, ((3100.0, 3300.0), (3700.0, 3900.0)))


def study_of(rows: list[NDArray[np.float64] | list[float | None]], strengths=STRENGTHS):
    points = tuple(
        InjectionPoint(
            strength=s, n=len(t), in_region=0.9 * s, selected=0.3 * s, net=0.3 * s, excess=0.3 * s,
            excess_error=1.0, z_cal=0.0, z_cal_interval=(0.0, 0.0), withheld_rate=0.0,
            t=tuple(None if v is None else float(v) for v in t),
        )
        for s, t in zip(strengths, rows, strict=True)
    )  # fmt: skip
    return InjectionStudy("k", "s", "signal.h5", "sidebands", 2, WINDOW, 0.9, points)


def gaussian(seed: int, n: int, n_null: int) -> tuple[InjectionStudy, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    rows = [SLOPE * s + rng.standard_normal(n) for s in STRENGTHS]
    return study_of(rows), rng.standard_normal(n_null)


def exact(t: float, level: float = 0.95) -> float:
    """μ with Φ(t - SLOPE μ) / Φ(t) = 1 - level."""

    def excess(mu: float) -> float:
        return float(special.log_ndtr(t - SLOPE * mu) - special.log_ndtr(t) - np.log(1 - level))

    return float(optimize.brentq(excess, 0, 1000))


@pytest.fixture(scope="module")
def many() -> tuple[InjectionStudy, NDArray[np.float64]]:
    return gaussian(1, 20_000, 50_000)


@pytest.mark.parametrize("t", [-1.0, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_limit_is_that_of_the_closed_form(many, t, level):
    found = trained_limit(*many, t, level)
    low, high = found.observed_interval
    # log CLs is interpolated linearly between strengths, which it is not quite: 1 %.
    tolerance = stats.norm.isf(FALSE_ALARM / 2) * (high - low) / 2 + 0.01 * exact(t, level)
    assert found.observed == pytest.approx(exact(t, level), abs=tolerance)
    assert tolerance < 4
    assert (found.signal, found.level, found.t_observed) == ("signal.h5", level, t)


def test_cls_is_that_of_the_closed_form_at_every_strength(many):
    found = trained_limit(*many, 0.5)
    mu = np.array(found.strengths)
    expected = special.ndtr(0.5 - SLOPE * mu) / special.ndtr(0.5)
    error = np.hypot(np.array(found.cls_error), 0.005 * expected)
    pulls = (np.array(found.cls) - expected) / error
    assert (np.abs(pulls) < stats.norm.isf(FALSE_ALARM / 2 / len(mu))).all()
    np.testing.assert_allclose(found.efficiency, 1 / 3)


def test_expected_limits_are_those_of_quantiles_of_background(many):
    found = trained_limit(*many, 0.0)
    for limit, t in zip(found.expected, (-2, -1, 0, 1, 2), strict=True):
        assert limit == pytest.approx(exact(t), rel=0.06)
    assert list(found.expected) == sorted(found.expected)
    study, null = many
    median = trained_limit(study, null, float(np.quantile(null, 0.5)))
    assert median.observed == median.expected[2]


@given(st.integers(0, 2**32 - 1), st.floats(-3, 5))
def test_cls_is_a_probability_and_the_limit_inside_the_searched_range(seed, t):
    found = _quick(*gaussian(seed, 30, 50), t)
    assert all(0 < c <= 1 for c in found.cls)
    assert (found.observed is None) == (min(found.cls) > 0.05)
    if found.observed is not None:
        assert 0 < found.observed <= STRENGTHS[-1]


def _quick(study: InjectionStudy, null: NDArray[np.float64], t: float) -> TrainedLimit:
    before = limits._BOOTSTRAPS
    limits._BOOTSTRAPS = 3
    try:
        return trained_limit(study, null, t)
    finally:
        limits._BOOTSTRAPS = before


def test_the_observed_limit_rises_with_the_observation(many):
    found = [_quick(*many, t).observed for t in np.linspace(-1.5, 2.5, 9)]
    assert found == sorted(found)
    assert len(set(found)) == 9


def test_what_is_injected_is_rarely_excluded():
    """CLs excludes a true signal in at most 5 % of the cases, however few searches there are."""
    rng = np.random.default_rng(3)
    n, excluded = 400, 0
    for i in range(n):
        study, null = gaussian(i, 50, 200)
        truth = 80
        limit = _quick(study, null, SLOPE * truth + rng.standard_normal()).observed
        excluded += limit is not None and limit < truth
    assert stats.binomtest(excluded, n, 0.05, alternative="greater").pvalue > FALSE_ALARM


def test_where_nothing_is_excluded_there_is_no_limit(many):
    found = trained_limit(*many, 6.0)
    assert found.observed is None
    assert found.observed_interval == (None, None)
    assert found.expected[2] is not None


def test_cls_is_never_zero_and_few_searches_never_exclude():
    """Four searches, all above the observation: 1/5 of P(0) is all that can be said."""
    study = study_of([[9.0] * 4] * len(STRENGTHS))
    found = trained_limit(study, np.linspace(-2, 2, 101), 3.0)
    np.testing.assert_allclose(found.cls, 0.2)
    assert found.observed is None
    low = trained_limit(study, np.linspace(-2, 2, 101), -5.0)
    np.testing.assert_allclose(low.cls, 1.0)


def test_withheld_searches_are_left_out_unless_they_are_most():
    rng = np.random.default_rng(5)
    rows = [SLOPE * s + rng.standard_normal(40) for s in STRENGTHS]
    some = [[None, *row] for row in rows]
    null = rng.standard_normal(100)
    plain, holed = (
        trained_limit(study_of(rows), null, 0.5),
        trained_limit(study_of(some), null, 0.5),
    )
    assert holed == replace(plain)
    rows[3] = [None] * 21 + [0.0] * 20
    with pytest.raises(InputError, match="most searches with 50 injected events quote no window"):
        trained_limit(study_of(rows), null, 0.5)


def test_a_limit_needs_null_searches(many):
    with pytest.raises(InputError, match="needs null searches"):
        trained_limit(many[0], [], 0.0)


def test_the_same_input_gives_the_same_limit(many):
    study, null = gaussian(9, 50, 200)
    assert trained_limit(study, null, 0.3) == trained_limit(study, tuple(null), 0.3)
