"""Detectors from files to files: columns, chunks, p-values, and models that travel."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from novum.cli.app import run
from novum.errors import ConfigError, FileFormatError, InputError, MissingColumnError, OutputError
from novum.events import Cloud, Events, Meta
from novum.io import write_events
from novum.outlier import KMeans
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages
from novum.search import OutlierModel, chunks, explain, fit_outlier, score_file
from novum.search.crossfitting import fold_of

NAMES = ("met", "pt", "ht")


def events(n=1000, seed=0, shift=0.0, clouds=False):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, n)) + shift
    made = Events.from_arrays(dict(zip(NAMES, x, strict=True)), label=np.zeros(n))
    if not clouds:
        return made
    particles = np.abs(rng.standard_normal((n, 4, 3)))
    return Events(
        made.id, made.features, made.weight, clouds={"jet": Cloud(particles, ("pt", "eta", "phi"))}
    )


@pytest.fixture(scope="module")
def model():
    return fit_outlier(events(), "mahalanobis")


@pytest.fixture
def files(tmp_path):
    write_events(events(), tmp_path / "background.parquet")
    write_events(events(500, seed=1, shift=2.0), tmp_path / "odd.parquet")
    return tmp_path


def test_p_values_are_uniform_on_background(model):
    score = model.anomaly_score(events(20_000, seed=3))
    p = model.p_value(score)
    # Given the 200 held-out events the p-values are off by their own fluctuation, some 1/√200.
    assert stats.kstest(p, "uniform").statistic < 1.63 * np.sqrt(1 / 200 + 1 / 20_000)  # 99 %
    odd = model.p_value(model.anomaly_score(events(1000, seed=4, shift=3.0)))
    assert np.median(odd) < 0.02


def test_p_values_count_the_event_itself(model):
    held = model.held_out["score"]
    assert model.n_held_out == len(held)
    assert model.n_events + model.n_held_out == 1000
    p = model.p_value(np.array([held[-1] + 1, held[-1], held[0], -1.0]))
    h = len(held)
    np.testing.assert_allclose(p, [1 / (1 + h), 2 / (1 + h), 1, 1])


@pytest.mark.parametrize("heavy", [10.0, 0.1])
def test_p_values_hold_for_weighted_background(heavy):
    """Weights that undo how the tail was sampled: ten fits, and a false alarm of 1 %."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((20_000, 3))
        far = (x**2).sum(axis=1) > 4
        kept = ~far if heavy > 1 else far  # what is sampled in full
        rows = kept | (rng.random(len(x)) < 0.1)
        weight = np.where(kept[rows], 1.0, 10.0) if heavy > 1 else np.where(kept[rows], 0.1, 1.0)
        background = weighted(x[rows], weight)
        made = fit_outlier(background, "mahalanobis", seed=seed)
        assert made.n_events + made.n_held_out < len(background)
        fresh = events(5000, seed=100 + seed)
        p = made.p_value(made.anomaly_score(fresh))
        found.append(stats.kstest(p, "uniform").statistic / np.sqrt(1 / made.n_held_out + 1 / 5000))
    assert np.mean(np.array(found) < 1.63) >= 0.8


def weighted(x, weight):
    made = Events.from_arrays(dict(zip(NAMES, x.T, strict=True)))
    return Events(made.id, made.features, weight)


def test_events_of_no_weight_are_not_background(files):
    inside, far = np.random.default_rng(0).standard_normal((2, 2000, 3))
    both = weighted(np.concatenate([inside, far + 20]), np.repeat([1.0, 0.0], 2000))
    made = fit_outlier(both, "mahalanobis")
    probe = weighted(np.full((1, 3), 5.0), np.ones(1))
    assert made.p_value(made.anomaly_score(probe))[0] == 1 / (1 + made.n_held_out)
    made.save(files / "m")
    again = OutlierModel.load(files / "m")
    assert again.heaviest == made.heaviest == 1
    np.testing.assert_array_equal(again.held_out_mean, made.held_out_mean)


