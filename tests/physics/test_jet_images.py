"""Preprocessing takes out what it claims; images hold the pT of a jet."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novum.errors import ConfigError, InputError
from novum.physics.jet_images import JetImages
from novum.physics.jet_preprocessing import centre, flip, normalise, preprocess, rotate


def jets(n=20, most=15, seed=0):
    """Jets of three subjets and some soft constituents, zero-padded, at the edge of φ."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, most, n)
    present = np.arange(most) < sizes[:, None]
    subjets = rng.normal(0, 0.25, (n, 3, 2))
    which = rng.integers(0, 3, (n, most))
    place = subjets[np.arange(n)[:, None], which] + rng.normal(0, 0.03, (n, most, 2))
    pt = rng.exponential(50, (n, most)) + 1
    out = np.concatenate([pt[..., None], place + np.array([0.7, np.pi])], axis=2)
    out[..., 2] = (out[..., 2] + np.pi) % (2 * np.pi) - np.pi
    return np.where(present[..., None], out, 0.0)


def moved(x, eta=0.0, phi=0.0, angle=0.0, mirror=False):
    """Jets turned about their own centre, mirrored and moved."""
    relative = centre(x)
    a, b = relative[..., 1], relative[..., 2] * (-1 if mirror else 1)
    out = relative.copy()
    out[..., 1] = np.cos(angle) * a - np.sin(angle) * b + eta
    turned = np.sin(angle) * a + np.cos(angle) * b + phi
    out[..., 2] = (turned + np.pi) % (2 * np.pi) - np.pi
    return np.where(relative[..., :1] > 0, out, 0.0)


def test_moments_after_each_step():
    x = centre(jets())
    np.testing.assert_allclose((x[..., :1] * x[..., 1:]).sum(axis=1), 0, atol=1e-9)
    x = rotate(x)
    pt, a, b = np.moveaxis(x, -1, 0)
    np.testing.assert_allclose((pt * a * b).sum(axis=1), 0, atol=1e-9)
    assert ((pt * b * b).sum(axis=1) >= (pt * a * a).sum(axis=1)).all()
    x = flip(x)
    for axis in (1, 2):
        assert ((x[..., 0] * np.sign(x[..., axis])).sum(axis=1) >= 0).all()
    np.testing.assert_allclose(normalise(x)[..., 0].sum(axis=1), 1)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    st.floats(-1, 1), st.floats(-4, 4), st.floats(-3.2, 3.2), st.booleans(), st.floats(0.01, 100)
)
def test_rotations_translations_reflections_and_scale_are_taken_out(eta, phi, angle, mirror, k):
    x = jets()
    other = moved(x, eta, phi, angle, mirror)
    other[..., 0] *= k
    np.testing.assert_allclose(preprocess(other), preprocess(x), atol=1e-7)
    images = JetImages(smear=1.0)
    # A constituent on the edge of a pixel may fall on either side of it.
    off = np.abs(images(other) - images(x)).sum(axis=(1, 2))
    assert np.median(off) < 1e-5


def test_order_of_constituents_does_not_matter():
    x = jets()
    order = np.random.default_rng(1).permutation(x.shape[1])
    np.testing.assert_allclose(JetImages()(x[:, order]), JetImages()(x), atol=1e-7)


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_collinear_splitting_changes_no_image(power):
    x = jets()
    split = np.concatenate([x, x], axis=1)
    split[:, : x.shape[1], 0] *= 0.3
    split[:, x.shape[1] :, 0] *= 0.7
    np.testing.assert_allclose(JetImages(pt_power=power)(split), JetImages(pt_power=power)(x), 1e-5)


def test_soft_emission_moves_images_by_its_share_and_small_powers_more():
    x = jets()
    soft = np.concatenate([x, x[:, :1] + [0.0, 0.2, 0.1]], axis=1)
    soft[:, -1, 0] = 1e-4 * x[..., 0].sum(axis=1)

    def change(power):
        made = JetImages(pt_power=power, size=8)
        return np.median(np.abs(made(soft) - made(x)).sum(axis=(1, 2)))

    assert change(1.0) < 1e-3
    assert change(0.25) > 30 * change(1.0)


