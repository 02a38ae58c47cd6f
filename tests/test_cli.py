"""The command line: every input, every option, and every fault in one line without a traceback."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

import novum
from novum.cli import console
from novum.cli.app import run
from novum.events import Events
from novum.io import write_events
from novum.search import HuntConfig
from novum.search.cost import Cost
from novum.simulation.toy import FEATURES

PLAIN = ["--mass", "mjj", "--features", ",".join(FEATURES), "-j", "1"]
SETTINGS = {"--members": 1, "--repeats": 1, "--folds": 3, "--eps-b": 0.1, "--n-toys": 100}
SMALL = [str(word) for pair in SETTINGS.items() for word in pair]
WINDOW = ["--window", "3300,3700"]
QUICK = [*PLAIN, *SMALL, *WINDOW]


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Consoles that do not wrap, so that words can be found."""
    monkeypatch.setattr(console, "out", Console(width=300))
    monkeypatch.setattr(console, "err", Console(width=300, stderr=True))


@pytest.fixture
def no_report(monkeypatch):
    """Leave out the figures, which take longer than the search."""
    monkeypatch.setattr("novum.report.write_report", lambda result, folder: Path(folder))


@pytest.fixture(scope="module")
def toy() -> Events:
    return novum.toy_dijets(6000, 60, seed=1)


def table(events: Events) -> dict[str, np.ndarray]:
    return {**events.features, "label": events.label}


@pytest.fixture(scope="module")
def files(toy, tmp_path_factory) -> Path:
    """The toy in every format."""
    folder = tmp_path_factory.mktemp("files")
    write_events(toy, folder / "events.h5")
    pq.write_table(pa.table(table(toy)), folder / "events.parquet")
    np.savez(folder / "events.npz", **table(toy))
    header = ",".join(table(toy))
    rows = np.column_stack(list(table(toy).values()))
    np.savetxt(folder / "events.csv", rows, delimiter=",", header=header, comments="", fmt="%.17g")
    return folder


def result_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


# --- hunt


@pytest.fixture(scope="module")
def expected(toy):
    settings = {"members": 1, "repeats": 1, "folds": 3, "eps_b": 0.1, "n_toys": 100}
    return novum.hunt(toy, mass="mjj", features=FEATURES, window=(3300, 3700), n_jobs=1, **settings)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "npz", "h5"])
def test_hunt_reads_every_format(files, suffix, tmp_path, capsys, no_report, expected):
    out = tmp_path / "out"
    assert run(["hunt", str(files / f"events.{suffix}"), "-o", str(out), *QUICK]) == 0
    printed = capsys.readouterr().out
    assert expected.summary() in printed
    assert "truth level: S/√B" in printed
    assert f"report: {out / 'report.html'}" in printed
    found = novum.SearchResult.load(out)
    assert found.windows == expected.windows
    assert found.global_p == expected.global_p
    assert {p.name for p in out.iterdir()} == {
        "cost.json", "result.json", "scores.parquet", "selected.parquet",
    }  # fmt: skip
    assert Cost.load(out).workers == 1


