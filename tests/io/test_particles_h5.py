"""LHC Olympics particles, the top-tagging reference and ADC2021: what is in which number."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from novum.errors import FileFormatError, InputError, MissingDependencyError
from novum.io import open_events

from .layouts import N, make_adc, make_lhco_raw, make_toptagging


@pytest.mark.parametrize("table", [False, True])
def test_lhco_particles(tmp_path: Path, table: bool) -> None:
    put = make_lhco_raw(tmp_path / "a.h5", table=table)
    source = open_events(tmp_path / "a.h5")
    assert source.schema.columns == ()
    got = source.read()
    assert got.clouds["particles"].values.shape == (N, 700, 3)
    np.testing.assert_array_equal(got.clouds["particles"].values, put["particles"])
    np.testing.assert_array_equal(got.label, put["label"])
    assert not source.read([]).clouds
    np.testing.assert_array_equal(source.read([]).label, put["label"])


@pytest.mark.parametrize("table", [False, True])
def test_a_black_box_has_no_labels(tmp_path: Path, table: bool) -> None:
    put = make_lhco_raw(tmp_path / "a.h5", label=False, table=table)
    source = open_events(tmp_path / "a.h5")
    assert source.schema.label is None
    np.testing.assert_array_equal(source.read().clouds["particles"].values, put["particles"])
    assert len(source.read([])) == len(source.rows([1, 2, 3], [])) + N - 3 == N
    assert [len(c) for c in source.chunks(25, [])] == [25, 25, 10]


def test_jets_are_clustered_as_the_file_is_read(tmp_path: Path) -> None:
    """Two sprays of particles, whose masses and dijet mass follow from sums of four-vectors."""
    pytest.importorskip("fastjet")
    rng = np.random.default_rng(0)
    cloud = np.zeros((20, 700, 3))
    axis = rng.uniform(-1, 1, (20, 2, 1)), np.array([0.5, 0.5 - np.pi])[:, None]
    for j, rows in enumerate((slice(0, 30), slice(30, 50))):
        cloud[:, rows, 0] = rng.uniform(20, 80, cloud[:, rows, 0].shape)
        cloud[:, rows, 1] = axis[0][:, j] + rng.normal(0, 0.1, cloud[:, rows, 0].shape)
        cloud[:, rows, 2] = axis[1][j] + rng.normal(0, 0.1, cloud[:, rows, 0].shape)
    cloud[0, 30:] = 0  # one jet only
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["df/block0_values"] = cloud.reshape(20, -1)
    source = open_events(tmp_path / "a.h5")
    names = ["mjj", "mj_low", "mj_high", "n_constituents_high", "tau21_low", "tau2_b2_low"]
    assert set(names) <= set(source.schema.on_request)
    got = source.read(names)
    assert not got.clouds
    p4 = np.stack(
        [np.cos(cloud[..., 2]), np.sin(cloud[..., 2]), np.sinh(cloud[..., 1]),
         np.cosh(cloud[..., 1])], axis=-1,
    ) * cloud[..., :1]  # fmt: skip
    jets = np.stack([p4[:, :30].sum(axis=1), p4[:, 30:].sum(axis=1)], axis=1)
    m = np.sort(_mass(jets), axis=1)
    np.testing.assert_allclose(got.column("mjj")[1:], _mass(jets.sum(axis=1))[1:], rtol=1e-6)
    np.testing.assert_allclose(got.column("mj_low")[1:], m[1:, 0], rtol=1e-5)
    np.testing.assert_allclose(got.column("mj_high")[1:], m[1:, 1], rtol=1e-5)
    assert set(got.column("n_constituents_high")[1:].tolist()) <= {20, 30}
    assert all(np.isnan(values[0]) for values in got.features.values())
    parts = [chunk.column("tau2_b2_low") for chunk in source.chunks(7, ["tau2_b2_low"])]
    np.testing.assert_array_equal(np.concatenate(parts), got.column("tau2_b2_low"))


def _mass(p4: np.ndarray) -> np.ndarray:
    return np.sqrt(p4[..., 3] ** 2 - (p4[..., :3] ** 2).sum(axis=-1))


@pytest.mark.parametrize("swapped", [False, True])
def test_top_tagging(tmp_path: Path, swapped: bool) -> None:
    put = make_toptagging(tmp_path / "a.h5", swapped=swapped)
    source = open_events(tmp_path / "a.h5")
    assert source.schema.on_request == ("truthE", "truthPX", "truthPY", "truthPZ", "ttv")
    got = source.read()
    assert got.clouds["constituents"].values.dtype == np.float32
    np.testing.assert_array_equal(got.label, put["label"])
    for name, values in zip(("pt", "eta", "phi", "E"), got.clouds["constituents"].values.T):  # noqa: B905
        here = put["pt"] > 0
        np.testing.assert_allclose(values.T[here], put[name][here], rtol=2e-4, atol=2e-5)
    truth = source.read(["truthPZ", "ttv"]).features
    np.testing.assert_array_equal(truth["truthPZ"], put["truth"][:, 3])
    np.testing.assert_array_equal(truth["ttv"], 2)


def test_top_tagging_in_another_order(tmp_path: Path) -> None:
    make_toptagging(tmp_path / "a.h5", order="P")
    with pytest.raises(FileFormatError, match="not E, PX, PY, PZ"):
        open_events(tmp_path / "a.h5")


def test_a_filter_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_toptagging(tmp_path / "a.h5")
    available = h5py.h5z.filter_avail
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: code != 1 and available(code))
    with pytest.raises(MissingDependencyError, match=r"with deflate.*pip install hdf5plugin"):
        open_events(tmp_path / "a.h5")


def test_adc(tmp_path: Path) -> None:
    put = make_adc(tmp_path / "a.h5")["objects"]
    source = open_events(tmp_path / "a.h5")
    assert len(source.schema.columns) == 2 + 3 * 18
    assert source.schema.bookkeeping == {"event": "EvtId"}
    assert (source.schema.units["met"], source.schema.units["jet10_pt"]) == ("GeV", "GeV")
    got = source.read()
    np.testing.assert_array_equal(got.clouds["objects"].values, put)
    for name, slot, field in (
        ("met", 0, 0), ("met_phi", 0, 2), ("electron1_pt", 1, 0), ("electron4_phi", 4, 2),
        ("muon1_eta", 5, 1), ("muon4_pt", 8, 0), ("jet1_pt", 9, 0), ("jet10_phi", 18, 2),
    ):  # fmt: skip
        np.testing.assert_array_equal(got.features[name], put[:, slot, field], err_msg=name)
    np.testing.assert_array_equal(got.bookkeeping["event"], np.arange(N) + 5)


def test_adc_in_another_order(tmp_path: Path) -> None:
    make_adc(tmp_path / "a.h5", shift=1)
    with pytest.raises(FileFormatError, match="of event 0 has class"):
        open_events(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("make", "change", "message"),
    [
        (make_adc, lambda f: f.move("EvtId", "x") or f.__setitem__("EvtId", [1, 2]), "'EvtId'"),
        (make_lhco_raw, lambda f: f["df"].pop("block0_values"), "is missing"),
        (make_toptagging, lambda f: f.move("table", "x"), "layout|HDF5|table"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, make: Any, change: Any, message: str) -> None:
    make(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        change(file)
    with pytest.raises(InputError, match=message):
        open_events(tmp_path / "a.h5")
