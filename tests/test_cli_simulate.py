"""``novum simulate``: processes by discovery, their parameters as options, files and faults."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from novum import catalogue
from novum.cli.app import run
from novum.io import open_events
from novum.simulation.processes import WprimeXy

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")

COMMON = {
    "--number", "--output", "--seed", "--mpi", "--constituents", "--extended", "--jobs", "--cache",
}  # fmt: skip


def test_every_process_is_a_command_with_its_parameters(capsys):
    assert run(["simulate", "--help"]) == 0
    text = capsys.readouterr().out
    for entry in catalogue.entries("process"):
        assert entry.name in text
        assert run(["simulate", entry.name, "--help"]) == 0
        options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
        process = catalogue.build("process", entry.name)
        own = {f"--{f.name.replace('_', '-')}" for f in fields(process)}
        assert options - {"--help", "--version"} == COMMON | own


def test_a_file_is_made_and_made_again(tmp_path: Path, capsys):
    words = ["simulate", "wprime_xy", "-n", "8", "--seed", "4", "--mass-x", "400", "-j", "1",
             "--cache", str(tmp_path / "cache")]  # fmt: skip
    assert run([*words, "-o", str(tmp_path / "a.h5"), "--constituents", "30"]) == 0
    printed = capsys.readouterr().out
    assert "8 events" in printed
    assert "pb" in printed
    a = open_events(tmp_path / "a.h5").read()
    assert a.clouds["jet_low"].values.shape == (8, 30, 3)
    assert a.meta.seed == 4
    assert "9000001:new = X void 1 0 0 400" in a.meta.card
    assert run([*words, "-o", str(tmp_path / "b.parquet"), "--constituents", "0"]) == 0
    b = open_events(tmp_path / "b.parquet").read()
    np.testing.assert_array_equal(a.column("mjj"), b.column("mjj"))
    assert run([*words, "-o", str(tmp_path / "a.h5")]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["qcd_dijets", "-n", "5", "-o", "a.h5"], 2, "qcd_dijet"),
        (["wprime_xy", "-n", "5", "-o", "a.h5", "--mass", "300"], 1, "cannot decay"),
        (["wprime_xy", "-n", "0", "-o", "a.h5"], 1, "n: must be between 1"),
        (["wprime_xy", "-n", "5", "-o", "a.docx"], 1, "unknown suffix"),
        (["wprime_xy", "-o", "a.h5"], 2, "--number"),
        (["wprime_xy", "-n", "5", "-o", "a.h5", "--prongs", "5"], 2, "prongs"),
        (["wprime_xy", "-n", "5", "-o", "a.h5", "-j", "0"], 1, "jobs: must not be 0"),
    ],
)
def test_faults(tmp_path, monkeypatch, capsys, words, status, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOVUM_CACHE", str(tmp_path / "cache"))
    assert run(["simulate", *words]) == status
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.h5").exists()
    assert not list(tmp_path.rglob("*.h5"))


def test_defaults_are_those_of_the_lhc_olympics():
    assert vars(WprimeXy()) == {"mass": 3500.0, "mass_x": 500.0, "mass_y": 100.0, "prongs": 2}
