"""Autoencoders of jets as particles: distances in closed form, invariances, physics."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from novum.errors import ConfigError, InputError
from novum.evaluation import auc
from novum.events import Cloud, Events
from novum.nn.particles import (
    DIRECTIONS,
    chamfer,
    masked_absolute,
    masked_square,
    recurrent_autoencoder,
    sliced_transport,
)
from novum.outlier import CloudAutoencoder, RecurrentAutoencoder
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages
from novum.search import OutlierModel, fit_outlier, scan_latent

PLACE = 0.3  # of a prong [rad]


def rows(n=20, particles=6, seed=0, absent=2):
    """Particles of random pT and place, of which the last are absent."""
    rng = np.random.default_rng(seed)
    x = np.concatenate(
        [rng.exponential(1, (n, particles, 1)), rng.standard_normal((n, particles, 2))], axis=2
    )
    x[:, particles - absent :] = 0
    return torch.from_numpy(x.reshape(n, -1))


def jets(n, prongs, seed):
    """Constituents (n, 12, 3) of jets of one to three prongs of equal pT, at random angles."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, (n, 1)) + 2 * np.pi * (np.arange(12) % prongs) / prongs
    radius = PLACE if prongs > 1 else 0.0
    place = radius * np.stack([np.cos(angle), np.sin(angle)], axis=2)
    place = place + 0.03 * rng.standard_normal((n, 12, 2))
    pt = 20 + 60 * rng.dirichlet(np.ones(12), n)
    return np.concatenate([pt[..., None], place + np.array([0.5, 1.0])], axis=2)


def events(constituents, fields=("pt", "eta", "phi")):
    n = len(constituents)
    return Events(np.arange(n), {}, np.ones(n), clouds={"jet": Cloud(constituents, fields)})


def test_transport_is_the_area_between_cumulative_distributions_of_each_projection():
    x, y = rows(seed=1), rows(seed=2, absent=1)
    found = sliced_transport(x, y).numpy()
    for i in range(len(x)):
        a, b = x[i].reshape(-1, 3).numpy(), y[i].reshape(-1, 3).numpy()
        each = []
        for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
            axis = [np.cos(angle), np.sin(angle)]
            each.append(wasserstein_distance(a[:, 1:] @ axis, b[:, 1:] @ axis, a[:, 0], b[:, 0]))
        np.testing.assert_allclose(found[i], np.pi / 2 * np.mean(each), rtol=1e-6)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 7))
def test_a_jet_that_is_moved_is_as_far_away_as_it_was_moved(angle):
    x = rows(absent=0)
    moved = x.reshape(20, -1, 3) + torch.tensor([0.0, 0.4 * np.cos(angle), 0.4 * np.sin(angle)])
    found = sliced_transport(x, moved.flatten(1))
    np.testing.assert_allclose(found, 0.4, rtol=0.015)


def test_transport_follows_the_energy_movers_distance():
    x, y = rows(12, 4, seed=3, absent=0), rows(12, 4, seed=4, absent=0)
    exact = [_energy_mover(a, b) for a, b in zip(x.numpy(), y.numpy(), strict=True)]
    ratio = sliced_transport(x, y).numpy() / exact
    # A projection is a contraction: slices never exceed the whole by more than their π/2.
    assert (ratio < np.pi / 2).all()
    assert np.corrcoef(sliced_transport(x, y), exact)[0, 1] > 0.95


def _energy_mover(a, b):
    """By linear programming, total pT one."""
    a, b = a.reshape(-1, 3), b.reshape(-1, 3)
    n, m = len(a), len(b)
    cost = np.linalg.norm(a[:, None, 1:] - b[None, :, 1:], axis=2)
    sums = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    shares = np.r_[a[:, 0] / a[:, 0].sum(), b[:, 0] / b[:, 0].sum()]
    return linprog(cost.ravel(), A_eq=sums, b_eq=shares).fun


