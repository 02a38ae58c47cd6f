"""The Wasserstein distance is exact, and training by it brings samples nearer to the data."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from novum.errors import ConfigError
from novum.nn import dense_autoencoder, squared_wasserstein
from novum.outlier import WassersteinNormalisedAutoencoder
from novum.outlier.normalised import DivergenceWarning
from novum.training import Rows, TrainingConfig, minimise, seeded_network
from novum.training.energy import Transport, normalise
from novum.training.langevin import Chain, NegativeSampler, Sampling, langevin


def sample(n, d, seed, scale=1.0):
    return scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_the_distance_of_a_shifted_sample_is_the_shift():
    x, shift = sample(200, 5, seed=0), torch.tensor([1.0, -2, 0, 0.5, 3])
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    # The best pairing of points with their own copies, moved, is that of each with its copy.
    assert squared_wasserstein(x, x[order] + shift) == pytest.approx(float(shift @ shift), rel=1e-5)
    assert squared_wasserstein(x, x[order]) == pytest.approx(0, abs=1e-10)


def test_the_distance_of_normal_samples_is_near_the_closed_form():
    # Of normal distributions: shift² + (difference of the standard deviations)², an axis each.
    x, y = sample(1000, 1, seed=0), 2 + sample(1000, 1, seed=1, scale=3)
    found = squared_wasserstein(x, y)
    assert found == pytest.approx(4 + 4, abs=1.5)  # 4 standard deviations of 1000 events
    ordered = (x.sort(dim=0)[0] - y.sort(dim=0)[0]).square().mean()
    assert found == pytest.approx(float(ordered), rel=1e-5)


def test_the_gradient_pulls_each_point_to_its_partner():
    x, y = sample(50, 3, seed=0).requires_grad_(), sample(50, 3, seed=1)
    squared_wasserstein(x, y).backward()
    step = 1e-3
    nudged = x.detach().clone()
    nudged[7, 1] += step
    with torch.no_grad():
        change = squared_wasserstein(nudged.double(), y.double()) - squared_wasserstein(
            x.double(), y.double()
        )
    assert x.grad is not None
    assert float(x.grad[7, 1]) == pytest.approx(float(change) / step, abs=1e-3)
    assert torch.isnan(squared_wasserstein(x * float("inf"), y))


def test_gradients_go_through_the_steps_of_a_chain():
    stiffness = torch.tensor(0.3, requires_grad=True)

    def energy(x):
        return 0.5 * stiffness * x.square().sum(dim=1)

    start = torch.tensor([[2.0, -1.0]])
    generator = torch.Generator().manual_seed(0)
    chain = Chain(4, 0.5, 0.0, clip=None)
    end = langevin(chain, start, energy, lambda x: x, generator, through=True)
    end[0, 0].backward()
    # x (1 - λk)⁴ by k.
    assert stiffness.grad == pytest.approx(-2 * 4 * 0.5 * (1 - 0.15) ** 3)
    assert not langevin(chain, start, energy, lambda x: x, generator).requires_grad


def ring(n, seed):
    """A ring in the first two of six features, normal noise in the others."""
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, n), rng.normal(1.4, 0.1, n)
    noise = rng.normal(0, 0.7, (n, 4))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), noise])


SAMPLING = Sampling(Chain(5, 0.1, 0.1, metropolis=True), Chain(10, 0.6, 0.2, clip=1.0))


def distance(model):
    """Between fresh events and fresh chains."""
    sampler = NegativeSampler(model, 3, SAMPLING, torch.Generator().manual_seed(5))
    for _ in range(3):
        sampler.draw(500)
    fresh = torch.from_numpy(ring(500, seed=9)).float()
    return float(squared_wasserstein(fresh, sampler.draw(500)))


def test_the_training_brings_samples_nearer_to_a_ring():
    model = seeded_network(lambda: dense_autoencoder(6, (32, 32), 3, sphere=True), 1)
    table = torch.from_numpy(np.column_stack([ring(800, seed=0), np.ones(800)])).float()
    rows = Rows(np.arange(600), np.arange(600, 800), 3)
    config = TrainingConfig(epochs=20, batch_size=100, learning_rate=3e-3)
    minimise(model, table, rows, config, lambda x, _: model.energy(x), one_cycle=False)
    before = distance(model)
    config = replace(config, epochs=3)
    found = normalise(model, 3, table, rows, config, SAMPLING, loss=Transport(), nearest=True)
    assert not found.diverged
    assert found.distance.shape == (4,)
    # 0.45 was measured; two samples of 500 events are 0.39 apart in the same units.
    assert distance(model) < 0.7 * before


def test_samples_are_held_against_events_drawn_by_their_weights():
    x = np.concatenate([ring(600, seed=0), ring(600, seed=1) + 6])
    w = np.repeat([1.0, 1e-6], 600)
    detector = WassersteinNormalisedAutoencoder(
        2, hidden=(16,), epochs=5, normalising_epochs=3, normalising_batch_size=100, random_state=1
    ).fit(x, sample_weight=w)
    assert len(detector.distances_[0]) == 4
    # Some 6 / 0.7 standard deviations in six features: the second ring, at equal weights half of
    # the events, would add over a hundred.
    assert detector.distances_[0].max() < 10
    inside, outside = (detector.anomaly_score(x[i : i + 600]).mean() for i in (0, 600))
    assert outside > 10 * inside


def test_a_training_that_runs_away_is_stopped_with_the_best_state():
    with pytest.warns(DivergenceWarning, match="the state before is kept"):
        detector = WassersteinNormalisedAutoencoder(
            2, hidden=(16,), epochs=2, normalising_epochs=9, normalising_learning_rate=100.0
        ).fit(ring(600, seed=0))
    assert np.isfinite(detector.anomaly_score(np.ones((3, 6)))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"steps": 0}, "steps: must be at least 1"), ({"step_size": 0.0}, "step_size: must be pos")],
)
def test_senseless_settings_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        WassersteinNormalisedAutoencoder(**options).check_ready()
