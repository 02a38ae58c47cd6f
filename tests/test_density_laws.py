"""Laws of every density, by discovery: it is one, it inverts, it interpolates, it refuses."""

import pickle
from copy import copy
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, multivariate_normal, spearmanr
from sklearn.base import clone

from novum import catalogue
from novum.density import AutoregressiveSpline
from novum.density.base import FEWEST_EVENTS, Density, require_learnable
from novum.density.coordinates import Logit, Unchanged, gaussianised
from novum.errors import ConfigError, InputError, MissingDependencyError

# Settings that learn the toy below in about a second, where the default takes longer.
QUICK = {
    "spline": {"hidden": (16,), "knots": 24, "epochs": 8},
    "maf": {"transforms": 3, "hidden": (24,), "epochs": 10, "batch_size": 256},
    "nsf": {"transforms": 2, "hidden": (24,), "epochs": 12, "batch_size": 256},
    "flow-matching": {"hidden": (48, 48), "epochs": 20, "batch_size": 256},
}
DENSITIES = [e.name for e in catalogue.entries("density")]
WINDOW = (3300.0, 3700.0)
SPREAD = np.array([60.0, 0.25])  # of the features of the toy

every_density = pytest.mark.parametrize("name", DENSITIES)


def built(name: str, seed: int = 0, **options) -> Density:
    return catalogue.build("density", name, random_state=seed, **QUICK[name], **options)


def masses(n: int, rng: np.random.Generator) -> np.ndarray:
    """Falling as those of dijets do."""
    return 2600 + rng.exponential(900, n)


def background(m: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mass in GeV that grows with m, and a skew number that depends on it; none is normal."""
    first = 100 + 0.05 * (m - 3500) + 60 * rng.normal(size=len(m))
    second = 0.5 * np.exp(0.4 * rng.normal(size=len(m))) + 0.15 * np.sin(first / 60)
    return np.column_stack([first, second])


@cache
def learnt(name: str) -> Density:
    """Fitted outside the window on 10,000 events."""
    rng = np.random.default_rng(1)
    m = masses(10_000, rng)
    outside = (m < WINDOW[0]) | (m > WINDOW[1])
    return built(name).fit(background(m, rng)[outside], m[outside])


def a_few(n: int = 300, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    m = masses(n, rng)
    return background(m, rng), m


def z_of_means(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Differences of the means, and of the variances, in standard errors; N(0, 1) if alike."""
    found = []
    for power in (1, 2):
        u, v = (np.abs(x - a.mean(axis=0)) ** power if power > 1 else x for x in (a, b))
        error = np.sqrt(u.var(axis=0) / len(u) + v.var(axis=0) / len(v))
        found.append((u.mean(axis=0) - v.mean(axis=0)) / error)
    return np.concatenate(found)


def test_every_density_has_settings_here():
    assert set(QUICK) == set(DENSITIES)


# What a density is.


@every_density
@pytest.mark.parametrize("mass", [2700.0, 3500.0])
def test_it_integrates_to_one_at_every_mass(name, mass):
    """At a random point of each cell of a grid: an unbiased mean, to 0.4 %; 2 % are asked for."""
    low, high, shape = np.array([-250, -0.5]), np.array([450, 2.7]), np.array([100, 130])
    cells = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 2)
    inside = np.random.default_rng(4).random(cells.shape)
    points = low + (cells + inside) * (high - low) / shape
    p = np.exp(learnt(name).log_prob(points, np.full(len(points), mass)))
    assert p.mean() * np.prod(high - low) == pytest.approx(1, abs=0.02)


@every_density
def test_it_integrates_to_one_in_one_dimension(name):
    X, m = a_few(1000)
    density = built(name).fit(X[:, :1], m)
    x = np.linspace(-500, 900, 2801)
    p = np.exp(density.log_prob(x[:, None], np.full(len(x), 3000.0)))
    assert p.sum() * (x[1] - x[0]) == pytest.approx(1, abs=0.005)


