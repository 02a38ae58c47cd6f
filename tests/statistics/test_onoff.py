import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from novum.errors import InputError
from novum.statistics.onoff import on_off_exact_p, on_off_p, on_off_z

from .conftest import FALSE_ALARM

counts = st.integers(0, 10_000)
ratios = st.floats(0.02, 10)


def li_ma(on: float, off: float, alpha: float) -> float:
    """Equation 17 of Li and Ma (1983), written out."""
    first = on * np.log((1 + alpha) / alpha * on / (on + off))
    second = off * np.log((1 + alpha) * off / (on + off))
    return float(np.sign(on - alpha * off) * np.sqrt(2 * (first + second)))


# n_on, n_off, tau = 1/ratio, Z_Bi (exact conditional), Z_PL (profile likelihood)
COUSINS = [
    (4, 5, 5.0, 1.66, 1.95),
    (50, 55, 2.0, 2.93, 3.02),
    (67, 15, 0.5, 2.89, 3.04),
    (200, 10, 0.1, 2.20, 2.38),
    (523, 2327, 5.99, 5.93, 5.95),
]


@pytest.mark.parametrize(("on", "off", "tau", "z_bi", "z_pl"), COUSINS)
def test_examples_of_cousins_linnemann_tucker(
    on: int, off: int, tau: float, z_bi: float, z_pl: float
) -> None:
    assert on_off_z(on, off, 1 / tau) == pytest.approx(z_pl, abs=0.006)
    assert -special.ndtri(on_off_exact_p(on, off, 1 / tau)) == pytest.approx(z_bi, abs=0.006)


@given(st.integers(1, 10_000), st.integers(1, 10_000), ratios)
def test_known_ratio_is_li_and_ma(on: int, off: int, ratio: float) -> None:
    assume(abs(on - ratio * off) > 0.01 * on)
    assert on_off_z(on, off, ratio) == pytest.approx(li_ma(on, off, ratio), rel=1e-6, abs=1e-6)


@given(counts, counts, ratios, st.floats(0.001, 1.0))
def test_uncertain_ratio_equals_a_general_optimiser(
    on: int, off: int, ratio: float, kappa: float
) -> None:
    def null(log_ratio: float) -> float:
        r = np.exp(log_ratio)
        b = (on + off) / (1 + r)
        pull = (log_ratio - np.log(ratio)) / kappa
        lnl = special.xlogy(on, r * b) - r * b + special.xlogy(off, b) - b
        return float(pull**2 - 2 * lnl)

    best = min(
        optimize.minimize_scalar(
            null, bounds=bounds, method="bounded", options={"xatol": 1e-10}
        ).fun
        for bounds in ((np.log(ratio) - 15, np.log(ratio)), (np.log(ratio), np.log(ratio) + 15))
    )
    free = -2 * (special.xlogy(on, on) - on + special.xlogy(off, off) - off)
    expected = np.sqrt(max(best - free, 0))
    assert abs(on_off_z(on, off, ratio, kappa * ratio)) == pytest.approx(expected, abs=1e-3)


@given(counts, counts, ratios, st.floats(0, 1))
def test_z_rises_with_n_on_and_falls_with_n_off(
    on: int, off: int, ratio: float, kappa: float
) -> None:
    error = kappa * ratio
    z = on_off_z([on, on + 1, on], [off, off, off + 1], ratio, error)
    assert np.isfinite(z).all()
    assert z[1] > z[0] - 1e-9
    assert z[2] < z[0] + 1e-9


@given(counts, counts, ratios, st.floats(0, 0.5), st.floats(0.01, 0.5))
def test_a_less_certain_ratio_never_helps(
    on: int, off: int, ratio: float, kappa: float, more: float
) -> None:
    sure, unsure = np.abs(on_off_z(on, off, ratio, ratio * np.array([kappa, kappa + more])))
    assert unsure <= sure + 1e-6


def test_sign_and_zero() -> None:
    z = on_off_z([10, 9, 11], 50, 0.2, 0.02)
    assert z[0] == pytest.approx(0, abs=1e-7)
    assert z[1] < 0 < z[2]
    assert on_off_z(0, 0, 0.2, 0.1) == pytest.approx(0, abs=1e-7)


def test_broadcasts() -> None:
    z = on_off_z(np.arange(12.0).reshape(3, 4), [5, 6, 7, 8], 0.3, [[0.0], [0.01], [0.1]])
    assert z.shape == (3, 4)
    assert z[1, 2] == pytest.approx(float(on_off_z(6, 7, 0.3, 0.01)))


@given(st.integers(0, 200), st.integers(0, 200), ratios)
def test_exact_p_is_the_binomial_tail(on: int, off: int, ratio: float) -> None:
    tail = stats.binom.sf(on - 1, on + off, ratio / (1 + ratio))
    assert on_off_exact_p(on, off, ratio) == pytest.approx(tail, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("kappa", [0.0, 0.01, 0.1])
def test_z_is_standard_normal_on_background(kappa: float) -> None:
    rng = np.random.default_rng(1)
    n, b, r = 4000, 40_000, 0.25
    measured = r * np.exp(kappa * rng.standard_normal(n))
    z = on_off_z(rng.poisson(r * b, n), rng.poisson(b, n), measured, kappa * measured)
    assert stats.kstest(special.ndtr(-z), "uniform").pvalue > FALSE_ALARM


@pytest.mark.parametrize("kappa", [0.0, 0.2])
def test_toy_p_values_are_valid_where_little_is_expected(kappa: float) -> None:
    rng = np.random.default_rng(2)
    n, b, r = 600, 30.0, 0.2
    fired = 0
    for i in range(n):
        measured = r * np.exp(kappa * rng.standard_normal())
        on, off = rng.poisson(r * b), rng.poisson(b)
        p = on_off_p(on, off, measured, kappa * measured, n_toys=500, seed=i)
        assert p.n_toys == 500
        fired += p.value <= 0.1
    # discreteness only makes them conservative; profiling keeps the level to a few per cent of it
    assert stats.binomtest(fired, n, 0.1, alternative="greater").pvalue > FALSE_ALARM
    assert fired > 0.02 * n


def test_toy_p_agrees_with_the_exact_tail() -> None:
    for on, off in ((8, 20), (12, 20), (15, 40)):
        toys = on_off_p(on, off, 0.2, n_toys=40_000)
        exact = float(on_off_exact_p(on, off, 0.2))
        assert 0.4 * exact < toys.value < 1.6 * exact  # unconditional against conditional


def test_asymptotic_where_enough_is_expected() -> None:
    p = on_off_p(300, 1000, 0.25)
    assert (p.n_toys, p.error) == (0, 0)
    assert p.z == pytest.approx(float(on_off_z(300, 1000, 0.25)))


def test_injected_signal_gives_linear_excess() -> None:
    """Asimov significance of weak signals is s / sqrt(r b (1 + r) + (κ r b)²)."""
    b, r, kappa = 1e6, 0.2, 0.01
    s = np.array([500.0, 1000.0, 2000.0])
    z = on_off_z(r * b + s, b, r, kappa * r)
    np.testing.assert_allclose(z, s / np.sqrt(r * b * (1 + r) + (kappa * r * b) ** 2), rtol=0.01)


def test_errors_name_the_argument() -> None:
    with pytest.raises(InputError, match=r"n_on.*-1"):
        on_off_z(-1, 5, 0.2)
    with pytest.raises(InputError, match="ratio must be positive, got 0"):
        on_off_z(1, 5, 0.0)
    with pytest.raises(InputError, match="ratio_error"):
        on_off_z(1, 5, 0.1, -0.1)