def test_explain_finds_the_held_out_events_of_a_weighted_background(files):
    rng = np.random.default_rng(0)
    background = weighted(rng.standard_normal((2000, 3)), rng.uniform(0.1, 3, 2000))
    write_events(background, files / "weighted.parquet")
    made = fit_outlier(files / "weighted.parquet", "pca", options={"latent": 1})
    found = explain(made, files / "odd.parquet", top=1)
    assert found.n_background == made.n_held_out < 400


@pytest.mark.parametrize(
    ("weight", "message"), [(-1.0, "negative weights"), (0.0, "weights that are all zero")]
)
def test_weights_that_make_no_sense_are_named(weight, message):
    with pytest.raises(InputError, match=message) as caught:
        fit_outlier(weighted(np.zeros((100, 3)), np.full(100, weight)), "pca")
    assert (caught.value.column, caught.value.value) == ("weight", weight)


def test_equal_events_have_equal_p_values_whatever_the_batch():
    x = np.random.default_rng(0).integers(0, 2, (600, 3)).astype(float) / 3
    made = fit_outlier(weighted(x, np.ones(600)), "mahalanobis")
    whole = made.p_value(made.anomaly_score(weighted(x, np.ones(600))))
    for i in range(20):
        one = made.p_value(made.anomaly_score(weighted(x[i : i + 1], np.ones(1))))
        assert one[0] == whole[i]


def test_a_detector_that_is_given_stays_as_it_is():
    given = KMeans(3)
    made = fit_outlier(events(), given, options={"clusters": 7}, seed=5)
    assert made.detector is not given
    assert (made.detector.clusters, made.detector.random_state) == (7, 5)
    assert not hasattr(given, "centers_")
    assert given.clusters == 3
    with pytest.raises(ConfigError, match="clustres: kmeans has no such parameter"):
        fit_outlier(events(), given, options={"clustres": 7})


def test_seeds_that_some_library_does_not_take_are_refused():
    with pytest.raises(ConfigError, match=r"seed: must be below 2\*\*32, got 4294967296"):
        fit_outlier(events(), "iforest", seed=2**32)


def test_another_score_leaves_the_model_as_it_is(files):
    made = fit_outlier(events(), "pca")
    before = made.anomaly_score(events())
    score_file(made, files / "odd.parquet", files / "mae.parquet", score_by="mae")
    explain(made, files / "odd.parquet", top=1, background=events(), score_by="mae")
    np.testing.assert_array_equal(made.anomaly_score(events()), before)


def test_held_out_events_are_not_trained_on(model):
    rows = fold_of(events().id, 0, 5) != 0
    mean = np.mean([events().features[name][rows] for name in NAMES], axis=1)
    np.testing.assert_allclose(model.detector.center_, mean)


def test_files_are_scored_in_chunks_as_in_memory(files, model, monkeypatch):
    monkeypatch.setattr(chunks, "_MOST_ROWS", 64)
    assert score_file(model, files / "odd.parquet", files / "scores.parquet") == 500
    table = pq.read_table(files / "scores.parquet")
    assert table.column_names == ["id", "score", "p_value"]
    whole = events(500, seed=1, shift=2.0)
    score = model.anomaly_score(whole)
    np.testing.assert_array_equal(table["id"], whole.id)
    np.testing.assert_allclose(table["score"], score)
    np.testing.assert_allclose(table["p_value"], model.p_value(score))


def test_stored_models_keep_inputs_and_p_values(tmp_path):
    made = fit_outlier(events(clouds=True), "pca", features=["met"], cloud="jet")
    made.save(tmp_path / "model")
    again = OutlierModel.load(tmp_path / "model")
    assert again.inputs == made.inputs
    assert again.inputs.names[:3] == ("met", "jet[0].pt", "jet[0].eta")
    other = events(50, seed=9, clouds=True)
    score = made.anomaly_score(other)
    np.testing.assert_array_equal(again.anomaly_score(other), score)
    np.testing.assert_array_equal(again.p_value(score), made.p_value(score))
    assert set(again.held_out) == set(made.detector.scores)
    with pytest.raises(OutputError, match="exists already"):
        made.save(tmp_path / "model")