def test_one_constituent_is_the_middle_pixel():
    image = JetImages(size=5)(np.array([[[30.0, 1.0, 2.0], [0, 0, 0]]]))[0]
    assert image[2, 2] == 1
    assert image.sum() == 1


def test_two_constituents_lie_on_the_vertical_with_the_harder_one_near_the_centre():
    jet = np.array([[[90.0, 0.0, 0.0], [10.0, 0.4, 0.0]]])
    x = preprocess(jet)[0]
    np.testing.assert_allclose(np.abs(x[:, 2]), [0.04, 0.36])
    np.testing.assert_allclose(x[:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(x[:, 0], [0.9, 0.1])
    assert x[0, 2] > 0


def test_pixels_are_powers_of_summed_pt():
    jet = np.array([[[60.0, 0.0, 0.1], [20.0, 0.0, 0.1], [20.0, 0.0, -0.4]]])
    one, half = (JetImages(pt_power=p)(jet)[0] for p in (1.0, 0.5))
    np.testing.assert_allclose(np.sort(one[one > 0]), [0.2, 0.8], rtol=1e-6)
    np.testing.assert_allclose(np.sort(half[half > 0]), [1 / 3, 2 / 3], rtol=1e-6)


def test_what_is_outside_is_left_out_and_filters_keep_the_sum():
    jet = np.array([[[60.0, 0.0, 0.1], [40.0, -5.0, 0.0]]])
    assert JetImages(half_width=9.0)(jet).sum() == pytest.approx(1)
    assert JetImages(half_width=1.0)(jet).sum() == 0
    np.testing.assert_allclose(JetImages(smear=1.5)(jets()).sum(axis=(1, 2)), 1, rtol=1e-5)


def test_symmetric_jets_are_finite_and_the_same_every_time():
    angles = np.arange(6) * np.pi / 3
    ring = np.stack([np.ones(6), 0.3 * np.cos(angles), 0.3 * np.sin(angles)], axis=1)[None]
    made = preprocess(ring)
    assert np.isfinite(made).all()
    np.testing.assert_array_equal(made, preprocess(ring))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.__setitem__((3, slice(None), 0), 0), "row 3 .* has no constituent"),
        (lambda x: x.__setitem__((2, 0, 0), np.nan), "row 2 .* negative or not finite"),
        (lambda x: x.__setitem__((1, 0, 0), -1), "row 1 .* negative or not finite"),
    ],
)
def test_empty_and_damaged_jets_are_named(change, message):
    x = jets()
    change(x)
    with pytest.raises(InputError, match=message):
        JetImages()(x)
    with pytest.raises(InputError, match="jets are given as"):
        preprocess(x[..., :2])


@pytest.mark.parametrize(
    "options",
    [
        {"size": 1},
        {"half_width": 0},
        {"half_width": np.inf},
        {"pt_power": 0},
        {"pt_power": np.inf},
        {"smear": np.inf},
    ],
)
def test_senseless_settings_are_named(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        JetImages(**options)


@pytest.mark.real_data
def test_real_jets_are_densest_in_the_middle(shared_data):
    with np.load(shared_data / "qcd_tau_jets" / "tau_jets.npz") as stored:
        flat, offsets = stored["constituents"], stored["offsets"][:501]
    values = np.zeros((500, int(np.diff(offsets).max()), 3))
    for i, (first, last) in enumerate(pairwise(offsets)):
        values[i, : last - first] = flat[first:last, [2, 0, 1]]
    mean = JetImages(half_width=0.4)(values).mean(axis=0)
    assert mean[18:22, 18:22].sum() > 0.3
    assert 0.5 < mean[:, 20:].sum() < 1
