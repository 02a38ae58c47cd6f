"""`convert`: from every format to every format, in little memory, whole or not at all."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from novum.cli.app import run
from novum.cli.words import split_commas
from novum.errors import MissingColumnError, OutputError
from novum.io import OutputWarning, conversion, convert, open_events
from novum.progress import NoProgress

from .layouts import N, make_adc, make_jetclass, make_trackml, put_tree

SUFFIXES = ["parquet", "csv", "csv.gz", "h5"]


class Meter(NoProgress):
    """Remembers what it was told, and may stop."""

    def __init__(self, stop: int | None = None) -> None:
        self.seen, self.total, self.stop = 0, None, stop

    def track(self, items: Iterable[Any], description: str, total: int | None = None) -> Iterator:
        self.total = total
        for item in items:
            yield item
            self.seen += 1
            if self.seen == self.stop:
                raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_MOST_ROWS", 70)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_from_every_table(made: Any, tmp_path: Path, suffix: str) -> None:
    source, meter = open_events(made.path), Meter()
    done = convert(source, tmp_path / f"a.{suffix}", progress=meter)
    assert (done.n_events, meter.seen) == (300, 5)
    assert meter.total in (None, 5)
    assert (done.columns, done.clouds, done.lost) == (source.schema.columns, (), ())
    got, expected = open_events(tmp_path / f"a.{suffix}").read(), source.read()
    assert list(got.features) == list(expected.features)
    for name, values in expected.features.items():
        np.testing.assert_array_equal(got.features[name], values)
    for name in ("id", "label", "weight"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))


def test_from_every_layout_to_hdf5(laid_out: Any, tmp_path: Path) -> None:
    source = open_events(laid_out[0])
    done = convert(source, tmp_path / "a.h5")
    assert (done.n_events, set(done.clouds)) == (N, set(laid_out[1].clouds))
    got, expected = open_events(tmp_path / "a.h5").read(), source.read()
    for name, cloud in expected.clouds.items():
        np.testing.assert_array_equal(got.clouds[name].values, cloud.values)
        assert got.clouds[name].values.dtype == cloud.values.dtype
    for name, values in expected.features.items():
        np.testing.assert_array_equal(got.features[name], values)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_clouds_that_are_lost_are_named(tmp_path: Path, suffix: str) -> None:
    make_adc(tmp_path / "adc.h5")
    source, out = open_events(tmp_path / "adc.h5"), tmp_path / f"a.{suffix}"
    with pytest.warns(OutputWarning, match="holds no clouds; left out: objects"):
        done = convert(source, out)
    assert done.lost == ("objects",)
    assert open_events(out).schema.columns == source.schema.columns
    with pytest.raises(OutputError, match=r"holds no clouds \(objects\)"):
        convert(source, tmp_path / f"b.{suffix}", ["met", "objects"])
    assert not (tmp_path / f"b.{suffix}").exists()


def test_truth_is_written_only_when_named(tmp_path: Path) -> None:
    path = tmp_path / "event000000007-hits.csv"
    make_trackml(path)
    convert(open_events(path), tmp_path / "a.parquet")
    assert "particle" not in open_events(tmp_path / "a.parquet").schema.columns
    convert(open_events(path), tmp_path / "b.parquet", ["x", "particle"])
    assert open_events(tmp_path / "b.parquet").schema.columns == ("x", "particle")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_interruption_leaves_nothing(made: Any, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        convert(open_events(made.path), tmp_path / f"a.{suffix}", progress=Meter(stop=2))
    assert not list(tmp_path.iterdir())


def test_refusals(made: Any, tmp_path: Path) -> None:
    source = open_events(made.path)
    (tmp_path / "a.h5").write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        convert(source, tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_text() == "old"
    with pytest.raises(OutputError, match=r"unknown suffix '.root'; novum writes"):
        convert(source, tmp_path / "a.root")
    with pytest.raises(MissingColumnError, match="did you mean 'mjj'"):
        convert(source, tmp_path / "b.h5", ["mjjj"])
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_disk_full_after_some_chunks(tmp_path: Path) -> None:
    """A real limit on file size, in a process of its own, since HDF5 is known to crash on it."""
    code = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from novum.errors import OutputError
from novum.events import Events
from novum.io import write_chunks
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
rng = np.random.default_rng(0)
for suffix in ("h5", "parquet", "csv"):
    chunks = (Events.from_arrays({"x": rng.normal(size=20_000)}) for _ in range(40))
    path = Path(sys.argv[1], f"a.{suffix}")
    try:
        write_chunks(chunks, path)
    except OutputError as error:
        assert str(error).startswith(f"{path}: cannot be written: file too large"), error
    else:
        raise AssertionError(suffix)
assert len(list(chunks)) > 30  # stopped at the first fault
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


# -- command line -----------------------------------------------------------------------------


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_jetclass(tmp_path / "a.root")
    out = tmp_path / "a.h5"
    words = ["convert", str(tmp_path / "a.root"), str(out), "--columns"]
    expression = "hypot(jet_pt, part_px[:,0])"
    assert run([*words, f"jet_pt,{expression},constituents"]) == 0
    said = capsys.readouterr().out
    assert f"a.h5 (hdf5, {N} events, 2 columns, clouds constituents)" in said.replace("\n", "")
    schema = open_events(out).schema
    assert (schema.columns, tuple(schema.clouds)) == (("jet_pt", expression), ("constituents",))
    assert run([*words, "jet_pt"]) == 1
    assert "exists already" in capsys.readouterr().err.replace("\n", " ")


def test_command_makes_clouds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import awkward as ak
    import uproot

    with uproot.recreate(tmp_path / "a.root") as file:
        jets = ak.zip({"pt": ak.Array([[3.0, 2.0], [1.0]]), "eta": ak.Array([[0.5, 0.1], [2.0]])})
        put_tree(file, "t", {"Jet": jets})
    words = ["convert", f"{tmp_path / 'a.root'}:t", str(tmp_path / "a.h5")]
    assert run([*words, "--cloud", "jets=Jet_pt,Jet_eta", "--columns", "nJet,jets"]) == 0
    cloud = open_events(tmp_path / "a.h5").read().clouds["jets"]
    assert cloud.fields == ("pt", "eta")
    assert cloud.values.tolist() == [[[3, 0.5], [2, 0.1]], [[1, 2], [0, 0]]]
    assert run([*words[:2], str(tmp_path / "b.h5"), "--cloud", "jets"]) == 1
    assert "write NAME=BRANCH,BRANCH" in capsys.readouterr().err.replace("\n", " ")


def test_inspect_lists_clouds_and_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_jetclass(tmp_path / "a.root")
    assert run(["inspect", str(tmp_path / "a.root")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "cloud 'constituents': pt, eta, phi, E, deta, dphi, charge, d0val" in said
    assert "read only when named: label_QCD, label_Hbb, aux_genpart_pt" in said


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a,b", ["a", "b"]),
        ("Jet_pt[:,0],Jet_pt[:,1]", ["Jet_pt[:,0]", "Jet_pt[:,1]"]),
        ("hypot(a, Jet_pt[:,0]), b", ["hypot(a, Jet_pt[:,0])", "b"]),
        ("a],b", ["a]", "b"]),
    ],
)
def test_commas_of_expressions_separate_nothing(value: str, parts: list[str]) -> None:
    split = split_commas(["hunt", "--features", value])
    assert [w for w in split if w != "--features"][1:] == parts
