"""``novum calibrate`` and ``novum unblind`` as they are typed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import novum
from novum.calibration import Calibration, InjectionStudy
from novum.calibration.study import InjectionPoint
from novum.cli import console
from novum.cli.app import run
from novum.io import write_events
from novum.search import HuntConfig
from novum.simulation.toy import FEATURES

SIZE = 3000
SETTINGS = {
    "mass": "mjj",
    "features": FEATURES[:2],
    "members": 1,
    "repeats": 1,
    "folds": 2,
    "eps_b": 0.1,
    "window": (3300.0, 3700.0),
    "fit_range": (2400.0, 5200.0),
    "n_params": 3,
    "n_toys": 50,
}
CONFIG = HuntConfig().with_values(SETTINGS)


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Consoles that do not wrap, so that words can be found; reports without their figures."""
    monkeypatch.setattr(console, "out", Console(width=300))
    monkeypatch.setattr(console, "err", Console(width=300, stderr=True))
    monkeypatch.setattr("novum.report.write_report", lambda result, folder: Path(folder))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """Events and a config."""
    folder = tmp_path_factory.mktemp("files")
    write_events(novum.toy_dijets(SIZE, seed=3), folder / "events.h5")
    (folder / "config.json").write_text(json.dumps(CONFIG.to_dict()))
    return folder


