"""`calibrate`: equal bytes however it is run, its journal, its record, and who may use it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import novum
from novum.calibration import Calibration, calibrate, retrained_limit
from novum.calibration.procedure import FOLD_DRAWS, JOURNAL
from novum.errors import ConfigError, FileFormatError, InputError, NovumError, OutputError
from novum.events import Events
from novum.io import folder_lock, write_events
from novum.progress import NoProgress
from novum.search.calibrated import CALIBRATION_FILE, calibration_key
from novum.search.config import HuntConfig
from novum.search.demo import DEMO_SETTINGS, demo_events
from novum.search.lookup import calibrated, look_up, reason_not_to_apply
from novum.search.procedure import make_search
from novum.search.records import InputRecord
from novum.statistics.retrained import calibrate_scan

from .conftest import KEPT, SIZE, TINY

N = 20
JOBS = N + 2 * FOLD_DRAWS


class Stop(NoProgress):
    """Interrupts after so many finished jobs; `done` counts them."""

    def __init__(self, after: int | None = None) -> None:
        self.after, self.done = after, 0

    def track(self, items, description, total=None):
        for item in items:
            if self.done == self.after:
                raise KeyboardInterrupt
            self.done += 1
            yield item


def run(config: HuntConfig, folder: Path, **changes) -> Calibration:
    arguments = {"null": "sampler", "n": N, "size": SIZE, "n_jobs": 1, **changes}
    return calibrate(config, output=folder, **arguments)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def interrupted(config, tmp_path) -> Path:
    """A calibration that was stopped after two of its jobs."""
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(config, folder, progress=Stop(2))
    assert names(folder) == [JOURNAL]
    assert len((folder / JOURNAL).read_bytes().splitlines()) == 3
    return folder


# --- the record


def test_the_record_says_what_was_done(calibration, config):
    assert np.array(calibration.n_on).shape == (N, 1)
    assert calibration.config == config.to_dict()
    assert (calibration.null, calibration.origin) == ("sampler", "toy dijets")
    assert calibration.data_sha256 is calibration.closure is None
    assert [(w.low, w.high) for w in calibration.windows] == [(3300, 3700)]
    assert 0.9 * SIZE < calibration.n_events < SIZE
    assert len(set(calibration.n_on)) > 5, "the null data differ"
    assert np.array(calibration.fold_seed_z).shape == (2, 1 + FOLD_DRAWS, 1)
    assert calibration.fold_seed_spread > 0


def test_redrawn_folds_search_the_same_data(calibration):
    """The first of the redrawn searches is the null search itself."""
    counts = calibration.counts
    scan = calibrate_scan(counts)
    bare = replace(scan, kappa=np.ones(1), kappa_error=np.zeros(1))
    z = np.array(calibration.fold_seed_z)
    np.testing.assert_allclose(z[:, 0], bare.z(counts)[:2], atol=1e-3)
    assert len(np.unique(z)) == z.size


def test_results_do_not_depend_on_the_number_of_workers(calibration, config):
    again = calibrate(config, null="sampler", n=N, size=SIZE, n_jobs=2)
    assert again.to_json() == calibration.to_json()


def test_another_seed_gives_other_null_data(calibration, config, tmp_path):
    for seed in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path / str(seed), seed=seed, progress=Stop(1))
    one, two = ((tmp_path / s / JOURNAL).read_text().splitlines()[1] for s in "12")
    assert json.loads(one)[1]["n_on"] == list(calibration.n_on[0])
    assert json.loads(one)[1]["ratio"] != json.loads(two)[1]["ratio"]


def test_saved_and_loaded_is_equal(calibration, tmp_path):
    path = calibration.save(tmp_path / CALIBRATION_FILE)
    for source in (path, str(path), tmp_path):
        assert Calibration.load(source) == calibration
    assert Calibration.load(path).sha256() == calibration.sha256()
    assert path.read_text() == calibration.to_json()


# --- interruptions


def test_damaged_lines_are_done_again(cut_short, calibration, config):
    """Cut short at the end, cut in the middle, and no text at all; and one more search."""
    assert names(cut_short) == [JOURNAL]
    lines = (cut_short / JOURNAL).read_bytes().splitlines()
    assert len(lines) == 1 + KEPT
    lines[2] = lines[2][:30]
    lines[3] = lines[3].replace(b"[", b"\xff", 1)
    (cut_short / JOURNAL).write_bytes(b"\n".join(lines)[:-40])
    meter = Stop()
    again = run(config, cut_short, resume=True, n=N + 1, progress=meter)
    assert meter.done == JOBS + 1 - (KEPT - 3), "finished searches are not done again"
    assert again.n_on[:N] == calibration.n_on
    assert again.fold_seed_z == calibration.fold_seed_z
    assert len(again.n_on) == N + 1


def test_a_journal_that_could_not_be_rewritten_stays(interrupted, config, monkeypatch):
    before = (interrupted / JOURNAL).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(OutputError):
            run(config, interrupted, resume=True)
    assert (interrupted / JOURNAL).read_bytes() == before


def test_a_killed_calibration_resumes_to_the_same_bytes(calibration, config, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    out = tmp_path / "out"
    words = f"calibrate {tmp_path}/config.json --null sampler --size {SIZE} -n {N} -j 1 -o {out}"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "novum", *words.split()],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + 60
        journal = out / JOURNAL
        while not (journal.exists() and journal.read_bytes().count(b"\n") > 3):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until, "it did nothing"
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not (out / CALIBRATION_FILE).exists()
    meter = Stop()
    run(config, out, resume=True, progress=meter)
    assert 0 < meter.done <= JOBS - 3
    assert (out / CALIBRATION_FILE).read_text() == calibration.to_json()
    assert names(out) == [CALIBRATION_FILE]


# --- refusals


def test_a_journal_of_another_run_is_refused(interrupted, config):
    before = (interrupted / JOURNAL).read_bytes()
    for other, change in (
        (config, {"seed": 9}),
        (config, {"size": SIZE + 1}),
        (replace(config, eps_b=0.2), {}),
    ):
        with pytest.raises(OutputError, match="belongs to a run with other settings or other ev"):
            run(other, interrupted, resume=True, **change)
    assert (interrupted / JOURNAL).read_bytes() == before


def test_a_journal_of_another_file_of_simulation_is_refused(config, toy, tmp_path):
    """The same name, other events in it."""
    path, out = tmp_path / "simulated.h5", tmp_path / "out"
    write_events(novum.toy_dijets(10 * SIZE, seed=1), path)
    arguments = {"null": path, "size": None, "events": toy, "resume": True}
    with pytest.raises(KeyboardInterrupt):
        run(config, out, **arguments, progress=Stop(2))
    path.unlink()
    write_events(novum.toy_dijets(10 * SIZE, seed=2), path)
    with pytest.raises(OutputError, match="other settings or other events"):
        run(config, out, **arguments)


def test_a_journal_without_its_key_is_refused(config, tmp_path):
    for text in ("{", "[]", "{}", "3", "\xff"):
        (tmp_path / JOURNAL).write_text(text + "\n", encoding="latin-1")
        with pytest.raises(OutputError, match="is damaged; remove it"):
            run(config, tmp_path, resume=True)


def test_nothing_is_overwritten(interrupted, config, calibration, tmp_path):
    with pytest.raises(OutputError, match="interrupted run; continue it with --resume"):
        run(config, interrupted)
    calibration.save(tmp_path / CALIBRATION_FILE)
    for resume in (False, True):
        with pytest.raises(OutputError, match="exists already"):
            run(config, tmp_path, resume=resume)
    with folder_lock(interrupted), pytest.raises(OutputError, match="being written by another"):
        run(config, interrupted, resume=True)


def test_few_searches_and_no_workers_are_refused(config, tmp_path):
    with pytest.raises(ConfigError, match=r"n: a calibration needs at least 20.*got 19"):
        run(config, tmp_path, n=19)
    with pytest.raises(ConfigError, match="jobs: must not be 0"):
        run(config, tmp_path, n_jobs=0)


# --- the key


@pytest.mark.parametrize("name", HuntConfig().to_dict())
def test_the_key_changes_with_every_setting_but_seeds_and_toys(name, calibration):
    config = dict(calibration.config)
    config[name] = "another"
    same = calibration_key(config, False, calibration.windows) == calibration.key
    assert same == (name in ("seed", "n_toys"))


def test_the_key_changes_with_windows_and_weighting(calibration):
    config, windows = calibration.config, calibration.windows
    assert calibration_key(config, False, windows) == calibration.key
    assert calibration_key(config, True, windows) != calibration.key
    assert calibration_key(config, False, windows * 2) != calibration.key
    (w,) = windows
    for moved in (
        replace(w, low=w.low + 1),
        replace(w, high=w.high + 1),
        replace(w, sidebands=((3000.0, w.low), w.sidebands[1])),
    ):
        assert calibration_key(config, False, [moved]) != calibration.key
    # Through JSON and back, and by another machine's last digit, it is the same.
    plain = json.loads(json.dumps(config))
    assert calibration_key(plain, False, [replace(w, low=w.low + 1e-9)]) == calibration.key


@pytest.mark.parametrize("empty", [None, (), [], {}], ids=str)
def test_a_later_setting_that_is_empty_changes_nothing(calibration, empty):
    """A calibration outlives a novum with one more setting, as long as that is not used."""
    config, windows = calibration.config, calibration.windows
    fitting = replace(calibration, n_events=3900.0)
    later = {**config, "later": empty}
    assert calibration_key(later, False, windows) == calibration.key
    assert reason_not_to_apply(fitting, later, record(), windows) is None
    older = {k: v for k, v in config.items() if k != "step"}  # None here
    assert calibration_key(older, False, windows) == calibration.key


@pytest.mark.parametrize("value", [0, False, "", 3, (None,)], ids=repr)
def test_a_later_setting_that_is_used_is_named(calibration, value):
    """Zero, no and the empty word are values: they say something."""
    config, windows = calibration.config, calibration.windows
    fitting = replace(calibration, n_events=3900.0)
    later = {**config, "later": value}
    assert calibration_key(later, False, windows) != calibration.key
    reason = reason_not_to_apply(fitting, later, record(), windows)
    assert reason == f"it belongs to another config: later = None there, {value!r} here"
    reverse = replace(fitting, config=later, key=calibration_key(later, False, windows))
    reason = reason_not_to_apply(reverse, config, record(), windows)
    assert reason == f"it belongs to another config: later = {value!r} there, None here"


# --- a search that is looked up


@pytest.fixture(scope="module")
def another_toy() -> Events:
    return novum.toy_dijets(SIZE, seed=100)


def test_hunt_finds_the_calibration_beside_its_output(calibration, config, another_toy, tmp_path):
    calibration.save(tmp_path / CALIBRATION_FILE)
    found = novum.hunt(another_toy, config=config, output=tmp_path / "out", n_jobs=1)
    record = found.calibration
    assert record is not None
    assert (record.key, record.sha256) == (calibration.key, calibration.sha256())
    scan = calibrate_scan(calibration.counts)
    w = found.windows[0]
    n_on, n_off, ratio, error = w.counts.effective()
    one = replace(
        calibration.counts.take(np.array([0])),
        n_on=np.array([[n_on]]),
        n_off=np.array([[n_off]]),
        ratio=np.array([[ratio]]),
        ratio_error=np.array([[error]]),
        quoted=np.array([[w.withheld is None]]),
    )
    t = float(scan.largest(one)[0])
    assert record.t_observed == pytest.approx(t, abs=1e-12)
    assert record.global_p == scan.global_p(t)
    assert record.global_p.calibrated
    assert record.n_searches == N
    assert record.windows[0].z_cal == record.t_observed
    assert f"from {len(scan.t_null)} retrained null searches" in found.summary()
    assert novum.SearchResult.load(tmp_path / "out") == found
    # With another seed of folds and toys it applies as well, elsewhere only if it is named.
    again = novum.hunt(
        another_toy, config=config, seed=3, n_toys=60, calibration=tmp_path, n_jobs=1
    )
    assert again.calibration.key == calibration.key
    assert novum.hunt(another_toy, config=config, n_jobs=1).calibration is None


def test_hunt_finds_the_calibration_beside_its_events(calibration, config, toy, tmp_path):
    write_events(toy, tmp_path / "events.h5")
    replace(calibration, null="file", origin="simulated.h5").save(tmp_path / CALIBRATION_FILE)
    found = novum.hunt(tmp_path / "events.h5", config=config, n_jobs=1)
    assert found.calibration.null == "file"


def test_a_file_of_the_same_name_by_another_program_is_left_alone(config, another_toy, tmp_path):
    (tmp_path / CALIBRATION_FILE).write_text('{"jet energy scale": [1.01, 0.99]}')
    found = novum.hunt(another_toy, config=config, output=tmp_path / "out", n_jobs=1)
    assert found.calibration is None
    with pytest.raises(FileFormatError, match="is not a novum calibration"):
        novum.hunt(another_toy, config=config, calibration=tmp_path, n_jobs=1)


def test_a_damaged_calibration_beside_the_output_is_not_passed_over(
    calibration, config, another_toy, tmp_path
):
    (tmp_path / CALIBRATION_FILE).write_text(calibration.to_json()[:-100])
    with pytest.raises(FileFormatError, match=r"calibration\.json: damaged calibration"):
        novum.hunt(another_toy, config=config, output=tmp_path / "out", n_jobs=1)


def test_one_beside_the_output_that_does_not_apply_is_not_used(
    calibration, config, another_toy, tmp_path
):
    calibration.save(tmp_path / CALIBRATION_FILE)
    found = novum.hunt(another_toy, config=config, eps_b=0.2, output=tmp_path / "out", n_jobs=1)
    assert found.calibration is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"eps_b": 0.2}, "eps_b = 0.1 there, 0.2 here"),
        ({"folds": 4}, "folds = 3 there, 4 here"),
        ({"members": 2, "repeats": 2}, "members = 1 there, 2 here; repeats = 1 there, 2 here"),
        ({"features": ("mj_low",)}, r"features = \['mj_low', 'delta_mj'\] there"),
    ],
    ids=str,
)
def test_an_explicit_one_of_another_config_is_refused(
    calibration, config, another_toy, change, words
):
    with pytest.raises(ConfigError, match=f"does not apply here: .*{words}"):
        novum.hunt(another_toy, config=config, calibration=calibration, n_jobs=1, **change)


def test_a_finished_search_takes_only_a_calibration_that_applies(
    calibration, config, another_toy, tmp_path
):
    result = novum.hunt(another_toy, config=config, n_jobs=1)
    found = calibrated(result, calibration)
    assert found.calibration.key == calibration.key
    older = {k: v for k, v in result.config.items() if k != "folds"}  # of a novum without folds
    with pytest.raises(ConfigError, match=r"does not apply here: .*folds = 3 there, 5 here"):
        calibrated(replace(result, config=older), calibration)
    other = replace(calibration, key="0" * 16, config={**calibration.config, "eps_b": 0.2})
    with pytest.raises(ConfigError, match=r"does not apply here: .*eps_b = 0\.2 there, 0\.1 here"):
        calibrated(result, other)
    result.save(tmp_path)
    other.save(tmp_path / CALIBRATION_FILE)
    with pytest.raises(ConfigError, match="does not apply here"):
        retrained_limit(tmp_path, "sampler", n_jobs=1)
    assert calibrated(result, None) is result


@pytest.mark.parametrize(("seed", "signal"), [(0, True), (0, False), (5, True)])
def test_the_demo_finds_the_calibration_that_comes_with_novum(seed, signal):
    config = HuntConfig(seed=seed).with_values(DEMO_SETTINGS)
    found = make_search(demo_events(signal), config).prepare(None).calibration
    assert found is not None
    assert found.key == calibration_key(found.config, False, found.windows)
    assert len(found.n_on) == 200


def record(**changes) -> InputRecord:
    values = {"origin": "toy dijets", "n_events": SIZE, "n_used": 3900, "weighted": False,
              "labelled": True, "sha256": "a"}  # fmt: skip
    return InputRecord(**{**values, **changes})


@pytest.mark.parametrize(
    ("calibrated", "data", "words"),
    [
        ({}, {}, None),
        ({}, {"n_used": 3800}, None),
        ({}, {"n_used": 3600}, "3900 events in the fit range, this one 3600"),
        ({}, {"n_used": 4200}, "3900 events in the fit range, this one 4200"),
        ({}, {"origin": "events.h5"}, "drawn by the sampler 'toy dijets'"),
        ({"null": "file"}, {"origin": "events.h5"}, None),
        ({"null": "sidebands", "data_sha256": "a"}, {}, None),
        ({"null": "sidebands", "data_sha256": "b"}, {}, "imitates the sidebands of other data"),
        ({}, {"weighted": True}, "weighted"),
    ],
    ids=str,
)
def test_why_a_calibration_does_not_apply(calibration, calibrated, data, words):
    calibration = replace(calibration, n_events=3900.0, **calibrated)
    reason = reason_not_to_apply(
        calibration, calibration.config, record(**data), calibration.windows
    )
    assert reason is None if words is None else words in reason


def test_other_windows_are_named_as_the_reason(calibration):
    moved = [replace(w, low=w.low + 10) for w in calibration.windows]
    reason = reason_not_to_apply(
        replace(calibration, n_events=3900.0), calibration.config, record(), moved
    )
    assert reason.endswith("the windows of the scan differ")


def test_a_window_that_sculpts_in_null_searches_is_withheld(calibration, config, another_toy):
    sculpted = replace(calibration, n_on=tuple((3 * v[0],) for v in calibration.n_on))
    found = novum.hunt(another_toy, config=config, calibration=sculpted, n_jobs=1)
    (window,) = found.calibration.windows
    assert "the selection sculpts the mass" in window.withheld
    assert window.kappa > 2
    assert window.p is window.z is window.z_cal is None
    assert found.calibration.global_p is found.calibration.best_window is None
    assert "no p-value can be quoted" in found.summary()


def test_what_the_search_withholds_stays_withheld(calibration, config, another_toy):
    result = novum.hunt(another_toy, config=config, n_jobs=1)
    windows = [replace(w, withheld="for a reason", p=None, z=None) for w in result.windows]
    found = look_up(calibration, windows, 0)
    assert found.windows[0].withheld == "for a reason"
    assert found.global_p is found.t_observed is found.extrapolated_interval is None


# --- damage


def use(path: Path) -> None:
    """What a search does with a calibration."""
    found = Calibration.load(path)
    _ = found.fold_seed_spread
    reason_not_to_apply(found, HuntConfig().with_values(TINY).to_dict(), record(), found.windows)
    calibrate_scan(found.counts)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damage") / CALIBRATION_FILE


@given(data=st.data())
def test_flipped_bits_and_cuts_give_an_error_of_ours(data, calibration, scratch):
    content = bytearray(calibration.to_json().encode())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    scratch.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(NovumError):
        use(scratch)


VALUES = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.integers(-3, 3), st.just([]), st.just({}),
    st.just([[]]), st.sampled_from([-1e300, 1e300, 1e-300, 2**70, 0.0]),
)  # fmt: skip


@given(data=st.data())
def test_values_out_of_place_give_an_error_of_ours(data, calibration, scratch):
    document = json.loads(calibration.to_json())
    where = document
    while True:
        keys = list(where) if isinstance(where, dict) else range(len(where))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(where[key], dict | list) or not where[key] or data.draw(st.booleans()):
            break
        where = where[key]
    where[key] = data.draw(VALUES)
    scratch.write_text(json.dumps(document))
    with suppress(NovumError):
        use(scratch)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[]", "is not a novum calibration"),
        ('{"schema": "novum-search-result"}', "is not a novum calibration"),
        ('{"schema": "novum-calibration"}', "schema version None, this novum reads 1"),
        ('{"schema": "novum-calibration", "schema_version": 1}', "damaged.*`key`"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_what_is_no_calibration_is_named(text, words, scratch):
    scratch.write_text(text)
    with pytest.raises(FileFormatError, match=words) as caught:
        Calibration.load(scratch)
    assert caught.value.file == str(scratch)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_on": [[1.0]]}, "its tables differ in shape"),
        ({"n_on": [], "n_off": [], "ratio": [], "ratio_error": [], "quoted": []}, "shape"),
        ({"windows": []}, "its tables differ in shape"),
        ({"fold_seed_z": [[[1.0]], [[1.0], [2.0]]]}, "its draws of the folds differ in shape"),
        ({"n_events": 0}, "its searches have 0 events"),
        ({"n_on": [[-1.0]] * N}, "negative or beyond all bounds"),
        ({"ratio": [[0.0]] * N}, "negative or beyond all bounds"),
        ({"fold_seed_z": [[[-1e300], [1.0]]]}, "negative or beyond all bounds"),
        ({"schema_version": 2}, "schema version 2, this novum reads 1"),
    ],
    ids=str,
)
def test_what_no_calibration_can_hold_is_refused(change, words, calibration, scratch):
    scratch.write_text(json.dumps({**json.loads(calibration.to_json()), **change}))
    with pytest.raises(InputError, match=words):
        use(scratch)


def test_a_calibration_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"calibration\.json: cannot read a calibration"):
        Calibration.load(tmp_path)
