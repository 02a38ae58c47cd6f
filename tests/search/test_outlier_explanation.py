"""What carries a score: closed forms first, then files, samples, neighbours and mistakes."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from novum.cli.app import run
from novum.errors import ConfigError, FileFormatError, InputError, MissingColumnError
from novum.events import Cloud, Events
from novum.io import write_events
from novum.outlier import PCA, IsolationForest, Mahalanobis
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages
from novum.search import Explanation, OutlierModel, chunks, explain, fit_outlier
from novum.search.background import split
from novum.search.background_sample import background_sample
from novum.search.contributions import occlusion, residual_contributions
from novum.search.explained_events import nearest_events
from novum.search.lowest import Lowest
from novum.search.pieces import Piece, pieces_of
from novum.search.score_spectrum import passing_events

NAMES = ("met", "pt", "ht", "mass")


def events(n=1000, seed=0, planted=None):
    """Independent normal features; the planted one is five standard deviations off in 3 events."""
    x = np.random.default_rng(seed).standard_normal((4, n)) * [[1], [10], [100], [3]]
    if planted is not None:
        x[NAMES.index(planted), [5, 50, 77]] = 8 * x.std(axis=1)[NAMES.index(planted)]
    return Events.from_arrays(dict(zip(NAMES, x, strict=True)))


def singles(d):
    return tuple(Piece(str(j), np.array([j])) for j in range(d))


def jets(n=300, seed=0, odd=()):
    """Clouds of four particles; the third particle of the odd ones has a hundred times the pT."""
    rng = np.random.default_rng(seed)
    values = np.stack(
        [rng.uniform(5, 50, (n, 4)), *(0.3 * rng.standard_normal((2, n, 4)))], axis=-1
    )
    values[list(odd), 2, 0] = 4000
    return Events(np.arange(n), {}, np.ones(n), clouds={"jet": Cloud(values, ("pt", "eta", "phi"))})


@pytest.fixture
def files(tmp_path):
    write_events(events(), tmp_path / "b.parquet")
    write_events(events(300, seed=1, planted="ht"), tmp_path / "e.parquet")
    return tmp_path


@pytest.fixture
def model(files):
    return fit_outlier(files / "b.parquet", "mahalanobis")


def test_occlusion_of_a_diagonal_normal_distribution_is_exact():
    rng = np.random.default_rng(2)
    detector = Mahalanobis().fit(rng.standard_normal((5000, 3)) * [1, 10, 0.1])
    detector.mean_, detector.whitening_ = np.zeros(3), np.eye(3)  # no correlation at all
    X, draws = rng.standard_normal((4, 3)), rng.standard_normal((50, 3))
    z, b = ((v - detector.center_) / detector.scale_ for v in (X, draws))
    found = occlusion(detector, X, singles(3), draws)
    np.testing.assert_allclose(found, z**2 - (b**2).mean(axis=0), rtol=1e-9)
    whole = occlusion(detector, X, (Piece("all", np.arange(3)),), draws)
    np.testing.assert_allclose(whole[:, 0], found.sum(axis=1), rtol=1e-9)


def test_occlusion_does_not_depend_on_its_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((200, 5))
    detector = Mahalanobis().fit(X)
    whole = occlusion(detector, X[:7], singles(5), X[50:70])
    monkeypatch.setattr("novum.search.contributions._NUMBERS", 250)
    np.testing.assert_allclose(occlusion(detector, X[:7], singles(5), X[50:70]), whole, rtol=1e-9)


@pytest.mark.parametrize("method", ["mahalanobis", "kde", "gmm", "kmeans"])
def test_the_planted_feature_carries_the_score(files, method):
    write_events(events(300, seed=1, planted="mass"), files / "m.parquet")
    made = fit_outlier(files / "b.parquet", method)
    found = explain(made, files / "m.parquet", top=3)
    assert {e.row for e in found.events} == {5, 50, 77}
    for event in found.events:
        assert event.id == event.row
        assert np.argmax(event.contributions) == 3
        assert event.below[3] == 1
        assert event.p_value == 1 / (1 + made.n_held_out)
    assert found.how == "occlusion"


def test_the_planted_feature_of_a_forest_carries_the_score():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((500, 4))
    odd = rng.standard_normal((5, 4))
    odd[:, 1] = 8
    forest = IsolationForest(50, random_state=1).fit(X)
    assert (occlusion(forest, odd, singles(4), X[:32]).argmax(axis=1) == 1).all()


def test_residuals_of_a_plane_are_what_leaves_it():
    rng = np.random.default_rng(4)
    inside = rng.standard_normal((2000, 2))
    background = np.column_stack([inside, 1e-3 * rng.standard_normal(2000)])
    detector = PCA(2).fit(background)
    X = np.array([[0.3, -0.2, 5e-3]])
    detector.components_ = np.eye(3)[:2]  # as it would be of infinitely many events
    found = residual_contributions(detector, X, singles(3))
    z = (X - detector.center_) / detector.scale_
    np.testing.assert_allclose(found, [[0, 0, z[0, 2] ** 2 / 3]], atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), detector.anomaly_score(X))
    detector.set_params(score_by="latent-distance")
    assert residual_contributions(detector, X, singles(3)) is None


def test_contributions_of_pieces_add_up_to_the_score():
    made = fit_outlier(jets(), "pca", cloud="jet", options={"latent": 3})
    found = explain(made, jets(50, seed=1, odd=[7]), top=2, background=jets(seed=2))
    assert [p.name for p in found.pieces] == [f"jet[{i}]" for i in range(4)]
    for event in found.events:
        assert sum(event.contributions) == pytest.approx(event.score, rel=1e-5)
    first = found.events[0]
    assert first.row == 7
    assert np.argmax(first.contributions) == 2
    assert first.values[2] == 4000
    # Particles in order of pT: the odd one leads.
    assert first.clouds[0].pt[0] == 4000
    assert first.particles[0] == first.contributions[2]
    assert sorted(first.particles) == sorted(first.contributions)


def test_images_are_explained_by_pixels_or_patches():
    image = JetImages(size=25, half_width=1.0)
    made = fit_outlier(jets(), "pca", representation=image)
    found = explain(made, jets(20, seed=1), top=2, background=jets(seed=2))
    event = found.events[0]
    assert (found.image_size, found.patch, len(found.pieces)) == (25, 1, 625)
    assert sum(event.contributions) == pytest.approx(event.score, rel=1e-4)
    assert sum(event.image.pixels) == pytest.approx(1, rel=1e-4)
    residual = np.subtract(event.image.pixels, event.image.rebuilt) / made.detector.scale_
    np.testing.assert_allclose(residual**2 / 625, event.contributions, rtol=1e-3, atol=1e-6)
    covered = np.concatenate([p.columns for p in pieces_of(made.inputs, True)])
    assert sorted(covered) == list(range(625))
    other = fit_outlier(jets(), "kmeans", representation=image)
    found = explain(other, jets(20, seed=1), top=2, background=jets(seed=2), draws=4)
    assert (found.how, found.patch, len(found.pieces)) == ("occlusion", 3, 81)
    assert found.events[0].image.rebuilt == ()


def test_particles_in_an_order_of_their_own_are_not_set_beside_those_of_the_event(monkeypatch):
    source = jets()
    made = fit_outlier(source, "pca", representation=JetClouds(3))
    assert explain(made, source, top=2, background=source).events[0].rebuilt
    monkeypatch.setattr(type(made.detector), "rebuilds_in_order", False, raising=False)
    assert not explain(made, source, top=2, background=source).events[0].rebuilt


def test_the_lowest_rows_of_a_stream_are_those_of_the_whole():
    rng = np.random.default_rng(5)
    keys, value = rng.integers(0, 40, 500), np.arange(500)
    expected = np.argsort(keys, kind="stable")[:60]
    for step in (1, 7, 60, 499, 500):
        kept = Lowest(60)
        for i in range(0, 500, step):
            kept.add(keys[i : i + step], value=value[i : i + step])
        np.testing.assert_array_equal(kept.columns["value"], expected)
        np.testing.assert_array_equal(kept.keys, keys[expected])


def test_chunks_change_nothing_and_the_record_travels(files, model, monkeypatch, tmp_path):
    whole = explain(model, files / "e.parquet", top=4)
    monkeypatch.setattr(chunks, "_MOST_ROWS", 17)
    assert explain(model, files / "e.parquet", top=4) == whole
    scores = model.anomaly_score(events(300, seed=1, planted="ht"))
    np.testing.assert_allclose([e.score for e in whole.events], np.sort(scores)[:-5:-1])
    whole.save(tmp_path / "out")
    assert Explanation.load(tmp_path / "out") == whole
    table = pq.read_table(tmp_path / "out/explanation.parquet")
    assert table.column_names == [
        "id", "score", "p_value", *(f"contribution {name}" for name in NAMES)
    ]  # fmt: skip
    assert table["contribution ht"].to_pylist() == [e.contributions[2] for e in whole.events]
    with pytest.raises(FileFormatError, match="has schema version 9"):
        Explanation.from_json(replace(whole, schema_version=9).to_json())


def test_the_background_is_what_was_held_out(files, model):
    sample = background_sample(model, None, 0)
    held = split(events(), 0, 1.0)[1]
    assert set(sample.ids) == set(np.flatnonzero(held))
    assert len(sample.ids) == model.n_held_out
    model.save(files / "m")
    again = background_sample(OutlierModel.load(files / "m"), None, 0)
    np.testing.assert_array_equal(again.X, sample.X)
    unknown = background_sample(replace(model, seed=None), None, 0)
    assert len(unknown.ids) == 1000
    assert unknown.notes


def test_neighbours_are_the_nearest(files, model):
    sample = background_sample(model, None, 0)
    X = model.inputs.table(events(6, seed=8))
    places, distances = nearest_events(model.detector, X, sample, None, 3)
    scale = model.detector.scale_
    for x, place, distance in zip(X, places, distances, strict=True):
        expected = np.sort(np.linalg.norm((sample.X - x) / scale, axis=1))[:3]
        np.testing.assert_allclose(distance, expected)
        np.testing.assert_allclose(np.linalg.norm((sample.X[place] - x) / scale, axis=1), expected)
    found = explain(model, files / "b.parquet", top=200)
    assert all(near.id != e.id for e in found.events for near in e.near)
    assert "Four in five" in found.notes[0]


def test_the_band_of_background_covers():
    # 95 % bands at fixed p over 400 runs: coverage within 3.3 σ, a false alarm rate of 0.1 %.
    rng, h, n = np.random.default_rng(6), 199, 500
    inside = []
    for _ in range(400):
        held, scores = np.sort(rng.random(h)), rng.random(n)
        ranks = 1 + h - np.searchsorted(held, scores)
        found = passing_events(np.bincount(ranks, minlength=h + 2))
        i = found.p.index(0.1)
        inside.append(found.low[i] <= found.n[i] / n <= found.high[i])
        assert found.n[-1] == n
        assert found.p[-1] == found.low[-1] == found.high[-1] == 1
    assert abs(np.mean(inside) - 0.95) < 3.3 * np.sqrt(0.95 * 0.05 / 400)


def test_shares_below_are_ranks_among_background(files, model):
    found = explain(model, files / "e.parquet", top=50)
    held = events().take(np.flatnonzero(split(events(), 0, 1.0)[1]))
    for j, name in enumerate(NAMES):
        expected = [
            stats.percentileofscore(held.column(name), e.values[j]) / 100 for e in found.events
        ]
        np.testing.assert_allclose([e.below[j] for e in found.events], expected, atol=1e-6)
        np.testing.assert_allclose(
            found.pieces[j].quantiles[2], np.median(held.column(name)), rtol=1e-5
        )


def test_mistakes_are_named(files, model):
    e = files / "e.parquet"
    with pytest.raises(ConfigError, match="top: must be at least 1, got 0"):
        explain(model, e, top=0)
    with pytest.raises(ConfigError, match="seed: must not be negative, got -1"):
        explain(model, e, seed=-1)
    with pytest.raises(InputError, match=r"e\.parquet: holds 300 events, the 301 most anomalous"):
        explain(model, e, top=301)
    with pytest.raises(ConfigError, match="mahalanobis has no other, not 'mae'"):
        explain(model, e, score_by="mae")
    write_events(Events.from_arrays({"met": np.ones(3), "ptt": np.ones(3)}), files / "x.parquet")
    with pytest.raises(MissingColumnError, match=r"x\.parquet, column 'pt'.*did you mean 'ptt'"):
        explain(model, files / "x.parquet")
    with pytest.raises(MissingColumnError, match=r"x\.parquet, column 'pt'"):
        explain(model, e, background=files / "x.parquet")
    (files / "b.parquet").unlink()
    with pytest.raises(InputError, match=r"is not in '.*b\.parquet' any more; name a file"):
        explain(model, e)
    write_events(events(999), files / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: has other events than the \d+"):
        explain(model, e)
    # As many events under the same ids, but other ones.
    write_events(events(seed=77), files / "b.parquet", overwrite=True)
    with pytest.raises(InputError, match=r"b\.parquet: has other events than the \d+"):
        explain(model, e)
    with pytest.raises(InputError, match="is in no file"):
        explain(fit_outlier(events(), "pca"), e)


def test_the_command_line(files, capsys, monkeypatch):
    monkeypatch.setattr("novum.report.write.to_bytes", lambda figure, kind: b"<svg/>")
    fit = ["fit", "pca", str(files / "b.parquet"), "-o", str(files / "m"), "--latent", "2"]
    assert run(fit) == 0
    words = ["explain", str(files / "m"), str(files / "e.parquet"), "-o", str(files / "out")]
    assert run([*words, "--top", "301"]) == 1
    assert "holds 300 events" in " ".join(capsys.readouterr().err.split())
    assert not (files / "out").exists()
    options = ["--top", "2", "--background", str(files / "b.parquet"), "--score-by", "mae"]
    assert run([*words, *options]) == 0
    assert "carried by" in capsys.readouterr().out
    found = Explanation.load(files / "out")
    assert (found.n_background, found.model.score, len(found.events)) == (1000, "mae", 2)
    names = {p.relative_to(files / "out").as_posix() for p in (files / "out").rglob("*.*")}
    figures = ("scores", "latent", "contributions", "values")
    assert names == {
        *("explanation.json", "explanation.parquet", "report.html"),
        *(f"figures/{name}.{kind}" for name in figures for kind in ("png", "pdf")),
    }
    assert run(words) == 1
    assert "exists already" in capsys.readouterr().err