@pytest.fixture(scope="module")
def calibrated(files, tmp_path_factory) -> Path:
    """The folder of null searches of the config on the sampler, as the command makes them."""
    folder = tmp_path_factory.mktemp("calibrated")
    words = ["calibrate", files / "config.json", "--null", "sampler", "--size", SIZE, "-n", 20]
    assert run([str(w) for w in (*words, "-j", 1, "-o", folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def calibration(calibrated) -> Calibration:
    return Calibration.load(calibrated)


@pytest.fixture(scope="module")
def hunted(files, tmp_path_factory) -> Path:
    """A finished search; copied by the tests that write."""
    folder = tmp_path_factory.mktemp("hunt") / "out"
    novum.hunt(files / "events.h5", config=CONFIG, output=folder, n_jobs=1)
    return folder


def fails(capsys, *words: object, status: int = 1) -> str:
    """The one line that a failing command prints."""
    assert run([str(w) for w in words]) == status
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1, printed.err
    assert "Traceback" not in printed.err + printed.out
    return lines[0]


def does(capsys, *words: object) -> str:
    """What a command prints."""
    status = run([str(w) for w in words])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return " ".join(printed.out.split())


# --- the whole path


def test_blind_calibrate_unblind(files, tmp_path, capsys):
    out = tmp_path / "blind"
    options = ["--config", files / "config.json", "-j", "1"]
    printed = does(capsys, "hunt", files / "events.h5", "-o", out, "--blind", *options)
    assert "signal regions hidden" in printed
    assert f"next: novum calibrate {out}, then novum unblind {out}" in printed
    assert "no calibration is frozen; run novum calibrate" in fails(capsys, "unblind", out)

    printed = does(capsys, "calibrate", out, "-n", 20, "-j", "1")
    assert "20 null searches (sidebands" in printed
    assert "closure: AUC" in printed
    assert f"calibration: {out / 'calibration.json'}" in printed
    made = Calibration.load(out)
    assert (made.null, made.origin) == ("sidebands", str(files / "events.h5"))
    assert made.data_sha256 is not None
    assert made.closure is not None
    assert not (out / "result.json").exists(), "calibrating does not look"

    printed = does(capsys, "unblind", out, "-j", "1")
    found = novum.SearchResult.load(out)
    assert found.summary() in printed
    quoting = sum(row[0] for row in made.quoted)
    assert f"from {quoting} retrained null searches" in printed
    assert f"report: {out / 'report.html'}" in printed
    assert found.unblinded is not None
    assert found.calibration.sha256 == made.sha256()
    assert "is unblinded already" in fails(capsys, "unblind", out)


def test_a_finished_search_is_looked_up(hunted, files, tmp_path, capsys, monkeypatch, calibration):
    """The numbers are those of a hunt that is given the same calibration."""
    made = replace(calibration, null="file", origin="simulated.h5")
    calls = []

    def fake(target, **options):
        calls.append((target, options))
        made.save(options["output"] / "calibration.json")
        return made

    monkeypatch.setattr("novum.calibration.procedure.calibrate", fake)
    out = tmp_path / "out"
    shutil.copytree(hunted, out)
    before = novum.SearchResult.load(out)
    printed = does(capsys, "calibrate", out, "--null", "simulated.h5", "--seed", 4, "--resume")
    assert before.calibration is None
    found = novum.SearchResult.load(out)
    again = novum.hunt(files / "events.h5", config=CONFIG, calibration=made, n_jobs=1)
    assert found == again
    assert found.summary() in printed
    (target, options) = calls[0]
    assert target == out
    assert (options["n"], options["seed"], options["null"]) == (200, 4, "simulated.h5")
    assert options["resume"] is True


def test_a_config_is_calibrated_before_there_is_a_search(files, calibrated, calibration, capsys):
    assert [p.name for p in calibrated.iterdir()] == ["calibration.json"]
    assert (calibration.null, calibration.origin, calibration.seed) == ("sampler", "toy dijets", 1)
    assert len(calibration.n_on) == 20
    assert calibration.config == CONFIG.to_dict()
    words = ["calibrate", files / "config.json", "--null", "sampler", "--size", SIZE]
    assert "exists already" in fails(capsys, *words, "-o", calibrated)


# --- usage


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["calibrate"], 2, "--target requires an argument"),
        (["calibrate", "CONFIG"], 1, "name a folder for calibration.json (-o DIR)"),
        (["calibrate", "CONFIG", "-o", "OUT"], 1, "give --events FILE, or --size N"),
        (["calibrate", "CONFIG", "-o", "OUT", "-n", "0"], 1, "at least 20 null searches, got 0"),
        (["calibrate", "CONFIG", "-o", "OUT", "-n", "19"], 1, "at least 20 null searches, got 19"),
        (["calibrate", "CONFIG", "-o", "OUT", "-n", "x"], 2, 'unable to convert "x" into int'),
        (["calibrate", "CONFIG", "-o", "OUT", "--nul", "sampler"], 2, "Did you mean --null?"),
        (
            ["calibrate", "CONFIG", "-o", "OUT", "--null", "sidbands", "--size", "3000"],
            1,
            "null: 'sidbands' is neither sampler nor sidebands nor a file",
        ),
        (
            ["calibrate", "CONFIG", "-o", "OUT", "--null", "sampler", "--events", "EVENTS"],
            1,
            "null: the sampler says nothing of",
        ),
        (
            ["calibrate", "CONFIG", "-o", "OUT", "--size", "3000", "-j", "0"],
            1,
            "jobs: must not be 0",
        ),
        (
            ["calibrate", "CONFIG", "-o", "OUT", "--strengths", "1,2,3,4,5"],
            1,
            "name the signal to inject (--inject FILE)",
        ),
        (
            ["calibrate", "CONFIG", "-o", "OUT", "--vary", "mjj:scale=1.02"],
            1,
            "name the signal to inject (--inject FILE)",
        ),
        (
            ["calibrate", "CONFIG", "-o", "OUT", "--inject", "sampler", "--size", "3000"],
            1,
            "run novum calibrate without --inject first",
        ),
        (
            ["calibrate", "nowhere.yaml", "-o", "OUT", "--size", "9"],
            1,
            "nowhere.yaml: no such folder or",
        ),
        (["calibrate", "FOLDER"], 1, "result.json: cannot read a result"),
        (["unblind"], 2, "--folder requires an argument"),
        (["unblind", "FOLDER"], 1, "blind.json: cannot read a blind search"),
    ],
    ids=str,
)
def test_usage_errors_are_one_line(files, tmp_path, capsys, words, status, message):
    places = {
        "CONFIG": files / "config.json",
        "EVENTS": files / "events.h5",
        "OUT": tmp_path / "out",
        "FOLDER": tmp_path,
    }
    assert message in fails(capsys, *[places.get(w, w) for w in words], status=status)
    assert not list(tmp_path.rglob("*.json"))


def test_help_names_the_choices(capsys):
    printed = does(capsys, "calibrate", "--help")
    assert "Usage: novum calibrate" in printed
    for word in ("--null", "--inject", "--strengths", "--vary", "--resume"):
        assert word in printed
    assert "Usage: novum unblind" in does(capsys, "unblind", "--help")


