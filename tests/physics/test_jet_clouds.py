"""Clouds hold the hardest constituents of a jet, whatever its place, its angle and its side."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novum.errors import ConfigError, InputError
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_preprocessing import centre, preprocess


def jets(n=20, most=15, seed=0):
    """Jets of three subjets and some soft constituents, zero-padded, at the edge of φ."""
    rng = np.random.default_rng(seed)
    present = np.arange(most) < rng.integers(4, most, n)[:, None]
    subjets = rng.normal(0, 0.25, (n, 3, 2))
    which = rng.integers(0, 3, (n, most))
    place = subjets[np.arange(n)[:, None], which] + rng.normal(0, 0.03, (n, most, 2))
    pt = rng.exponential(50, (n, most)) + 1
    out = np.concatenate([pt[..., None], place + np.array([0.7, np.pi])], axis=2)
    out[..., 2] = (out[..., 2] + np.pi) % (2 * np.pi) - np.pi
    return np.where(present[..., None], out, 0.0)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    st.floats(-1, 1), st.floats(-4, 4), st.floats(-3.2, 3.2), st.booleans(), st.floats(0.01, 100)
)
def test_translations_rotations_reflections_and_scale_are_taken_out(eta, phi, angle, mirror, k):
    x = jets()
    relative = centre(x)
    a, b = relative[..., 1], relative[..., 2] * (-1 if mirror else 1)
    other = np.where(relative[..., :1] > 0, relative, 0.0)
    other[..., 0] *= k
    other[..., 1] = np.cos(angle) * a - np.sin(angle) * b + eta
    turned = np.sin(angle) * a + np.cos(angle) * b + phi
    other[..., 2] = (turned + np.pi) % (2 * np.pi) - np.pi
    make = JetClouds(6, pt_power=0.7)
    np.testing.assert_allclose(make(other), make(x), atol=1e-6)


def test_order_of_constituents_does_not_matter():
    x = jets()
    order = np.random.default_rng(1).permutation(x.shape[1])
    np.testing.assert_allclose(JetClouds()(x[:, order]), JetClouds()(x), atol=1e-7)


def test_the_hardest_are_kept_with_their_shares():
    x = jets()
    made = JetClouds(5)(x)
    assert made.shape == (20, 5, 3)
    assert made.dtype == np.float32
    assert (np.diff(made[..., 0], axis=1) <= 0).all()
    np.testing.assert_allclose(made[..., 0].sum(axis=1), 1, rtol=1e-6)
    whole = preprocess(x)
    hardest = np.sort(whole[..., 0], axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(
        made[..., 0], hardest / hardest.sum(axis=1, keepdims=True), rtol=1e-6
    )
    first = whole[np.arange(20), whole[..., 0].argmax(axis=1), 1:]
    np.testing.assert_allclose(made[:, 0, 1:], first, atol=1e-7)


def test_absent_constituents_are_zeros_and_powers_change_shares():
    jet = np.array([[[20.0, 0.0, 0.1], [80.0, 0.0, 0.1]]])
    made = JetClouds(4, pt_power=0.5)(jet)[0]
    np.testing.assert_allclose(made[:, 0], [2 / 3, 1 / 3, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(made[:, 1:], 0, atol=1e-7)
    assert len(JetClouds(4).columns) == made.size


@pytest.mark.parametrize(
    ("value", "message"),
    [(0.0, "the jet in row 1 .* has no constituent"), (np.nan, "row 1 .* not finite")],
)
def test_bad_jets_are_named(value, message):
    x = jets()
    x[1] = value
    with pytest.raises(InputError, match=message):
        JetClouds()(x)


def test_rows_are_counted_over_the_whole_sample():
    x = np.tile(jets(1), (8200, 1, 1))
    x[8195] = 0
    with pytest.raises(InputError, match="the jet in row 8195 "):
        JetClouds(2)(x)


@pytest.mark.parametrize(
    ("key", "value"), [("particles", 0), ("pt_power", 0.0), ("pt_power", np.inf)]
)
def test_senseless_parameters_are_named(key, value):
    with pytest.raises(ConfigError, match=key):
        JetClouds(**{key: value})