def test_the_installed_command_gives_the_same_bits(files, tmp_path, expected, no_report):
    """A fresh process, and a path with the options in another order, change nothing."""
    code = (
        "import novum.report; novum.report.write_report = lambda r, f: f;"
        "from novum.cli import main; main()"
    )
    words = ["hunt", "-o", str(tmp_path / "a"), *QUICK, str(files / "events.parquet")]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert run(["hunt", str(files / "events.parquet"), "-o", str(tmp_path / "b"), *QUICK]) == 0
    a, b = (tmp_path / name / "result.json" for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_demo_finds_its_resonance_and_nothing_in_its_twin(tmp_path, capsys, monkeypatch):
    """The whole chain; one window, few toys and no drawing of the figures to save time."""
    monkeypatch.setattr("novum.report.write.to_bytes", lambda figure, format: b"<svg/>")
    out = tmp_path / "demo"
    window = ["--window", "3150,3550"]
    assert run(["hunt", "--demo", "-o", str(out), "-j", "1", *SMALL, *window]) == 0
    printed = capsys.readouterr().out
    assert printed.index("background only") < printed.index("with a resonance at 3.5 TeV")
    found, twin = result_of(out), result_of(out / "background-only")
    assert (found["best_window"]["low"], found["best_window"]["high"]) == (3150, 3550)
    assert found["windows"][0]["z"] > 3
    assert len(found["selected_events"][0]["clouds"]) == 2  # drawn in the report
    assert found["evaluation"][0]["significance_before"] < 2
    assert twin["windows"][0]["withheld"] or twin["windows"][0]["z"] < 2
    assert twin["evaluation"] == []
    for folder in (out, out / "background-only"):
        names = {p.name for p in folder.iterdir()} - {"background-only"}
        assert names == {
            "cost.json",
            "result.json",
            "scores.parquet",
            "selected.parquet",
            "figures",
            "report.html",
        }
        assert {p.suffix for p in (folder / "figures").iterdir()} == {".png", ".pdf"}
        page = (folder / "report.html").read_text()
        assert "not calibrated" in page
        assert "http://" not in page.replace("http://www.w3.org", "")


# --- options and configs


# A value of every option that is not its default; the second form is what one types.
VALUES = {
    "mass": ("mjj", "mjj"),
    "features": (("mj_low", "delta_mj"), "mj_low,delta_mj"),
    "mass_unit": ("TeV", "TeV"),
    "method": ("cathode", "cathode"),
    "method_options": ({"oversampling": 2.0}, '{"oversampling": 2.0}'),
    "density": ("spline", "spline"),
    "density_options": ({"knots": 24}, '{"knots": 24}'),
    "classifier": ("mlp", "mlp"),
    "members": (7, "7"),
    "classifier_options": ({"max_features": 0.5}, '{"max_features": 0.5}'),
    "folds": (4, "4"),
    "repeats": (3, "3"),
    "eps_b": (0.02, "0.02"),
    "window": ((3300.0, 3700.0), "3300,3700"),
    "relative_width": (0.1, "0.1"),
    "width": (400.0, "400"),
    "step": (100.0, "100"),
    "sideband": (150.0, "150"),
    "centers": ((3100.0, 4500.0), "3100,4500"),
    "fit_range": ((2700.0, 7000.0), "2700,7000"),
    "family": ("exp-polynomial", "exp-polynomial"),
    "sqrt_s": (14000.0, "14000"),
    "n_params": (4, "4"),
    "n_toys": (123, "123"),
    "seed": (9, "9"),
}


ANOTHER = {"seed": 77, "folds": 6}  # keys that stand beside the one that is tried
NEEDS = {"method_options": {"method": "cathode"}}  # keys that it means nothing without


def listed(value):
    return list(value) if isinstance(value, tuple) else value


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


@pytest.fixture
def called(monkeypatch, expected, no_report):
    """Config that a hunt would have run with."""
    calls = []

    def hunt(events, **arguments):
        calls.append({"events": events, **arguments})
        return expected

    monkeypatch.setattr("novum.search.hunt", hunt)

    def call(*words: str) -> HuntConfig:
        calls.clear()
        assert run(["hunt", "events.h5", "-o", "out", *words]) == 0
        return calls[0]["config"]

    call.calls = calls
    return call


def test_every_field_is_tried_here():
    assert list(VALUES) == [f.name for f in fields(HuntConfig)]


@pytest.mark.parametrize("name", VALUES)
def test_every_field_is_an_option(called, name):
    value, typed = VALUES[name]
    needs = NEEDS.get(name, {})
    expected = HuntConfig().with_values({**needs, name: value})
    words = [word for key, needed in needs.items() for word in (option(key), needed)]
    assert called(*words, option(name), typed) == expected
    assert called(*words, f"{option(name)}={typed}") == expected


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("name", VALUES)
def test_every_field_is_a_key_and_the_command_line_wins(called, name, suffix, tmp_path):
    value, typed = VALUES[name]
    path = tmp_path / f"c.{suffix}"
    write = json.dumps if suffix == "json" else yaml.safe_dump
    beside = {**ANOTHER, **NEEDS.get(name, {})}
    path.write_text(write({**beside, name: listed(value)}))
    given = HuntConfig().with_values({**beside, name: value})
    assert called("--config", str(path)) == given
    assert called(f"--config={path}") == given
    # the same key from a file that says something else: its default
    path.write_text(write({**beside, name: listed(getattr(HuntConfig(), name))}))
    assert called("--config", str(path), option(name), typed) == given


def test_all_keys_together(called, tmp_path):
    values = {name: value for name, (value, _) in VALUES.items()}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(values))
    assert called("--config", str(path)) == HuntConfig().with_values(values)
    words = [word for name, (_, typed) in VALUES.items() for word in (option(name), typed)]
    assert called(*words) == HuntConfig().with_values(values)


def test_the_config_in_a_result_runs_the_same_search(called, expected, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(expected.config))
    assert called("--config", str(path)).hash() == expected.config_hash