def test_a_calibration_that_does_not_apply_is_refused(files, calibration, tmp_path, capsys):
    path = calibration.save(tmp_path / "calibration.json")
    words = ["hunt", files / "events.h5", "-o", tmp_path / "out", "--calibration", path]
    options = ["--config", files / "config.json", "-j", "1"]
    line = fails(capsys, *words, *options)
    assert "calibration: does not apply here: its null data were drawn by the sampler" in line
    line = fails(capsys, *words, *options, "--eps-b", "0.2")
    assert "eps_b = 0.1 there, 0.2 here" in line
    assert not (tmp_path / "out").exists()


def test_blind_takes_no_calibration(files, calibration, tmp_path, capsys):
    path = calibration.save(tmp_path / "calibration.json")
    line = fails(
        capsys, "hunt", files / "events.h5", "-o", tmp_path / "out", "--blind",
        "--config", files / "config.json", "--calibration", path,
    )  # fmt: skip
    assert "--blind: leave out --probe and --calibration until unblinding" in line


def test_an_interrupt_has_its_own_status(files, tmp_path, capsys, monkeypatch):
    class Stop(console.RichProgress):
        def track(self, items, description, total=None):
            raise KeyboardInterrupt
            yield

    monkeypatch.setattr(console, "RichProgress", Stop)
    words = ["calibrate", files / "config.json", "--null", "sampler", "--size", SIZE, "-j", 1]
    assert "interrupted" in fails(capsys, *words, "-o", tmp_path / "out", status=130)
    assert "continue it with --resume" in fails(capsys, *words, "-o", tmp_path / "out")


# --- injection


@pytest.fixture
def injected(monkeypatch, calibration):
    """Arguments that an injection study would have run with."""
    calls = []
    point = InjectionPoint(
        strength=50, n=20, in_region=45.0, selected=30.0, net=29.5, excess=29.0,
        excess_error=2.0, z_cal=3.5, z_cal_interval=(2.5, 4.5), withheld_rate=0.05, t=(3.5,) * 20,
    )  # fmt: skip
    points = tuple(
        replace(point, strength=50 * i, selected=30.0 * i, net=29.5 * i) for i in range(1, 6)
    )
    study = InjectionStudy(
        "k", "s", "signal.h5", "sidebands", 2, calibration.windows[0], 0.9, points
    )

    def inject(target, signal, calibration, **options):
        calls.append({"target": target, "signal": signal, "calibration": calibration, **options})
        return study

    monkeypatch.setattr("novum.calibration.injection.inject_and_search", inject)
    return calls


def test_a_study_gets_what_was_typed(injected, files, calibration, tmp_path, capsys):
    calibration.save(tmp_path / "calibration.json")
    words = [
        "calibrate", files / "config.json", "--size", SIZE, "-o", tmp_path, "--inject", "signal.h5",
    ]  # fmt: skip
    printed = does(capsys, *words)
    assert "injected against found, SR 3300-3700 GeV" in printed
    assert f"study: {tmp_path / 'injection.json'}" in printed
    call = injected[0]
    assert (call["signal"], call["n"], call["seed"], call["strengths"]) == ("signal.h5", 20, 2, ())
    assert call["calibration"] == calibration
    assert call["vary"] == []
    does(capsys, *words, "--strengths", "1,2,3,4,5", "--vary", "mjj:scale=1.02",
         "--vary", "mj_low:smear=0.1", "-n", 7, "--seed", 0, "--null", "sampler")  # fmt: skip
    call = injected[1]
    assert (call["n"], call["seed"], call["null"]) == (7, 0, "sampler")
    assert call["strengths"] == (1, 2, 3, 4, 5)
    assert [str(v) for v in call["vary"]] == ["mjj:scale=1.02", "mj_low:smear=0.1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vary", "mjj"], "vary: 'mjj' is not COLUMN:scale=1.02"),
        (["--vary", "met:scale=1.1"], "vary: the search uses mjj"),
        (["-n", "0"], "n: give at least 2 searches a strength, got 0"),
        (["--strengths", "1,2"], "strengths: give at least 5 different ones"),
        (["--seed", "1"], "seed: 1 drew the null data of the calibration"),
    ],
    ids=str,
)
def test_faults_of_a_study(files, calibration, tmp_path, capsys, words, message):
    calibration.save(tmp_path / "calibration.json")
    line = fails(
        capsys, "calibrate", files / "config.json", "--size", SIZE, "-o", tmp_path,
        "--null", "sampler", "--inject", "sampler", *words,
    )  # fmt: skip
    assert message in line
    assert not (tmp_path / "injection.json").exists()
