"""`minimise`: one network by autograd, the best epochs kept, the caller's generators untouched."""

import numpy as np
import pytest
import torch

from novum.errors import ConfigError, FitError
from novum.training import Rows, TrainingConfig, minimise, seeded_network, split_rows

CONFIG = TrainingConfig(epochs=5, batch_size=32, learning_rate=0.02, best_epochs=2)


def line(n: int = 400, seed: int = 0) -> tuple[torch.Tensor, Rows]:
    """y = 3 x + 1 with noise; columns x, y, weight."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    columns = [x, 3 * x + 1 + 0.1 * rng.normal(size=n), np.ones(n)]
    table = torch.from_numpy(np.column_stack(columns).astype(np.float32))
    return table, split_rows(np.zeros(n, np.int8), 0.25, seed)


def fitted(table, rows, config=CONFIG, noise=0.0, **options):
    net = seeded_network(lambda: torch.nn.Linear(1, 1), rows.seed)

    def loss(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        drawn = torch.randn(len(batch), generator=generator, device=batch.device)
        return (net(batch[:, :1])[:, 0] - batch[:, 1] - noise * drawn).square()

    return minimise(net, table, rows, config, loss, **options)


@pytest.mark.parametrize("one_cycle", [True, False])
def test_it_finds_the_least_squares(one_cycle):
    config = TrainingConfig(epochs=60, batch_size=32, learning_rate=0.05, best_epochs=1)
    trained = fitted(*line(), config, one_cycle=one_cycle)
    slope, offset = (p[0, 0].item() for p in trained.parameters)
    assert slope == pytest.approx(3, abs=0.05)  # its standard error is 0.006
    assert offset == pytest.approx(1, abs=0.05)


def test_a_constant_rate_is_plain_adam():
    table, rows = line()
    trained = fitted(table, rows, one_cycle=False)
    net = seeded_network(lambda: torch.nn.Linear(1, 1), rows.seed)
    adam, found = torch.optim.Adam(net.parameters(), lr=CONFIG.learning_rate), []
    held = table[torch.from_numpy(rows.validation)]
    for epoch in range(CONFIG.epochs):
        order = rows.order(epoch)
        for at in range(0, len(order) - CONFIG.batch_size + 1, CONFIG.batch_size):
            batch = table[torch.from_numpy(order[at : at + CONFIG.batch_size])]
            adam.zero_grad()
            (net(batch[:, :1])[:, 0] - batch[:, 1]).square().mean().backward()
            adam.step()
        with torch.no_grad():
            found.append(float((net(held[:, :1])[:, 0] - held[:, 1]).square().mean()))
    best = sorted(found)[: CONFIG.best_epochs]
    np.testing.assert_allclose(sorted(trained.loss[0]), best, rtol=1e-4)


def test_losses_are_those_of_the_weights_that_are_kept():
    table, rows = line()
    trained = fitted(table, rows)
    held = table[torch.from_numpy(rows.validation)].numpy()
    assert trained.epochs.tolist() == [CONFIG.epochs]
    for k in range(CONFIG.best_epochs):
        slope, offset = (p[0, k].item() for p in trained.parameters)
        loss = np.mean((slope * held[:, 0] + offset - held[:, 1]) ** 2)
        assert trained.loss[0, k] == pytest.approx(loss, rel=1e-4)


def test_the_seed_decides_and_nothing_else_is_moved():
    table, rows = line()
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    first, again = fitted(table, rows, noise=1.0), fitted(table, rows, noise=1.0)
    for a, b in zip(first.parameters, again.parameters, strict=True):
        np.testing.assert_array_equal(a, b)
    other = fitted(table, Rows(rows.training, rows.validation, rows.seed + 1), noise=1.0)
    assert not np.array_equal(other.parameters[0], first.parameters[0])
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_rows_of_no_weight_do_not_pull():
    table, rows = line()
    spoilt = table.clone()
    spoilt[::3, 1], spoilt[::3, 2] = 1e3, 0.0
    slope, offset = (
        p[0, 0].item()
        for p in fitted(
            spoilt,
            rows,
            TrainingConfig(epochs=60, batch_size=32, learning_rate=0.05, best_epochs=1),
        ).parameters
    )
    assert (slope, offset) == (pytest.approx(3, abs=0.05), pytest.approx(1, abs=0.05))


def test_patience_and_clipping_reach_the_training():
    table, rows = line()
    still = TrainingConfig(epochs=50, learning_rate=1e-30, patience=3)
    assert fitted(table, rows, still).epochs.tolist() == [4]
    clipped = TrainingConfig(
        epochs=1, batch_size=300, learning_rate=0.02, best_epochs=1, max_grad_norm=1e-12
    )
    # Adam's step is its rate whatever the gradient's length, until that is below its epsilon.
    moved = fitted(table, rows, clipped, one_cycle=False).parameters[0][0, 0].item()
    began = seeded_network(lambda: torch.nn.Linear(1, 1), rows.seed).weight.item()
    assert abs(moved - began) < 1e-4


def test_fewer_rows_than_a_batch_are_one_batch():
    table, rows = line(20)
    assert fitted(table, rows).epochs.tolist() == [CONFIG.epochs]


def test_what_cannot_be_is_named():
    table, rows = line()
    with pytest.raises(ConfigError, match="batch_schedule"):
        fitted(table, rows, TrainingConfig(batch_schedule=((3, 64),)))
    with pytest.raises(ConfigError, match="epochs"):
        fitted(table, rows, TrainingConfig(epochs=0))
    table[:, 1] = torch.inf
    with pytest.raises(FitError, match="diverged"):
        fitted(table, rows)
