import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novum.errors import ConfigError, InputError
from novum.statistics.families import Dijet, ExpPolynomial, Family, PowerExponential, family

FAMILIES: list[Family] = [Dijet(), ExpPolynomial(1000.0, 9000.0), PowerExponential()]


@pytest.mark.parametrize("fam", FAMILIES, ids=lambda f: f.name)
def test_first_function_is_the_normalisation_and_orders_nest(fam: Family) -> None:
    m = np.linspace(1100, 8900, 7)
    richest = fam.basis(m, fam.max_order)
    for p in range(fam.min_order, fam.max_order + 1):
        basis = fam.basis(m, p)
        assert basis.shape == (7, p)
        assert np.all(basis[:, 0] == 1)
        np.testing.assert_array_equal(basis, richest[:, :p])
    for p in (fam.min_order - 1, fam.max_order + 1):
        with pytest.raises(InputError, match=f"not {p}"):
            fam.basis(m, p)


@pytest.mark.parametrize("fam", FAMILIES, ids=lambda f: f.name)
def test_round_trip_by_name(fam: Family) -> None:
    assert family(**fam.to_dict()) == fam
    assert fam.reference
    assert re.fullmatch(r"\d{4}\.\d{4,5}", fam.paper)


def test_dijet_is_the_formula_of_the_papers() -> None:
    p0, p1, p2, p3 = 2.0, 9.0, 5.0, 0.3
    x = 0.3
    by_hand = p0 * (1 - x) ** p1 / x ** (p2 + p3 * np.log(x))
    basis = Dijet(10_000).basis([3000.0], 4)
    assert np.exp(basis @ [np.log(p0), p1, -p2, -p3])[0] == pytest.approx(by_hand)


def test_power_exponential_is_the_formula_of_ua2() -> None:
    p0, p1, p2, p3 = 2.0, 5.0, 9.0, 3.0
    x = 0.3
    by_hand = p0 * x**-p1 * np.exp(-p2 * x - p3 * x**2)
    basis = PowerExponential(10_000).basis([3000.0], 4)
    assert np.exp(basis @ [np.log(p0), -p1, -p2, -p3])[0] == pytest.approx(by_hand)
    for mass in (0.0, -5.0, np.inf):
        with pytest.raises(InputError, match="positive masses"):
            PowerExponential().basis([3000.0, mass], 3)
    with pytest.raises(InputError, match="scale"):
        PowerExponential(0.0)


@given(st.one_of(st.floats(13_000, 1e6), st.floats(-1e5, 0)))
def test_dijet_names_masses_outside_its_domain(mass: float) -> None:
    with pytest.raises(InputError, match="GeV"):
        Dijet().basis([3000.0, mass], 3)


def test_unknown_names_are_corrected() -> None:
    with pytest.raises(ConfigError, match="'dijet'"):
        family("dijets")
    with pytest.raises(ConfigError, match="sqrt_s"):
        family("dijet", roots=8000.0)
    with pytest.raises(InputError, match="empty"):
        family("exp-polynomial", low=2.0, high=1.0)
    with pytest.raises(InputError, match="-1"):
        Dijet(-1)
