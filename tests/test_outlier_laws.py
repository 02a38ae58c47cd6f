"""The laws of outlier detectors, for every member by discovery."""

import re
import subprocess
import sys
from importlib import import_module

import numpy as np
import onnxruntime
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from novum import catalogue
from novum.catalogue import StoredModel, load_model, save_model
from novum.errors import ConfigError, ExportError, InputError
from novum.outlier.reconstruction import Reconstructor

NAMES = [entry.name for entry in catalogue.entries("detector")]
TAKES = {n: catalogue.build("detector", n).takes for n in NAMES}
TABLES = [n for n in NAMES if TAKES[n] == "table"]
SMALL = {
    "epochs": 10,
    "members": 2,
    "patience": None,
    "batch_size": 64,
    "normalising_epochs": 2,
    "latent_steps": 2,
    "steps": 2,
}
SEPARATION = 0.9  # least share of far points that must beat 95 % of the bulk


def small(name, **options):
    """A member with a training that takes a second."""
    detector = catalogue.build("detector", name)
    known = detector.get_params()
    options = {k: v for k, v in SMALL.items() if k in known} | options
    if TAKES[name] == "images":
        options.setdefault("hidden", (4, 8))
    seed = {"random_state": 7} if "random_state" in known else {}
    return detector.set_params(**options, **seed)


def background(n=1200, seed=3):
    """Six features: two normal and correlated, two skewed, a bimodal one, a sum of others."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.standard_normal((3, n))
    e = rng.exponential(50, n)
    two = rng.choice([-3.0, 3.0], n) + 0.5 * rng.standard_normal(n)
    return np.column_stack([a, 0.8 * a + 0.6 * b, e, 0.1 * e + c, two, a + two + 0.1 * c])


def images(n=1200, seed=3):
    """Pixels of 8 × 8 images: a blob near the middle and some soft pixels."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:8, :8]
    at = 3.5 + 0.7 * rng.standard_normal((2, n, 1, 1))
    blob = np.exp(-((row - at[0]) ** 2 + (column - at[1]) ** 2))
    pixels = blob + 0.02 * rng.exponential(1, (n, 8, 8))
    return (pixels / pixels.sum(axis=(1, 2), keepdims=True)).reshape(n, 64)


def clouds(n=1200, seed=3):
    """Up to 8 particles in two groups, the harder ones closer to the middle of theirs."""
    rng = np.random.default_rng(seed)
    pt = -np.sort(-rng.exponential(1, (n, 8)), axis=1)
    pt[np.arange(8) >= rng.integers(3, 9, n)[:, None]] = 0
    middle = rng.choice([-0.3, 0.3], (n, 8)) + 0.05 * rng.standard_normal((n, 1))
    place = np.stack([0.1 * rng.standard_normal((n, 8)), middle], axis=2)
    place += 0.05 * rng.standard_normal((n, 8, 2)) / (0.3 + pt[..., None])
    jets = np.concatenate([pt[..., None] / pt.sum(axis=1)[:, None, None], place], axis=2)
    return np.where(pt[..., None] > 0, jets, 0.0).reshape(n, 24)


def sample(detector, n=1200, seed=3):
    """What a detector takes."""
    return {"table": background, "images": images, "clouds": clouds}[detector.takes](n, seed)


@pytest.fixture(scope="module", params=NAMES)
def fitted(request):
    detector = small(request.param)
    return detector.fit(sample(detector))


def test_scores_are_finite_and_one_an_event(fitted):
    x = sample(fitted, 500, seed=4)
    score = fitted.anomaly_score(x)
    assert score.shape == (500,)
    assert np.isfinite(score).all()
    np.testing.assert_array_equal(fitted.score_samples(x), -score)


def test_the_same_seed_gives_the_same_score(fitted):
    again = clone(fitted).fit(sample(fitted))
    x = sample(fitted, 100, seed=5)
    np.testing.assert_allclose(again.anomaly_score(x), fitted.anomaly_score(x), rtol=1e-12)


def test_scoring_is_row_wise(fitted):
    x = sample(fitted, 300, seed=6)
    whole = fitted.anomaly_score(x)
    scale = np.abs(whole).max()
    order = np.random.default_rng(0).permutation(len(x))
    np.testing.assert_allclose(fitted.anomaly_score(x[order]), whole[order], atol=1e-6 * scale)
    parts = [fitted.anomaly_score(x[i : i + 7]) for i in range(0, len(x), 7)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6 * scale)


