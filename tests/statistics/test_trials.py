import numpy as np
import pytest
from scipy import special

from novum.errors import InputError
from novum.statistics.fit import fit_spectrum
from novum.statistics.scan import scan_toys
from novum.statistics.trials import gross_vitells
from novum.windows import scan_windows

from .conftest import Truth


def test_one_window_has_no_trials() -> None:
    z = np.random.default_rng(1).standard_normal((100, 1))
    p = gross_vitells(3.0, z)
    assert p.value == special.ndtr(-3.0)
    assert p.error == 0


def test_few_toys_give_what_many_give(truth: Truth) -> None:
    """500 toys and upcrossings against 30,000 toys counted, at three levels."""
    windows = scan_windows((2700, 5700), 400, 50, 200)
    fits = [fit_spectrum(truth.mean, truth.edges, w, truth.family, 3) for w in windows]
    many = scan_toys(fits, 30_000, seed=1, truth=truth.mean)
    for z in (2.0, 2.5, 3.0):
        counted = np.mean(many.max_z >= z)
        p = gross_vitells(z, many.z[:500])
        # an upper bound, near where p is small; windows in steps lose a few crossings
        assert counted < p.value + 3 * p.error
        assert p.value < 1.6 * counted + 3 * p.error


def test_capped_and_refused() -> None:
    z = np.random.default_rng(1).standard_normal((100, 50))
    assert gross_vitells(0.5, z).value == 1.0
    with pytest.raises(InputError, match="below the level"):
        gross_vitells(0.1, z)
    with pytest.raises(InputError, match="toys"):
        gross_vitells(2.0, z[0])
