"""Observables of one jet: closed forms, symmetries, sums written out, and FastJet's own numbers."""

from itertools import combinations

import numpy as np
import pytest

from novum.physics.correlators import c2_d2, energy_correlators
from novum.physics.jets import Jets, import_fastjet, to_awkward
from novum.physics.particles import FloatArray, Particles, mass
from novum.physics.single_jets import EXTENDED, FEATURES, jet_features, shape
from novum.physics.substructure import softdrop_mass

pytest.importorskip("fastjet")


def particles(*jets: list[tuple[float, float, float]]) -> Particles:
    """Massless particles of each jet: pT, η = y, φ."""
    pt, eta, phi = np.array([p for jet in jets for p in jet]).T
    return Particles.from_cylindrical(pt, eta, phi, np.cumsum([0, *map(len, jets)]))


def random_jets(n: int = 6, size: int = 15, spread: float = 0.3, phi: float = 3.1) -> Particles:
    rng = np.random.default_rng(5)
    eta = rng.normal(0.4, spread, n * size)
    pt = rng.exponential(40, n * size)
    at = phi + rng.normal(0, spread, n * size)
    return Particles.from_cylindrical(pt, eta, at, size * np.arange(n + 1))


def features(jets: Particles, radius: float = 0.8) -> dict[str, FloatArray]:
    return jet_features(Jets(jets.sums()[:, None], jets), radius)


def test_two_prongs_in_closed_form() -> None:
    jet = particles([(60, 0.1, 0.2), (40, 0.4, 0.6)])
    for beta in (0.5, 1.0, 2.0):
        assert energy_correlators(jet, beta).ravel() == pytest.approx([0.24 * 0.5**beta, 0])
    found = shape(jet)
    assert found["ptd"] == pytest.approx(np.sqrt(0.36 + 0.16))
    assert found["leading_fraction"] == pytest.approx(0.6)
    # All of the spread, √(z1 z2) ΔR, lies along the line that joins the prongs.
    assert found["major_axis"] == pytest.approx(np.sqrt(0.24) * 0.5)
    assert found["minor_axis"] == pytest.approx(0, abs=1e-7)


def test_an_equilateral_triangle_in_closed_form() -> None:
    side, corners = 0.3, np.exp(2j * np.pi * np.arange(3) / 3) * 0.3 / np.sqrt(3)
    jet = particles([(50, c.real, c.imag) for c in corners])
    e2, e3 = energy_correlators(jet, 1.0).ravel()
    assert (e2, e3) == pytest.approx((side / 3, side**3 / 27))
    c2, d2 = c2_d2(np.array([[e2, e3]]))
    assert (c2[0], d2[0]) == pytest.approx((side / 3, 1.0))
    found = shape(jet)  # each axis holds half of the mean squared distance to the centre
    for axis in ("major_axis", "minor_axis"):
        assert found[axis] == pytest.approx(side / np.sqrt(6))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_correlators_are_the_sums_they_stand_for(beta: float) -> None:
    jets = random_jets(3, 9)
    for i, found in enumerate(energy_correlators(jets, beta)):
        jet = jets.take_events(np.array([i]))
        z, y, phi = jet.pt / jet.pt.sum(), jet.rapidity, np.unwrap(jet.phi, period=2 * np.pi)
        angle = np.hypot(y[:, None] - y, phi[:, None] - phi) ** beta
        e2 = sum(z[i] * z[j] * angle[i, j] for i, j in combinations(range(9), 2))
        e3 = sum(
            z[i] * z[j] * z[k] * angle[i, j] * angle[i, k] * angle[j, k]
            for i, j, k in combinations(range(9), 3)
        )
        assert found == pytest.approx([e2, e3])


def test_d2_is_that_of_fastjet() -> None:
    fastjet, jets = import_fastjet(), random_jets()
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 1000.0)
    sequence = fastjet.ClusterSequence(to_awkward(jets), definition)
    theirs = sequence.exclusive_jets_energy_correlator(func="d2")
    np.testing.assert_allclose(features(jets)["d2"], np.asarray(theirs), rtol=1e-6)


