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


def test_features_follow_from_the_chunks(tmp_path: Path) -> None:
    """The seam for clustering: a function of a cloud, applied to runs of events."""
    make_lhco_raw(tmp_path / "a.h5")
    source = open_events(tmp_path / "a.h5")
    sums = [c.clouds["particles"].values[:, :, 0].sum(axis=1) for c in source.chunks(11)]
    whole = source.read().clouds["particles"].values[:, :, 0].sum(axis=1)
    np.testing.assert_allclose(np.concatenate(sums), whole)


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