def test_collinear_splitting_and_soft_emission_change_no_transport():
    x, y = rows(absent=0), rows(seed=5, absent=0)
    split = x.reshape(20, -1, 3).repeat(1, 2, 1)
    split[:, :6, 0] *= 0.3
    split[:, 6:, 0] *= 0.7
    torch.testing.assert_close(sliced_transport(split.flatten(1), y), sliced_transport(x, y))
    soft = torch.cat([x, torch.tensor([1e-6, 5.0, 5.0]).double().expand(20, 3)], dim=1)
    torch.testing.assert_close(
        sliced_transport(soft, y), sliced_transport(x, y), atol=1e-4, rtol=1e-4
    )


def test_chamfer_is_the_weighted_distance_to_the_nearest():
    x, y = rows(seed=6), rows(seed=7, absent=1)
    expected = []
    for a, b in zip(x.numpy().reshape(20, -1, 3), y.numpy().reshape(20, -1, 3), strict=True):
        a, b = a[a[:, 0] > 0], b[b[:, 0] > 0]
        square = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        there = np.average(square.min(axis=1), weights=a[:, 0])
        expected.append(there + np.average(square.min(axis=0), weights=b[:, 0]))
    np.testing.assert_allclose(chamfer(x, y), expected, rtol=1e-6)


@pytest.mark.parametrize("distance", [sliced_transport, chamfer])
def test_distances_are_symmetric_know_no_order_and_vanish_for_equal_jets(distance):
    x, y = rows(seed=8), rows(seed=9, absent=0)
    order = np.random.default_rng(0).permutation(6)
    other = x.reshape(20, -1, 3)[:, order].flatten(1)
    torch.testing.assert_close(distance(other, y), distance(x, y))
    torch.testing.assert_close(distance(y, x), distance(x, y))
    same = other.clone().requires_grad_()
    loss = distance(x, same)
    torch.testing.assert_close(loss, torch.zeros(20).double(), atol=1e-9, rtol=0)
    loss.sum().backward()
    assert torch.isfinite(same.grad).all()


def test_gradients_of_transport_are_those_of_finite_differences():
    y = rows(3, seed=10, absent=0).requires_grad_()
    assert torch.autograd.gradcheck(lambda other: sliced_transport(rows(3, seed=11), other), y)


def test_residuals_of_absent_particles_do_not_count():
    x, y = rows(absent=2), rows(seed=12, absent=0)
    square = (x - y).reshape(20, 6, 3)[:, :4].square().mean(dim=(1, 2))
    torch.testing.assert_close(masked_square(x, y), square)
    absolute = (x - y).reshape(20, 6, 3)[:, :4].abs().mean(dim=(1, 2))
    torch.testing.assert_close(masked_absolute(x, y), absolute)


def cloud_rows(n, prongs, seed, particles=12):
    return JetClouds(particles)(jets(n, prongs, seed)).reshape(n, -1)


@pytest.mark.parametrize("distance", ["transport", "chamfer"])
def test_three_prongs_are_odd_among_two_and_order_does_not_matter(distance):
    detector = CloudAutoencoder(
        2, hidden=(16, 16), distance=distance, score_by=distance, random_state=1
    )
    detector.fit(cloud_rows(800, 2, 1))
    held, odd = cloud_rows(400, 2, 2), cloud_rows(400, 3, 3)
    score = detector.anomaly_score(held)
    assert auc(score, detector.anomaly_score(odd)) > 0.9
    # Of two halves of the background neither is odd: 3 σ of an AUC of 200 against 200.
    assert abs(auc(score[:200], score[200:]) - 0.5) < 3 * np.sqrt(401 / 12 / 200**2)
    order = np.random.default_rng(4).permutation(12)
    turned = held.reshape(400, 12, 3)[:, order].reshape(400, -1)
    np.testing.assert_allclose(detector.anomaly_score(turned), score, rtol=1e-4)


