"""LHC Olympics feature tables: both layouts, derived columns and the tau21 trap."""

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from novum.errors import FileFormatError, InputError
from novum.io import InputWarning, open_events
from novum.io.dijet import invariant_mass

NAMES = [f"{v}j{i}" for i in (1, 2) for v in ("px", "py", "pz", "m", "tau1", "tau2", "tau3")]


def jets(n: int = 200, seed: int = 3) -> Any:
    rng = np.random.default_rng(seed)
    table = {name: rng.uniform(0.1, 1, n) for name in NAMES}
    for i in (1, 2):
        pt, phi, eta = rng.uniform(1200, 3000, n), rng.uniform(-3, 3, n), rng.normal(0, 1, n)
        table[f"pxj{i}"], table[f"pyj{i}"] = pt * np.cos(phi), pt * np.sin(phi)
        table[f"pzj{i}"], table[f"mj{i}"] = pt * np.sinh(eta), rng.uniform(10, 600, n)
    table["tau1j1"][0] = table["tau2j1"][0] = 0
    table["label"] = rng.integers(0, 2, n).astype(float)
    return table


def as_pandas(path: Path, table: Any, group: str = "df") -> Any:
    """The one-block layout of events_anomalydetection_v2.features.h5."""
    with h5py.File(path, "a") as file:
        frame = file.create_group(group)
        frame.attrs["nblocks"] = 1
        frame["axis0"] = frame["block0_items"] = np.array(list(table), dtype="S")
        frame["axis1"] = np.arange(len(table["label"]))
        frame["block0_values"] = np.stack(list(table.values()), axis=1)
    return path


def as_plain(path: Path, table: Any, **beside: Any) -> Any:
    with h5py.File(path, "w") as file:
        file["features"] = np.stack(list(table.values()), axis=1)
        file["columns"] = np.array(list(table), dtype="S")
        for name, values in beside.items():
            file[name] = values
    return path


def test_derived_columns_in_closed_form(tmp_path: Path) -> None:
    table = jets()
    source = open_events(as_pandas(tmp_path / "a.h5", table))
    derived = ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high")
    assert source.schema.columns == (*NAMES, *derived)
    assert source.schema.label == "label"
    assert source.schema.units["pxj1"] == source.schema.units["mjj"] == "GeV"
    assert "tau1j1" not in source.schema.units
    got = source.read(derived).features
    e = [np.sqrt(sum(table[f"{v}j{i}"] ** 2 for v in ("px", "py", "pz", "m"))) for i in (1, 2)]
    p = [table[f"{v}j1"] + table[f"{v}j2"] for v in ("px", "py", "pz")]
    np.testing.assert_allclose(got["mjj"], np.sqrt((e[0] + e[1]) ** 2 - sum(q**2 for q in p)))
    m1, m2 = table["mj1"], table["mj2"]
    np.testing.assert_array_equal(got["mj_low"], np.minimum(m1, m2))
    np.testing.assert_allclose(got["mj_low"] + got["delta_mj"], np.maximum(m1, m2))
    with np.errstate(invalid="ignore"):
        ratio = [np.nan_to_num(table[f"tau2j{i}"] / table[f"tau1j{i}"]) for i in (1, 2)]
    np.testing.assert_allclose(got["tau21_low"], np.where(m1 < m2, ratio[0], ratio[1]))
    np.testing.assert_allclose(got["tau21_high"], np.where(m1 < m2, ratio[1], ratio[0]))


def test_invariant_mass_of_back_to_back_jets() -> None:
    def jet(pz: Any, m: Any) -> Any:
        return tuple(np.array([v]) for v in (0.0, 0.0, pz, m))

    np.testing.assert_allclose(invariant_mass(jet(1500.0, 0.0), jet(-1500.0, 0.0)), 3000)
    np.testing.assert_allclose(invariant_mass(jet(4.0, 3.0), jet(-4.0, 3.0)), 10)
    np.testing.assert_allclose(invariant_mass(jet(1e4, 0.0), jet(1e4, 0.0)), 0)


