"""The detector in closed form: efficiencies, resolutions, cells, and what particle flow keeps."""

import numpy as np
import pytest

from novum.physics.particles import Particles
from novum.simulation.calorimeter import ECAL, HCAL, Deposits, lognormal
from novum.simulation.detector import Truth, respond

PHOTON, ELECTRON, MUON, PION, K_LONG = 22, 11, 13, 211, 130
N = 4000


def single(pid: int, pt: float, eta: float, n: int = N, mass: float = 0.0) -> Truth:
    """One particle an event, in random directions around the beam."""
    phi = np.random.default_rng(0).uniform(-np.pi, np.pi, n)
    particles = Particles.from_cylindrical(
        np.full(n, pt), np.full(n, eta), phi, np.arange(n + 1), np.full(n, mass)
    )
    charged = pid in (ELECTRON, MUON, PION)
    return Truth(particles, np.full(n, pid), np.full(n, charged))


def seen(truth: Truth, seed: int = 1) -> Particles:
    return respond(truth, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("pid", "eta", "pt", "efficiency"),
    [
        (PION, 0.3, 10.0, 0.95),
        (PION, 2.0, 10.0, 0.85),
        (PION, 0.3, 0.5, 0.70),
        (ELECTRON, 0.3, 200.0, 0.99),
        (MUON, 2.0, 10.0, 0.98),
        (MUON, 2.6, 10.0, 0.0),
    ],
)
def test_tracks_are_as_efficient_as_in_the_card(
    pid: int, eta: float, pt: float, efficiency: float
) -> None:
    p = seen(single(pid, pt, eta))
    tracks = np.isclose(p.eta, eta, atol=1e-9)  # neutral objects lie anywhere in their cell
    found = tracks.sum() / N
    sigma = np.sqrt(max(efficiency * (1 - efficiency), 1e-9) / N)
    assert abs(found - efficiency) < 4 * sigma + 1e-9  # 4 σ: one in 16,000


def test_muon_momenta_have_the_resolution_of_the_card() -> None:
    pt = 100.0
    tracks = seen(single(MUON, pt, 0.2)).pt
    expected = np.hypot(0.01, pt * 1.0e-4) * pt
    assert tracks.mean() == pytest.approx(pt, abs=4 * expected / np.sqrt(len(tracks)))
    assert tracks.std() == pytest.approx(expected, rel=0.06)  # 4 σ of a standard deviation


def test_photon_energies_have_the_resolution_of_the_calorimeter() -> None:
    pt, eta = 50.0, 0.0
    energy = seen(single(PHOTON, pt, eta)).e
    assert len(energy) == N
    expected = np.sqrt((0.008 * pt) ** 2 + 0.11**2 * pt + 0.40**2)
    assert energy.mean() == pytest.approx(pt, abs=4 * expected / np.sqrt(N))
    assert energy.std() == pytest.approx(expected, rel=0.06)


def test_a_photon_stays_in_its_cell() -> None:
    truth = single(PHOTON, 50.0, 1.0)
    p = seen(truth)
    assert np.abs(p.eta - 1.0).max() < 0.0175
    wrapped = np.angle(np.exp(1j * (p.phi - truth.particles.phi)))
    assert np.abs(wrapped).max() < np.deg2rad(1.001)


def test_soft_neutral_hadrons_are_lost_and_hard_ones_kept() -> None:
    assert len(seen(single(K_LONG, 1.5, 0.0)).e) < 0.2 * N
    hard = seen(single(K_LONG, 200.0, 0.0))
    assert len(hard.e) == N
    expected = np.sqrt((0.05 * 200) ** 2 + 1.5**2 * 200)
    assert hard.e.mean() == pytest.approx(200, abs=4 * expected / np.sqrt(N))


def test_a_charged_hadron_is_counted_once() -> None:
    """Its calorimeter energy is explained by its track, up to fluctuations of 2 σ."""
    p = seen(single(PION, 20.0, 0.0, mass=0.14))
    per_event = p.sums()[:, 3]
    assert per_event.mean() == pytest.approx(20, rel=0.06)
    assert np.mean(np.diff(p.offsets) > 1) < 0.05


def test_tracks_take_the_mean_weighted_by_resolution() -> None:
    """Where the track is the worse measurement, the calorimeter decides."""
    one = np.ones(N)
    deposits = Deposits(
        np.arange(N), 0.1 * one, 0.1 * one, 1000 * one, 1000 * one, 1e6 * one
    )  # a track that says nothing
    neutral, scale = HCAL.respond(deposits, np.random.default_rng(2))
    assert len(neutral.pt) == 0
    sigma = np.sqrt((0.05 * 1000) ** 2 + 1.5**2 * 1000)
    assert (1000 * scale).std() == pytest.approx(sigma, rel=0.06)
    exact = Deposits(np.arange(N), 0.1 * one, 0.1 * one, 1000 * one, 1000 * one, 1e-9 * one)
    _, scale = HCAL.respond(exact, np.random.default_rng(2))
    np.testing.assert_allclose(scale, 1, atol=1e-9)


def test_nothing_is_seen_beyond_the_calorimeters() -> None:
    assert len(seen(single(PHOTON, 50.0, 5.2)).e) == 0


@pytest.mark.parametrize("calorimeter", [ECAL, HCAL])
def test_cells_tile_the_plane(calorimeter: object) -> None:
    edges = calorimeter.eta_edges  # type: ignore[attr-defined]
    assert (np.diff(edges) > 0).all()
    np.testing.assert_allclose(edges, -edges[::-1], atol=1e-12)
    assert len(calorimeter.n_phi) == len(edges) - 1  # type: ignore[attr-defined]


def test_log_normal_numbers_keep_mean_and_deviation() -> None:
    mean = np.full(40000, 10.0)
    drawn = lognormal(mean, 0.5 * mean, np.random.default_rng(3))
    assert drawn.min() > 0
    assert drawn.mean() == pytest.approx(10, abs=4 * 5 / 200)
    assert drawn.std() == pytest.approx(5, rel=0.05)
    assert lognormal(np.zeros(3), np.ones(3), np.random.default_rng(0)).tolist() == [0, 0, 0]


def test_events_do_not_mix() -> None:
    """The response to one event does not see the particles of another in the same cell."""
    n = 500
    phi = np.full(2 * n, 0.3)
    pt = np.tile([50.0, 500.0], n)
    p = Particles.from_cylindrical(pt, np.full(2 * n, 0.1), phi, np.arange(2 * n + 1))
    out = seen(Truth(p, np.full(2 * n, PHOTON), np.zeros(2 * n, bool)))
    assert np.diff(out.offsets).tolist() == [1] * (2 * n)
    assert np.all(out.e[::2] < 100)
    assert np.all(out.e[1::2] > 400)