def test_clouds_may_have_other_numbers_of_particles():
    made = fit_outlier(events(clouds=True), "mahalanobis", cloud="jet")
    other = events(5, seed=1, clouds=True)
    longer = np.pad(other.clouds["jet"].values, ((0, 0), (0, 3), (0, 0)), constant_values=7)
    more = Events(other.id, {}, other.weight, clouds={"jet": Cloud(longer, ("pt", "eta", "phi"))})
    np.testing.assert_array_equal(made.anomaly_score(more), made.anomaly_score(other))


def test_images_are_made_of_clouds(tmp_path):
    source = events(300, clouds=True)
    made = fit_outlier(source, "pca", representation=JetImages(size=5, half_width=4.0))
    assert made.inputs.cloud == "jet"
    assert made.inputs.names[6] == "jet pixel 1,1"
    assert made.detector.n_features_in_ == 25
    assert np.ptp(made.detector.scale_) == 0
    made.save(tmp_path / "m")
    again = OutlierModel.load(tmp_path / "m")
    assert again.inputs == made.inputs
    np.testing.assert_array_equal(again.anomaly_score(source), made.anomaly_score(source))
    with pytest.raises(InputError, match="images of jets are read alone"):
        fit_outlier(source, "pca", features=["met"], representation=JetImages())
    with pytest.raises(InputError, match=r"the image of event 0 .* has no pixel with pT"):
        fit_outlier(source, "pca", representation=JetImages(half_width=1e-6))
    with pytest.raises(
        InputError, match="name the cloud to make images of jets of; there are: none"
    ):
        fit_outlier(events(300), "pca", representation=JetImages())


def test_clouds_of_jets_are_made_of_clouds(tmp_path):
    source = events(300, clouds=True)
    made = fit_outlier(source, "pca", representation=JetClouds(3, pt_power=0.5))
    assert made.inputs.names[:4] == tuple(
        f"jet particle {i}" for i in ("0 pt", "0 x", "0 y", "1 pt")
    )
    assert made.detector.n_features_in_ == 9
    assert np.ptp(made.detector.scale_) == 0
    made.save(tmp_path / "m")
    again = OutlierModel.load(tmp_path / "m")
    assert again.inputs == made.inputs
    np.testing.assert_array_equal(again.anomaly_score(source), made.anomaly_score(source))
    with pytest.raises(InputError, match="clouds of jets are read alone"):
        fit_outlier(source, "pca", features=["met"], representation=JetClouds())
    with pytest.raises(ConfigError, match="made for images of jets and cannot read clouds"):
        fit_outlier(source, "conv-autoencoder", representation=JetClouds())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"kind": "graphs"}, "damaged model: representation"),
        ({"kind": None}, "damaged model: representation"),
        ({"kind": "images"}, "representation: (no|unknown) '(size|half_width|smear|particles)'"),
        ({"particles": "many"}, r"representation: Expected `int`, got `str`"),
        ({"particles": 0}, "particles: must be at least 1, got 0"),
        ({"smear": 1.0}, "representation: unknown 'smear'"),
        ({"steps": ["centred"]}, "was trained on jets that were centred; this novum makes them"),
    ],
)
def test_other_or_damaged_preprocessing_is_refused_by_name(tmp_path, damage, message):
    made = fit_outlier(events(300, clouds=True), "pca", representation=JetClouds(3))
    made.save(tmp_path / "m")
    spec = json.loads((tmp_path / "m/spec.json").read_text())
    spec["notes"]["representation"] |= damage
    (tmp_path / "m/spec.json").write_text(json.dumps(spec))
    with pytest.raises(FileFormatError, match=message):
        OutlierModel.load(tmp_path / "m")


def test_empty_clouds_are_named():
    source = events(300, clouds=True)
    values = source.clouds["jet"].values.copy()
    values[7] = 0
    empty = Events(
        source.id, {}, source.weight, clouds={"jet": Cloud(values, ("pt", "eta", "phi"))}
    )
    with pytest.raises(InputError, match=r"column 'jet': the jet in row 7 .* has no constituent"):
        fit_outlier(empty, "conv-autoencoder")


