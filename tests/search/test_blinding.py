"""Blind searches show nothing of a signal region, and are unblinded only as they were frozen."""

import datetime
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import novum
from novum.errors import ConfigError, FileFormatError, InputError, OutputError
from novum.io import write_events
from novum.search import HuntConfig, SearchResult
from novum.search.blinding import BLIND_FILE, BlindResult, blind_hunt, unblind
from novum.search.calibrated import CALIBRATION_FILE, Calibration, calibration_key
from novum.search.records import WindowEdges
from novum.simulation.toy import FEATURES

CONFIG = HuntConfig().with_values(
    {
        "mass": "mjj",
        "features": FEATURES[:2],
        "members": 1,
        "repeats": 1,
        "folds": 2,
        "eps_b": 0.1,
        "width": 400.0,
        "centers": (3300.0, 3700.0),
        "fit_range": (2400.0, 5400.0),
        "n_params": 3,
        "n_toys": 50,
        "seed": 11,
    }
)


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("events") / "events.h5"
    write_events(novum.toy_dijets(4000, 40, seed=5), path)
    return path


@pytest.fixture(scope="module")
def twin(events) -> SearchResult:
    """The same search without a blindfold."""
    return novum.hunt(events, config=CONFIG, n_jobs=1)


def calibration_of(config: HuntConfig, twin: SearchResult, n: int = 30) -> Calibration:
    """Null searches that scatter as Poisson counts do, for this config and these data."""
    rng = np.random.default_rng(1)
    windows = tuple(w.window for w in twin.windows)

    def table(values: Any) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(row) for row in np.broadcast_to(values, (n, len(windows))).tolist())

    ratio = np.array([w.counts.ratio for w in twin.windows])
    off = np.array([w.counts.n_off for w in twin.windows])
    return Calibration(
        key=calibration_key(config.to_dict(), False, windows),
        config=config.to_dict(),
        null="file",
        origin="simulated.h5",
        data_sha256=None,
        n_events=float(twin.input.n_used),
        seed=1,
        versions={},
        windows=windows,
        n_on=table(rng.poisson(ratio * off, (n, len(windows))).astype(float)),
        n_off=table(rng.poisson(off, (n, len(windows))).astype(float)),
        ratio=table(ratio),
        ratio_error=table(np.zeros(len(windows))),
        quoted=table(np.array([True])),
    )


@pytest.fixture(scope="module")
def blinded(events, tmp_path_factory) -> Path:
    """The folder of a blind search; copied by the tests that write."""
    folder = tmp_path_factory.mktemp("blind") / "out"
    blind_hunt(events, folder, CONFIG, n_jobs=1)
    return folder


@pytest.fixture
def ready(blinded, twin, tmp_path) -> Path:
    """A blind search with its calibration, to be unblinded."""
    folder = tmp_path / "out"
    shutil.copytree(blinded, folder)
    calibration_of(CONFIG, twin).save(folder / CALIBRATION_FILE)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def numbers(value: Any) -> set[float]:
    """Every number in a JSON document."""
    if isinstance(value, dict):
        return set().union(*map(numbers, value.values()), set())
    if isinstance(value, list | tuple):
        return set().union(*map(numbers, value), set())
    return {float(value)} if isinstance(value, int | float) else set()


def change(folder: Path, **values: Any) -> None:
    """Other values in ``blind.json``."""
    path = folder / BLIND_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


# --- blind


def test_a_blind_folder_holds_nothing_but_the_blind_record(blinded):
    assert names(blinded) == [BLIND_FILE]


def test_no_number_of_a_signal_region_is_shown(blinded, twin):
    shown = numbers(json.loads((blinded / BLIND_FILE).read_text()))
    hidden: set[float] = set()
    for w in twin.windows:
        hidden |= {w.counts.n_on, w.counts.n_sr, w.z, w.p.value, w.counts.n_on - w.counts.expected}
        hidden |= {f.n_on for f in w.folds}
        hidden |= {w.shape.z, w.inclusive.z} - {None}
        hidden |= {p.n_on for p in w.working_points}
    hidden |= {e.mass for e in twin.selected_events} | {e.score for e in twin.selected_events}
    assert len(hidden) > 20
    # The whole numbers of the settings and of the sidebands may coincide with small counts.
    settings = numbers(twin.config) | {float(n) for n in range(20)}
    assert not (shown & hidden) - settings
    expected = {w.counts.expected for w in twin.windows}
    assert expected <= shown, "the search for numbers finds those that are there"