def test_two_point_correlator_is_the_mass_of_a_narrow_jet() -> None:
    """m² = 2 Σ pT pT' (cosh Δy - cos Δφ), about e_2 with β = 2 times (Σ pT)²."""
    jets = random_jets(spread=0.02)
    total = np.bincount(jets.event, jets.pt)
    found = energy_correlators(jets, 2.0)[:, 0]
    np.testing.assert_allclose(found, (mass(*jets.sums().T) / total) ** 2, rtol=1e-3)


def test_first_axis_measures_the_width_about_the_jet() -> None:
    jets = random_jets(4)
    axis = Particles(*jets.sums().T, offsets=np.arange(5))
    dy = jets.rapidity - axis.rapidity[jets.event]
    dphi = (jets.phi - axis.phi[jets.event] + np.pi) % (2 * np.pi) - np.pi
    girth = np.bincount(jets.event, jets.pt * np.hypot(dy, dphi)) / np.bincount(jets.event, jets.pt)
    np.testing.assert_allclose(0.8 * features(jets)["tau1"], girth)


def test_soft_drop_takes_what_is_soft_and_wide() -> None:
    hard = [(60.0, 0.2, 3.1), (40.0, -0.2, -3.1)]
    clean, dressed = particles(hard), particles([*hard, (5.0, 0.6, 2.6)])
    assert softdrop_mass(dressed) == pytest.approx(softdrop_mass(clean))
    assert softdrop_mass(clean) == pytest.approx(mass(*clean.sums().T))
    assert softdrop_mass(dressed, z_cut=0.01) == pytest.approx(mass(*dressed.sums().T))
    assert softdrop_mass(particles([(100, 0, 0), (5, 0.5, 0)])) == pytest.approx(0, abs=1e-5)
    assert softdrop_mass(particles([(100, 0, 0)])) == pytest.approx(0, abs=1e-5)


def test_directions_and_scale_do_not_matter() -> None:
    """Turns, boosts along the beam and a common scale leave shapes as they are."""
    jets, factor, boost = random_jets(phi=0.0), 3.0, 0.7
    turn = np.pi - 0.1  # across the end of φ
    px, py = np.cos(turn) * jets.px - np.sin(turn) * jets.py, np.sin(turn) * jets.px
    py = py + np.cos(turn) * jets.py
    pz = np.cosh(boost) * jets.pz + np.sinh(boost) * jets.e
    e = np.cosh(boost) * jets.e + np.sinh(boost) * jets.pz
    moved = Particles(factor * px, factor * py, factor * pz, factor * e, jets.offsets)
    before, after = features(jets), features(moved)
    for name in (*FEATURES, *EXTENDED):
        if name in ("eta", "phi", "energy", "px", "py", "pz"):
            continue
        expected = before[name] * (factor if name in ("pt", "mass", "softdrop_mass") else 1)
        np.testing.assert_allclose(after[name], expected, rtol=1e-6, atol=1e-9, err_msg=name)


def test_names_kinematics_and_order() -> None:
    found, jets = features(random_jets()), random_jets()
    assert tuple(found) == (*FEATURES, *EXTENDED)
    total = np.column_stack([found[c] for c in ("px", "py", "pz", "energy")])
    np.testing.assert_allclose(total, jets.sums())
    assert (found["softdrop_mass"] <= found["mass"] * (1 + 1e-9)).all()
    for suffix in ("", "_b0.5", "_b2"):
        taus = np.array([found[f"tau{n}{suffix}"] for n in range(1, 6)])
        assert (taus > 0).all()
    assert found["n_constituents"].tolist() == [15] * 6


def test_one_and_no_constituent_and_no_jets() -> None:
    one = features(particles([(100, 0.3, 1.0)]))
    assert all(np.isfinite(v).all() for v in one.values())
    assert one["c2"] == one["d2"] == one["tau21"] == 0
    assert one["ptd"] == one["leading_fraction"] == 1
    none = features(Particles(*np.zeros((4, 0)), offsets=np.zeros(1, np.int64)))
    assert {v.shape for v in none.values()} == {(0,)}