def test_both_layouts_agree(tmp_path: Path) -> None:
    table = jets()
    label = table["label"].astype(np.int8)
    a = open_events(as_pandas(tmp_path / "a.h5", table)).read()
    del table["label"]
    b = open_events(as_plain(tmp_path / "b.h5", table, label=label)).read()
    assert set(a.features) == set(b.features)
    for name in a.features:
        np.testing.assert_array_equal(a.features[name], b.features[name])
    np.testing.assert_array_equal(a.label, b.label)


def test_derived_columns_come_from_what_there_is(tmp_path: Path) -> None:
    table = jets()
    source = open_events(as_plain(tmp_path / "a.h5", {n: table[n] for n in ("mj1", "mj2")}))
    assert source.schema.columns == ("mj1", "mj2", "mj_low", "delta_mj")


def test_own_columns_are_kept(tmp_path: Path) -> None:
    table = jets() | {"mjj": np.full(200, 7.0)}
    got = open_events(as_pandas(tmp_path / "a.h5", table)).read(["mjj"])
    assert set(got.features["mjj"]) == {7.0}


def underscored(tau21: Any) -> Any:
    rng = np.random.default_rng(1)
    table = {"tau1_1": rng.uniform(0.2, 1, 500), "tau2_1": rng.uniform(0, 0.2, 500)}
    table["tau1_1"][3] = table["tau2_1"][3] = 0
    return table | {"tau21_1": tau21(table), "mjj": rng.uniform(2000, 5000, 500)}


def test_wrong_tau21_is_recomputed_with_a_warning(tmp_path: Path) -> None:
    table = underscored(lambda t: np.random.default_rng(2).uniform(0, 1, 500))
    with pytest.warns(InputWarning, match=r"a\.h5: tau21_1 are not tau2/tau1.*recomputed"):
        source = open_events(as_plain(tmp_path / "a.h5", table))
    got = source.read(["tau21_1"]).features["tau21_1"]
    assert got[3] == 0
    rows = np.arange(500) != 3
    np.testing.assert_allclose(got[rows], (table["tau2_1"] / table["tau1_1"].clip(1e-9))[rows])


@pytest.mark.parametrize("guard", [0, 1e-5])
def test_right_tau21_is_left_alone(tmp_path: Path, guard: float) -> None:
    with np.errstate(invalid="ignore"):
        table = underscored(lambda t: t["tau2_1"] / (t["tau1_1"] + guard))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = open_events(as_plain(tmp_path / "a.h5", table))
    np.testing.assert_array_equal(source.read().features["tau21_1"], table["tau21_1"])


def test_columns_beside_the_table(tmp_path: Path) -> None:
    beside = {"event": np.arange(200) + 7, "tau_ok": np.ones(200, bool), "other": np.zeros(3)}
    table = jets()
    source = open_events(as_plain(tmp_path / "a.h5", table, **beside))
    assert "tau_ok" in source.schema.columns
    assert "other" not in source.schema.columns
    assert source.read(["tau_ok"]).bookkeeping["event"][0] == 7


def test_label_beside_the_table_of_other_length(tmp_path: Path) -> None:
    table = jets()
    del table["label"]
    with pytest.raises(FileFormatError, match="'label' has 3 entries, 'features' 200 rows"):
        open_events(as_plain(tmp_path / "a.h5", table, label=np.zeros(3)))


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    path = as_plain(tmp_path / "a.h5", jets())
    with h5py.File(path, "a") as file:
        del file["columns"]
        file["columns"] = np.array(["a"], dtype="S")
    with pytest.raises(FileFormatError, match="'columns' 1 names"):
        open_events(path)