def test_what_is_shown_is_what_the_search_would_have_said(blinded, twin):
    blind = BlindResult.load(blinded)
    assert len(blind.windows) == len(twin.windows) == 3
    for b, w in zip(blind.windows, twin.windows, strict=True):
        assert b.window == w.window
        assert (b.n_off, b.n_sb, b.ratio) == (w.counts.n_off, w.counts.n_sb, w.counts.ratio)
        assert b.ratio_error == w.counts.ratio_error
        assert (b.expected, b.expected_error) == (w.counts.expected, w.counts.expected_error)
        assert (b.fit_p, b.validation, b.withheld) == (w.fit.p_value, w.validation, w.withheld)
    assert (blind.config, blind.config_hash, blind.seed) == (twin.config, twin.config_hash, 11)
    assert (blind.input, blind.versions) == (twin.input, twin.versions)
    frozen = datetime.datetime.fromisoformat(blind.frozen)
    assert frozen.utcoffset() == datetime.timedelta(0)
    assert abs((datetime.datetime.now(datetime.UTC) - frozen).total_seconds()) < 3600


def test_an_interrupted_blind_search_resumes_and_is_no_search(
    events, blinded, stop_after, tmp_path
):
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        blind_hunt(events, folder, CONFIG, n_jobs=1, progress=stop_after(1))
    assert names(folder) == [".partial"]
    with pytest.raises(InputError, match="cannot read a blind search"):
        unblind(folder, n_jobs=1)
    with pytest.raises(OutputError, match="another config or other events"):
        novum.hunt(events, config=CONFIG, output=folder, resume=True, n_jobs=1)
    resumed = blind_hunt(events, folder, CONFIG, resume=True, n_jobs=1)
    whole = BlindResult.load(blinded)
    assert replace(resumed, frozen=whole.frozen) == whole
    assert names(folder) == [BLIND_FILE]


def test_a_blind_search_is_not_overwritten(events, blinded):
    before = (blinded / BLIND_FILE).read_bytes()
    for resume in (False, True):
        with pytest.raises(OutputError):
            blind_hunt(events, blinded, CONFIG, resume=resume, n_jobs=1)
    assert (blinded / BLIND_FILE).read_bytes() == before


# --- unblinding


def test_the_unblinded_result_is_that_of_a_plain_search(ready, events):
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    blind_bytes = (ready / BLIND_FILE).read_bytes()
    result = unblind(ready, n_jobs=1)
    plain = novum.hunt(events, config=CONFIG, calibration=ready, n_jobs=1)
    assert replace(result, unblinded=None) == plain
    assert result.calibration is not None
    assert SearchResult.load(ready) == result
    record = result.unblinded
    assert start <= datetime.datetime.fromisoformat(record.time)
    assert datetime.datetime.fromisoformat(record.time) <= datetime.datetime.now(datetime.UTC)
    assert (record.config_hash, record.seed) == (CONFIG.hash(), 11)
    assert record.data_sha256 == plain.input.sha256
    assert record.calibration_sha256 == Calibration.load(ready).sha256()
    assert record.blind_sha256 == hashlib.sha256(blind_bytes).hexdigest()
    assert (ready / BLIND_FILE).read_bytes() == blind_bytes
    tables = ["cost.json", "result.json", "scores.parquet", "selected.parquet"]
    assert names(ready) == sorted([BLIND_FILE, CALIBRATION_FILE, *tables])
    # Only once.
    written = (ready / "result.json").read_bytes()
    for resume in (False, True):
        with pytest.raises(OutputError, match="is unblinded already"):
            unblind(ready, resume=resume, n_jobs=1)
    assert (ready / "result.json").read_bytes() == written


@pytest.mark.parametrize("place", ["save", "finish"])
def test_an_interrupted_unblinding_leaves_no_result_without_its_record(
    ready, monkeypatch, place, stop_after
):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    name = {
        "save": "novum.search.procedure.SearchResult.save",
        "finish": "novum.search.checkpoint.Checkpoint.finish",
    }[place]
    with monkeypatch.context() as patch:
        patch.setattr(name, stop)
        with pytest.raises(KeyboardInterrupt):
            unblind(ready, n_jobs=1)
    if place == "finish":
        assert SearchResult.load(ready).unblinded is not None
        return
    assert not (ready / "result.json").exists()
    with pytest.raises(OutputError, match="--resume"):
        unblind(ready, n_jobs=1)
    # Nothing is trained again.
    result = unblind(ready, resume=True, n_jobs=1, progress=stop_after(0, AssertionError))
    assert result.unblinded is not None
    assert SearchResult.load(ready) == result