@every_density
def test_log_prob_is_the_change_of_volume_to_latent_space(name):
    density, step = learnt(name), 1e-3
    X, m = a_few(40)
    ends = [
        density.to_latent(X + sign * step * SPREAD * np.eye(2)[i], m)
        for i in range(2)
        for sign in (1, -1)
    ]
    columns = [(ends[2 * i] - ends[2 * i + 1]) / (2 * step * SPREAD[i]) for i in range(2)]
    log_det = np.log(np.abs(np.linalg.det(np.stack(columns, axis=-1))))
    latent = density.to_latent(X, m)
    expected = log_det - 0.5 * (latent**2 + np.log(2 * np.pi)).sum(axis=1)
    # Coordinates and splines have kinks, where differences are not derivatives.
    assert np.median(np.abs(density.log_prob(X, m) - expected)) < 0.01


@every_density
def test_its_samples_are_standard_normal_in_latent_space(name):
    """Kolmogorov-Smirnov per latent variable: false alarms in 2e-6 of all fits."""
    density = learnt(name)
    rng = np.random.default_rng(2)
    m = masses(4000, rng)
    latent = density.to_latent(density.sample(m, rng), m)
    for column in latent.T:
        assert kstest(column, "norm").pvalue > 1e-6
    assert abs(np.corrcoef(latent.T)[0, 1]) < 5 / np.sqrt(len(m))


@every_density
def test_it_is_more_probable_where_events_are(name):
    X, m = a_few()
    elsewhere = X + 5 * SPREAD
    assert (learnt(name).log_prob(X, m) > learnt(name).log_prob(elsewhere, m)).mean() > 0.99


# Coordinates.


@every_density
def test_latent_space_and_back(name):
    X, m = a_few(1000)
    density = learnt(name)
    there = density.to_latent(X, m)
    np.testing.assert_allclose(density.from_latent(there, m) / SPREAD, X / SPREAD, atol=1e-4)
    np.testing.assert_allclose(
        density.to_latent(density.from_latent(there, m), m), there, atol=5e-4
    )


@every_density
def test_units_shift_the_density_and_nothing_else(name):
    """Of x / 1000 it is that of x plus log 1000, event by event."""
    X, m = a_few(1000)
    gev, tev = built(name).fit(X, m), built(name).fit(X / [1000, 1], m)
    shift = tev.log_prob(X / [1000, 1], m) - gev.log_prob(X, m)
    np.testing.assert_allclose(shift, np.log(1000), atol=1e-3)


@pytest.mark.parametrize("name", ["spline", "flow-matching"])
def test_the_density_changes_with_the_coordinates_and_a_ratio_does_not(name):
    """Of y = exp(x) the density is p(x) / y: it ranks events otherwise. Ratios are invariant.

    What is learnt of x and of exp(x) is nearly the same because both are made normal first; the
    features do not move with the mass here.
    """
    rng = np.random.default_rng(6)
    m = masses(1500, rng)
    X = background(np.full_like(m, 4000), rng) / [60, 1]
    other = X + np.array([0.4, 0.1])
    Y, pair = np.exp(X), []
    for train in (X, other):
        of_x, of_y = built(name).fit(train, m), built(name).fit(np.exp(train), m)
        pair.append((of_x.log_prob(X, m), of_y.log_prob(Y, m)))
    for p, q in pair:
        assert np.median(np.abs(q - (p - X.sum(axis=1)))) < 0.1
        assert np.median(np.abs(q - p)) > 0.5
    ratio_x, ratio_y = (pair[0][k] - pair[1][k] for k in (0, 1))
    assert np.median(np.abs(ratio_x - ratio_y)) < 0.1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), logit=st.booleans(), d=st.integers(1, 4))
