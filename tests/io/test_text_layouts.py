"""Dark Machines, HiggsML, TrackML and EnergyFlow: what is in which number, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from novum.errors import FileFormatError, InputError
from novum.io import darkmachines, open_events, summarise
from novum.io.darkmachines import KINDS as CODES

from .layouts import (
    KINDS,
    N,
    make_darkmachines,
    make_energyflow,
    make_higgsml,
    make_trackml,
)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_dark_machines(tmp_path: Path, name: str) -> None:
    put = make_darkmachines(tmp_path / name)
    source = open_events(tmp_path / name)
    assert source.schema.columns == ("met", "met_phi")
    assert source.schema.notes == ("energies are converted from MeV to GeV",)
    got = source.read()
    np.testing.assert_allclose(got.features["met"], put["met"], rtol=1e-12)
    np.testing.assert_allclose(got.features["met_phi"], put["phi"], rtol=1e-12)
    assert set(got.weight) == {0.25}
    np.testing.assert_array_equal(got.bookkeeping["event"], np.arange(N) + 1)
    cloud = got.clouds["objects"]
    assert cloud.fields == ("pt", "eta", "phi", "E", "kind")
    np.testing.assert_allclose(cloud.values[:, :, :3], put["values"], rtol=1e-12)
    np.testing.assert_allclose(cloud.values[:, :, 3], 2 * put["values"][:, :, 0], rtol=1e-12)
    codes = np.array([CODES[k] for k in KINDS])[put["kinds"]]
    here = put["values"][:, :, 0] > 0
    np.testing.assert_array_equal(cloud.values[:, :, 4], np.where(here, codes, 0))
    with pytest.raises(InputError, match="'process': is not numeric"):
        source.read(["process"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2;x;1;5", "line 2 .*it has 4 entries"),
        ("2;x;1;5;0;j,1,2,3", "line 2 .*object 'j,1,2,3'"),
        ("2;x;1;5;0;q,1,2,3,4", "line 2 .*of kind 'q'"),
        ("2;x;1;5;0;j,1,2,3,x", "line 2 .*could not convert"),
        ("2e99;x;1;5;0", "line 2 .*event number"),
        ("2;x;1;5;0;" + "j,1,2,3,4;" * 10_000, "line of more than 65536 bytes"),
        ("2;x;1;5;0" + ";j,1,2,3,4" * 1001, "line 2 .*it has 1001 objects"),
        ("2;ü;1;5;0", "cannot be read.*ascii"),
    ],
)
def test_lines_that_are_no_event(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(f"1;x;1;5;0;j,1,2,3,4\n{line}\n", encoding="utf-8")
    source = open_events(tmp_path / "a.csv")
    assert source.schema.format == "darkmachines"
    with pytest.raises(FileFormatError, match=message) as caught:
        source.read()
    assert caught.value.file == str(tmp_path / "a.csv")


def test_long_lines_are_parsed_in_short_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 18 kB, 10 at a time; the objects of all are there."""
    monkeypatch.setattr(darkmachines, "_TEXT", 10_000)
    lines = [f"{i};x;1;5;0" + ";j,1,2,3,4" * i for i in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    source = open_events(tmp_path / "a.csv")
    blocks = list(source._blocks(["event", "objects"], 10_000))
    assert len(blocks) == 2
    present = source.read(["objects"]).clouds["objects"].values[:, :, 0] > 0
    np.testing.assert_array_equal(present.sum(axis=1), np.arange(60))


def test_an_event_without_objects(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1;x;1;5000;0\n\n2;x;1;6000;0;\n")
    got = open_events(tmp_path / "a.csv").read()
    assert got.clouds["objects"].values.shape == (2, 0, 5)
    assert got.features["met"].tolist() == [5, 6]


def test_higgsml(tmp_path: Path) -> None:
    put = make_higgsml(tmp_path / "a.csv")
    source = open_events(tmp_path / "a.csv")
    schema = source.schema
    assert (schema.weight, schema.label) == ("Weight", "Label")
    assert schema.bookkeeping == {"event": "EventId"}
    assert schema.on_request == ("KaggleWeight",)
    assert set(schema.units) == {"DER_mass_MMC", "PRI_tau_pt", "PRI_met"}
    assert "-999" in schema.notes[0]
    got = source.read()
    for name in schema.columns:
        expected = np.where(put[name] == -999, np.nan, put[name])
        np.testing.assert_array_equal(got.features[name], expected)
    np.testing.assert_array_equal(got.weight, put["weight"])
    np.testing.assert_array_equal(got.label, put["label"])
    np.testing.assert_array_equal(got.id, np.arange(N) + 100_000)
    missing = {c.name: c.n_missing for c in summarise(source).columns}
    assert (missing["DER_mass_MMC"], missing["DER_pt_ratio_lep_tau"]) == (9, 1)


def test_trackml(tmp_path: Path) -> None:
    put = make_trackml(tmp_path / "event000000123-hits.csv")
    source = open_events(tmp_path / "event000000123-hits.csv")
    assert source.schema.columns == ("x", "y", "z", "volume_id", "layer_id", "module_id")
    assert (source.schema.units["x"], source.schema.units["tpz"]) == ("mm", "GeV")
    got = source.read()
    np.testing.assert_array_equal(got.id, put["hit_id"])
    np.testing.assert_array_equal(np.stack([got.features[k] for k in "xyz"], 1), put["xyz"])
    assert set(got.bookkeeping["event"]) == {123}
    assert set(got.weight) == {1.0}
    truth = source.read(["particle", "truth_weight", "tpz", "tx"]).features
    np.testing.assert_array_equal(truth["tx"], put["xyz"][:, 0])
    np.testing.assert_array_equal(truth["tpz"], np.arange(N))
    np.testing.assert_allclose(truth["truth_weight"], put["weight"], rtol=1e-12)
    # Ids that differ in the 18th digit are other particles; 0 is noise.
    _, number = np.unique(put["particle_id"], return_inverse=True)
    np.testing.assert_array_equal(truth["particle"], number)


def test_trackml_without_truth(tmp_path: Path) -> None:
    make_trackml(tmp_path / "hits.csv")
    source = open_events(tmp_path / "hits.csv")
    assert source.schema.format == "trackml"
    assert (source.schema.on_request, source.schema.bookkeeping) == ((), {})
    assert len(source.read()) == N


def test_trackml_truth_that_lacks_a_hit(tmp_path: Path) -> None:
    make_trackml(tmp_path / "event000000001-hits.csv", missing=1)
    source = open_events(tmp_path / "event000000001-hits.csv")
    assert len(source.read()) == N
    with pytest.raises(InputError, match=r"-truth\.csv.*lacks hit \d+"):
        source.read(["particle"])


def test_energyflow(tmp_path: Path) -> None:
    put = make_energyflow(tmp_path / "a.npz")
    source = open_events(tmp_path / "a.npz")
    assert source.schema.clouds == {"constituents": ("pt", "rapidity", "phi", "pid")}
    got = source.read()
    np.testing.assert_array_equal(got.clouds["constituents"].values, put["X"])
    np.testing.assert_array_equal(got.label, put["y"])
    np.savez(tmp_path / "b.npz", X=put["X"][:, :, :3].astype(np.float32))
    source = open_events(tmp_path / "b.npz")
    assert source.schema.clouds == {"constituents": ("pt", "rapidity", "phi")}
    assert source.read().label is None
    assert len(source.read([])) == N
    np.savez(tmp_path / "c.npz", X=put["X"], y=np.zeros(3))
    with pytest.raises(InputError, match=r"'y': has shape \(3,\) but 'X' has 60 jets"):
        open_events(tmp_path / "c.npz")
