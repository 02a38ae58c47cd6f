"""What detectors refuse, and what they leave as it was."""

import numpy as np
import pytest
import torch

from novum.errors import ConfigError, InputError
from novum.outlier import (
    PCA,
    Autoencoder,
    ConvAutoencoder,
    DeepSVDD,
    Mahalanobis,
    NormalisedAutoencoder,
)
from novum.outlier.reconstruction import _MOMENTS


def normal(n=300, d=4, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def test_a_score_that_is_no_number_is_an_error():
    made = Mahalanobis().fit(normal())
    made.center_[0] = np.nan
    with pytest.raises(InputError, match="gives 300 of 300 events a score that is not a number"):
        made.anomaly_score(normal())


def test_weights_that_are_all_zero_are_named():
    with pytest.raises(InputError, match="at least one non-zero number") as caught:
        Mahalanobis().fit(normal(), sample_weight=np.zeros(300))
    assert caught.value.column == "weight"


@pytest.mark.parametrize(("d", "latent"), [(1, None), (1, 1), (4, 4), (4, 5)])
def test_principal_components_leave_something_out(d, latent):
    with pytest.raises(InputError, match="or they leave nothing out"):
        PCA(latent).fit(normal(d=d))


def test_constant_features_are_no_directions_that_principal_components_keep():
    x = normal()
    x[:, 2] = 7.0
    made = PCA().fit(x)
    assert len(made.components_) == 2  # of three that vary
    assert np.median(made.anomaly_score(x)) > 1e-3


def test_pixels_that_are_standardised_may_be_negative_where_a_chain_looks_for_them():
    images = np.abs(normal(64, 64))
    settings = {"network": "conv", "hidden": (4,), "epochs": 1, "normalising_epochs": 0}
    low = []
    for alike in (False, True):
        made = NormalisedAutoencoder(**settings, random_state=0).fit(images, alike=alike)
        low.append(made._sampling().low)
    assert low == [None, 0.0]


def test_moments_are_those_of_all_events_even_if_they_are_sorted(monkeypatch):
    assert _MOMENTS >= 10_000
    monkeypatch.setattr("novum.outlier.reconstruction._MOMENTS", 500)
    x = np.sort(normal(5000, 3), axis=0) + 0.3 * normal(5000, 3, seed=1)
    made = PCA(1, score_by="residual-mahalanobis").fit(x)
    # d - L dimensions remain: the mean squared distance of what gave the moments is as many.
    assert made.anomaly_score(x).mean() == pytest.approx(2, abs=0.25)


def test_moments_do_not_depend_on_how_many_events_are_rebuilt_at_once(monkeypatch):
    x = normal(500)
    settings = {"latent": 2, "members": 2, "epochs": 1, "random_state": 0}
    whole = Autoencoder(**settings).fit(x)
    monkeypatch.setattr("novum.outlier.reconstruction.BLOCK", 64)
    parts = Autoencoder(**settings).fit(x)
    np.testing.assert_allclose(parts.residual_whitening_, whole.residual_whitening_, rtol=1e-6)
    np.testing.assert_allclose(parts.latent_mean_, whole.latent_mean_, rtol=1e-6, atol=1e-9)


def test_scoring_leaves_the_random_numbers_of_torch_alone():
    images = np.abs(normal(32, 16))
    made = ConvAutoencoder(latent=2, hidden=(4,), epochs=1, random_state=0).fit(images)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    made.anomaly_score(images)
    assert torch.equal(torch.rand(1), expected)


def test_centres_are_those_of_all_events_even_if_they_are_sorted(monkeypatch):
    monkeypatch.setattr("novum.outlier.deep_svdd._EVENTS", 500)
    x = np.sort(normal(5000, 3), axis=0)
    made = DeepSVDD(latent=2, members=1, epochs=2, random_state=0).fit(x)
    assert made.anomaly_score(x).mean() == pytest.approx(1, abs=0.1)


def test_published_settings_of_the_normalised_autoencoder_bound_the_energies():
    assert NormalisedAutoencoder.published().penalty == 1
    with pytest.raises(ConfigError, match="penalty"):
        NormalisedAutoencoder(penalty=-1.0).fit(normal())


def test_parameters_that_changed_since_the_fit_are_named():
    made = Autoencoder(latent=2, members=1, epochs=1, random_state=0).fit(normal())
    before = made.anomaly_score(normal())
    made.set_params(score_by="mae")
    assert (made.anomaly_score(normal()) != before).all()
    made.set_params(hidden=(16,))
    with pytest.raises(ConfigError, match=r"hidden: the fit was made with \(64, 32\), not \(16,\)"):
        made.anomaly_score(normal())
    made.fit(normal()).anomaly_score(normal())