@pytest.mark.parametrize("distance", [12.0, 1e3])
def test_far_points_rank_above_the_bulk(fitted, distance):
    bulk = sample(fitted, 1000, seed=8)
    direction = np.random.default_rng(9).standard_normal((200, bulk.shape[1]))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    if fitted.takes != "table":
        direction *= 3  # over ten times the features
    far = bulk.mean(axis=0) + distance * direction * bulk.std(axis=0)
    if fitted.takes == "clouds":
        far[:, ::3] = np.abs(far[:, ::3])  # pT
    edge = np.quantile(fitted.anomaly_score(bulk), 0.95)
    assert (fitted.anomaly_score(far) > edge).mean() > SEPARATION


def test_every_score_of_a_detector_is_finite_and_its_own(fitted):
    x = sample(fitted, 200, seed=10)
    seen = []
    for name in fitted.scores:
        made = clone(fitted).set_params(score_by=name)
        made.__dict__.update({k: v for k, v in vars(fitted).items() if k.endswith("_")})
        seen.append(made.anomaly_score(x))
        assert np.isfinite(seen[-1]).all()
    for i, one in enumerate(seen):
        assert not any(np.allclose(one, other) for other in seen[:i])


def test_contributions_add_up_to_the_score(fitted):
    if not isinstance(fitted, Reconstructor):
        return
    x = sample(fitted, 100, seed=12)
    for name in fitted.scores:
        made = clone(fitted).set_params(score_by=name)
        made.__dict__.update({k: v for k, v in vars(fitted).items() if k.endswith("_")})
        found = made.contributions(x)
        assert (found is None) == (name not in fitted.sums)
        if found is not None:
            assert found.shape == x.shape
            np.testing.assert_allclose(found.sum(axis=1), made.anomaly_score(x), rtol=1e-6)


def test_an_onnx_file_gives_every_score_or_the_detector_says_why_not(fitted):
    if fitted.no_onnx:
        with pytest.raises(ExportError, match=re.escape(fitted.no_onnx)):
            fitted.to_onnx()
        return
    x = sample(fitted, 300, seed=15)
    x[-100:] *= 30  # far away
    x = x.astype(np.float32)
    for name in fitted.scores or ("score",):
        made = clone(fitted)
        if fitted.scores:
            made.set_params(score_by=name)
        made.__dict__.update({k: v for k, v in vars(fitted).items() if k.endswith("_")})
        wanted = made.anomaly_score(x)
        typical = np.median(np.abs(wanted[:-100]))
        session = onnxruntime.InferenceSession(made.to_onnx().SerializeToString())
        (found,) = session.run(None, {"x": x})
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * typical, err_msg=name)
        (one,) = session.run(None, {"x": x[:1]})
        np.testing.assert_allclose(one, wanted[:1], rtol=1e-5, atol=1e-5 * typical)


def test_units_are_those_of_copies_and_without_weight_an_event_does_not_count(fitted):
    x = sample(fitted, 400, seed=11)
    w = np.random.default_rng(1).integers(0, 3, len(x)).astype(float)
    weighted = clone(fitted).fit(x, sample_weight=w)
    copies = np.repeat(x, w.astype(int), axis=0)
    if fitted.takes != "table":
        np.testing.assert_allclose(weighted.scale_, np.sqrt((copies**2).mean()))
    else:
        np.testing.assert_allclose(weighted.center_, copies.mean(axis=0))
        np.testing.assert_allclose(weighted.scale_, copies.std(axis=0))
    kept = clone(fitted).fit(x[w > 0], sample_weight=w[w > 0])
    y = sample(fitted, 50, seed=12)
    np.testing.assert_allclose(kept.anomaly_score(y), weighted.anomaly_score(y))


def test_weights_are_copies_where_nothing_is_drawn(fitted):
    if "random_state" in fitted.get_params():
        return  # copies and weights are drawn differently; test_outlier_formulas.py has a law
    x = sample(fitted, 400, seed=11)
    w = np.random.default_rng(1).integers(0, 3, len(x))
    weighted = clone(fitted).fit(x, sample_weight=w)
    copies = clone(fitted).fit(np.repeat(x, w, axis=0))
    y = sample(fitted, 50, seed=12)
    np.testing.assert_allclose(weighted.anomaly_score(y), copies.anomaly_score(y))


