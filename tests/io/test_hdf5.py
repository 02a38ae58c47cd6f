"""novum's own layout keeps everything and notices damage; what Parquet and CSV keep."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from novum.errors import FileFormatError, NovumError, OutputError
from novum.events import Cloud, Events, Meta
from novum.io import open_events, write_events

AWKWARD = ["jet/pt", ".", "..", "50%", "label", "id", "mjj [TeV]", "τ21", "%2F", "a.b", " x "]


def full(n: int = 120) -> Any:
    rng = np.random.default_rng(5)
    particles = rng.uniform(0, 1, (n, 9, 3))
    return Events(
        id=rng.permutation(n).astype(np.uint64) + np.uint64(2**63),
        features={name: rng.normal(size=n) for name in AWKWARD},
        weight=rng.normal(size=n),
        label=rng.integers(0, 2, n).astype(np.int8),
        clouds={
            "jet 1/constituents": Cloud(particles, ("pt", "eta", "phi")),
            "none": Cloud(np.zeros((n, 0, 1)), ("pt",)),
        },
        bookkeeping={"run": np.arange(n), "event": np.arange(n) - 2**60},
        meta=Meta("Pythia 8.317", 13000.0, 3.2, 7, "HardQCD:all = on # ü"),
    )


def assert_equal(a: Any, b: Any) -> None:
    assert list(a.features) == list(b.features)
    assert list(a.clouds) == list(b.clouds)
    for name in a.features:
        np.testing.assert_array_equal(a.features[name], b.features[name])
    for name, cloud in a.clouds.items():
        np.testing.assert_array_equal(cloud.values, b.clouds[name].values)
        assert cloud.fields == b.clouds[name].fields
    assert a.bookkeeping.keys() == b.bookkeeping.keys()
    for name in a.bookkeeping:
        np.testing.assert_array_equal(a.bookkeeping[name], b.bookkeeping[name])
    for name in ("id", "weight", "label"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_everything_comes_back(tmp_path: Path) -> None:
    events = full()
    write_events(events, tmp_path / "a.h5")
    source = open_events(tmp_path / "a.h5")
    got = source.read()
    assert_equal(got, events)
    assert got.meta == events.meta
    assert source.schema.columns == tuple(AWKWARD)
    pieces = list(source.chunks(50))
    assert [len(p) for p in pieces] == [50, 50, 20]
    np.testing.assert_array_equal(
        pieces[2].clouds["jet 1/constituents"].values,
        events.clouds["jet 1/constituents"].values[100:],
    )


def test_without_labels(tmp_path: Path) -> None:
    write_events(full().blind(), tmp_path / "a.h5")
    source = open_events(tmp_path / "a.h5")
    assert source.schema.label is None
    assert source.read().label is None


def test_layout_is_as_documented(tmp_path: Path) -> None:
    write_events(full(), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["novum_schema"] == b"novum-events"
        assert file.attrs["schema_version"] == 1
        assert set(file) == {"id", "weight", "label", "features", "bookkeeping", "clouds"}
        assert file["id"].compression == "gzip"
        assert file["id"].fletcher32
        assert file["features/τ21"].dtype == np.float64


def edited(path: Path, change: Any) -> Any:
    write_events(full(), path)
    with h5py.File(path, "a") as file:
        change(file)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.attrs.modify("schema_version", 2), "schema version is 2; this novum reads"),
        (lambda f: f.attrs.create("novum_schema", np.bytes_("x")), "its schema is 'x'"),
        (lambda f: f.attrs.create("novum_schema", "novum-events"), "not a text of fixed length"),
        (lambda f: f.attrs.modify("n_events", 121), "'id' has 120 entries but there are 121"),
        (lambda f: f.attrs.create("n_events", 1.5), "'n_events' is not a whole number"),
        (lambda f: f.attrs.create("origin", np.bytes_("{")), "stored origin is damaged"),
        (lambda f: f.attrs.create("origin", np.bytes_("[1]")), "stored origin is damaged"),
        (
            lambda f: f.attrs.create("origin", np.bytes_('{"seed": "x"}')),
            "stored origin has seed = 'x'",
        ),
        (lambda f: f.pop("weight"), "'weight' is missing"),
        (lambda f: f.pop("clouds"), "'clouds' is missing"),
        (lambda f: f["clouds/none"].attrs.create("fields", np.bytes_("[]")), "not a cloud"),
        (lambda f: f["features"].create_group("g"), "'features/g' is not a dataset"),
        (lambda f: f["features"].create_dataset("d", data=np.zeros((120, 2))), "not one number"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        open_events(edited(tmp_path / "a.h5", change))


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz", "tsv", "h5"])
def test_flat_events_come_back_in_every_written_format(tmp_path: Path, suffix: str) -> None:
    n = 40
    x: Any = np.array([0.1 + 0.2, np.nan, np.inf, -np.inf, -0.0, 1e-308, 1e308] + [1 / 3] * (n - 7))
    events = Events(
        id=np.arange(n, dtype=np.uint64) + np.uint64(2**63),
        features={"x": x, "τ, 21": np.arange(float(n))},
        weight=np.linspace(-1, 1, n),
        label=(np.arange(n) % 2).astype(np.int8),
        bookkeeping={"run": np.arange(n), "event": np.arange(n) + 2**62},
    )
    path = tmp_path / f"a.{suffix}"
    write_events(events, path)
    got = open_events(path).read()
    assert_equal(got, events)
    assert got.meta.origin == str(path)


def test_parquet_keeps_the_origin(tmp_path: Path) -> None:
    events = Events.from_arrays({"x": [1.0]}, meta=Meta("card.cmnd", seed=3))
    write_events(events, tmp_path / "a.parquet")
    assert open_events(tmp_path / "a.parquet").read().meta == events.meta


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("name", ["weight", "Label", "mjj [TeV]", "", "run"])
def test_features_that_would_come_back_as_something_else(
    tmp_path: Path, suffix: str, name: str
) -> None:
    with pytest.raises(OutputError, match="would not be read back"):
        write_events(Events.from_arrays({name: [1.0]}), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())


def test_clouds_need_hdf5(tmp_path: Path) -> None:
    cloud = Cloud(np.zeros((1, 2, 1)), ("pt",))
    events = Events(np.zeros(1, np.uint64), {}, np.ones(1), clouds={"jets": cloud})
    with pytest.raises(OutputError, match=r"holds no clouds \(jets\); write a .h5"):
        write_events(events, tmp_path / "a.csv")


def test_refusals(tmp_path: Path) -> None:
    events = Events.from_arrays({"x": [1.0]})
    with pytest.raises(OutputError, match=r"unknown suffix '.npy'; novum writes .*\.h5"):
        write_events(events, tmp_path / "a.npy")
    with pytest.raises(OutputError, match="no events to write"):
        write_events(events.take(np.zeros(0, int)), tmp_path / "a.h5")
    odd = Events.from_arrays({"x": [1.0]}, bookkeeping={"bunch": [1]})
    with pytest.raises(OutputError, match="not \\['bunch'\\]"):
        write_events(odd, tmp_path / "a.h5")
    write_events(events, tmp_path / "a.h5")
    with pytest.raises(OutputError, match="exists already"):
        write_events(events, tmp_path / "a.h5")
    write_events(events, tmp_path / "a.h5", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    """Checksums cover novum's own files: a flip is refused or does not matter."""
    events = Events.from_arrays({"x": np.arange(20.0)}, label=np.arange(20) % 2)
    write_events(events, tmp_path / "a.h5")
    data = (tmp_path / "a.h5").read_bytes()
    path = tmp_path / "b.h5"
    refused = 0
    for i in range(3, len(data), 67):
        path.write_bytes(data[:i] + bytes([data[i] ^ (1 << i % 8)]) + data[i + 1 :])
        try:
            got = open_events(path).read()
        except NovumError:
            refused += 1
        else:
            assert_equal(got, events)
    assert refused > 30
