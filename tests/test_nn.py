"""Blocks of networks: models side by side never mix, and gradients are those of autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from novum.nn import (
    BinaryCrossEntropy,
    EnsembleLinear,
    EnsembleMLP,
    PiecewiseLinearLikelihood,
    VelocityField,
)

BCE = BinaryCrossEntropy()


def batch(models: int, rows: int, features: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(models, rows, features, generator=g)
    y = (torch.rand(models, rows, generator=g) < 0.4).float()
    return x, y, torch.rand(models, rows, generator=g)


@given(
    models=st.integers(1, 4),
    rows=st.integers(1, 9),
    features=st.integers(1, 5),
    hidden=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    masked=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_the_gradient_is_that_of_autograd(models, rows, features, hidden, masked, seed):
    seen = None
    if masked:
        seen = torch.rand(models, features, generator=torch.Generator().manual_seed(seed)) < 0.5
        seen[:, 0] = True
    network = EnsembleMLP.seeded(features, hidden, range(models), seen)
    x, y, w = batch(models, rows, features, seed)
    network.loss_gradient(x, y, w, BCE)
    written = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    BCE.loss(network(x), y, w).sum().backward()
    if seen is not None:
        network.linear[0].weight.grad.mul_(seen[:, :, None])
    for ours, p in zip(written, network.parameters(), strict=True):
        scale = 1 + p.grad.abs().max()
        torch.testing.assert_close(ours / scale, p.grad / scale, atol=1e-6, rtol=0)


def test_room_of_an_earlier_batch_leaves_nothing_behind():
    network = EnsembleMLP.seeded(3, (8, 8), [1, 2])
    x, y, w = batch(2, 16, 3)
    network.loss_gradient(x, y, w, BCE)
    first = [p.grad.clone() for p in network.parameters()]
    network.loss_gradient(*batch(2, 5, 3, 1), BCE)
    network.loss_gradient(x, y, w, BCE)
    for a, p in zip(first, network.parameters(), strict=True):
        assert torch.equal(a, p.grad)


def test_the_initial_weights_of_a_model_follow_from_its_own_seed():
    many = EnsembleMLP.seeded(4, (16, 8), [5, 6, 7])
    for place, seed in enumerate([5, 6, 7]):
        alone = EnsembleMLP.seeded(4, (16, 8), [seed])
        for a, b in zip(many.parameters(), alone.parameters(), strict=True):
            assert torch.equal(a[place], b[0])
    assert not torch.equal(many.linear[0].weight[0], many.linear[0].weight[1])


def test_initial_weights_are_uniform_within_one_over_root_fan_in():
    network = EnsembleMLP.seeded(4, (64, 64), range(20))
    for layer, fan_in in zip(network.linear, (4, 64, 64), strict=True):
        bound = fan_in**-0.5
        assert layer.weight.abs().max() <= bound
        # the standard deviation of at least 1280 uniform numbers is known to 2 %; five of these
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_a_model_is_the_network_that_torch_would_make():
    network = EnsembleMLP.seeded(3, (5, 4), [1, 2])
    x, _, _ = batch(2, 7, 3)
    for i in range(2):
        h = x[i]
        for layer in network.linear:
            h = torch.nn.functional.linear(h, layer.weight[i].T, layer.bias[i, 0])
            h = h if layer is network.linear[-1] else h.relu()
        torch.testing.assert_close(network(x)[i], h[:, 0])


def test_models_do_not_mix():
    network = EnsembleMLP.seeded(3, (8,), [1, 2, 3])
    x, y, w = batch(3, 10, 3)
    network.loss_gradient(x, y, w, BCE)
    before = [p.grad.clone() for p in network.parameters()]
    x[1] += 1
    network.loss_gradient(x, y, w, BCE)
    for a, p in zip(before, network.parameters(), strict=True):
        assert torch.equal(a[[0, 2]], p.grad[[0, 2]])
    assert not torch.equal(before[0][1], network.linear[0].weight.grad[1])


def test_what_a_model_does_not_see_does_not_matter_and_stays_so():
    seen = torch.tensor([[True, False, True], [False, True, False]])
    network = EnsembleMLP.seeded(3, (8,), [1, 2], seen)
    x, y, w = batch(2, 10, 3)
    other = torch.where(seen[:, None], x, 99.0)
    assert torch.equal(network(x), network(other))
    network.loss_gradient(x, y, w, BCE)
    hidden = ~seen[:, :, None].expand_as(network.linear[0].weight)
    assert (network.linear[0].weight.grad[hidden] == 0).all()
    assert (network.linear[0].weight.grad[~hidden] != 0).any()


def test_taken_models_are_copies():
    seen = torch.tensor([[True, False], [True, True], [False, True]])
    network = EnsembleMLP.seeded(2, (6,), [1, 2, 3], seen)
    part = network.take([2, 0])
    x, _, _ = batch(3, 4, 2)
    assert torch.equal(part(x[[2, 0]]), network(x)[[2, 0]])
    assert torch.equal(part.seen, network.seen[[2, 0]])
    part.linear[0].weight.data.zero_()
    assert network.linear[0].weight.abs().sum() > 0


def test_an_ensemble_of_linear_maps():
    layer = EnsembleLinear(2, 3, 4)
    layer.weight.data.normal_(generator=torch.Generator().manual_seed(1))
    layer.bias.data.fill_(0.5)
    x, _, _ = batch(2, 5, 3)
    torch.testing.assert_close(layer(x), torch.einsum("mbi,mio->mbo", x, layer.weight) + 0.5)


def test_the_loss_is_the_cross_entropy_of_each_model():
    logits = torch.tensor([[0.3, -2.0], [80.0, -80.0]], dtype=torch.float64)
    y = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    w = torch.tensor([[2.0, 0.5], [1.0, 0.0]], dtype=torch.float64)
    p = 1 / (1 + np.exp(-logits.numpy()[0]))
    expected = -(2 * np.log(p[0]) + 0.5 * np.log(1 - p[1]))
    found = BCE.loss(logits, y, w)
    assert found[0].item() == pytest.approx(expected)
    assert found[1].item() == pytest.approx(80), "large log-odds overflow nowhere"


def likelihood(seed: int = 0) -> tuple[EnsembleMLP, PiecewiseLinearLikelihood, torch.Tensor]:
    """Two models of columns 0 and 2, the second seeing the first and column 1, and a batch."""
    seen = torch.tensor([[0, 1, 0], [1, 1, 0]], dtype=torch.bool)
    network = EnsembleMLP.seeded(3, (8,), [seed, seed + 1], seen, n_out=9)
    rng = torch.Generator().manual_seed(seed)
    table = torch.cat(
        [3 * torch.randn(2, 20, 3, generator=rng), torch.rand(2, 20, 1, generator=rng)], dim=2
    )
    return network, PiecewiseLinearLikelihood(4.0, 9, [0, 2]), table


def test_gradient_of_a_density_is_that_of_autograd() -> None:
    network, objective, table = likelihood()
    x, target, weight = objective.split(table)
    network.loss_gradient(x, target, weight, objective)
    written = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    objective.loss(network(x), target, weight).sum().backward()
    assert network.linear[0].weight.grad is not None
    network.linear[0].weight.grad.mul_(network.seen)
    for mine, theirs in zip(written, network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs.grad, atol=2e-5, rtol=1e-4)


def test_the_density_integrates_to_one_and_is_positive() -> None:
    network, objective, table = likelihood()
    outputs = network(table[..., :-1])[:1, :1]
    at = torch.linspace(-4, 4, 8001)[None, :]
    density = torch.tensor(
        [
            (-objective.take([0]).loss(outputs, t.view(1, 1), torch.ones(1, 1))).exp().item()
            for t in at[0, ::40]
        ]
    )
    assert (density > 0).all()
    assert torch.trapezoid(density, at[0, ::40]).item() == pytest.approx(1, abs=1e-5)


def test_a_model_taken_off_the_axis_keeps_its_column() -> None:
    network, objective, table = likelihood()
    x, target, weight = objective.split(table)
    both = objective.loss(network(x), target, weight)
    alone, part = network.take([1]), objective.take([1])
    x, target, weight = part.split(table[1:])
    torch.testing.assert_close(part.loss(alone(x), target, weight), both[1:])


@given(d=st.integers(1, 3), context=st.integers(0, 2), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_velocity_field_carries_tangents_as_autograd_does(d, context, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    field = VelocityField(d, context, (7, 5)).double()
    for p in field.parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    y, given_, tangent = (
        torch.randn(4, k, generator=generator, dtype=torch.float64) for k in (d, context, d)
    )
    angle = torch.rand(4, 1, generator=generator, dtype=torch.float64)
    pushed = field.push(torch.stack([y, tangent]), angle, given_)
    expected = torch.autograd.functional.jvp(
        lambda at: field.velocity(at, angle, given_), y, tangent
    )
    for a, b in zip(pushed, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_a_new_velocity_field_is_at_rest() -> None:
    assert not VelocityField(2, 1, (4,)).velocity(*(torch.ones(3, k) for k in (2, 1, 1))).any()