def test_pairs_and_lists_may_be_words(called):
    spaced = called("--window", "3300", "3700", "--features", "a", "--features", "b")
    assert (spaced.window, spaced.features) == ((3300, 3700), ("a", "b"))
    assert called("--features", "a, b ,c").features == ("a", "b", "c")


def test_what_is_no_setting_reaches_the_search_too(called, tmp_path):
    called("-j", "3", "--resume", "--probe", "probe.h5")
    call = called.calls[0]
    assert call["events"] == Path("events.h5")
    assert (call["output"], call["n_jobs"], call["resume"]) == (Path("out"), 3, True)
    assert call["probe"] == Path("probe.h5")


def test_a_config_does_not_outlive_its_command(called, tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"seed": 5}')
    assert called("--config", str(path)).seed == 5
    assert called().seed == 0


MLP = ("--classifier", "mlp")
OPTIONS = ("--classifier.max-features", "0.5", "--classifier.hidden", "32,16")
OF_MLP = {"classifier": "mlp", "classifier_options": {"max_features": 0.5, "hidden": [32, 16]}}


def test_options_of_the_classifier_have_the_types_of_its_constructor(called, tmp_path):
    expected = HuntConfig().with_values(OF_MLP)
    assert expected.classifier_options == {"max_features": 0.5, "hidden": [32, 16]}
    assert called(*MLP, *OPTIONS) == expected
    assert (
        called(*MLP, *(f"{a}={b}" for a, b in zip(OPTIONS[::2], OPTIONS[1::2], strict=True)))
        == expected
    )
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(OF_MLP))
    assert called("--config", str(path)) == expected


def test_options_of_the_classifier_win_one_by_one(called, tmp_path):
    path = tmp_path / "c.json"
    options = {"max_features": 0.5, "hidden": [8, 8], "patience": None, "balance_classes": True}
    path.write_text(json.dumps({"classifier": "mlp", "classifier_options": options}))
    words = ("--classifier.max-features", "0.25", "--classifier.patience", "3")
    found = called("--config", str(path), *words).classifier_options
    assert found == {**options, "max_features": 0.25, "patience": 3}
    assert called("--config", str(path), *words[:2]).classifier_options["patience"] is None


def fails(capsys, *words: str, status: int = 1) -> str:
    """The one line that a failing command prints."""
    assert run([str(w) for w in words]) == status
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1, printed.err
    assert "Traceback" not in printed.err + printed.out
    return lines[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epsb: 0.1", ["unknown key 'epsb'", "did you mean 'eps_b'"]),
        ("folds: many", ["folds", "Expected `int`, got `str`"]),
        ("- a", ["a config is a mapping"]),
        ("", ["a config is a mapping"]),
        ("a: [1", ["not valid YAML or JSON"]),
    ],
)
def test_faults_of_a_config_name_the_file(capsys, tmp_path, text, words):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    line = fails(capsys, "hunt", "e.h5", "-o", tmp_path / "out", "--config", path)
    for word in [f"error: {path}", *words]:
        assert word in line
    assert not (tmp_path / "out").exists()


def test_a_config_that_is_not_there(capsys, tmp_path):
    line = fails(capsys, "hunt", "e.h5", "-o", "out", "--config", tmp_path / "no.yaml")
    assert f"{tmp_path / 'no.yaml'}: cannot read the config" in line
    assert "name a YAML or JSON file" in fails(capsys, "hunt", "e.h5", "--config")


def test_two_configs_are_not_half_ignored(called, capsys, tmp_path):
    (tmp_path / "a.json").write_text('{"seed": 5}')
    (tmp_path / "b.json").write_text('{"folds": 4}')
    words = ["--config", str(tmp_path / "a.json"), "--config", str(tmp_path / "b.json")]
    status = run(["hunt", "events.h5", "-o", "out", *words])
    if status == 0:
        config = called.calls[0]["config"]
        assert (config.seed, config.folds) == (5, 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--classifier.max-featurs", "1"], "no option 'max-featurs'; did you mean 'max_features'"),
        (
            ["--classifier.max-features", "half"],
            "max_features: Expected `float`, got `str`: 'half'",
        ),
        (["--classifier.hidden", "64,a"], "hidden: Expected `int`, got `str`: '64,a'"),
        (["--classifier.members", "3"], "members is an option of the search: --members"),
        (["--classifier.random-state", "3"], "random_state is set by the search: --seed"),
        (
            ["--classifier.xyzzy", "3"],
            "no option 'xyzzy'; there are balance_classes, batch_schedule",
        ),
    ],
)
def test_faults_of_options_of_the_classifier(capsys, words, message):
    line = fails(capsys, "hunt", "e.h5", "-o", "out", *MLP, *words)
    assert f"classifier_options: {message}" in line.replace("mlp has ", "")


