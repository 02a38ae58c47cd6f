import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from novum.errors import InputError
from novum.statistics.pvalue import PValue


@given(st.floats(-4, 30))
def test_z_and_back(z: float) -> None:
    p = PValue.from_z(z, "closed form")
    assert p.z == pytest.approx(z, abs=1e-6)
    assert p.error == 0


@given(st.integers(1, 5000), st.data())
def test_toy_p_is_inside_its_interval_and_never_zero(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    p = PValue.from_toys(k, n, "toys")
    assert p.value == (1 + k) / (n + 1)
    assert p.is_bound == (k == 0)
    assert p.interval is not None
    low, high = p.interval
    assert 0 <= low <= k / n <= high <= 1
    assert PValue.from_dict(p.to_dict()) == p


@given(st.integers(2, 500), st.data())
def test_toy_p_rises_with_exceedances(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n - 1))
    assert PValue.from_toys(k + 1, n, "t").value > PValue.from_toys(k, n, "t").value


def test_clopper_pearson_covers_at_least_its_level() -> None:
    n, p = 200, 0.03
    k = np.arange(n + 1)
    inside = [low <= p <= high for low, high in (PValue.from_toys(i, n, "t").interval for i in k)]
    assert stats.binom.pmf(k, n, p)[inside].sum() >= 0.6827


def test_no_toys_is_an_error() -> None:
    with pytest.raises(InputError, match="0"):
        PValue.from_toys(0, 0, "toys")


def test_a_bound_prints_as_one() -> None:
    assert str(PValue.from_toys(0, 999, "toys")) == "≤ 0.001"
