"""Outlier models as ONNX files: what they say of themselves, checks, and refusals."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from novum.cli.app import run
from novum.errors import ConfigError, ExportError, InputError, MissingColumnError, OutputError
from novum.events import Cloud, Events
from novum.io import write_events
from novum.physics.jet_images import JetImages
from novum.search import export_onnx, fit_outlier, onnx_export
from novum.search.onnx_export import PrecisionWarning

NAMES = ("met", "pt", "ht")
TINY = {"epochs": 2, "members": 2, "hidden": (8,), "latent": 2}


def events(n=600, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, n)) * [[1], [50], [1e-3]] + [[0], [1000], [0]]
    return Events.from_arrays(dict(zip(NAMES, x, strict=True)))


@pytest.fixture(scope="module")
def model():
    return fit_outlier(events(), "vae", features=["ht", "pt"], options=TINY)


def test_the_file_scores_the_events_own_columns(model, tmp_path):
    made = export_onnx(model, tmp_path / "m.onnx")
    graph = onnx.load(made.path)
    onnx.checker.check_model(graph, full_check=True)
    said = {p.key: p.value for p in graph.metadata_props}
    assert json.loads(said["columns"]) == ["ht", "pt"]
    assert (said["detector"], said["score"]) == ("vae", "elbo")
    assert graph.producer_name == "novum"
    assert made.opset == graph.opset_import[0].version
    assert made.n_bytes == made.path.stat().st_size
    other = events(50, seed=3)
    x = np.column_stack([other.features[name] for name in json.loads(said["columns"])])
    (score,) = onnxruntime.InferenceSession(made.path).run(None, {"x": x.astype(np.float32)})
    np.testing.assert_allclose(score, model.anomaly_score(other), rtol=1e-4)
    assert made.check.n_events == 4096
    assert made.check.deviation < onnx_export.TOLERANCE
    assert 0 < made.check.seconds[1024] < made.check.seconds[1] < 1e-2
    with pytest.raises(OutputError, match="exists already"):
        export_onnx(model, made.path)


def test_another_score_may_be_asked_for(tmp_path):
    model = fit_outlier(events(), "pca")
    made = export_onnx(model, tmp_path / "m.onnx", score_by="mae")
    assert made.score == "mae"
    assert {p.key: p.value for p in onnx.load(made.path).metadata_props}["score"] == "mae"
    with pytest.raises(ConfigError, match="not 'kl'"):
        export_onnx(model, tmp_path / "n.onnx", score_by="kl")


def test_the_check_runs_on_events_where_some_are_given(model, tmp_path):
    write_events(events(70, seed=5), tmp_path / "some.parquet")
    made = export_onnx(model, tmp_path / "m.onnx", events=tmp_path / "some.parquet")
    assert made.check.n_events == 70
    write_events(Events.from_arrays({"met": np.ones(3)}), tmp_path / "other.parquet")
    with pytest.raises(MissingColumnError, match="column 'ht'"):
        export_onnx(model, tmp_path / "n.onnx", events=tmp_path / "other.parquet")
    assert not (tmp_path / "n.onnx").exists()


@pytest.mark.parametrize("value", [1e30, -1e160])  # it overflows on the way, or right away
def test_values_beyond_single_precision_are_named(model, tmp_path, value):
    far = {name: column.copy() for name, column in events(9).features.items()}
    far["pt"][7] = value
    write_events(Events.from_arrays(far), tmp_path / "far.parquet")
    message = r"far.parquet, column 'pt': -?1e\+\d+ in row 7 .* is too large for float32"
    with pytest.raises(InputError, match=message):
        export_onnx(model, tmp_path / "m.onnx", events=tmp_path / "far.parquet")
    assert not (tmp_path / "m.onnx").exists()


def test_a_file_that_deviates_is_named(model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "TOLERANCE", 0.0)
    with pytest.warns(PrecisionWarning, match=r"scores deviate by .*, more than 0"):
        export_onnx(model, tmp_path / "m.onnx")


def test_without_onnxruntime_nothing_is_checked(model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    assert export_onnx(model, tmp_path / "m.onnx").check is None
    assert (tmp_path / "m.onnx").exists()


def test_images_are_read_as_pixels(tmp_path):
    rng = np.random.default_rng(2)
    particles = np.abs(rng.standard_normal((300, 6, 3)))
    jets = Events.from_arrays({"m": np.ones(300)})
    jets = Events(jets.id, {}, jets.weight, clouds={"jet": Cloud(particles, ("pt", "eta", "phi"))})
    options = {"epochs": 1, "hidden": (2, 2)}
    image = JetImages(size=6, half_width=4.0)
    model = fit_outlier(jets, "conv-autoencoder", representation=image, options=options)
    made = export_onnx(model, tmp_path / "m.onnx")
    assert made.n_inputs == 36
    assert made.check.deviation < onnx_export.TOLERANCE
    said = {p.key: p.value for p in onnx.load(made.path).metadata_props}
    assert json.loads(said["columns"])[7] == "jet pixel 1,1"


@pytest.mark.parametrize("method", ["cloud-autoencoder", "recurrent-autoencoder"])
def test_clouds_are_read_as_particles(method, tmp_path):
    rng = np.random.default_rng(2)
    particles = np.abs(rng.standard_normal((300, 6, 3)))
    particles[np.arange(6) > rng.integers(0, 6, 300)[:, None]] = 0
    jets = Events.from_arrays({"m": np.ones(300)})
    jets = Events(jets.id, {}, jets.weight, clouds={"jet": Cloud(particles, ("pt", "eta", "phi"))})
    model = fit_outlier(jets, method, options={"epochs": 1, "latent": 2})
    write_events(jets, tmp_path / "jets.h5")
    for i, events in enumerate((None, tmp_path / "jets.h5")):
        made = export_onnx(model, tmp_path / f"{i}.onnx", events=events)
        assert made.n_inputs == 120
        assert made.check.deviation < onnx_export.TOLERANCE
    graph = onnx.load(made.path)
    onnx.checker.check_model(graph, full_check=True)
    said = {p.key: p.value for p in graph.metadata_props}
    assert json.loads(said["columns"])[3:6] == [f"jet particle 1 {k}" for k in ("pt", "x", "y")]


def test_the_command_line(model, tmp_path, capsys):
    model.save(tmp_path / "m")
    words = ["export", str(tmp_path / "m"), "-o", str(tmp_path / "m.onnx")]
    assert run([*words, "--score-by", "kl"]) == 0
    said = capsys.readouterr().out
    assert "vae, kl: 2 columns, opset 18" in said
    assert "largest deviation" in said
    assert "in batches of 1024 on one core" in said
    assert run(words) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m"], "name a new file for the model (-o model.onnx)"),
        (["m", "-o", "m.pb"], "m.pb: models are exported as .onnx"),
        (["m", "-o", "m.onnx"], "iforest is not exported: trees are no operations on arrays"),
        (["elsewhere", "--score-by", "mse"], "--score-by: is for outlier models"),
        (["elsewhere", "--events", "x.h5"], "--events: is for outlier models"),
    ],
)
def test_mistakes_are_named(tmp_path, monkeypatch, capsys, words, message):
    fit_outlier(events(), "iforest", options={"trees": 3}).save(tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    assert run(["export", *words]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.glob("m.*"))


def test_reasons_are_typed(tmp_path):
    model = fit_outlier(events(), "kde")
    with pytest.raises(ExportError, match=r"kde is not exported: .* gmm is a density"):
        export_onnx(model, tmp_path / "m.onnx")