# --- usage


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["hunt"], 1, "name a file of events, or --demo"),
        (["hunt", "events.h5"], 1, "name a folder for the results (-o DIR)"),
        (["hunt", "events.h5", "--demo"], 1, "--demo brings its own events"),
        (["hunt", "--demo", "--resume"], 1, "cannot be resumed"),
        (["hunt", "e.h5", "--featurs", "a"], 2, "Did you mean --features?"),
        (["hunt", "e.h5", "--folds", "x"], 2, 'unable to convert "x" into int'),
        (["hunt", "e.h5", "--window", "3300"], 2, "--window"),
        (["hunt", "e.h5", "--window", "3300,3500,3700"], 2, "3700"),
        (["hunt", "e.h5", "--window", "a,b"], 2, "--window"),
        (["hnt"], 2, 'Did you mean "hunt"?'),
        (["inspect"], 2, "--file requires an argument"),
        (["bumphunt"], 2, "--spectrum requires an argument"),
        (["cite"], 2, "--folder requires an argument"),
    ],
)
def test_usage_errors_are_one_line(capsys, words, status, message):
    assert message in fails(capsys, *words, status=status)


def test_version_and_help(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == novum.__version__
    for words in ([], ["--help"], ["hunt", "--help"], ["bumphunt", "--help"]):
        assert run(words) == 0
        assert "Usage: novum" in capsys.readouterr().out


def test_an_interrupt_has_its_own_status_and_a_hint(
    files, tmp_path, capsys, monkeypatch, no_report
):
    class Stop(console.RichProgress):
        left = 1

        def track(self, items, description, total=None):
            if Stop.left == 0:
                raise KeyboardInterrupt
            Stop.left -= 1
            yield from items

    scan = [*PLAIN, *SMALL, "--width", "400", "--centers", "3300,3500"]
    command = ["hunt", str(files / "events.h5"), *scan, "-o"]
    with monkeypatch.context() as patch:
        patch.setattr(console, "RichProgress", Stop)
        assert run([*command, str(tmp_path / "out")]) == 130
    printed = capsys.readouterr()
    assert printed.err.strip().endswith("continue with --resume")
    assert not (tmp_path / "out/result.json").exists()
    # as it stands there, it is neither overwritten nor taken for a result
    assert "--resume" in fails(capsys, *command, tmp_path / "out")
    for name in ("report", "cite"):
        assert "cannot read a result" in fails(capsys, name, tmp_path / "out")
    assert run([*command, str(tmp_path / "out"), "--resume"]) == 0
    assert run([*command, str(tmp_path / "whole")]) == 0
    resumed, whole = (tmp_path / n / "result.json" for n in ("out", "whole"))
    assert resumed.read_bytes() == whole.read_bytes()


# --- bad input of a hunt


def changed(toy: Events, path: Path, **columns) -> Path:
    """The toy as Parquet with some columns replaced, removed (None) or added."""
    content = {**table(toy), **columns}
    pq.write_table(pa.table({k: v for k, v in content.items() if v is not None}), path)
    return path


def with_value(values: np.ndarray, row: int, value: float) -> np.ndarray:
    values = values.copy()
    values[row] = value
    return values


def cut(path: Path, share: float = 0.6) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def refused(capsys, tmp_path, path, *words: str) -> str:
    """The line that a hunt in `path` prints; no result and no folder are left."""
    settings = [*QUICK] if not words else [*SMALL, "-j", "1", *words]
    out = tmp_path / "refused"
    line = fails(capsys, "hunt", path, "-o", out, *settings)
    assert line.startswith("error: ")
    assert not (out / "result.json").exists()
    assert not out.exists(), "nothing is left of a search that never began"
    return line


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"tau21_low": None}, ["column 'tau21_low'", "no such column", "'tau21_high'"]),
        ({"mjj": None}, ["column 'mjj'", "no such column"]),
        ({"tau21_low": np.nan}, ["column 'tau21_low'", "1 of 6060", "nan in row 17"]),
        ({"mjj": np.inf}, ["column 'mjj'", "inf in row 17"]),
        ({"weight": -1e6}, ["column 'weight'", "add up to", "-993941"]),
        ({"label": 7}, ["column 'label'", "0 (background) or 1 (signal)", "7"]),
        ({"tau21_low": 0.5}, ["column 'tau21_low'", "constant (0.5)"]),
    ],
    ids=["missing feature", "missing mass", "nan", "inf", "negative sum", "label", "constant"],
)
def test_faults_of_columns_name_file_column_and_value(toy, tmp_path, capsys, columns, words):
    content = {}
    for name, value in columns.items():
        if value is None or value == 0.5:
            content[name] = None if value is None else np.full(len(toy), value)
        else:
            base = table(toy).get(name, np.ones(len(toy)))
            content[name] = with_value(base.astype(float), 17, value)
    path = changed(toy, tmp_path / "events.parquet", **content)
    line = refused(capsys, tmp_path, path)
    for word in [str(path), *words]:
        assert word in line


