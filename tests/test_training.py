"""The training loop: every model has its own clock, whatever trains beside it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from novum.errors import ConfigError, FileFormatError, FitError
from novum.nn import BinaryCrossEntropy, EnsembleMLP
from novum.training import Rows, TrainingConfig, split_rows, train
from novum.training.rows import Batches
from novum.training.snapshots import Snapshots

QUICK = TrainingConfig(epochs=6, batch_size=32, best_epochs=3)


def table(n: int = 600, seed: int = 0, shift: float = 1.5) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 2))
    X[:, 0] += shift * y
    return torch.from_numpy(np.column_stack([X, y, np.ones(n)]).astype(np.float32))


def rows_of(sizes: list[int], first: int = 0) -> list[Rows]:
    return [split_rows(np.arange(n) % 2, 0.25, seed=i, first=first) for i, n in enumerate(sizes)]


def network(n: int, seed: int = 0) -> EnsembleMLP:
    return EnsembleMLP.seeded(2, (8, 8), range(seed, seed + n))


def by_adam(data: torch.Tensor, rows: Rows, seed: int, epochs: int) -> list[np.ndarray]:
    """The same training by autograd and an optimiser of its own; weights after each epoch."""
    net = network(1, seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=QUICK.learning_rate)
    after = []
    for epoch in range(epochs):
        order = np.random.default_rng([rows.seed, epoch]).permutation(rows.training)
        for i in range(len(order) // QUICK.batch_size):
            chosen = order[i * QUICK.batch_size : (i + 1) * QUICK.batch_size]
            x, y, w = data[chosen, :-2], data[chosen, -2], data[chosen, -1]
            optimiser.zero_grad()
            (
                BinaryCrossEntropy().loss(net(x[None]), y[None], w[None]).sum() / len(chosen)
            ).backward()
            optimiser.step()
        after.append(net.linear[0].weight.detach().numpy().copy()[0])
    return after


def test_it_is_the_plain_loop_done_side_by_side():
    data, rows = table(), rows_of([600, 400])
    config = TrainingConfig(epochs=3, batch_size=32, best_epochs=3)
    found = train(network(2), data, rows, config)
    for model in range(2):
        kept = sorted(found.parameters[0][model], key=lambda w: w.sum())
        plain = sorted(by_adam(data, rows[model], model, 3), key=lambda w: w.sum())
        np.testing.assert_allclose(kept, plain, atol=2e-5)
    assert found.epochs.tolist() == [3, 3]


@settings(max_examples=20)
@given(st.lists(st.sampled_from([8, 40, 333, 600]), min_size=2, max_size=4), st.integers(0, 3))
def test_a_model_does_not_depend_on_those_beside_it(sizes, patience):
    data, rows = table(), rows_of(sizes)
    config = TrainingConfig(epochs=5, batch_size=32, best_epochs=2, patience=patience or None)
    together = train(network(len(sizes)), data, rows, config)
    for i in range(len(sizes)):
        alone = train(network(1, i), data, [rows[i]], config)
        np.testing.assert_allclose(together.loss[i], alone.loss[0], atol=1e-5)
        assert together.epochs[i] == alone.epochs[0]
        for a, b in zip(together.parameters, alone.parameters, strict=True):
            np.testing.assert_allclose(a[i], b[0], atol=1e-5)


def test_the_network_that_was_given_is_left_alone():
    net = network(2)
    before = [p.detach().clone() for p in net.parameters()]
    train(net, table(), rows_of([600, 600]), QUICK)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_losses_are_those_of_the_weights_that_are_kept():
    data, rows = table(), rows_of([600, 500])
    found = train(network(2), data, rows, QUICK)
    net = network(2)
    for k in range(QUICK.best_epochs):
        for p, kept in zip(net.parameters(), found.parameters, strict=True):
            p.data = torch.from_numpy(kept[:, k].copy())
        for model, r in enumerate(rows):
            block = data[r.validation]
            logits = net(block[None, :, :-2].expand(2, -1, -1))[model]
            loss = BinaryCrossEntropy().loss(logits[None], block[None, :, -2], block[None, :, -1])
            mean = loss.item() / block[:, -1].sum().item()
            assert found.loss[model, k] == pytest.approx(mean, abs=1e-6)


def test_rows_of_weight_two_pull_twice_as_hard():
    data = table(64)
    heavy, twice = data.clone(), torch.cat([data, data[::2]])
    heavy[::2, -1] = 2
    one = [Rows(np.arange(64), np.arange(64), 0)]
    config = TrainingConfig(epochs=40, batch_size=64, best_epochs=1)
    a = train(network(1), heavy, one, config)
    two = [Rows(np.arange(96), np.arange(96), 0)]
    b = train(network(1), twice, two, TrainingConfig(epochs=40, batch_size=96, best_epochs=1))
    assert a.loss[0, 0] == pytest.approx(b.loss[0, 0], abs=1e-4)


# --- clocks


def test_every_epoch_passes_each_row_at_most_once_in_its_own_order():
    rows = rows_of([600, 130, 20])
    batches = Batches(rows, 32, blank=600, device=torch.device("cpu"))
    assert [batches.steps(i) for i in range(3)] == [14, 3, 1]
    for i in range(3):
        batches.begin_epoch(i, 0, step=5)
    drawn = torch.stack([batches.at(5 + k).view(3, 32) for k in range(14)])
    for i, n in enumerate([14, 3, 1]):
        own = drawn[:n, i].flatten().numpy()
        true = own[own < 600]
        assert len(np.unique(true)) == len(true) == min(n * 32, len(rows[i].training))
        assert set(true) <= set(rows[i].training)
    assert (drawn[0, 2] == 600).sum() == 32 - len(rows[2].training), "blank rows fill a batch"
    assert not np.array_equal(rows[0].order(0), rows[0].order(1))


def test_patience_stops_a_model_and_leaves_the_others():
    data = table(800)
    data[:400, -2] = torch.from_numpy(np.random.default_rng(0).integers(0, 2, 400)).float()
    hopeless = split_rows(data[:400, -2].numpy().astype(np.int8), 0.25, 0)
    easy = split_rows(np.arange(400) % 2, 0.25, 1, first=400)
    config = TrainingConfig(epochs=40, batch_size=16, learning_rate=1e-3, best_epochs=2, patience=2)
    found = train(network(2), data, [hopeless, easy], config)
    assert found.epochs[0] < 40
    assert found.epochs[0] != found.epochs[1]
    assert (found.loss[0] > 0.6).all()
    assert (found.loss[1] < 0.6).all()


def test_snapshots_keep_the_best_and_patience_counts_from_the_best_of_all():
    snapshots = Snapshots([torch.Size([1])], 1, best=2)
    for epoch, loss in enumerate([3.0, 1.0, 2.0, float("nan"), 2.5]):
        snapshots.offer(0, [torch.tensor([float(epoch)])], loss)
    assert sorted(snapshots.loss[0]) == [1.0, 2.0]
    assert sorted(snapshots.parameters[0][0, :, 0].tolist()) == [1.0, 2.0]
    assert not snapshots.is_done(0, epochs=9, patience=4)
    assert snapshots.is_done(0, epochs=9, patience=3)
    assert snapshots.is_done(0, epochs=5, patience=None)


def test_fewer_epochs_than_are_kept_leave_infinite_losses():
    found = train(network(1), table(), rows_of([600]), TrainingConfig(epochs=2, best_epochs=4))
    assert np.isfinite(found.loss[0]).sum() == 2


@given(st.integers(2, 40), st.integers(2, 40), st.floats(0.01, 0.99))
def test_a_split_keeps_every_row_once_and_every_class_in_training(n0, n1, fraction):
    y = np.repeat([0, 1], [n0, n1])
    rows = split_rows(y, fraction, seed=3, first=7)
    aside = [] if rows.validation is rows.training else rows.validation.tolist()
    assert sorted([*rows.training, *aside]) == list(range(7, 7 + n0 + n1))
    assert set(y[rows.training - 7]) == {0, 1}
    assert len(rows.validation) > 0


# --- options


def test_a_schedule_of_batch_sizes_changes_steps_for_all_models_alike():
    data, rows = table(), rows_of([600, 200])
    config = TrainingConfig(epochs=4, batch_size=16, best_epochs=2, batch_schedule=((30, 64),))
    together = train(network(2), data, rows, config)
    plain = train(network(2), data, rows, TrainingConfig(epochs=4, batch_size=16, best_epochs=2))
    assert not np.array_equal(together.parameters[0][0], plain.parameters[0][0])
    for i in range(2):
        alone = train(network(1, i), data, [rows[i]], config)
        np.testing.assert_allclose(together.parameters[0][i], alone.parameters[0][0], atol=1e-5)


def test_clipping_bounds_each_model_by_itself():
    from novum.training.flat import FlatAdam

    net = network(3)
    adam = FlatAdam(net, 1e-3)
    for p in net.parameters():
        p.grad.normal_(generator=torch.Generator().manual_seed(1))
        p.grad[1] *= 1e-3
    before = [p.grad.clone() for p in net.parameters()]
    adam.clip(0.5)
    norm = sum(p.grad.flatten(1).square().sum(1) for p in net.parameters()).sqrt()
    torch.testing.assert_close(norm[[0, 2]], torch.tensor([0.5, 0.5]))
    assert norm[1] < 0.1
    for a, p in zip(before, net.parameters(), strict=True):
        assert torch.equal(a[1], p.grad[1]), "a short gradient is left alone"


def test_clipping_reaches_the_training():
    clipped = TrainingConfig(epochs=2, batch_size=32, best_epochs=1, max_grad_norm=1e-12)
    runs = [train(network(1), table(), rows_of([600]), c) for c in (clipped, QUICK)]
    assert not np.array_equal(runs[0].parameters[0][:, 0], runs[1].parameters[0][:, 0])


class Stops:
    """A meter that stops the training after some epochs."""

    def __init__(self, after: int) -> None:
        self.after, self.seen, self.total = after, 0, None

    def track(self, items, description, total=None):
        self.total = total
        for item in items:
            yield item
            self.seen += 1
            if self.seen == self.after:
                raise KeyboardInterrupt

    def message(self, text): ...


@pytest.mark.parametrize("after", [1, 3])
def test_a_stopped_training_goes_on_to_the_same_end(tmp_path, after):
    path = tmp_path / "state.npz"
    data, rows = table(), rows_of([600, 200, 90])
    config = TrainingConfig(
        epochs=6, batch_size=32, best_epochs=2, patience=2, batch_schedule=((25, 64),)
    )
    whole = train(network(3), data, rows, config)
    with pytest.raises(KeyboardInterrupt):
        train(network(3), data, rows, config, progress=Stops(after), checkpoint=path)
    assert path.exists()
    rest = train(network(3), data, rows, config, checkpoint=path)
    assert not path.exists()
    np.testing.assert_array_equal(rest.loss, whole.loss)
    np.testing.assert_array_equal(rest.epochs, whole.epochs)
    for a, b in zip(rest.parameters, whole.parameters, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        train(network(1), table(), rows_of([600]), QUICK, progress=Stops(1), checkpoint=path)
    with pytest.raises(FileFormatError, match="other data or settings"):
        train(network(1), table(seed=1), rows_of([600]), QUICK, checkpoint=path)
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(FileFormatError, match=r"state\.npz: no checkpoint"):
        train(network(1), table(), rows_of([600]), QUICK, checkpoint=path)


def test_progress_counts_epochs_of_the_slowest_model():
    meter = Stops(after=-1)
    train(network(2), table(), rows_of([600, 80]), QUICK, progress=meter)
    assert (meter.seen, meter.total) == (6, 6)


def test_a_network_that_diverges_is_an_error():
    wild = TrainingConfig(epochs=2, batch_size=32, learning_rate=1e30)
    with pytest.raises(FitError, match=r"diverged.*learning_rate"):
        train(network(1), table(), rows_of([600]), wild)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs: must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: must be at least 1"),
        ({"best_epochs": 0}, "best_epochs"),
        ({"patience": 0}, "patience"),
        ({"learning_rate": 0.0}, "learning_rate: must be positive, got 0"),
        ({"max_grad_norm": float("nan")}, "max_grad_norm: must be positive, got nan"),
        ({"batch_schedule": ((0, 64),)}, "batch_schedule"),
        ({"batch_schedule": ((9, 64), (5, 128))}, "batch_schedule"),
    ],
)
def test_settings_that_make_no_sense_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**values).validated()


def test_threads_are_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    train(network(1), table(), rows_of([600]), TrainingConfig(epochs=1))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