def test_coordinates_invert_and_their_jacobians_are_right(seed, logit, d):
    rng = np.random.default_rng(seed)
    x = rng.gamma(3, size=(400, d)) @ (np.eye(d) + 0.3 * rng.normal(size=(d, d)))
    w = rng.uniform(0.1, 2, 400)
    c = rng.normal(size=400)
    x += 0.2 * c[:, None]
    map_ = Logit.fit(x, w) if logit else gaussianised(x, c, w)
    z, log_jacobian = map_.forward(x, c)
    np.testing.assert_allclose(map_.inverse(z, c), x, atol=1e-8)
    step = 1e-6
    columns = [
        (map_.forward(x + step * e, c)[0] - map_.forward(x - step * e, c)[0]) / (2 * step)
        for e in np.eye(d)
    ]
    numeric = np.log(np.abs(np.linalg.det(np.stack(columns, axis=-1))))
    assert np.median(np.abs(numeric - log_jacobian)) < 1e-4


def test_an_edge_that_moves_with_the_mass_stands_still():
    """Exponential beyond 0.1 m, as a mass that is shifted by a tenth of the resonant one."""
    rng = np.random.default_rng(5)
    m = 2500 + rng.exponential(700, 20_000)
    x = (0.1 * m + rng.exponential(50, len(m)))[:, None]
    outside = (m < 3300) | (m > 3700)
    density = AutoregressiveSpline((16,), epochs=6, random_state=1).fit(x[outside], m[outside])
    inside = m[~outside]
    drawn = density.sample(inside, np.random.default_rng(6))[:, 0] - 0.1 * inside
    assert (drawn < -10).mean() < 0.002
    assert kstest(drawn, "expon", (0, 50)).statistic < 0.03


# Rows, seeds and weights.


@every_density
def test_rows_do_not_know_of_each_other(name):
    """To 1e-4: sums of float32 networks change in the last bits with the size of a batch."""
    density = learnt(name)
    X, m = a_few()
    order = np.random.default_rng(7).permutation(len(X))
    whole, latent = density.log_prob(X, m), density.to_latent(X, m)
    np.testing.assert_allclose(density.log_prob(X[order], m[order]), whole[order], atol=1e-4)
    np.testing.assert_allclose(density.log_prob(X[:1], m[:1]), whole[:1], atol=1e-4)
    np.testing.assert_allclose(density.to_latent(X[5:7], m[5:7]), latent[5:7], atol=1e-4)
    assert density.log_prob(X[:0], m[:0]).shape == (0,)


@every_density
def test_the_seed_alone_decides(name):
    X, m = a_few(400)
    short = built(name).set_params(epochs=2)
    first, again, other = (clone(short).set_params(random_state=s).fit(X, m) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.log_prob(X, m), again.log_prob(X, m))
    draws = [d.sample(m, np.random.default_rng(0)) for d in (first, again)]
    np.testing.assert_array_equal(*draws)
    assert not np.allclose(other.log_prob(X, m), first.log_prob(X, m), atol=1e-4)


@every_density
def test_the_generators_of_the_caller_are_left_alone(name):
    X, m = a_few(300)
    before = torch.random.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    built(name).set_params(epochs=1).fit(X, m).sample(m, np.random.default_rng(0))
    after = torch.random.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])


@every_density
def test_what_weighs_nothing_is_not_there(name):
    X, m = a_few(400)
    short = clone(built(name)).set_params(epochs=2)
    weight = np.random.default_rng(8).uniform(0.5, 2, len(X))
    more = np.concatenate([X, 1e6 + X]), np.concatenate([m, m]), np.r_[weight, np.zeros(len(X))]
    plain, padded = clone(short).fit(X, m, weight), clone(short).fit(*more)
    np.testing.assert_array_equal(plain.log_prob(X, m), padded.log_prob(X, m))