def test_files_of_novum_are_named_by_their_path(toy, tmp_path, capsys):
    """Their origin says where events come from; a fault is in this file."""
    path = tmp_path / "events.h5"
    write_events(toy, path)
    line = refused(capsys, tmp_path, path, *PLAIN[:2], "--features", "tau21", *WINDOW)
    assert str(path) in line
    with h5py.File(path, "r+") as file:
        found = []
        file.visititems(lambda name, item: found.append(name) if name.endswith("mj_low") else None)
        file[found[0]][3] = np.nan
    line = refused(capsys, tmp_path, path)
    assert "column 'mj_low'" in line
    assert str(path) in line


def test_unequal_lengths_name_both(toy, tmp_path, capsys):
    content = table(toy)
    np.savez(tmp_path / "e.npz", **{**content, "tau21_low": content["tau21_low"][:-5]})
    line = refused(capsys, tmp_path, tmp_path / "e.npz")
    for word in (str(tmp_path / "e.npz"), "tau21_low", "6055", "6060"):
        assert word in line


@pytest.mark.parametrize("suffix", ["parquet", "h5", "npz"])
def test_truncated_files(files, tmp_path, capsys, suffix):
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes((files / f"events.{suffix}").read_bytes())
    assert str(path) in refused(capsys, tmp_path, cut(path))


def test_a_table_that_ends_in_the_middle_of_a_row(tmp_path, capsys):
    path = tmp_path / "cut.csv"
    path.write_text("mjj,mj_low,delta_mj,tau21_low,tau21_high\n1,2,3,4,5\n1,2,3")
    assert str(path) in refused(capsys, tmp_path, path)


def test_a_word_among_numbers(tmp_path, capsys):
    path = tmp_path / "e.csv"
    path.write_text("mjj,mj_low,delta_mj,tau21_low,tau21_high\n1,2,3,4,5\n1,2,x,4,5\n")
    line = refused(capsys, tmp_path, path)
    assert str(path) in line
    assert "delta_mj" in line


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.parquet", None, ["no such file", "did you mean 'there.parquet'"]),
        ("empty.parquet", b"", ["the file is empty"]),
        ("e.lhe", b"<LesHouchesEvents>", ["unknown suffix '.lhe'"]),
        ("e.root", b"root....", ["cannot be read"]),
        ("fake.h5", b"not an hdf5 file", []),
        ("fake.parquet", b"PAR1 and no more", []),
        ("empty.csv", b"mjj,mj_low,delta_mj,tau21_low,tau21_high\n", ["no events"]),
    ],
)
def test_files_that_hold_no_events(tmp_path, capsys, name, content, words):
    (tmp_path / "there.parquet").write_bytes(b"PAR1")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    line = refused(capsys, tmp_path, path)
    for word in [str(path), *words]:
        assert word in line


def test_a_folder_is_no_file(tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    line = refused(capsys, tmp_path, tmp_path / "folder")
    assert line == f"error: {tmp_path / 'folder'}: is a folder, not a file of events"


MASS = ["--mass", "mjj", "--features", "mj_low,delta_mj"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("--window 3700,3300", ["3700", "3300", "empty"]),
        ("--window 2300,2500", ["lower sideband", "is empty", "mjj"]),
        ("--window 20000,21000", ["20000-21000 GeV lies outside the data", "mjj", "2400-"]),
        ("--window 3.3,3.7", ["3.3-3.7 looks like TeV", "mjj"]),
        ("--window 7000,7200", ["mjj|too few events"]),
        ("--eps-b 0.7", ["eps_b", "0.7"]),
        ("--fit-range 7000,2700", ["fit"]),
        ("--relative-width 2", ["relative"]),
        ("--classifier tres", ["did you mean 'trees'"]),
        ("--method cwola2", ["did you mean 'cwola'"]),
        ("--family dijt", ["did you mean 'dijet'"]),
        ("--mass-unit furlong", ["furlong", "MeV, GeV and TeV"]),
        ("--seed -1", ["seed", "-1"]),
    ],
)
def test_faults_of_settings_name_the_value(files, tmp_path, capsys, settings, words):
    given = settings.split()
    base = [str(w) for pair in SETTINGS.items() if pair[0] not in given for w in pair]
    command = ["hunt", files / "events.parquet", "-o", tmp_path / "out", "-j", "1"]
    line = fails(capsys, *command, *MASS, *base, *given)
    for word in words:
        assert any(part in line for part in word.split("|"))
    assert not (tmp_path / "out/result.json").exists()