def test_no_rows(tmp_path: Path) -> None:
    path = as_plain(tmp_path / "a.h5", {n: np.zeros(0) for n in NAMES})
    with pytest.raises(InputError, match="has no events"):
        open_events(path)


def test_words_are_never_unpickled(tmp_path: Path) -> None:
    path = as_pandas(tmp_path / "a.h5", jets())
    with h5py.File(path, "a") as file:
        frame = file["df"]
        frame.attrs["nblocks"] = 2
        items = [*frame["axis0"][:], b"generator"]
        del frame["axis0"]
        frame["axis0"] = np.array(items)
        frame["block1_items"] = np.array(["generator"], dtype="S")
        pickled = frame.create_dataset("block1_values", (1,), h5py.vlen_dtype(np.uint8))
        pickled[0] = np.frombuffer(b"not a pickle", np.uint8)
    source = open_events(path)
    assert len(source.read()) == 200
    with pytest.raises(InputError, match="'generator': is not numeric: its type is object"):
        source.read(["generator"])


def test_unnamed_columns_are_numbered(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        frame = file.create_group("df")
        frame.attrs["nblocks"] = 1
        frame["axis0"] = frame["block0_items"] = np.arange(3)
        frame["block0_values"] = np.ones((5, 3), np.float32)
    assert open_events(tmp_path / "a.h5").schema.columns == ("0", "1", "2")


def test_pandas_table_format(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("df")["table"] = np.zeros(3, dtype=[("index", int), ("x", float)])
    with pytest.raises(FileFormatError, match=r"save with format='fixed'"):
        open_events(tmp_path / "a.h5")


def test_several_tables(tmp_path: Path) -> None:
    as_pandas(tmp_path / "a.h5", jets(), "one")
    as_pandas(tmp_path / "a.h5", jets(), "two")
    with pytest.raises(FileFormatError, match="several tables: one, two"):
        open_events(tmp_path / "a.h5")
    as_pandas(tmp_path / "a.h5", jets())
    assert len(open_events(tmp_path / "a.h5").read(["mjj"])) == 200


@pytest.mark.filterwarnings("ignore")
def test_as_pandas_itself_writes_it(tmp_path: Path) -> None:
    pytest.importorskip("tables", reason="pandas writes HDF5 with PyTables only")
    pd = pytest.importorskip("pandas")

    table = jets()
    pd.DataFrame(table).to_hdf(tmp_path / "a.h5", key="df", format="fixed")
    a = open_events(tmp_path / "a.h5").read()
    b = open_events(as_pandas(tmp_path / "b.h5", table)).read()
    for name in b.features:
        np.testing.assert_array_equal(a.features[name], b.features[name])


@pytest.mark.parametrize("rows", [10**12, 10**9])
def test_invented_size(tmp_path: Path, rows: int) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("features", (rows, 3), "f8", chunks=(1000, 3), compression="gzip")
        file["columns"] = np.array(["a", "b", "c"], dtype="S")
    with pytest.raises(FileFormatError, match="only 0 bytes are stored"):
        open_events(tmp_path / "a.h5")


def test_links_out_of_the_file(tmp_path: Path) -> None:
    as_plain(tmp_path / "secret.h5", jets())
    for name, link in {
        "a.h5": h5py.ExternalLink("secret.h5", "features"),
        "b.h5": h5py.SoftLink("/elsewhere"),
    }.items():
        with h5py.File(tmp_path / name, "w") as file:
            file["features"] = link
            file["columns"] = np.array(list(jets()), dtype="S")
        with pytest.raises(FileFormatError, match="link, which novum does not follow"):
            open_events(tmp_path / name)


def test_data_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(bytes(8 * 30))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        where = [(str(tmp_path / "raw"), 0, 8 * 30)]
        file.create_dataset("features", (10, 3), "f8", external=where)
        file["columns"] = np.array(["a", "b", "c"], dtype="S")
    with pytest.raises(FileFormatError, match="are in another file"):
        open_events(tmp_path / "a.h5")
