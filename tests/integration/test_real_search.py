"""The search on real and public data: LHC Olympics R&D, CMS spectra, CMS open data.

The null comes first: every number is printed beside the same search with nothing injected.
"""

from pathlib import Path
from statistics import median

import numpy as np
import pytest

import novum
from novum.search import BumpHuntConfig, bumphunt

pytestmark = pytest.mark.real_data

FEATURES = ["mj_low", "delta_mj", "tau21_low", "tau21_high"]
QUICK = {"members": 1}  # the benchmark runs the default, two members a fold
SCAN = {"width": 400.0, "step": 200.0, "sideband": 200.0, "centers": (3100.0, 4500.0)}


@pytest.fixture(scope="module")
def lhco(shared_data: Path) -> novum.Events:
    return novum.open_events(shared_data / "lhco_rnd_v1" / "cathode_format_v1.npy").read()


def inject(events: novum.Events, n: int, seed: int) -> tuple[novum.Events, novum.Events]:
    assert events.label is not None
    signal = np.flatnonzero(events.label == 1)
    chosen = np.random.default_rng(seed).choice(signal, n, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(events.label == 0), chosen]))
    return events.take(kept), events.take(np.setdiff1d(signal, chosen))


def search(events: novum.Events, n: int, seed: int, **windows: object) -> novum.SearchResult:
    data, rest = inject(events, n, seed)
    return novum.hunt(
        data, mass="mjj", features=FEATURES, probe=rest, seed=seed, **QUICK, **windows
    )


def show(result: novum.SearchResult) -> None:
    for w in result.windows:
        z = "withheld: " + w.withheld if w.z is None else f"z = {w.z:.2f}"
        print(f"  {w.window.center:.0f} GeV: {w.counts.n_on:.1f} / {w.counts.expected:.1f}, {z}")
    print(" ", result.summary())


def test_sic_of_400_injected_events(lhco: novum.Events) -> None:
    """Median of five seeds of the max SIC; at least 25 out-of-fold background events pass."""
    found = []
    for seed in range(5):
        null = search(lhco, 0, seed, window=(3300.0, 3700.0), sideband=200.0)
        result = search(lhco, 400, seed, window=(3300.0, 3700.0), sideband=200.0)
        record, window = result.evaluation[0], result.windows[0]
        assert record.signal_sample == "never injected"
        assert record.max_sic_n_background is not None
        assert record.max_sic_n_background >= 25
        assert record.max_sic is not None
        found.append(record.max_sic)
        print(
            f"seed {seed}: nothing injected z = {null.windows[0].z}; 400 injected z = {window.z}, "
            f"S/√B = {record.significance_before:.2f} before, max SIC = {record.max_sic:.2f} with "
            f"{record.max_sic_n_background} background events"
        )
    assert median(found) >= 7.5


def test_scan_finds_400_injected_events_at_their_mass(lhco: novum.Events) -> None:
    result = search(lhco, 400, 0, **SCAN)
    show(result)
    best = result.best
    assert best is not None
    assert best.z is not None
    assert abs(best.window.center - 3500) <= 100
    assert best.z > 5
    assert result.global_p is not None
    assert result.global_p.is_bound


@pytest.mark.parametrize("seed", range(5))
def test_scan_of_background_alone_is_quiet(lhco: novum.Events, seed: int) -> None:
    result = search(lhco, 0, seed, **SCAN)
    show(result)
    assert len(result.windows) == 8
    for w in result.windows:
        assert w.z is None or w.z < 3.5
        assert w.z is not None or w.withheld


def test_cms_dijets_show_nothing(shared_data: Path) -> None:
    config = BumpHuntConfig(luminosity=137.27)
    result = bumphunt(shared_data / "cms_spectra" / "dijet.csv", config)
    assert result.background.n_params == 3
    assert result.background.deviance == pytest.approx(41.2, abs=0.1)
    assert result.background.ndf == 39
    assert result.background.p_value > 0.05
    assert result.global_p.value > 0.05
    assert result.peak is None


@pytest.mark.parametrize(
    ("file", "settings", "mass", "tolerance"),
    [
        ("peakdata3.csv", {"relative_width": 0.03}, 9.4603, 0.02),
        (
            "Zmumu_Run2011A_masses.csv",
            {
                "relative_width": 0.1,
                "fit_range": (60.0, 120.0),
                "peak": "voigt",
                "natural_width": 2.4952,
            },
            91.188,
            0.5,
        ),
    ],
    ids=["upsilon", "z"],
)
def test_resonances_of_real_collisions(
    shared_data: Path, file: str, settings: dict[str, object], mass: float, tolerance: float
) -> None:
    config = BumpHuntConfig(mass="M", family="exp-polynomial", n_toys=1000, **settings)
    result = bumphunt(shared_data / "cms_open_data" / file, config)
    best = result.best_window
    assert best.low < mass < best.high
    assert result.global_p.is_bound
    assert result.peak is not None
    assert result.peak.z > 10
    assert result.peak.mass == pytest.approx(mass, abs=tolerance)
    assert 0 < result.peak.mass_error < 0.05
