"""Langevin chains sample what they claim; the training of energies stops when they run away."""

import numpy as np
import pytest
import torch
from scipy import stats

from novum.errors import ConfigError
from novum.nn import dense_autoencoder
from novum.nn.frozen import FrozenAutoencoder
from novum.outlier import NormalisedAutoencoder
from novum.outlier.normalised import DivergenceWarning
from novum.training import Rows, TrainingConfig, seeded_network
from novum.training.energy import Contrast, normalise
from novum.training.langevin import Chain, NegativeSampler, Sampling, langevin


def parabola(x):
    return 0.5 * x.square().sum(dim=1)


def run(chain, n=4000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    start = torch.zeros(n, 2)
    return langevin(chain, start, parabola, lambda x: x, generator).numpy()


@pytest.mark.parametrize("step_size", [0.05, 0.8])
def test_metropolis_chains_have_the_temperature_of_their_noise(step_size):
    noise = np.sqrt(2 * step_size * 0.3)  # T = 0.3
    x = run(Chain(int(12 / step_size), step_size, noise, clip=None, metropolis=True))
    # Independent chains; a false alarm once in a thousand.
    assert stats.kstest(x[:, 0] / np.sqrt(0.3), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(x.T)[0, 1]) < 3.3 / np.sqrt(len(x))


def test_without_metropolis_large_steps_are_too_hot():
    # x <- (1 - λ) x + σ ε has variance σ² / (1 - (1 - λ)²), T / (1 - λ/2) with T = σ²/2λ.
    step_size = 0.8
    x = run(Chain(60, step_size, np.sqrt(2 * step_size * 0.3), clip=None))
    assert x.var() == pytest.approx(0.3 / (1 - step_size / 2), rel=0.06)


def test_without_noise_chains_go_downhill():
    generator = torch.Generator().manual_seed(0)
    start = torch.tensor([[1.0, -2.0]])
    end = langevin(Chain(10, 0.1, 0.0, clip=None), start, parabola, lambda x: x, generator)
    np.testing.assert_allclose(end, 0.9**10 * start, rtol=1e-5)
    clipped = langevin(Chain(10, 0.1, 0.0, clip=0.5), start, parabola, lambda x: x, generator)
    np.testing.assert_allclose(clipped, start - 10 * 0.1 * 0.5 * start.sign(), rtol=1e-5)


def sampler(buffer=100, replay=1.0):
    model = seeded_network(lambda: dense_autoencoder(4, (8,), 3, sphere=True), 1)
    sampling = Sampling(Chain(2, 0.1, 0.01), Chain(2, 0.1, 0.01), buffer, replay, low=0.0)
    return NegativeSampler(model, 3, sampling, torch.Generator().manual_seed(0))


def test_the_buffer_holds_the_last_ends_on_the_sphere():
    chains = sampler()
    for n in (60, 60, 60):
        assert (chains.draw(n) >= 0).all()
    assert chains.held.shape == (100, 3)
    np.testing.assert_allclose(chains.held.norm(dim=1), 1, rtol=1e-5)
    assert chains.at == 80


def test_written_out_gradients_lead_chains_where_autograd_does(monkeypatch):
    own = sampler().draw(50)
    monkeypatch.setattr(FrozenAutoencoder, "of", lambda model: None)
    torch.testing.assert_close(sampler().draw(50), own, atol=1e-5, rtol=1e-5)


def table(n=600):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.3, (n, 4)) + np.array([1.0, 1, 1, 1])
    return torch.tensor(np.column_stack([x, np.ones(n)]), dtype=torch.float32)


def network():
    return seeded_network(lambda: dense_autoencoder(4, (16,), 2, sphere=True), 2)


SAMPLING = Sampling(Chain(5, 1.0, 0.1), Chain(5, 0.5, 0.01))


def trained(learning_rate, epochs=4, penalty=0.0):
    model = network()
    rows = Rows(np.arange(500), np.arange(500, 600), 3)
    config = TrainingConfig(epochs=epochs, batch_size=50, learning_rate=learning_rate)
    return model, normalise(model, 2, table(), rows, config, SAMPLING, loss=Contrast(penalty))


def test_the_gap_between_data_and_samples_closes():
    model, found = trained(3e-3, epochs=15, penalty=0.1)
    assert not found.diverged
    assert found.positive.shape == found.negative.shape == (15,)
    assert found.positive[-1] < found.positive[0]
    far = torch.full((1, 4), 6.0)
    assert model.energy(far) > 3 * found.positive[-1]


def test_the_network_whose_samples_are_nearest_is_kept_and_patience_ends_the_training(monkeypatch):
    seen, distances = [], iter([9.0, 3.0, 5.0, 4.0, 6.0])

    def measured(sampler, table, rows):
        seen.append([p.detach().clone() for p in sampler.model.parameters()])
        return next(distances)

    monkeypatch.setattr("novum.training.energy._distance", measured)
    model, rows = network(), Rows(np.arange(500), np.arange(500, 600), 3)
    config = TrainingConfig(epochs=9, batch_size=50, learning_rate=1e-3, patience=3)
    found = normalise(model, 2, table(), rows, config, SAMPLING, nearest=True)
    assert found.distance.tolist() == [9.0, 3.0, 5.0, 4.0, 6.0]
    assert len(found.positive) == 4
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), seen[1], strict=True))


def test_rounds_are_parts_of_long_epochs(monkeypatch):
    monkeypatch.setattr("novum.training.energy._ROUND", 4)
    _, found = trained(1e-3, epochs=2)
    assert len(found.positive) == 2 * 3  # ten steps each


def test_energies_that_run_away_stop_the_training_with_the_last_good_state():
    # Steps of 100 in every weight: no order of rounding makes this a training.
    model, found = trained(100.0, epochs=10)
    assert found.diverged
    assert len(found.positive) < 10
    assert all(torch.isfinite(p).all() for p in model.parameters())
    with pytest.warns(DivergenceWarning, match="the state before is kept"):
        made = NormalisedAutoencoder(
            2, hidden=(16,), epochs=1, normalising_epochs=9, normalising_learning_rate=100.0
        ).fit(table()[:, :4].numpy())
    assert np.isfinite(made.anomaly_score(np.ones((3, 4)))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 1}, "latent: must be at least 2"),
        ({"network": "graph"}, "network: must be dense or conv"),
        ({"replay": 1.5}, "replay: must be between 0 and 1"),
        ({"step_size": 0.0}, "step_size: must be positive"),
        ({"penalty": -1.0}, "penalty: must be at least 0"),
    ],
)
def test_senseless_settings_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        NormalisedAutoencoder(**options).check_ready()
    with pytest.raises(ConfigError, match="buffer must be at least 1"):
        Sampling(Chain(1, 0.1, 0.1), Chain(1, 0.1, 0.1), buffer=0).validated()
    with pytest.raises(ConfigError, match="latent chain: needs"):
        Sampling(Chain(-1, 0.1, 0.1), Chain(1, 0.1, 0.1)).validated()