SCORE_ELSEWHERE = """
import sys
import numpy as np
from novum.catalogue import load_model
for line in sys.stdin:
    model, x, out = line.rstrip().split("\\t")
    np.save(out, load_model(model).model.anomaly_score(np.load(x)))
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def elsewhere():
    """A process that has only ever loaded models: a detector was never fitted in it."""
    script = [sys.executable, "-c", SCORE_ELSEWHERE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(script, **pipes) as process:
        yield process
        process.stdin.close()


def test_a_stored_model_gives_equal_scores_in_a_fresh_process(fitted, elsewhere, tmp_path):
    x = sample(fitted, 200, seed=13)
    save_model(StoredModel(fitted, "detector"), tmp_path / "model")
    np.save(tmp_path / "x.npy", x)
    paths = [str(tmp_path / name) for name in ("model", "x.npy", "s.npy")]
    print(*paths, sep="\t", file=elsewhere.stdin, flush=True)
    assert elsewhere.stdout.readline() == "done\n"
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), fitted.anomaly_score(x))
    stored = load_model(tmp_path / "model").model
    assert stored.get_params() == fitted.get_params()


def test_features_in_other_units_change_nothing(fitted):
    x, y = sample(fitted), sample(fitted, 100, seed=14)
    units = 1e3 if fitted.takes != "table" else np.array([1e-3, 1e3, 1.0, 10.0, 1e-6, 2.0])
    other = clone(fitted).fit(x * units)
    np.testing.assert_allclose(
        other.anomaly_score(y * units), fitted.anomaly_score(y), rtol=2e-2, atol=2e-2
    )


def test_bad_input_is_refused(fitted):
    x = sample(fitted, 50)
    with pytest.raises(ValueError, match="NaN"):
        clone(fitted).fit(np.where(x > np.quantile(x, 0.9), np.nan, x))
    with pytest.raises(InputError, match="must not be negative"):
        clone(fitted).fit(x, sample_weight=np.linspace(-1, 1, 50))
    with pytest.raises(ValueError, match=r"(6|24|64) features"):
        fitted.anomaly_score(x[:, :3])


@pytest.mark.parametrize("name", [n for n in NAMES if catalogue.build("detector", n).scores])
def test_unknown_scores_are_named(name):
    with pytest.raises(ConfigError, match="score_by: must be one of"):
        small(name, score_by="msé").check_ready()


@pytest.mark.parametrize("name", TABLES)
def test_scikit_learn_takes_it_for_an_estimator(name):
    latent = 2 if name in ("dirichlet-vae", "nae", "wnae") else 1  # topics; a sphere
    tiny = {"clusters": 2, "components": 2, "epochs": 2, "members": 1, "trees": 10}
    tiny["normalising_epochs"] = 1
    tiny["detectors"] = ("mahalanobis", "pca")
    tiny["latent"] = latent
    known = catalogue.build("detector", name).get_params()
    detector = small(name, **{k: v for k, v in tiny.items() if k in known})
    # Copies and weights are drawn differently into batches, and into what is held out.
    drawn = {"check_sample_weight_equivalence_on_dense_data": "draws go by rows"}
    expected = drawn if known.keys() & {"batch_size", "detectors", "flow"} else {}
    check_estimator(detector, expected_failed_checks=expected, on_skip=None)


def test_every_detector_lives_in_a_file_of_its_own():
    modules = [entry.module for entry in catalogue.entries("detector")]
    assert len(set(modules)) == len(modules)
    assert all(import_module(m).__doc__ for m in modules)


def test_jets_are_named_as_such():
    x = clouds(50)
    with pytest.raises(InputError, match="reads particles of pT and two coordinates each, 23 col"):
        small("cloud-autoencoder").fit(x[:, :23])
    with pytest.raises(InputError, match="a particle has a negative pT"):
        small("recurrent-autoencoder").fit(-x)
    fitted = small("cloud-autoencoder", epochs=1).fit(x)
    with pytest.raises(InputError, match="cloud-autoencoder: a jet has no constituent"):
        fitted.anomaly_score(np.vstack([x[:3], np.zeros(24)]))
    with pytest.raises(ConfigError, match="distance: must be one of transport, chamfer"):
        small("cloud-autoencoder", distance="euclid").check_ready()


def test_images_are_named_as_such():
    with pytest.raises(InputError, match="needs the pixels of square images, 6 columns"):
        small("conv-autoencoder").fit(background(100))
    small("conv-autoencoder", epochs=1, hidden=(2, 2)).fit(np.tile(images(60), 2)[:, :49])