def test_other_columns_are_refused_by_name(files, model):
    write_events(Events.from_arrays({"met": np.ones(3), "ptt": np.ones(3)}), files / "x.parquet")
    with pytest.raises(MissingColumnError, match="column 'pt': no such column; did you mean 'ptt'"):
        score_file(model, files / "x.parquet", files / "s.parquet")
    assert not (files / "s.parquet").exists()
    made = fit_outlier(events(clouds=True), "pca", cloud="jet")
    turned = events(5, clouds=True)
    values = turned.clouds["jet"].values
    other = Events(
        turned.id, {}, turned.weight, clouds={"jet": Cloud(values, ("pt", "phi", "eta"))}
    )
    with pytest.raises(InputError, match="the model was trained on"):
        made.anomaly_score(other)


def test_a_column_of_words_is_called_so(files, model):
    (files / "words.csv").write_text("met,pt,ht\n1,soft,3\n")
    with pytest.raises(InputError, match=r"words.csv, column 'pt': is not numeric"):
        score_file(model, files / "words.csv", files / "s.parquet")


def test_bad_values_name_file_and_column(files, model):
    bad = Events.from_arrays({name: [1.0, np.nan] for name in NAMES})
    write_events(bad, files / "bad.parquet")
    with pytest.raises(InputError, match=r"bad.parquet, column 'met': .* nan in row 1 "):
        score_file(model, files / "bad.parquet", files / "s.parquet")
    assert not (files / "s.parquet").exists()
    with pytest.raises(OutputError, match="scores are written as"):
        score_file(model, files / "odd.parquet", files / "s.csv")
    with pytest.raises(ConfigError, match="mahalanobis has no other, not 'mae'"):
        score_file(model, files / "odd.parquet", files / "s.parquet", score_by="mae")
    with pytest.raises(InputError, match="too few events"):
        fit_outlier(events(2), "pca")


def test_bad_values_of_a_later_chunk_are_named_by_their_row_in_the_file(files, monkeypatch):
    monkeypatch.setattr(chunks, "_MOST_ROWS", 8)
    bad = np.ones(30)
    bad[21] = np.nan
    stored = Events.from_arrays({"met": bad, "pt": np.ones(30)}, meta=Meta(origin="a simulation"))
    write_events(stored, files / "bad.h5")
    made = fit_outlier(files / "background.parquet", "mahalanobis", features=["pt", "met"])
    with pytest.raises(InputError, match=r"bad.h5, column 'met': .* is nan in row 21 "):
        score_file(made, files / "bad.h5", files / "s.parquet")
    jets = events(30, clouds=True).clouds["jet"].values.copy()
    jets[19] = 0
    cloud = {"jet": Cloud(jets, ("pt", "eta", "phi"))}
    write_events(Events(stored.id, {}, stored.weight, clouds=cloud), files / "jets.h5")
    for options, message in (
        ({"representation": JetClouds(3)}, "jets.h5, column 'jet': the jet in row 19 .*has no"),
        ({"cloud": "jet"}, "jets.h5, column 'jet': not all values are finite.* row 23 "),
    ):
        made = fit_outlier(events(300, clouds=True), "pca", **options)
        with pytest.raises(InputError, match=message):
            score_file(made, files / "jets.h5", files / "s.parquet")
        jets[19], jets[23] = jets[0], np.inf
        (files / "jets.h5").unlink()
        write_events(Events(stored.id, {}, stored.weight, clouds=cloud), files / "jets.h5")


def test_detectors_of_ones_own_make_are_taken():
    made = fit_outlier(events(), KMeans(3, random_state=1), features=["met", "ht"])
    assert made.detector.centers_.shape == (3, 2)
    assert made.inputs.features == ("met", "ht")


