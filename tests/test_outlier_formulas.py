"""Scores and losses of outlier detectors are the formulas that they state; weights enter them."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn import mixture
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
    kl_divergence,
)

from novum import catalogue
from novum.nn import EvidenceBound, MixtureLatent, NormalLatent, Reconstruction, dense_autoencoder
from novum.outlier import (
    Autoencoder,
    DeepSVDD,
    DirichletVAE,
    GaussianMixture,
    GaussianMixtureVAE,
    IsolationForest,
    KernelDensity,
    KMeans,
    Mahalanobis,
    NormalisedAutoencoder,
    WassersteinNormalisedAutoencoder,
)
from novum.outlier.reconstruction import Reconstructor
from novum.training import seeded_network
from novum.training.energy import Contrast
from novum.training.langevin import Chain, langevin

TABLES = [
    entry.name
    for entry in catalogue.entries("detector")
    if catalogue.build("detector", entry.name).takes == "table"
]
QUICK = {
    "members": 1,
    "patience": None,
    "batch_size": 64,
    "epochs": 8,
    "normalising_epochs": 1,
    "latent_steps": 2,
    "steps": 2,
    "hidden": (32, 16),
    "events_per_tree": 1000,  # more than there are
    "random_state": 7,
}
SHEET, OFF = np.split(np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0], [2])


def quick(name, **options):
    """A member whose training takes a fraction of a second."""
    detector = catalogue.build("detector", name)
    known = detector.get_params()
    return detector.set_params(**{k: v for k, v in QUICK.items() if k in known} | options)


def cluster(n=400, seed=1, at=0.0):
    """A sheet with some thickness in six features, moved away from its plane."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (n, 2)) @ SHEET + rng.normal(0, 0.3, (n, 6)) + at * OFF[0]


def weights(n=400, seed=2):
    return np.random.default_rng(seed).exponential(1, n)


def standardised(detector, x):
    return (x - detector.center_) / detector.scale_


# Weights


def share_beyond(detector, far=12.0):
    """Share of events around a far point that score above 95 % of the others."""
    edge = np.quantile(detector.anomaly_score(cluster(seed=3)), 0.95)
    return (detector.anomaly_score(cluster(seed=4, at=far)) > edge).mean()


# An event beside the sheet may share its latent variables with one on the sheet: of such an event
# these scores, or a part of them, promise nothing, with weights or without.
PLACES = ("kl", "elbo", "topic", "latent-distance")


@pytest.mark.parametrize("name", TABLES)
def test_a_cluster_of_next_to_no_weight_counts_as_if_it_were_left_out(name):
    main, other = cluster(seed=1), cluster(seed=2, at=12.0)
    both, light = np.vstack([main, other]), np.repeat([1.0, 1e-6], 400)
    alone = quick(name).fit(main)
    weighted = quick(name).fit(both, sample_weight=light)
    equal = quick(name).fit(both)
    for by in [s for s in alone.scores if s not in PLACES] or [None]:
        if by:
            for detector in (alone, weighted, equal):
                detector.set_params(score_by=by)
        assert share_beyond(alone) > 0.95, by
        assert share_beyond(weighted) > 0.95, by
        assert share_beyond(equal) < 0.5, by  # as good a cluster as the other


@pytest.mark.parametrize(
    "name", [n for n in TABLES if isinstance(catalogue.build("detector", n), Reconstructor)]
)
def test_latent_variables_and_residuals_have_weighted_moments(name):
    x, w = cluster(), weights()
    detector = quick(name).fit(x, sample_weight=w)
    # The mean of a squared Mahalanobis distance is the number of dimensions, in its own moments:
    # shares that add up to one have one less, and no residual is left along a component.
    latent = detector.latent_mean_.shape[1]
    dimensions = {
        "latent-distance": latent - (name == "dirichlet-vae"),
        "residual-mahalanobis": 6 - latent * (name == "pca"),
    }
    for by in [s for s in dimensions if s in detector.scores]:
        found = detector.set_params(score_by=by).anomaly_score(x)
        assert np.average(found, weights=w) == pytest.approx(dimensions[by], rel=1e-3), by