@every_density
def test_weighted_events_count_as_so_many(name):
    """Weights in proportion to a thinning teach what the thinned events do.

    Means and variances of 4,000 samples each from density and truth; training on some 2,500
    events shifts them too: 8 standard errors, while leaving the weights out shifts by over 15.
    """
    rng = np.random.default_rng(9)
    m = masses(5000, rng)
    X = background(m, rng)
    keep = 1 / (1 + np.exp(-(X[:, 0] - 100) / 30))
    weighted = built(name).fit(X, m, keep)
    n_truth = 20_000
    truth_m = masses(n_truth, rng)
    truth = background(truth_m, rng)
    kept = rng.random(n_truth) < 1 / (1 + np.exp(-(truth[:, 0] - 100) / 30))
    sampled = weighted.sample(truth_m[kept][:4000], rng)
    assert np.abs(z_of_means(sampled, truth[kept][:4000])).max() < 8
    unweighted = learnt(name).sample(truth_m[kept][:4000], rng)
    assert np.abs(z_of_means(unweighted, truth[kept][:4000])).max() > 15


# Closure: what it is for.


@every_density
def test_inside_the_window_its_samples_look_like_background(name):
    """Means and variances of both features, 4,000 samples against 4,000 events.

    Each z is N(0, 1) for a perfect density; 5 leaves it room for an error of the training of
    twice the statistical one, and alone gives a false alarm in 2e-6 of tests.
    """
    density = learnt(name)
    rng = np.random.default_rng(10)
    m = rng.uniform(*WINDOW, 4000)
    z = z_of_means(density.sample(m, rng), background(m, rng))
    assert np.abs(z).max() < 5


@every_density
def test_samples_follow_the_mass(name):
    rng = np.random.default_rng(11)
    low, high = (
        learnt(name).sample(np.full(4000, mass), rng)[:, 0].mean() for mass in (2800, 4800)
    )
    assert high - low == pytest.approx(0.05 * 2000, rel=0.2)


@every_density
def test_counted_features_stay_on_their_lattice(name):
    rng = np.random.default_rng(12)
    m = masses(1500, rng)
    X = background(m, rng)
    X[:, 1] = rng.poisson(3 + (m - 2600) / 1000)
    density = built(name).fit(X, m)
    drawn = density.sample(m, rng)
    assert density.lattice_features_ == [1]
    assert set(drawn[:, 1]) <= set(X[:, 1])
    assert len(np.unique(drawn[:, 0])) == len(m)


@every_density
def test_counted_features_are_normal_in_latent_space(name):
    """Events held out; false-alarm rate 0.1 % a feature. At the values they would be lumps."""
    rng = np.random.default_rng(13)
    m = masses(8000, rng)
    X = background(m, rng)
    X[:, 1] = rng.random(len(m)) < 0.3
    density = built(name).fit(X[:5000], m[:5000])
    z = density.to_latent(X[5000:], m[5000:])
    assert min(kstest(z[:, j], "norm").pvalue for j in (0, 1)) > 1e-3
    np.testing.assert_array_equal(density.to_latent(X[5000:5100], m[5000:5100]), z[:100])
    assert spearmanr(z[:, 1], X[5000:, 1]).statistic > 0.75


# What it refuses, and what it is as an object.


def broken(what: str) -> tuple[np.ndarray, np.ndarray]:
    X, m = a_few(FEWEST_EVENTS + 50)
    match what:
        case "few":
            X, m = X[: FEWEST_EVENTS - 1], m[: FEWEST_EVENTS - 1]
        case "constant":
            X[:, 1] = 2.0
        case "function":
            X[:, 0] = np.log(m)
        case "parabola":
            X[:, 0] = (m - np.median(m)) ** 2
        case "steps":
            X[:, 0] = np.digitize(m, np.quantile(m, [0.2, 0.5, 0.8])) % 2
        case "mass":
            m[3] = -1.0
        case "nan":
            X[3, 1] = np.nan
        case "shape":
            m = m[:-1]
    return X, m