@pytest.mark.parametrize(
    ("features", "words"),
    [("mjj,mj_low", ["'mjj' is the resonant variable"]), ("mj_low,mj_low", ["named twice"])],
)
def test_faults_of_the_feature_list(files, tmp_path, capsys, features, words):
    line = refused(
        capsys, tmp_path, files / "events.csv", "--mass", "mjj", "--features", features, *WINDOW
    )
    assert all(word in line for word in words)


def test_without_mass_or_features(files, tmp_path, capsys):
    path = files / "events.csv"
    assert "--mass" in refused(capsys, tmp_path, path, *WINDOW)
    assert "--features" in refused(capsys, tmp_path, path, "--mass", "mjj", *WINDOW)


def test_tev_masses_against_gev_windows(toy, tmp_path, capsys):
    path = changed(toy, tmp_path / "tev.parquet", mjj=toy.column("mjj") / 1000)
    line = refused(capsys, tmp_path, path)
    for word in (str(path), "'mjj'", "looks like TeV", "--mass-unit TeV"):
        assert word in line
    scan = refused(capsys, tmp_path, path, *PLAIN[:4])
    assert "looks like TeV" in scan


def test_too_few_events(toy, tmp_path, capsys):
    path = tmp_path / "few.parquet"
    pq.write_table(pa.table({k: v[:60] for k, v in table(toy).items()}), path)
    line = refused(capsys, tmp_path, path, *PLAIN[:4], "--width", "400", "--fit-range", "2400,4000")
    assert "event" in line


