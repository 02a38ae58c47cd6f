import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from novum.errors import InputError
from novum.statistics.bumphunter import bump_hunter, minus_log_p

from .conftest import FALSE_ALARM

BACKGROUND = 3000 * np.exp(-np.arange(30) / 5.0) + 0.5
EDGES = np.linspace(0.0, 300.0, 31)
WIDTHS = (2, 3, 5)


def brute_force(counts: np.ndarray, background: np.ndarray) -> tuple[float, int, int]:
    best = (0.0, 0, WIDTHS[0])
    for w in WIDTHS:
        for i in range(len(counts) - w + 1):
            d, b = counts[i : i + w].sum(), background[i : i + w].sum()
            if d > b:
                best = max(best, (-float(stats.poisson.logsf(d - 1, b)), i, w))
    return best


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_plain_loop(seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(BACKGROUND)
    result = bump_hunter(counts, BACKGROUND, WIDTHS, 10, 1, EDGES)
    statistic, at, width = brute_force(counts, BACKGROUND)
    assert result.statistic == pytest.approx(statistic, rel=1e-9)
    assert (result.low, result.high) == (EDGES[at], EDGES[at + width])
    assert result.local_p == pytest.approx(np.exp(-statistic))


def test_toys_equal_a_plain_loop() -> None:
    toys = bump_hunter(BACKGROUND.round(), BACKGROUND, WIDTHS, 60, 7, EDGES).toys
    drawn = np.random.default_rng(7).poisson(BACKGROUND, (60, 30))
    loop = [brute_force(t, BACKGROUND)[0] for t in drawn]
    np.testing.assert_allclose(toys, loop, rtol=1e-9)


def test_global_p_is_uniform_on_background() -> None:
    toys = bump_hunter(BACKGROUND.round(), BACKGROUND, WIDTHS, 4000, 1, EDGES).toys
    fresh = bump_hunter(BACKGROUND.round(), BACKGROUND, WIDTHS, 1000, 2, EDGES).toys
    p = (1 + (toys[None] >= fresh[:, None]).sum(axis=1)) / 4001
    assert stats.kstest(p, "uniform").pvalue > FALSE_ALARM


def test_finds_a_bump() -> None:
    counts = np.random.default_rng(3).poisson(BACKGROUND)
    counts[12:15] += 100
    result = bump_hunter(counts, BACKGROUND, WIDTHS, 1000, 1, EDGES)
    assert result.low <= 120 < 150 <= result.high
    assert result.global_p.is_bound


def test_deficits_count_nothing() -> None:
    result = bump_hunter(np.zeros(30), BACKGROUND, WIDTHS, 100, 1, EDGES)
    assert result.statistic == 0
    assert result.global_p.value == 1


@given(st.floats(0.1, 1e5), st.floats(0, 6))
def test_minus_log_p_is_the_poisson_tail(mean: float, pull: float) -> None:
    count = np.ceil(mean + pull * mean**0.5)
    expected = -stats.poisson.logsf(count - 1, mean) if count > mean else 0.0
    assert minus_log_p(np.array([count]), np.array([mean]))[0] == pytest.approx(expected, rel=1e-6)


def test_minus_log_p_beyond_underflow_is_continuous() -> None:
    counts = np.arange(600.0, 1200.0)
    values = minus_log_p(counts, np.full(600, 100.0))
    assert np.isfinite(values).all()
    step = np.diff(values)  # -ln of b/d, nearly
    np.testing.assert_allclose(step, np.log(counts[1:] / 100), rtol=0.01)


def test_errors_name_what_is_wrong() -> None:
    n = BACKGROUND.round()
    with pytest.raises(InputError, match="31"):
        bump_hunter(n, BACKGROUND, (2, 31), 10, 1, EDGES)
    with pytest.raises(InputError, match="positive bins"):
        bump_hunter(n, np.zeros(30), WIDTHS, 10, 1, EDGES)
    with pytest.raises(InputError, match="whole"):
        bump_hunter(n + 0.5, BACKGROUND, WIDTHS, 10, 1, EDGES)
    with pytest.raises(InputError, match="0"):
        bump_hunter(n, BACKGROUND, WIDTHS, 0, 1, EDGES)