@every_density
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("few", f"at least {FEWEST_EVENTS} training events, there are {FEWEST_EVENTS - 1}"),
        ("constant", r"feature 1 is constant \(2\)"),
        ("function", "feature 0 is a function of the mass"),
        ("parabola", "feature 0 is a function of the mass"),
        ("steps", "feature 0 is a function of the mass"),
        ("mass", "positive masses"),
        ("nan", "features: not all values are finite"),
        ("shape", "expected features"),
    ],
)
def test_it_refuses_what_has_no_density(name, what, words):
    with pytest.raises(InputError, match=words):
        built(name).fit(*broken(what))


def test_copies_and_correlated_features_are_no_functions_of_the_mass():
    """Twenty copies of each event, masses in whole numbers, a correlation of 0.97."""
    rng = np.random.default_rng(0)
    m = 3000 + rng.normal(0, 300, 2000).round()
    X = np.column_stack([
        rng.normal(size=2000), rng.random(2000) < 0.02, 4 * (m - 3000) / 300 + rng.normal(size=2000)
    ])  # fmt: skip
    require_learnable(X, m)
    require_learnable(np.repeat(X, 20, axis=0), np.repeat(m, 20))


@pytest.mark.parametrize("what", ["sum", "ratio", "transform"])
def test_features_that_follow_from_others_have_no_density(what):
    """In single precision, too."""
    rng = np.random.default_rng(1)
    a, b, c = rng.gamma(3.0, 50.0, (3, 1000))
    third = {"sum": a - b, "ratio": a / b, "transform": a**0.3}[what]
    X = np.column_stack([a, b, c - c.mean(), third]).astype(np.float32).astype(np.float64)
    m = masses(1000, rng)
    require_learnable(X[:, :3], m)
    with pytest.raises(InputError, match="feature 'd' follows from the features before it"):
        require_learnable(X, m, ("a", "b", "c", "d"))
    noisy = X + [0, 0, 0, 1e-3] * rng.normal(size=X.shape) * X.std(axis=0)
    require_learnable(noisy, m)


def test_the_name_of_a_feature_is_told():
    X, m = broken("parabola")
    with pytest.raises(InputError, match="feature 'square' is a function of the mass"):
        require_learnable(X, m, ("square", "b"))


@every_density
def test_it_refuses_other_columns_and_negative_weights(name):
    X, m = a_few(300)
    with pytest.raises(InputError, match="expected 2 features, got 1"):
        learnt(name).log_prob(X[:, :1], m)
    with pytest.raises(InputError, match="weights must not be negative"):
        built(name).fit(X, m, np.full(len(m), -1.0))


@every_density
@pytest.mark.parametrize(
    ("key", "value"),
    [("hidden", ()), ("epochs", 0), ("learning_rate", -1.0), ("validation_fraction", 1.0)],
)
def test_senseless_settings_are_named(name, key, value):
    density = clone(built(name)).set_params(**{key: value})
    with pytest.raises(ConfigError, match=key):
        density.check_ready()