def test_the_mean_squared_mahalanobis_distance_is_the_number_of_features():
    x, w = cluster(), weights()
    detector = Mahalanobis().fit(x, sample_weight=w)
    assert np.average(detector.anomaly_score(x), weights=w) == pytest.approx(6)
    mean, covariance = np.average(x, axis=0, weights=w), np.cov(x.T, aweights=w, ddof=0)
    y = cluster(50, seed=5, at=3.0)
    expected = cdist(y, mean[None], "mahalanobis", VI=np.linalg.inv(covariance))[:, 0] ** 2
    np.testing.assert_allclose(detector.anomaly_score(y), expected)


def test_the_weighted_mean_score_of_deep_svdd_is_one_for_each_network():
    x, w = cluster(), weights()
    detector = DeepSVDD(members=2, epochs=2, random_state=1).fit(x, sample_weight=w)
    np.testing.assert_allclose(np.average(detector.member_scores(x), axis=1, weights=w), 1)


# Densities and distances


def test_kmeans_scores_the_distance_from_the_nearest_centre():
    x, y = cluster(), cluster(100, seed=5, at=2.0)
    detector = KMeans(7, random_state=1).fit(x)
    assert detector.centers_.shape == (7, 6)
    nearest = cdist(standardised(detector, y), detector.centers_).min(axis=1)
    np.testing.assert_allclose(detector.anomaly_score(y), nearest)
    one = KMeans(1, random_state=1).fit(x, sample_weight=weights())
    np.testing.assert_allclose(one.centers_, 0, atol=1e-9)  # the weighted mean


@pytest.mark.parametrize("bandwidth", [None, 0.4])
def test_a_kernel_density_is_the_sum_of_its_kernels(bandwidth):
    x, w, y = cluster(60), weights(60), cluster(20, seed=5, at=1.0)
    detector = KernelDensity(bandwidth).fit(x, sample_weight=w)
    z, share = standardised(detector, x), w / w.sum()
    scott = (share**2).sum() ** (1 / (6 + 4))  # of the effective number of events
    h = bandwidth or scott
    assert detector.bandwidth_ == pytest.approx(h)
    covariance = h**2 * np.cov(z.T, aweights=w, ddof=0)
    at = standardised(detector, y)
    kernels = [multivariate_normal(center, covariance).logpdf(at) for center in z]
    density = logsumexp(kernels, axis=0, b=share[:, None])
    np.testing.assert_allclose(detector.anomaly_score(y), -density)


def test_a_mixture_scores_the_density_of_its_components():
    detector = GaussianMixture(3, random_state=1).fit(cluster(), sample_weight=weights())
    y = cluster(100, seed=5, at=1.0)
    precision = detector.precisions_ @ detector.precisions_.transpose(0, 2, 1)
    parts = [
        multivariate_normal(mean, np.linalg.inv(p)).logpdf(standardised(detector, y))
        for mean, p in zip(detector.means_, precision, strict=True)
    ]
    density = logsumexp(parts, axis=0, b=np.exp(detector.log_shares_)[:, None])
    np.testing.assert_allclose(detector.anomaly_score(y), -density)
    assert np.exp(detector.log_shares_).sum() == pytest.approx(1)


def test_one_component_has_the_weighted_moments():
    x, w = cluster(), weights()
    detector = GaussianMixture(1).fit(x, sample_weight=w)
    z = standardised(detector, x)
    moments = multivariate_normal(np.zeros(6), np.cov(z.T, aweights=w, ddof=0))
    np.testing.assert_allclose(detector.anomaly_score(x), -moments.logpdf(z), rtol=1e-3)