def test_an_output_that_exists_is_not_touched(files, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    for words in ([], ["--resume"]):
        command = ["hunt", files / "events.parquet", "-o", tmp_path / "out", *QUICK, *words]
        assert str(tmp_path / "out") in fails(capsys, *command)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_output_below_a_file(files, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line = fails(capsys, "hunt", files / "events.parquet", "-o", tmp_path / "file/out", *QUICK)
    assert str(tmp_path / "file") in line


@pytest.mark.parametrize("name", ["result.json", "scores.parquet", "report.html"])
def test_a_full_disk(files, tmp_path, capsys, monkeypatch, name, request):
    real = os.replace

    def replace(source, target, **kwargs):
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(source, target, **kwargs)

    if name != "report.html":
        request.getfixturevalue("no_report")
    else:
        monkeypatch.setattr("novum.report.write.drawings", lambda result: {})
    monkeypatch.setattr("os.replace", replace)
    line = fails(capsys, "hunt", files / "events.parquet", "-o", tmp_path / "out", *QUICK)
    assert line == f"error: {tmp_path / 'out' / name}: cannot be written: no space left on device"
    assert (tmp_path / "out/result.json").exists() == (name == "report.html")


def test_a_fault_in_a_fresh_process_is_one_line_too(files, tmp_path):
    command = Path(sys.executable).with_name("novum")
    words = ["hunt", files / "events.csv", "-o", tmp_path / "out", "--mass", "mjj"]
    done = subprocess.run(
        [command, *map(str, words), "--features", "tau21"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert str(files / "events.csv") in line
    assert "column 'tau21'" in line
    assert "'tau21_low'" in line
    assert not (tmp_path / "out").exists()


# --- inspect, methods, report, cite


def test_inspect_lists_columns_and_suggests_the_mass(files, capsys):
    assert run(["inspect", str(files / "events.parquet")]) == 0
    printed = capsys.readouterr().out
    for name in ("mjj", *FEATURES):
        assert name in printed
    assert "labels: column 'label'" in printed
    assert "6060 events" in printed
    assert "suggested mass: --mass mjj" in printed


def test_inspect_counts_what_is_missing(toy, tmp_path, capsys):
    values = toy.column("tau21_low").copy()
    values[:7] = np.nan
    values[7:10] = np.inf
    path = changed(toy, tmp_path / "e.parquet", tau21_low=values, nothing=np.full(len(toy), np.nan))
    assert run(["inspect", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if "tau21_low" in line).replace("│", " ").split()
    assert row[-2:] == ["7", "3"]
    row = next(line for line in lines if "nothing" in line).replace("│", " ").split()
    assert "6060" in row


def test_inspect_names_a_file_that_cannot_be_read(tmp_path, capsys):
    (tmp_path / "e.parquet").write_bytes(b"PAR1")
    assert str(tmp_path / "e.parquet") in fails(capsys, "inspect", tmp_path / "e.parquet")
    assert "no such file" in fails(capsys, "inspect", tmp_path / "missing.h5")


def test_methods_lists_the_catalogue(capsys):
    from novum.catalogue import entries

    assert run(["methods"]) == 0
    printed = capsys.readouterr().out
    for entry in entries():
        assert entry.name in printed
        assert entry.summary in printed
        for arxiv, _ in entry.references:
            assert f"arXiv:{arxiv}" in printed
    options = [line.split("│")[1:3] for line in printed.splitlines() if line.count("│") == 5]
    assert ["wnae", "members"] in [[cell.strip() for cell in line] for line in options]


@pytest.fixture
def finished(expected, tmp_path):
    expected.save(tmp_path / "run")
    return tmp_path / "run"


def test_report_renders_again_from_the_result_alone(finished, capsys):
    assert run(["report", str(finished)]) == 0
    assert capsys.readouterr().out.strip() == str(finished / "report.html")
    first = (finished / "report.html").read_bytes()
    assert b"3300" in first
    assert (finished / "figures/pvalue_scan.png").exists()
    assert (finished / "figures/pvalue_scan.pdf").read_bytes().startswith(b"%PDF")


def test_cite_prints_bibtex_of_what_ran(finished, capsys):
    assert run(["cite", str(finished)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("@")
    assert printed.count("{") == printed.count("}")
    for reference in ("1805.02664", "1902.02634", "scikit-learn"):
        assert reference in printed


@pytest.mark.parametrize("name", ["report", "cite"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read a result"),
        ("{", "damaged"),
        ('{"schema": "novum-search-result", "schema_version": 99}', "schema version 99"),
        ('{"schema": "other"}', "is not a novum search result"),
    ],
)
def test_report_and_cite_refuse_what_is_no_result(tmp_path, capsys, name, text, message):
    if text is not None:
        (tmp_path / "result.json").write_text(text)
    line = fails(capsys, name, tmp_path)
    assert str(tmp_path) in line
    assert message in line
    assert not (tmp_path / "report.html").exists()


# --- bumphunt

EDGES = np.linspace(2000, 6000, 81)


def spectrum(path: Path, bump: float = 0.0) -> Path:
    """A falling spectrum of 50 GeV bins, with some events at 3.5 TeV on top."""
    rng = np.random.default_rng(2)
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    x = middle / 13000
    mean = 2e5 * (1 - x) ** 9 / x**5
    mean *= 1e5 / mean.sum()
    peak = np.exp(-0.5 * ((middle - 3500) / 100) ** 2)
    counts = rng.poisson(mean + bump * peak / peak.sum())
    rows = np.column_stack([EDGES[:-1], EDGES[1:], counts])
    np.savetxt(path, rows, delimiter=",", header="low,high,counts", comments="", fmt="%.10g")
    return path


def test_bumphunt_finds_a_bump_and_measures_it(tmp_path, capsys):
    path = spectrum(tmp_path / "s.csv", bump=700)
    out = tmp_path / "bump.json"
    assert run(["bumphunt", str(path), "--n-toys", "300", "-o", str(out)]) == 0
    document = json.loads(out.read_text())
    best = document["best_window"]
    assert best["low"] < 3500 < best["high"]
    assert document["global_p"]["value"] < 0.01
    assert document["peak"]["mass"] == pytest.approx(3500, abs=40)
    assert document["peak"]["events"] == pytest.approx(700, abs=200)
    printed = capsys.readouterr().out
    assert f"best window {best['low']:.5g}-{best['high']:.5g} GeV" in printed
    assert "peak at 3" in printed
    assert str(path) in printed


def test_bumphunt_finds_nothing_where_there_is_nothing(tmp_path, capsys):
    out = tmp_path / "bump.json"
    words = ["bumphunt", str(spectrum(tmp_path / "s.csv")), "--n-toys", "100", "-o", str(out)]
    assert run(words) == 0
    document = json.loads(out.read_text())
    assert document["global_p"]["value"] > 0.05
    assert document["peak"] is None
    assert document["background"]["p_value"] > 0.05
    assert document["n_events"] == pytest.approx(1e5, rel=0.02)
    assert "peak at" not in capsys.readouterr().out
    # equal seeds, equal bits; another file is not overwritten
    again = tmp_path / "again.json"
    assert run([*words[:-1], str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()
    assert str(out) in fails_with_notes(capsys, *words)


def fails_with_notes(capsys, *words: str) -> str:
    """The last line of a failing command that says first what it does."""
    capsys.readouterr()
    assert run([str(w) for w in words]) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.err.strip().splitlines()[-1]


def test_bumphunt_takes_events(files, tmp_path, capsys):
    out = tmp_path / "bump.json"
    words = ["bumphunt", str(files / "events.csv"), "--mass", "mjj", "--n-toys", "100"]
    assert run([*words, "-o", str(out)]) == 0
    document = json.loads(out.read_text())
    assert 2400 <= document["fit_range"][0] < document["fit_range"][1] < 8000
    assert document["global_p"]["value"] > 0.01, "60 events are not seen without a selection"
    assert 3000 < document["n_events"] <= 6060


def masses(path: Path, header: str, *columns: np.ndarray) -> str:
    rows = np.column_stack(columns)
    np.savetxt(path, rows, delimiter=",", header=header, comments="", fmt="%.17g")
    return str(path)


def test_bumphunt_believes_the_unit_of_a_file(toy, tmp_path):
    m = toy.column("mjj")
    ranges = []
    for name, header, values in (("g", "mjj [GeV]", m), ("t", "mjj [TeV]", m / 1000)):
        path = masses(tmp_path / f"{name}.csv", header, values)
        out = tmp_path / f"{name}.json"
        assert run(["bumphunt", path, "--mass", "mjj", "--n-toys", "50", "-o", str(out)]) == 0
        ranges.append(json.loads(out.read_text())["fit_range"])
    assert ranges[1] == pytest.approx(ranges[0])


def test_bumphunt_does_not_ignore_weights(toy, tmp_path):
    """Half of the events weigh nothing: counted as they are, or refused, but never as if one."""
    m = toy.column("mjj")
    path = masses(tmp_path / "w.csv", "mjj,weight", m, np.arange(len(m)) % 2)
    out = tmp_path / "w.json"
    if run(["bumphunt", path, "--mass", "mjj", "--n-toys", "50", "-o", str(out)]) == 0:
        assert json.loads(out.read_text())["n_events"] <= len(m) / 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("low,high\n1,2\n", ["column 'counts'", "no such column"]),
        ("a,counts\n1,2\n", ["no such column"]),
        ("low,high,counts\n1,2,5\n2,3,-4\n", ["counts", "negative"]),
        ("low,high,counts\n1,2,5\n4,5,4\n", ["gap", "4"]),
        ("low,high,counts\n2,1,5\n", ["reversed"]),
        ("low,high,y\n1,2,5\n", ["column 'y'", "--luminosity"]),
        ("low,high,counts\n", ["no events"]),
    ],
)
def test_bumphunt_refuses_broken_spectra(tmp_path, capsys, text, words):
    path = tmp_path / "s.csv"
    path.write_text(text)
    line = fails(capsys, "bumphunt", path, "-o", tmp_path / "out.json")
    for word in [str(path), *words]:
        assert word in line
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "settings",
    [
        ["--n-toys", "0"],
        ["--seed", "-1"],
        ["--peak", "square"],
        ["--family", "dijt"],
        ["--fit-range", "5000,3000"],
        ["--fit-range", "100,200"],
        ["--relative-width", "2"],
        ["--relative-width", "0"],
        ["--relative-width", "nan"],
        ["--relative-width", "0.001"],
        ["--sqrt-s", "100"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("source", ["spectrum", "events"])
def test_bumphunt_refuses_impossible_settings(files, tmp_path, capsys, settings, source):
    path = (
        [spectrum(tmp_path / "s.csv")]
        if source == "spectrum"
        else [files / "events.csv", "--mass", "mjj"]
    )
    line = fails_with_notes(capsys, "bumphunt", *path, "-o", tmp_path / "out.json", *settings)
    assert line.startswith("error: ")
    assert not (tmp_path / "out.json").exists()