@every_density
def test_what_is_missing_is_named(name, monkeypatch):
    density = built(name)
    monkeypatch.setattr("novum.optional.find_spec", lambda module: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'novum\[deep\]'"):
        density.fit(*a_few(300))


@every_density
def test_clones_are_unfitted_and_equal(name):
    density = learnt(name)
    cloned = clone(density)
    assert cloned.get_params() == density.get_params()
    assert not hasattr(cloned, "n_features_in_")


@every_density
def test_fitted_densities_travel_between_processes(name):
    """As joblib sends them home from its workers: by pickle, and small."""
    sent = pickle.dumps(learnt(name))
    X, m = a_few()
    np.testing.assert_array_equal(pickle.loads(sent).log_prob(X, m), learnt(name).log_prob(X, m))
    assert len(sent) < 200_000


# The solver of flow matching.


def test_few_steps_of_the_solver_do():
    """Fourth order: from 4 steps to 16 the error falls by 256, so their difference is that of 4."""
    few = learnt("flow-matching")
    many = copy(few).set_params(steps=16)
    X, m = a_few(1000)
    np.testing.assert_allclose(few.to_latent(X, m), many.to_latent(X, m), atol=5e-3)
    difference = few.log_prob(X, m) - many.log_prob(X, m)
    assert np.abs(difference).mean() < 1e-3


# Best epochs.


@pytest.mark.parametrize("name", ["maf", "nsf"])
def test_the_mean_of_several_epochs_is_a_density_and_is_sampled_in_turn(name):
    """Shares of the flows in a sample are even by construction; the mean is checked exactly."""
    X, m = a_few(600)
    density = built(name, best_epochs=3).fit(X, m)
    assert list(density.validation_loss_) == sorted(density.validation_loss_)
    assert len(density.validation_loss_) == 3
    each = []
    for k in range(3):
        alone = clone(density)
        alone.__dict__.update(density.__dict__)
        alone.weights_, alone.n_flows_ = [w[k : k + 1] for w in density.weights_], 1
        each.append(alone)
    mean = np.mean([np.exp(d.log_prob(X, m)) for d in each], axis=0)
    np.testing.assert_allclose(density.log_prob(X, m), np.log(mean), atol=1e-6)
    drawn = density.sample(m, np.random.default_rng(0))
    for k, alone in enumerate(each):
        latent = np.random.default_rng(0).standard_normal((len(m), 2))[k::3]
        np.testing.assert_allclose(drawn[k::3], alone.from_latent(latent, m[k::3]), rtol=1e-4)


def test_the_published_settings_of_cathode():
    params = catalogue.build("density", "maf").published(random_state=3).get_params()
    assert params == {
        "transforms": 15,
        "hidden": (128, 128),
        "coordinates": "logit",
        "epochs": 100,
        "batch_size": 256,
        "learning_rate": 1e-4,
        "schedule": "constant",
        "best_epochs": 10,
        "validation_fraction": 0.43,
        "random_state": 3,
    }


@pytest.mark.parametrize("name", ["maf", "nsf"])
def test_logit_coordinates_are_a_density_too(name):
    X, m = a_few(2000)
    density = built(name, coordinates="logit").fit(X, m)
    assert np.isfinite(density.log_prob(X, m)).all()
    drawn = density.sample(m, np.random.default_rng(0))
    assert (drawn >= X.min(axis=0) - 0.02 * np.ptp(X, axis=0)).all()
    assert (drawn <= X.max(axis=0) + 0.02 * np.ptp(X, axis=0)).all()
    with pytest.raises(ConfigError, match="coordinates: must be gaussian or logit, got log"):
        density.set_params(coordinates="log").check_ready()


@every_density
def test_of_one_mass_it_is_the_density_of_the_features(name):
    """In given coordinates: two correlated normal features, whose density is known."""
    rng = np.random.default_rng(8)
    true = multivariate_normal([0.3, 0.0], [[1.0, 0.5], [0.5, 0.8]])
    X, mass = true.rvs(5000, rng), np.full(5000, 3500.0)
    density = built(name).fit(X, mass, coordinates=Unchanged())
    fresh = true.rvs(2000, rng)
    missed = true.logpdf(fresh) - density.log_prob(fresh, mass[:2000])
    assert 0 < missed.mean() < 0.03  # nats: the divergence from the truth
    drawn = density.sample(mass, rng)
    assert np.abs(z_of_means(drawn, true.rvs(5000, rng))).max() < 5


def test_splines_trained_together_are_those_trained_alone():
    rng = np.random.default_rng(3)
    tables = [(rng.normal(size=(600, 2)) + k, rng.uniform(2000, 5000, 600)) for k in range(3)]
    plain = AutoregressiveSpline((8,), knots=8, epochs=3, random_state=2)
    together = plain.fit_together(tables)
    for (x, m), density in zip(tables, together, strict=True):
        alone = clone(plain).fit(x, m)
        np.testing.assert_allclose(density.log_prob(x, m), alone.log_prob(x, m), atol=1e-4)
    assert not hasattr(plain, "n_features_in_")
