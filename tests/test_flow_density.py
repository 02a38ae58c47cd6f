"""The flow detector scores by minus log p, in standardised features."""

import numpy as np
import onnxruntime
import pytest
from scipy import stats

from novum import catalogue
from novum.catalogue import StoredModel, load_model, save_model
from novum.density import AutoregressiveSpline
from novum.density.base import Density
from novum.density.coordinates import MassScaled
from novum.errors import ConfigError, ExportError
from novum.outlier import FlowDensity

MEAN = np.array([3.0, -50.0])
COVARIANCE = np.array([[1.0, 4.0], [4.0, 25.0]])


def normal(n, seed):
    return np.random.default_rng(seed).multivariate_normal(MEAN, COVARIANCE, n)


def test_scores_of_a_normal_distribution_are_its_own():
    detector = FlowDensity(random_state=1).fit(normal(10_000, seed=0))
    x = normal(2000, seed=1)
    # Standardised features: the density is that of the given ones times the product of the scales.
    score = detector.anomaly_score(x) + np.log(detector.scale_).sum()
    true = -stats.multivariate_normal(MEAN, COVARIANCE).logpdf(x)
    # The mean difference is the divergence from the true density. Measured: 0.03, 0.24, 0.98.
    assert 0 < (score - true).mean() < 0.06
    assert (score - true).std() < 0.4
    assert np.corrcoef(score, true)[0, 1] > 0.95


@pytest.mark.parametrize("flow", ["spline", "maf", "nsf"])
def test_far_points_score_above_all_background(flow):
    detector = FlowDensity(flow, hidden=(16,), epochs=3, random_state=1).fit(normal(500, seed=0))
    direction = np.random.default_rng(2).standard_normal((50, 2))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    largest = detector.anomaly_score(normal(500, seed=0)).max()
    scores = [detector.anomaly_score(MEAN + d * direction) for d in (1e2, 1e3, 1e4)]
    assert np.isfinite(scores).all()
    assert np.min(scores) > largest
    if flow == "spline":  # falls as a normal distribution does
        assert (np.diff(scores, axis=0) > 0).all()


def test_logarithms_of_the_features_rank_events_differently():
    x = np.exp(normal(3000, seed=0)[:, :1] / 2)
    score = FlowDensity(random_state=1).fit(x).anomaly_score(x)
    of_logs = FlowDensity(random_state=1).fit(np.log(x)).anomaly_score(np.log(x))
    assert stats.spearmanr(score, of_logs).statistic < 0.8


def test_constant_features_count_from_their_value():
    x = np.column_stack([normal(300, seed=0), np.full(300, 7.0)])
    detector = FlowDensity(epochs=2, random_state=1).fit(x)
    moved = x + np.array([0, 0, 3.0])
    np.testing.assert_allclose(detector.anomaly_score(moved) - detector.anomaly_score(x), 4.5)
    same = FlowDensity().fit(np.ones((20, 2)))
    assert same.anomaly_score(np.array([[1.0, 1.0]])) == pytest.approx(np.log(2 * np.pi))


@pytest.mark.parametrize("scored", ["those it was fitted to", "others"])
def test_a_file_knows_constant_features_and_those_of_few_values(scored):
    rng = np.random.default_rng(4)
    x = np.column_stack([np.full(1500, 7.0), normal(1500, seed=0), rng.integers(0, 3, 1500)])
    detector = FlowDensity(epochs=3, random_state=1).fit(x)
    assert detector.density_[0].lattice_features_ == [2]
    x = (x if scored != "others" else 30 * x - 1).astype(np.float32)
    session = onnxruntime.InferenceSession(detector.to_onnx().SerializeToString())
    (found,) = session.run(None, {"x": x})
    np.testing.assert_allclose(found, detector.anomaly_score(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("flow", ["maf", "nsf"])
def test_flows_that_have_no_file_say_so(flow):
    detector = FlowDensity(flow, hidden=(4,), epochs=1).fit(normal(100, seed=0))
    with pytest.raises(ExportError, match=f"flow is not exported: {flow} runs in zuko"):
        detector.to_onnx()


def test_the_log_density_of_a_spline_needs_no_latent_space():
    rng = np.random.default_rng(3)
    m = rng.uniform(2000, 4000, 6000)
    x = np.column_stack([rng.normal(m / 100, 1), rng.normal(m / 1000, 0.3)])
    density = AutoregressiveSpline(epochs=2, random_state=1).fit(x, m)
    assert isinstance(density.coordinates_.steps[0], MassScaled)
    z, context = 3 * rng.standard_normal((500, 2)), rng.standard_normal(500)
    short, long = (of(density, z, context, 0) for of in (
        AutoregressiveSpline._log_density, Density._log_density))  # fmt: skip
    np.testing.assert_allclose(short, long, rtol=1e-12)
    masses = np.full(len(x), 3000.0)
    np.testing.assert_allclose(density.log_prob_at(x, 3000.0), density.log_prob(x, masses))


def test_an_unknown_flow_is_named():
    with pytest.raises(ConfigError, match="flow: must be one of spline, maf, nsf, got glow"):
        FlowDensity("glow").check_ready()  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="epochs: must be at least 1"):
        FlowDensity(epochs=0).check_ready()


@pytest.mark.parametrize("name", [entry.name for entry in catalogue.entries("density")])
def test_densities_given_the_mass_are_stored_with_their_coordinates(name, tmp_path):
    rng = np.random.default_rng(3)
    m = rng.uniform(2000, 4000, 600)
    x = np.column_stack([rng.normal(m / 1000, 0.3), rng.integers(0, 5, 600)])
    density = catalogue.build("density", name, epochs=2, random_state=1).fit(x, m)
    save_model(StoredModel(density, "density"), tmp_path / "model")
    again = load_model(tmp_path / "model").model
    np.testing.assert_array_equal(again.log_prob(x, m), density.log_prob(x, m))
    drawn = [d.sample(m, np.random.default_rng(0)) for d in (density, again)]
    np.testing.assert_array_equal(*drawn)
    assert set(drawn[0][:, 1]) <= set(range(5))
