"""Jets and N-subjettiness: conservation, symmetries, closed forms, and FastJet's own numbers."""

import numpy as np
import pytest

from novum.errors import ConfigError, MissingDependencyError
from novum.physics.dijets import SUBJETTINESS, dijet_constituents, dijet_features
from novum.physics.jets import Jets, import_fastjet, leading_jets, to_awkward
from novum.physics.particles import Particles
from novum.physics.substructure import nsubjettiness

fastjet = pytest.importorskip("fastjet")


def sprays(n: int, seed: int, per_jet: int = 12, spread: float = 0.2) -> Particles:
    """Events of two sprays of massless particles, back to back."""
    rng = np.random.default_rng(seed)
    eta = np.repeat(rng.uniform(-1, 1, (n, 2)), per_jet, axis=1)
    phi = rng.uniform(-np.pi, np.pi, (n, 1)) + np.repeat([[0, np.pi]], per_jet, axis=1)
    shape = (n, 2 * per_jet)
    eta, phi = eta + rng.normal(0, spread, shape), phi + rng.normal(0, spread, shape)
    pt = rng.exponential(100, shape)
    offsets = np.arange(n + 1) * 2 * per_jet
    return Particles.from_cylindrical(pt.ravel(), eta.ravel(), phi.ravel(), offsets)


def test_jets_are_the_sum_of_their_constituents_and_sorted() -> None:
    jets = leading_jets(sprays(40, 1), 1.0, k=3)
    total = jets.constituents.sums().reshape(jets.p4.shape)
    np.testing.assert_allclose(total, jets.p4, rtol=1e-9, atol=1e-9)
    assert (np.diff(jets.pt, axis=1) <= 0).all()


def test_constituents_are_particles_of_their_event() -> None:
    particles = sprays(5, 2)
    jets = leading_jets(particles, 1.0)
    for i in range(5):
        own = set(particles.take_events(np.array([i])).e.tolist())
        assert set(jets.constituents.take_events(np.array([2 * i, 2 * i + 1])).e.tolist()) <= own


def test_no_constituent_of_two_clear_sprays_is_lost() -> None:
    jets = leading_jets(sprays(20, 3, spread=0.05), 1.0)
    assert np.diff(jets.constituents.offsets).tolist() == [12] * 40


def test_absent_jets_are_zero() -> None:
    one = Particles.from_cylindrical(*np.array([[50.0], [0.0], [0.0]]), np.array([0, 0, 1]))
    jets = leading_jets(one, 0.4)
    assert jets.pt.ravel().tolist() == pytest.approx([0, 0, 50, 0])
    assert np.diff(jets.constituents.offsets).tolist() == [0, 0, 1, 0]
    assert len(leading_jets(one.take(np.array([], int)), 0.4).p4) == 2


@pytest.mark.parametrize(("radius", "algorithm"), [(0.0, "antikt"), (1.0, "anti-kt")])
def test_what_cannot_be_clustered(radius: float, algorithm: str) -> None:
    with pytest.raises(ConfigError, match=r"radius|there is no 'anti-kt'"):
        leading_jets(sprays(1, 4), radius, algorithm=algorithm)


def test_fastjet_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fastjet", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'novum\[simulate\]'"):
        import_fastjet()


def test_clustering_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    leading_jets(sprays(2, 5), 1.0)
    assert capfd.readouterr().out == ""


# --- N-subjettiness ----------------------------------------------------------------------------


def pair(angle: float, share: float = 0.3) -> Particles:
    """A jet of two massless particles, one event."""
    pt = np.array([share, 1 - share]) * 1000
    return Particles.from_cylindrical(pt, np.zeros(2), np.array([0, angle]), np.array([0, 2]))


def test_one_axis_and_two_particles() -> None:
    z, angle = 0.3, 0.1
    tau = nsubjettiness(pair(angle, z), 3)[0, 0]
    # At small angles the axis divides the distance by the momenta: 2 z (1 - z) ΔR.
    assert tau[0] == pytest.approx(2 * z * (1 - z) * angle, rel=1e-3)
    assert tau[1:].tolist() == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.7, 2.0])