def test_sequences_of_three_prongs_are_odd_among_two():
    detector = RecurrentAutoencoder(2, hidden=(16, 8), epochs=10, batch_size=64, random_state=1)
    detector.fit(cloud_rows(800, 2, 1))
    held, odd = (detector.anomaly_score(cloud_rows(400, k, 4)) for k in (2, 3))
    # Which prong a particle belongs to is drawn anew: two numbers do not hold twelve draws.
    assert auc(held, odd) > 0.7


def test_a_sequence_ends_with_its_last_particle():
    network = recurrent_autoencoder(6, (8, 5), 2)
    x = rows(absent=2).float()
    with torch.no_grad():
        whole, cut = network.encode(x), network.encode(x[:, :12])
        swapped = network.encode(x.reshape(20, 6, 3)[:, [1, 0, 2, 3, 4, 5]].flatten(1))
    torch.testing.assert_close(whole, cut)
    assert not torch.allclose(whole, swapped, atol=1e-4)


@pytest.mark.parametrize("method", ["cloud-autoencoder", "recurrent-autoencoder"])
def test_jets_that_are_moved_turned_or_mirrored_have_the_same_score(method, tmp_path):
    x = jets(300, 2, 5)
    x[0, 3:] = 0
    made = fit_outlier(events(x), method, options={"epochs": 1, "latent": 2})
    assert made.inputs.representation == JetClouds()
    assert made.detector.n_features_in_ == 120
    score = made.anomaly_score(events(x))
    for angle, side in ((0.7, 1), (2.0, -1)):
        a, b = x[..., 1], side * x[..., 2]
        other = x.copy()
        other[..., 0] *= 3
        other[..., 1] = np.cos(angle) * a - np.sin(angle) * b + 0.3
        other[..., 2] = (np.sin(angle) * a + np.cos(angle) * b + 3.0 + np.pi) % (2 * np.pi) - np.pi
        other = np.where(x[..., :1] > 0, other, 0)
        np.testing.assert_allclose(made.anomaly_score(events(other)), score, rtol=1e-3)
    made.save(tmp_path / "m")
    again = OutlierModel.load(tmp_path / "m")
    np.testing.assert_array_equal(again.anomaly_score(events(x)), score)


@pytest.mark.parametrize(
    ("value", "message"),
    [(0.0, "the jet in row 7 .* has no constituent"), (np.nan, "not all values are finite")],
)
def test_bad_jets_are_refused_by_name(value, message):
    x = jets(50, 2, 6)
    made = fit_outlier(events(x), "cloud-autoencoder", options={"epochs": 1})
    x[7] = value
    with pytest.raises(InputError, match=rf"column 'jet': {message}"):
        made.anomaly_score(events(x))


def test_fewer_jets_than_latent_variables_and_other_kinds_of_input_are_refused():
    with pytest.raises(InputError, match="a latent space of 6 needs at least 7 events, got 5"):
        CloudAutoencoder().fit(cloud_rows(5, 2, 1))
    source, turned = (
        events(jets(40, 2, 1), fields) for fields in (("pt", "eta", "phi"), ("pt", "phi", "eta"))
    )
    made = fit_outlier(source, "recurrent-autoencoder", options={"epochs": 1})
    with pytest.raises(InputError, match="the model was trained on"):
        made.anomaly_score(turned)
    with pytest.raises(ConfigError, match="cloud-autoencoder is made for clouds of jets and cann"):
        fit_outlier(source, "cloud-autoencoder", representation=JetImages())


def test_sizes_of_the_latent_space_are_compared_by_the_first_score():
    source = events(jets(100, 2, 1))
    found = scan_latent(source, "cloud-autoencoder", latent=(1, 2), seeds=1, options={"epochs": 1})
    first = fit_outlier(source, "cloud-autoencoder", options={"epochs": 1, "latent": 1})
    assert found.points[0].residual == (first.held_out["transport"].mean(),)