def test_moved_events_may_be_named(ready, events, tmp_path, monkeypatch):
    moved = tmp_path / "moved.h5"
    shutil.copy(events, moved)
    change(ready, input={**json.loads((ready / BLIND_FILE).read_text())["input"],
                         "origin": str(tmp_path / "gone.h5")})  # fmt: skip
    with pytest.raises(InputError, match=r"gone\.h5"):
        unblind(ready, n_jobs=1)
    assert unblind(ready, events=moved, n_jobs=1).input.origin == str(moved)


# --- what is not as it was frozen


def test_nothing_is_seen_without_a_calibration(blinded):
    with pytest.raises(ConfigError, match="no calibration is frozen; run novum calibrate"):
        unblind(blinded, n_jobs=1)
    assert names(blinded) == [BLIND_FILE]


def refused(folder: Path, error: type[Exception], words: str, **arguments: Any) -> None:
    with pytest.raises(error, match=words):
        unblind(folder, n_jobs=1, **arguments)
    assert not (folder / "result.json").exists()
    assert not list(folder.glob("*.parquet"))


@pytest.mark.parametrize("values", [{"eps_b": 0.05}, {"folds": 3}, {"seed": 12}], ids=str)
def test_another_config_is_refused(ready, values):
    change(ready, config={**CONFIG.to_dict(), **values})
    refused(ready, ConfigError, r"blind\.json: its config is not the one whose hash was frozen")


def test_another_seed_is_refused(ready):
    change(ready, seed=12)
    refused(ready, ConfigError, "its config is not the one whose hash was frozen")


def test_a_config_that_is_none_is_refused(ready):
    change(ready, config={**CONFIG.to_dict(), "epsb": 1})
    refused(ready, ConfigError, r"blind\.json: unknown key 'epsb'; did you mean 'eps_b'")


def test_other_data_are_refused(ready, tmp_path):
    write_events(novum.toy_dijets(4000, 40, seed=6), tmp_path / "other.h5")
    refused(
        ready, InputError, r"other\.h5: does not hold the events that the blind search was made",
        events=tmp_path / "other.h5",
    )  # fmt: skip


def test_other_versions_are_refused(ready):
    versions = json.loads((ready / BLIND_FILE).read_text())["versions"]
    change(ready, versions={**versions, "scikit-learn": "0.1"})
    refused(ready, ConfigError, r"versions changed since.*scikit-learn 0\.1 then")


def test_other_windows_are_refused(ready):
    windows = json.loads((ready / BLIND_FILE).read_text())["windows"]
    change(ready, windows=windows[:-1])
    refused(ready, ConfigError, "the windows of the scan are not those of the blind search")


def test_a_calibration_of_another_config_is_refused(ready, twin):
    other = replace(CONFIG, eps_b=0.2)
    calibration_of(other, twin).save(ready / CALIBRATION_FILE)
    refused(
        ready, ConfigError, r"calibration: does not apply here: .*eps_b = 0\.2 there, 0\.1 here"
    )


def test_a_calibration_on_other_data_is_refused(ready, twin):
    other = replace(calibration_of(CONFIG, twin), null="sidebands", data_sha256="0" * 64)
    other.save(ready / CALIBRATION_FILE)
    refused(ready, ConfigError, "it imitates the sidebands of other data")


def test_a_damaged_calibration_is_refused(ready):
    path = ready / CALIBRATION_FILE
    path.write_bytes(path.read_bytes()[:-30])
    refused(ready, FileFormatError, r"calibration\.json: damaged calibration")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged blind search"),
        ("{}", "is not a novum blind search"),
        ('{"schema": "novum-blind-search", "schema_version": 1}', "damaged blind search"),
        ("[" * 100_000, "damaged blind search"),
    ],
    ids=["empty", "no keys", "no more keys", "deep"],
)
def test_a_damaged_blind_search_is_refused(ready, text, words):
    (ready / BLIND_FILE).write_text(text)
    refused(ready, FileFormatError, words)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"schema": "novum-calibration"}, "is not a novum blind search"),
        ({"schema_version": 2}, "has schema version 2, this novum reads 1"),
    ],
    ids=str,
)
def test_another_schema_is_refused(ready, values, words):
    change(ready, **values)
    refused(ready, FileFormatError, words)


def test_windows_are_plain_edges(blinded):
    """What calibration and unblinding compare survives the JSON file."""
    first = BlindResult.load(blinded).windows[0].window
    assert first == WindowEdges(3100.0, 3500.0, ((2900.0, 3100.0), (3500.0, 3700.0)))