def test_angular_exponent(beta: float) -> None:
    z, angle = 0.5, 0.2
    tau = nsubjettiness(pair(angle, z), 1, (beta,))[0, 0, 0]
    assert tau == pytest.approx((angle / 2) ** beta, rel=1e-3)


def test_equals_fastjet_contrib() -> None:
    jets = leading_jets(sprays(30, 6), 1.0).constituents
    sequence = fastjet.ClusterSequence(
        to_awkward(jets), fastjet.JetDefinition(fastjet.cambridge_algorithm, 1000.0)
    )
    for beta in (0.5, 1.0, 2.0):
        theirs = sequence.njettiness(
            njets=[1, 2, 3, 4],
            axes_definition="KT_Axes",
            measure_definition="NormalizedMeasure",
            beta=beta,
            R0=1.0,
        )
        ours = nsubjettiness(jets, 4, (beta,))[:, 0]
        np.testing.assert_allclose(ours, np.asarray(theirs.to_list()), rtol=1e-7, atol=1e-9)


def test_more_axes_never_make_it_larger_than_one_axis() -> None:
    tau = nsubjettiness(leading_jets(sprays(50, 7), 1.0).constituents, 9, (1.0,))[:, 0]
    assert (tau[:, 1:] <= tau[:, :1] + 1e-12).all()
    assert (tau >= 0).all()


def test_rotations_about_the_beam_and_boosts_along_it_change_nothing() -> None:
    particles = sprays(20, 8)
    jets = leading_jets(particles, 1.0).constituents
    moved = Particles.from_cylindrical(jets.pt, jets.eta + 0.7, jets.phi + 2.5, jets.offsets)
    np.testing.assert_allclose(nsubjettiness(moved, 3), nsubjettiness(jets, 3), rtol=1e-6)


# --- dijets ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dijets() -> Jets:
    return leading_jets(sprays(30, 9), 1.0)


def test_light_and_heavy_jet(dijets: Jets) -> None:
    f = dijet_features(dijets, 1.0)
    np.testing.assert_allclose(f["mj_low"], dijets.mass.min(axis=1))
    np.testing.assert_allclose(f["delta_mj"], np.abs(np.diff(dijets.mass, axis=1))[:, 0])
    heavy = dijets.mass.argmax(axis=1)
    np.testing.assert_allclose(f["pt_high"], dijets.pt[np.arange(30), heavy])
    total = dijets.p4.sum(axis=1)
    squared = total[:, 3] ** 2 - (total[:, :3] ** 2).sum(axis=1)
    np.testing.assert_allclose(f["mjj"], np.sqrt(squared))


def test_all_of_n_subjettiness(dijets: Jets) -> None:
    short, long = dijet_features(dijets, 1.0), dijet_features(dijets, 1.0, subjettiness=True)
    assert set(long) - set(short) == set(SUBJETTINESS)
    assert len(SUBJETTINESS) == 54
    for jet in ("low", "high"):
        np.testing.assert_allclose(
            long[f"tau21_{jet}"], long[f"tau2_{jet}"] / long[f"tau1_{jet}"], rtol=1e-9
        )
        np.testing.assert_allclose(short[f"tau32_{jet}"], long[f"tau32_{jet}"])
        assert (long[f"tau1_b2_{jet}"] < long[f"tau1_b0.5_{jet}"]).all()  # distances below 1


def test_constituents_are_sorted_and_padded(dijets: Jets) -> None:
    clouds = dijet_constituents(dijets, 20)
    f = dijet_features(dijets, 1.0)
    for jet in ("low", "high"):
        values = clouds[f"jet_{jet}"]
        assert values.shape == (30, 20, 3)
        assert (np.diff(values[..., 0], axis=1) <= 0).all()
        assert ((values[..., 0] > 0).sum(axis=1) == f[f"n_constituents_{jet}"]).all()
        px = (values[..., 0] * np.cos(values[..., 2])).sum(axis=1)
        np.testing.assert_allclose(px, f[f"pt_{jet}"] * np.cos(f[f"phi_{jet}"]), rtol=1e-6)
    few = dijet_constituents(dijets, 3)["jet_low"]
    np.testing.assert_allclose(few, clouds["jet_low"][:, :3])
