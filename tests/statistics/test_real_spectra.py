import csv
from pathlib import Path

import numpy as np
import pytest

from novum.statistics.bumpscan import bump_scan
from novum.statistics.families import Dijet, ExpPolynomial
from novum.statistics.fit import fit_spectrum
from novum.statistics.minuit import minuit_fit
from novum.statistics.peak import fit_peak
from novum.statistics.ranges import find_range
from novum.windows import Window, scan_windows

pytestmark = pytest.mark.real_data

LUMINOSITY = 137.27  # makes the published cross-sections whole counts


@pytest.fixture(scope="module")
def dijets(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    table = np.genfromtxt(shared_data / "cms_spectra" / "dijet.csv", delimiter=",", names=True)
    centre, width = table["bin_centre"], table["bin_width"]
    edges = np.append(centre - width / 2, centre[-1] + width[-1] / 2)
    return np.round(table["y"] * width * LUMINOSITY), edges


def dimuon_masses(file: Path) -> np.ndarray:
    with file.open() as lines:
        return np.array([float(row["M"]) for row in csv.DictReader(lines)])


def test_cms_dijets_are_described_by_three_parameters(dijets: tuple) -> None:
    """CMS, arXiv:1911.03947: 2.7 million events from 1.5 to 8.8 TeV."""
    counts, edges = dijets
    fit = fit_spectrum(counts, edges, None, Dijet())
    assert fit.n_params == 3
    assert fit.deviance == pytest.approx(41.23, abs=0.01)
    assert fit.ndf == 39
    assert fit.p_value > 0.05
    reference = minuit_fit(counts, edges, None, Dijet(), 3)
    assert fit.deviance == pytest.approx(reference.deviance, abs=1e-5)


def test_cms_dijets_show_no_bump(dijets: tuple) -> None:
    counts, edges = dijets
    windows = [
        Window(edges[i], edges[i + 3], ((edges[i - 2], edges[i]), (edges[i + 3], edges[i + 5])))
        for i in range(2, len(edges) - 8)
    ]
    scan = bump_scan(counts, edges, windows, Dijet(), 2000, 1)
    assert scan.global_p.value > 0.05
    assert min(t.z for t in scan.tests) > -4


def test_turn_on_of_the_lhc_olympics(shared_data: Path) -> None:
    table = np.load(shared_data / "lhco_rnd_v1" / "cathode_format_v1.npy")
    mass = table[table[:, 5] == 0, 0] * 1000.0
    edges = np.arange(1600.0, 9001.0, 50.0)
    counts = np.histogram(mass, edges)[0]
    low, high = find_range(counts, edges, Dijet(), scan_windows((2700, 6000), 400, 200, 200))
    assert 2500 <= low <= 2800
    assert 6000 <= high <= 7500
    keep = (edges[:-1] >= 2400) & (edges[1:] <= high)
    too_low = fit_spectrum(counts[keep], np.append(edges[:-1][keep], high), None, Dijet(), 4)
    assert too_low.p_value < 1e-6


def test_upsilon(shared_data: Path) -> None:
    mass = dimuon_masses(shared_data / "cms_open_data" / "peakdata3.csv")
    edges = np.linspace(9.0, 9.7, 71)
    counts = np.histogram(mass, edges)[0]
    family = ExpPolynomial(9.0, 9.7)
    peak = fit_peak(counts, edges, family, 9.45, 0.08)
    # 9.4603 GeV (PDG); radiation and the momentum scale of these muons pull it down by 0.1 %
    assert peak.mass == pytest.approx(9.4603, abs=0.015)
    assert peak.z > 5
    assert peak.p_value > 0.01
    scan = bump_scan(counts, edges, scan_windows((9.0, 9.7), 0.2, 0.05, 0.1), family, 500, 1)
    best = scan.windows[scan.best]
    assert best.low < peak.mass < best.high
    assert scan.tests[scan.best].z > 5
    assert scan.global_p.is_bound


def test_z_boson(shared_data: Path) -> None:
    mass = dimuon_masses(shared_data / "cms_open_data" / "Zmumu_Run2011A_masses.csv")
    edges = np.linspace(60.0, 120.0, 121)
    counts = np.histogram(mass, edges)[0]
    family = ExpPolynomial(60.0, 120.0)
    peak = fit_peak(counts, edges, family, 91.0, 1.5, "voigt", 2.4952)
    assert peak.mass == pytest.approx(91.19, abs=0.5)
    assert 0.5 < peak.width < 2.5
    assert peak.z > 5
    scan = bump_scan(counts, edges, scan_windows((60, 120), 10, 2, 5), family, 500, 1)
    best = scan.windows[scan.best]
    assert best.low < peak.mass < best.high
    assert scan.tests[scan.best].z > 5
    assert scan.global_p.is_bound
