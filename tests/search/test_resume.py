"""Interrupted, resumed and failed searches: what is finished is kept, nothing half looks whole."""

import errno
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.naive_bayes import GaussianNB

import novum
from novum.errors import OutputError
from novum.events import Events
from novum.search import SearchResult

SCAN = {
    "width": 400,
    "centers": (3300, 3700),
    "classifier": GaussianNB(),
    "n_params": 3,
    "n_toys": 50,
    "eps_b": 0.3,
}
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(scope="module")
def toy() -> Events:
    """Smaller than that of the other tests: this module runs many searches."""
    return novum.toy_dijets(4000, 60, seed=1)


@pytest.fixture(scope="module")
def whole(toy, quick, tmp_path_factory):
    """The folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("resume") / "whole"
    quick(toy, **SCAN, output=folder)
    return folder


@pytest.fixture
def interrupted(toy, quick, stop_after, tmp_path):
    """The folder of a run that was stopped in its third window."""
    with pytest.raises(KeyboardInterrupt):
        quick(toy, **SCAN, output=tmp_path / "out", progress=stop_after(2))
    return tmp_path / "out"


def equal(a: Path, b: Path) -> bool:
    """Whether two folders hold the same files, all but the time they took with the same content."""
    names = {p.name for p in a.iterdir()}
    return (
        names == {p.name for p in b.iterdir()}
        and (a / "result.json").read_bytes() == (b / "result.json").read_bytes()
        and all(pq.read_table(a / n).equals(pq.read_table(b / n)) for n in names if "parquet" in n)
    )


def kept(folder: Path) -> list[Path]:
    return sorted((folder / ".partial").glob("*.npz"))


def leftovers(folder: Path) -> list[str]:
    """Half-written files: temporary names begin with a dot."""
    return [p.name for p in folder.rglob("*") if p.is_file() and p.name.startswith(".")]


def test_finished_windows_are_kept_and_nothing_looks_whole(interrupted):
    assert len(kept(interrupted)) == 2
    assert sorted(p.name for p in interrupted.iterdir()) == [".partial"]
    assert leftovers(interrupted) == []


def test_a_resumed_search_equals_an_undisturbed_one(interrupted, toy, quick, whole):
    result = quick(toy, **SCAN, output=interrupted, resume=True)
    assert equal(interrupted, whole)
    assert result.to_json() == (whole / "result.json").read_text()


def test_finished_windows_are_not_trained_again(interrupted, toy, quick, whole, stop_after):
    # one window is left, and the meter fails at a second
    quick(toy, **SCAN, output=interrupted, resume=True, progress=stop_after(1, AssertionError))
    assert equal(interrupted, whole)


def test_a_search_may_be_interrupted_again_and_again(toy, quick, whole, stop_after, tmp_path):
    folder = tmp_path / "out"
    for windows in range(3):
        with pytest.raises(KeyboardInterrupt):
            quick(toy, **SCAN, output=folder, resume=True, progress=stop_after(min(windows, 1)))
        assert len(kept(folder)) == windows
    quick(toy, **SCAN, output=folder, resume=True, progress=stop_after(1, AssertionError))
    assert equal(folder, whole)


@pytest.mark.parametrize("step", ["write_tables", "save", "finish"])
def test_an_interrupt_while_writing_loses_nothing(toy, quick, whole, tmp_path, monkeypatch, step):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    place = {
        "write_tables": "novum.search.procedure.write_tables",
        "save": "novum.search.procedure.SearchResult.save",
        "finish": "novum.search.checkpoint.Checkpoint.finish",
    }[step]
    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(place, stop)
        with pytest.raises(KeyboardInterrupt):
            quick(toy, **SCAN, output=folder)
    assert (folder / "result.json").exists() == (step == "finish")
    quick(toy, **SCAN, output=folder, resume=True)
    assert equal(folder, whole)


@pytest.mark.parametrize(
    "change",
    [{"seed": 5}, {"eps_b": 0.2}, {"centers": (3300, 3900)}, {"features": ["mj_low", "delta_mj"]}],
    ids=str,
)
def test_another_config_is_not_resumed(interrupted, toy, quick, change):
    with pytest.raises(OutputError, match="another config or other events") as caught:
        quick(toy, **{**SCAN, **change}, output=interrupted, resume=True)
    assert str(interrupted) in str(caught.value)
    assert len(kept(interrupted)) == 2, "what was there stays"


def test_another_classifier_is_not_resumed(interrupted, toy, quick):
    with pytest.raises(OutputError, match="another config"):
        quick(
            toy,
            **{**SCAN, "classifier": GaussianNB(var_smoothing=1e-3)},
            output=interrupted,
            resume=True,
        )


def test_other_events_are_not_resumed(interrupted, toy, quick):
    with pytest.raises(OutputError, match="other events"):
        quick(toy.take(np.arange(len(toy) - 1)), **SCAN, output=interrupted, resume=True)


def test_a_probe_that_comes_later_is_scored(interrupted, toy, quick):
    """Windows that were finished without the probe have no scores of it."""
    probe = novum.toy_dijets(20, 200, seed=9)
    try:
        result = quick(toy, **SCAN, probe=probe, output=interrupted, resume=True)
    except OutputError:
        return  # refused on purpose: as good
    assert {r.signal_sample for r in result.evaluation} == {"never injected"}


def test_an_interrupted_search_is_not_overwritten(interrupted, toy, quick):
    with pytest.raises(OutputError, match=r"exists and is not empty.*--resume"):
        quick(toy, **SCAN, output=interrupted)
    assert len(kept(interrupted)) == 2


def test_a_folder_with_something_in_it_is_not_touched(toy, quick, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(OutputError, match=r"exists and is not empty|no interrupted search"):
            quick(toy, **SCAN, output=tmp_path, resume=resume)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_finished_search_is_not_overwritten(toy, quick, whole):
    before = (whole / "result.json").read_bytes()
    for resume in (False, True):
        with pytest.raises(OutputError):
            quick(toy, **SCAN, output=whole, resume=resume)
    assert (whole / "result.json").read_bytes() == before


def test_a_file_is_no_folder(toy, quick, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        quick(toy, **SCAN, output=tmp_path / "out")
    with pytest.raises(OutputError, match="out"):
        quick(toy, **SCAN, output=tmp_path / "out" / "below")


def test_an_empty_folder_may_be_used(toy, quick, whole, tmp_path):
    quick(toy, **SCAN, output=tmp_path)
    assert equal(tmp_path, whole)


def test_resuming_what_never_began_begins(toy, quick, whole, tmp_path):
    quick(toy, **SCAN, output=tmp_path / "new", resume=True)
    assert equal(tmp_path / "new", whole)


@pytest.mark.parametrize(
    "names", [(".lock",), (".lock", ".partial/.0123abcd-state.json")], ids=["at once", "in a write"]
)
def test_a_search_killed_before_its_first_window_begins_again(toy, quick, whole, tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    quick(toy, **SCAN, output=tmp_path, resume=True)
    assert equal(tmp_path, whole)


# --- damage


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "damage",
    [cut, flip, lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"no zip")],
    ids=["cut", "flipped bit", "empty", "other file"],
)
def test_a_damaged_window_is_trained_again(interrupted, toy, quick, whole, damage):
    damage(kept(interrupted)[0])
    quick(toy, **SCAN, output=interrupted, resume=True)
    assert equal(interrupted, whole)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"key": 3}'])
def test_a_damaged_state_is_refused(interrupted, toy, quick, text):
    (interrupted / ".partial/state.json").write_text(text)
    with pytest.raises(OutputError, match=r"is damaged|another config"):
        quick(toy, **SCAN, output=interrupted, resume=True)


# --- a full disk


def failing_replace(name: str):
    real = os.replace

    def replace(source, target, **kwargs):
        if Path(target).name.startswith(name):
            raise FULL
        return real(source, target, **kwargs)

    return replace


@pytest.mark.parametrize(
    "name",
    ["state.json", "window-", "scores.parquet", "selected.parquet", "cost.json", "result.json"],
)
def test_a_full_disk_leaves_no_result_and_the_search_can_go_on(
    toy, quick, whole, tmp_path, monkeypatch, name
):
    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", failing_replace(name))
        with pytest.raises(OutputError, match=r"(?i)no space left on device") as caught:
            quick(toy, **SCAN, output=folder)
    assert str(folder) in str(caught.value)
    assert name in str(caught.value)
    assert not (folder / "result.json").exists()
    assert leftovers(folder) == []
    if name != "state.json":
        quick(toy, **SCAN, output=folder, resume=True)
        assert equal(folder, whole)


@pytest.mark.parametrize(
    "place",
    [
        "novum.search.checkpoint.np.savez",
        "pyarrow.parquet.ParquetWriter.write_table",
        "pyarrow.parquet.write_table",
        "pathlib.Path.mkdir",
    ],
)
def test_a_full_disk_while_writing_is_an_output_error(toy, quick, tmp_path, monkeypatch, place):
    def fail(*args, **kwargs):
        raise FULL

    folder = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(place, fail)
        with pytest.raises(OutputError, match=r"(?i)no space left on device"):
            quick(toy, **SCAN, output=folder)
    assert not (folder / "result.json").exists()
    assert leftovers(folder) == []


def test_a_result_that_could_not_be_replaced_is_whole_or_absent(toy, quick, tmp_path, monkeypatch):
    result = quick(toy)
    result.save(tmp_path)
    (tmp_path / "result.json").write_text(result.to_json() + "\n")  # to be told from the new one
    old = (tmp_path / "result.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", failing_replace("result.json"))
        with pytest.raises(OutputError):
            result.save(tmp_path)
    assert (tmp_path / "result.json").read_bytes() == old
    assert SearchResult.load(tmp_path) is not None
