"""Kinematics in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novum.physics.particles import Particles, delta_phi, mass

ANGLE = st.floats(-10, 10)


def two_events() -> Particles:
    pt, eta, phi = np.array([10.0, 20, 5]), np.array([0.5, -1, 2]), np.array([0.1, 3, -3])
    return Particles.from_cylindrical(pt, eta, phi, np.array([0, 2, 3]), np.array([1.0, 0, 0.5]))


def test_cylindrical_and_back() -> None:
    p = two_events()
    np.testing.assert_allclose(p.pt, [10, 20, 5])
    np.testing.assert_allclose(p.eta, [0.5, -1, 2])
    np.testing.assert_allclose(p.phi, [0.1, 3, -3])
    np.testing.assert_allclose(mass(p.px, p.py, p.pz, p.e), [1, 0, 0.5], atol=1e-5)


def test_rapidity_of_a_massless_particle_is_its_pseudorapidity() -> None:
    p = two_events()
    assert p.rapidity[1] == pytest.approx(-1)
    assert p.rapidity[0] < p.eta[0]  # a massive one is slower


def test_two_back_to_back_photons_have_the_mass_of_their_energies() -> None:
    p = Particles.from_cylindrical(
        np.array([50.0, 50]), np.zeros(2), np.array([0.3, 0.3 - np.pi]), np.array([0, 2])
    )
    assert mass(*p.sums().T)[0] == pytest.approx(100)


def test_particles_along_the_beam_have_finite_angles() -> None:
    p = Particles(*(np.array([v]) for v in (0.0, 0.0, 7.0, 7.0)), offsets=np.array([0, 1]))
    assert np.isfinite(p.eta).all()
    assert np.isfinite(p.rapidity).all()


def test_taking_particles_keeps_the_events() -> None:
    p = two_events().take(np.array([False, True, True]))
    assert p.event.tolist() == [0, 1]
    assert two_events().take(np.array([2])).event.tolist() == [1]


def test_taking_events_keeps_their_particles() -> None:
    p = two_events().take_events(np.array([1, 0]))
    assert p.offsets.tolist() == [0, 1, 3]
    np.testing.assert_allclose(p.pt, [5, 10, 20])


@given(ANGLE, ANGLE)
def test_difference_of_azimuths(a: float, b: float) -> None:
    d = delta_phi(np.array([a]), np.array([b]))[0]
    assert -np.pi <= d < np.pi + 1e-12
    assert np.cos(d) == pytest.approx(np.cos(a - b), abs=1e-9)