def test_damaged_models_are_refused(tmp_path, model):
    model.save(tmp_path / "m")
    spec = json.loads((tmp_path / "m/spec.json").read_text())
    (tmp_path / "m/spec.json").write_text(json.dumps(spec | {"schema_version": 99}))
    with pytest.raises(FileFormatError, match="schema version 99"):
        OutlierModel.load(tmp_path / "m")
    broken = spec | {"state": {"mean_": {"tensor": "nowhere"}}}
    (tmp_path / "m/spec.json").write_text(json.dumps(broken))
    with pytest.raises(FileFormatError, match="damaged model: 'nowhere'"):
        OutlierModel.load(tmp_path / "m")
    (tmp_path / "m/tensors.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(FileFormatError, match="damaged model"):
        OutlierModel.load(tmp_path / "m")
    with pytest.raises(InputError, match=r"is not a model: it has no spec.json"):
        OutlierModel.load(tmp_path)


def test_parts_of_other_types_are_not_read(tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    made = fit_outlier(events(), "iforest", options={"trees": 3})
    made.save(tmp_path / "m")
    evil = skops.io.dumps({"forest_": FunctionTransformer(np.vectorize(print))})
    (tmp_path / "m/sklearn.skops").write_bytes(evil)
    with pytest.raises(FileFormatError, match="types that are not trusted"):
        OutlierModel.load(tmp_path / "m")


def test_images_on_the_command_line(tmp_path):
    write_events(events(300, clouds=True), tmp_path / "jets.h5")
    options = ["--cloud", "jet", "--image.size", "8", "--image.half-width", "3"]
    model = str(tmp_path / "m")
    assert run(["fit", "pca", str(tmp_path / "jets.h5"), "-o", model, *options]) == 0
    assert OutlierModel.load(model).inputs.representation == JetImages(size=8, half_width=3.0)
    assert run(["score", model, str(tmp_path / "jets.h5"), "-o", str(tmp_path / "s.parquet")]) == 0
    assert len(pq.read_table(tmp_path / "s.parquet")) == 300


def test_clouds_of_jets_on_the_command_line(tmp_path, capsys):
    write_events(events(300, clouds=True), tmp_path / "jets.h5")
    fit, model = ["fit", "pca", str(tmp_path / "jets.h5"), "-o"], str(tmp_path / "m")
    options = ["--cloud", "jet", "--points.particles", "3", "--points.pt-power", "0.5"]
    assert run([*fit, model, *options]) == 0
    assert OutlierModel.load(model).inputs.representation == JetClouds(3, pt_power=0.5)
    assert run(["score", model, str(tmp_path / "jets.h5"), "-o", str(tmp_path / "s.parquet")]) == 0
    assert run([*fit, str(tmp_path / "n"), *options, "--image.size", "8"]) == 1
    assert "options of images or of points, not of both" in capsys.readouterr().err


def test_the_command_line(files, capsys):
    fit = ["fit", "pca", str(files / "background.parquet"), "-o", str(files / "m")]
    assert run([*fit, "--features", "met,pt", "--latent", "1", "--score-by", "mae"]) == 0
    assert "pca: 779 events of 2 columns (met, pt)" in " ".join(capsys.readouterr().out.split())
    score = ["score", str(files / "m"), str(files / "odd.parquet"), "-o"]
    assert run([*score, str(files / "s.parquet")]) == 0
    assert run([*score, str(files / "t.parquet"), "--score-by", "latent-distance"]) == 0
    one, other = (pq.read_table(files / f"{x}.parquet")["score"].to_numpy() for x in "st")
    assert not np.allclose(one, other)
    assert OutlierModel.load(files / "m").detector.get_params() == {"latent": 1, "score_by": "mae"}
    assert run([*fit]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pcb"], "there is no 'pcb'; did you mean 'pca'"),
        (["pca", "--latnt", "2"], "has no option 'latnt'; did you mean 'latent'"),
        (["pca", "--latent", "9"], "9 principal components need more features"),
        (["kmeans", "--clusters", "many"], "clusters: Expected `int`"),
        (["kmeans", "--features", "mett"], "column 'mett': no such column; did you mean 'met'"),
        (["kmeans", "--seed", "-1"], "seed: must not be negative, got -1"),
        (["kmeans", "--cloud", "jet"], "column 'jet': no such column"),
    ],
)
def test_mistakes_are_named(files, capsys, words, message):
    method, *others = words
    model = files / "m"
    assert run(["fit", method, str(files / "background.parquet"), "-o", str(model), *others]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
    assert not model.exists()