def overlapping(n=3000):
    """Two normal distributions that k-means does not part as they are."""
    rng = np.random.default_rng(3)
    wide = rng.normal(0, [1.0, 3.0], (n // 2, 2))
    return np.vstack([wide, rng.normal([2.0, 0.0], [1.0, 0.3], (n // 2, 2))])


def test_the_likelihood_of_a_mixture_rises_to_that_of_scikit_learn():
    x = overlapping()
    steps = (1, 2, 5, 20, 100)
    made = [GaussianMixture(2, iterations=k, random_state=1).fit(x) for k in steps]
    likelihood = [-detector.anomaly_score(x).mean() for detector in made]
    assert (np.diff(likelihood) > -1e-9).all()
    assert likelihood[-1] > likelihood[0] + 0.1
    reference = mixture.GaussianMixture(2, random_state=1, tol=1e-4, max_iter=100)
    best = reference.fit(standardised(made[-1], x)).score(standardised(made[-1], x))
    assert likelihood[-1] == pytest.approx(best, abs=0.01)


def test_a_tree_grows_from_so_many_events():
    detector = IsolationForest(20, events_per_tree=16, random_state=1).fit(cluster())
    assert detector.forest_.max_samples_ == 16
    grown = [tree.tree_.n_node_samples[0] for tree in detector.forest_.estimators_]
    assert len(grown) == 20
    assert max(grown) <= 16
    few = IsolationForest(20, events_per_tree=256, random_state=1).fit(cluster(100))
    assert few.forest_.max_samples_ == 100


# Variational autoencoders


def encoded(detector, x):
    """Means and variances of the latent variables of each network, layer by layer."""
    h = standardised(detector, x).clip(-detector.farthest_, detector.farthest_)
    *body, head = zip(detector.encoder_weights_, detector.encoder_biases_, strict=True)
    for weight, bias in body:
        h = np.maximum(h @ weight + bias, 0)
    mean, log_variance = np.split(h @ head[0] + head[1], 2, axis=-1)
    return torch.tensor(mean).double(), torch.tensor(log_variance).double().exp()


def normal(mean, variance):
    return Independent(Normal(mean, variance.sqrt()), 1)


def dirichlet_prior(alpha):
    """Variances of normal variables whose softmax is nearly Dirichlet (arXiv:2104.08291)."""
    n, inverse = len(alpha), 1 / np.asarray(alpha)
    return torch.tensor(inverse * (1 - 2 / n) + inverse.sum() / n**2)


def test_the_divergence_of_normal_variables_is_that_of_torch():
    draw = np.random.default_rng(1).standard_normal
    parameters = torch.tensor(draw((2, 9, 6)))
    center, variance = torch.zeros(3).double(), torch.tensor([0.3, 1.0, 2.5]).double()
    mean, log_variance = parameters.chunk(2, dim=-1)
    posterior = normal(mean, log_variance.exp())
    found = NormalLatent(3, variance).divergence(parameters, mean)
    torch.testing.assert_close(found, kl_divergence(posterior, normal(center, variance)))
    standard = normal(torch.zeros(3).double(), torch.ones(3).double())
    found = NormalLatent(3).divergence(parameters, mean)
    torch.testing.assert_close(found, kl_divergence(posterior, standard))


def mixture_prior(log_shares, means, log_variances):
    parts = normal(torch.as_tensor(means), torch.as_tensor(log_variances).exp())
    return MixtureSameFamily(Categorical(logits=torch.as_tensor(log_shares)), parts)


def test_the_divergence_from_a_mixture_is_a_ratio_of_densities_at_the_draw():
    draw = np.random.default_rng(1).standard_normal
    latent = MixtureLatent(3, 4, [1, 2]).double()
    latent.log_variances.data = torch.tensor(draw((2, 4, 3)))
    latent.logits.data = torch.tensor(draw((2, 4)))
    parameters, drawn = torch.tensor(draw((2, 9, 6))), torch.tensor(draw((2, 9, 3)))
    mean, log_variance = parameters.chunk(2, dim=-1)
    found = latent.divergence(parameters, drawn)
    for i in range(2):
        prior = mixture_prior(latent.logits[i], latent.means[i], latent.log_variances[i])
        posterior = normal(mean[i], log_variance[i].exp())
        torch.testing.assert_close(
            found[i], posterior.log_prob(drawn[i]) - prior.log_prob(drawn[i])
        )


@pytest.mark.parametrize(("beta", "expected"), [(0.0, 3.0), (0.25, 3.5), (0.5, 4.0), (1.0, 5.0)])
def test_the_evidence_bound_weighs_residual_and_divergence(beta, expected):
    # One event of weight 2: |x - x'|² / 4 = 1.5, and 2 D / 4 = 2.5; and one of weight 0.
    target = torch.zeros(1, 2, 4)
    outputs = torch.tensor([[[1.0, -1.0, 2.0, 0.0, 5.0], [9.0, 9.0, 9.0, 9.0, 9.0]]])
    found = EvidenceBound(beta).loss(outputs, target, torch.tensor([[2.0, 0.0]]))
    assert found.tolist() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("name", "options", "variances"),
    [
        ("vae", {"latent": 3}, torch.ones(3).double()),
        ("dirichlet-vae", {"latent": 4, "alpha": 0.3}, dirichlet_prior([0.3] * 4)),
    ],
)
def test_the_score_kl_is_the_divergence_and_elbo_adds_the_residual(name, options, variances):
    prior = normal(torch.zeros_like(variances), variances)
    detector = quick(name, members=2, score_by="kl", **options).fit(cluster())
    y = cluster(100, seed=5, at=2.0)
    kl = detector.anomaly_score(y)
    expected = kl_divergence(normal(*encoded(detector, y)), prior).mean(dim=0)
    np.testing.assert_allclose(kl, expected, rtol=1e-4, atol=1e-5)
    residual = detector.set_params(score_by="mse").anomaly_score(y)
    elbo = detector.set_params(score_by="elbo").anomaly_score(y)
    np.testing.assert_allclose(elbo, 0.5 * 6 * residual + kl)


def test_the_divergence_from_a_learnt_mixture_is_the_mean_ratio_of_densities():
    detector = GaussianMixtureVAE(2, components=3, epochs=3, score_by="kl", random_state=1)
    y = cluster(100, seed=5, at=2.0)
    found = detector.fit(cluster()).member_scores(y)
    half = torch.tensor(np.random.default_rng(0).standard_normal((8, 2)))  # 16 draws, in pairs
    many = torch.tensor(np.random.default_rng(1).standard_normal((4000, 2)))
    for i, (mean, variance) in enumerate(zip(*encoded(detector, y), strict=True)):
        prior = mixture_prior(
            detector.prior_log_shares_[i],
            detector.prior_means_[i],
            detector.prior_log_variances_[i],
        )
        for noise, tolerance in ((torch.cat([half, -half]), 1e-3), (many, 0.5)):
            drawn = mean + noise[:, None] * variance.sqrt()
            ratio = normal(mean, variance).log_prob(drawn) - prior.log_prob(drawn)
            np.testing.assert_allclose(found[i], ratio.mean(dim=0), atol=tolerance, rtol=1e-3)


@pytest.mark.parametrize("name", ["vae", "dirichlet-vae", "gmvae"])
def test_with_the_divergence_alone_every_event_has_the_prior(name):
    detector = quick(name, beta=1.0, epochs=40, learning_rate=1e-2, score_by="kl").fit(cluster())
    assert np.median(np.abs(detector.anomaly_score(cluster(seed=5)))) < 0.3
    residual_alone = quick(name, beta=0.0, epochs=40, score_by="kl").fit(cluster())
    assert np.median(residual_alone.anomaly_score(cluster(seed=5))) > 1


def test_the_score_topic_is_the_share_of_what_the_training_has_least_of():
    detector = DirichletVAE(3, members=2, epochs=3, score_by="topic", random_state=1)
    x, w, y = cluster(), weights(), cluster(100, seed=5, at=2.0)
    detector.fit(x, sample_weight=w)
    total = np.average(encoded(detector, x)[0].softmax(dim=-1), axis=1, weights=w)
    share = encoded(detector, y)[0].softmax(dim=-1)
    expected = np.mean([share[i, :, total[i].argmin()].numpy() for i in range(2)], axis=0)
    np.testing.assert_allclose(detector.anomaly_score(y), expected, rtol=1e-4)


# Autoencoders


def test_the_noise_of_a_denoising_autoencoder_is_on_what_it_reads_alone():
    """The standard deviation of 60,000 numbers; a false alarm once in 10⁶ (the seed is fixed)."""
    batch = torch.cat([torch.zeros(2, 10_000, 3), torch.ones(2, 10_000, 1)], dim=2)
    read, target, _ = Reconstruction(0.7, [1, 2]).split(batch)
    assert not target.any()
    assert float(read.std()) == pytest.approx(0.7, rel=0.015)
    assert not torch.equal(read[0], read[1])
    # The best answer to x + σ ε is x / (1 + σ²), in standard deviations: close to the mean.
    spread = [
        Autoencoder(2, noise=noise, members=1, epochs=40, batch_size=64, random_state=1)
        .fit(cluster())
        .reconstruct(cluster(seed=5))
        .std()
        for noise in (0.0, 3.0)
    ]
    assert spread[1] < 0.5 * spread[0]


@pytest.mark.parametrize(
    "name", [n for n in TABLES if "members" in catalogue.build("detector", n).get_params()]
)
def test_members_are_networks_of_their_own(name):
    detector = quick(name, members=3, epochs=1).fit(cluster(100))
    score = detector.member_scores(cluster(20, seed=5))
    for i, one in enumerate(score):
        assert not any(np.allclose(one, other, rtol=1e-3) for other in score[:i])


# Normalised autoencoders


def test_the_contrast_is_the_energy_of_data_less_that_of_samples():
    x, w, below, above = None, torch.tensor([2.0, 0.0]), torch.tensor([3.0, 9.0]), torch.ones(2) * 4
    below.requires_grad_()
    above.requires_grad_()
    loss = Contrast(0.5)(x, w, x, below, above)
    assert loss.item() == pytest.approx(3.0 - 4.0 + 0.5 * 16)
    assert Contrast()(x, w, x, below, above).item() == pytest.approx(-1)
    Contrast()(x, w, x, below, above).backward()
    assert below.grad.tolist() == [1.0, 0.0]
    assert above.grad.tolist() == [-0.5, -0.5]


def test_a_step_lowers_the_energy_of_data_and_raises_that_of_samples():
    model = seeded_network(lambda: dense_autoencoder(6, (16,), 2, sphere=True), 1)
    x = torch.from_numpy(cluster()).float()
    samples = torch.from_numpy(cluster(seed=2, at=3.0)).float()
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    gaps = []
    for _ in range(30):
        below, above = model.energy(x), model.energy(samples)
        gaps.append((below.mean().item(), above.mean().item()))
        adam.zero_grad()
        Contrast()(x, torch.ones(len(x)), samples, below, above).backward()
        adam.step()
    assert gaps[-1][0] < gaps[0][0]
    assert gaps[-1][1] > gaps[0][1]


def test_a_penalty_holds_down_the_energy_of_samples():
    free, held = (
        quick("nae", penalty=penalty, normalising_epochs=9, normalising_learning_rate=3e-3)
        .fit(cluster())
        .energies_[0][1]
        for penalty in (0.0, 20.0)
    )
    assert free[-1] > 2 * held[-1], (free, held)


@pytest.mark.parametrize("name", ["nae", "wnae"])
def test_latent_variables_of_normalised_autoencoders_lie_on_a_sphere(name):
    latent = quick(name).fit(cluster()).transform(cluster(seed=5))
    np.testing.assert_allclose(np.linalg.norm(latent, axis=1), 1, rtol=1e-5)
    assert latent.std(axis=0).max() > 0.1


@pytest.mark.parametrize("name", ["nae", "wnae"])
def test_samples_of_images_have_no_negative_pixels_and_those_of_tables_may(name, monkeypatch):
    least = []

    def measured(x, samples):
        least.append(float(samples.detach().min()))
        return (x - samples).square().mean()

    monkeypatch.setattr("novum.training.energy.squared_wasserstein", measured)
    quick(name, noise=1.0).fit(cluster(100))
    assert max(least) < 0
    least.clear()
    pixels = np.random.default_rng(0).exponential(1, (100, 64))
    quick(name, noise=1.0, network="conv", hidden=(4, 8)).fit(pixels, alike=True)
    assert min(least) == 0


def test_annealed_noise_falls_as_one_over_the_steps():
    """Variances of 20,000 numbers; a false alarm once in 10⁴ (the seed is fixed)."""
    harmonic = sum(1 / t**2 for t in range(1, 11))
    for annealed, expected in ((True, harmonic), (False, 10.0)):
        chain = Chain(10, 0.1, 0.5, annealed=annealed)
        generator = torch.Generator().manual_seed(1)
        end = langevin(
            chain, torch.zeros(10_000, 2), lambda x: 0 * x.sum(dim=1), lambda x: x, generator
        )
        assert float(end.var()) == pytest.approx(0.25 * expected, rel=0.04)


@pytest.mark.parametrize(
    ("detector", "expected"),
    [
        (NormalisedAutoencoder, sum(1 / t**2 for t in range(1, 11))),
        (WassersteinNormalisedAutoencoder, 10.0),
    ],
)
def test_the_noise_of_chains_among_data_is_annealed_as_the_papers_say(detector, expected):
    made = detector(
        hidden=(16,),
        epochs=1,
        normalising_epochs=1,
        normalising_learning_rate=1e-6,
        steps=10,
        step_size=1e-6,
        noise=30.0,
        validation_fraction=0.4,
        random_state=1,
    ).fit(cluster())
    # Next to noise of 30 a step, data are a point: their distance is that noise in six features.
    assert made.distances_[0][0] / (6 * 30**2) == pytest.approx(expected, rel=0.2)
