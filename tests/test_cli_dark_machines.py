"""``novum evaluate --dark-machines``: scores and result rows in, table and files out, faults."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from novum.cli import console
from novum.cli.app import run
from novum.evaluation import TotalImprovements, read_signal_rows, signal_row
from novum.report import improvement_figure

HEADER = "Signal,Model,Chan,AUC,1e-2,1e-3,1e-4\n"
ROWS = HEADER + "a,Best,1,0.9,0.5,0.3,0.2\na,Best,2a,0.9,0.7,0.1,\nb,Best,1,0.9,0.05,0.01,0.0\n"
PROCESSES = ("susy", "zprime")


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Consoles that do not wrap, so that words can be found."""
    monkeypatch.setattr(console, "out", Console(width=300))
    monkeypatch.setattr(console, "err", Console(width=300, stderr=True))


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """Leave out the figure, which has its own tests."""
    monkeypatch.setattr(improvement_figure, "to_bytes", lambda figure, format: b"-")
    monkeypatch.setattr(improvement_figure, "improvements", lambda totals: None)


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    """Two signals and a background in the channels 1 and 2a, in random order."""
    rng = np.random.default_rng(1)
    process = np.repeat(["sm", *PROCESSES], [8000, 300, 300])
    channel = rng.choice(["1", "2a"], len(process), p=[0.7, 0.3])
    shift = np.select([process == "susy", process == "zprime"], [1.0, 2.0], 0.0)
    score = rng.normal(shift, 1)
    table = {"score": score, "other": -score, "process": process, "chan": channel}
    table["label"] = (process != "sm").astype(int)
    order = rng.permutation(len(process))
    return {name: values[order] for name, values in table.items()}


def save(path, table: dict[str, np.ndarray]) -> str:
    if path.suffix == ".csv":
        lines = [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
        path.write_text("\n".join([",".join(table), *lines]) + "\n")
    else:
        pq.write_table(pa.table(table), path)
    return str(path)


def expected(columns, process: str, model: str, channel: str | None, **options):
    inside = np.ones(len(columns["score"]), bool) if channel is None else columns["chan"] == channel
    score, signal = columns["score"], columns["process"] == process
    return signal_row(
        score[inside & (columns["label"] == 0)],
        score[inside & signal],
        process=process,
        model=model,
        channel=channel or "all",
        **options,
    )


def dark(capsys, *words) -> str:
    code = run(["evaluate", "--dark-machines", *(str(word) for word in words)])
    said = capsys.readouterr()
    assert code == 0, said.err
    return said.out


def fails(capsys, words, *messages: str) -> None:
    assert run(["evaluate", *(str(word) for word in words)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "Traceback" not in error
    for message in messages:
        assert message in error


# --- result rows


def test_rows_give_a_table_sorted_by_median(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(ROWS)
    (tmp_path / "b").mkdir()
    other = HEADER + "a,[red]Low,1,0.6,0.1,0.01,0.0\nb,[red]Low,1,0.6,0.2,0.0,0.0\n"
    (tmp_path / "b" / "a.csv").write_text(other)
    printed = dark(capsys, tmp_path / "b" / "a.csv", tmp_path / "a.csv", "-o", tmp_path / "out")
    lines = [line.split() for line in printed.splitlines() if "Best" in line or "Low" in line][:2]
    assert [[w for w in line if w != "│"] for line in lines] == [
        ["Best", "2", "0.5", "10.2", "20"],
        ["[red]Low", "2", "1", "1.5", "2"],
    ]
    assert "1 of 9 of 'Best'" in printed
    assert "of 3 pairs '[red]Low' has 2, 'Best' 3" in printed
    found = read_signal_rows(tmp_path / "out" / "dark_machines.csv")
    assert len(found) == 5
    totals = TotalImprovements.from_json((tmp_path / "out/total_improvement.json").read_bytes())
    assert totals.computed == ()
    assert [m.model for m in totals.models] == ["Best", "[red]Low"]
    again = dark(capsys, tmp_path / "out" / "dark_machines.csv")
    assert printed.startswith(again), "what was written says the same"


# --- scores


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_scores_give_a_row_for_each_signal_and_channel(tmp_path, columns, suffix, capsys):
    file = save(tmp_path / f"mine.{suffix}", columns)
    words = ["--signal-column", "process", "--channel-column", "chan", "-o", tmp_path / "out"]
    printed = dark(capsys, file, *words)
    found = read_signal_rows(tmp_path / "out" / "dark_machines.csv")
    pairs = [(process, channel) for process in PROCESSES for channel in ("1", "2a")]
    assert found == tuple(expected(columns, p, "mine", c) for p, c in pairs)
    assert found[0].eps_s[0] is not None
    assert found[0].eps_s[1:] == (None, None), "5 background events pass at 1e-3"
    assert "10 of 12 of 'mine'" in printed, "nor in channel 2a do 25 at 1e-2"
    (total,) = TotalImprovements.from_json(
        (tmp_path / "out/total_improvement.json").read_bytes()
    ).models
    assert total.n_signals == 2
    assert {s.channel for s in total.signals} == {"1"}


def test_fewer_background_events_may_be_allowed(tmp_path, columns, capsys):
    file = save(tmp_path / "mine.parquet", columns)
    words = ["--signal-column", "process", "--min-background", "1", "-o", tmp_path / "out"]
    dark(capsys, file, *words)
    found = read_signal_rows(tmp_path / "out" / "dark_machines.csv")
    assert found == tuple(expected(columns, p, "mine", None, min_background=1) for p in PROCESSES)
    assert None not in found[0].eps_s[:2]
    assert found[0].eps_s[2] is None, "less than one event passes at 1e-4"


def test_one_table_is_one_signal(tmp_path, columns, capsys):
    words = []
    for process in PROCESSES:
        kept = (columns["label"] == 0) | (columns["process"] == process)
        table = {name: values[kept] for name, values in columns.items()}
        words.append(f"{process}={save(tmp_path / f'{process}_scores.parquet', table)}")
    dark(capsys, *words, "--score", "score,other", "-o", tmp_path / "out")
    found = read_signal_rows(tmp_path / "out" / "dark_machines.csv")
    assert found[0::2] == tuple(expected(columns, p, "score", None) for p in PROCESSES)
    assert [row.model for row in found] == ["score", "other"] * 2
    assert found[0].auc + found[1].auc == pytest.approx(1)


def test_scores_stand_beside_rows(tmp_path, columns, capsys):
    file = save(tmp_path / "mine.parquet", columns)
    (tmp_path / "rows.csv").write_text(ROWS)
    words = [f"ours={file}", tmp_path / "rows.csv", "--signal-column", "process"]
    printed = dark(capsys, *words, "-o", tmp_path / "out")
    assert "ours" in printed
    assert "Best" in printed
    text = (tmp_path / "out" / "total_improvement.json").read_bytes()
    assert TotalImprovements.from_json(text).computed == ("ours",)


def test_weights_count(tmp_path, columns, capsys):
    weight = np.random.default_rng(2).uniform(0.5, 1.5, len(columns["score"]))
    file = save(tmp_path / "mine.parquet", {**columns, "weight": weight})
    dark(capsys, file, "--signal-column", "process", "-o", tmp_path / "out")
    background, signal = columns["label"] == 0, columns["process"] == "susy"
    assert read_signal_rows(tmp_path / "out" / "dark_machines.csv")[0] == expected(
        columns,
        "susy",
        "mine",
        None,
        background_weight=weight[background],
        signal_weight=weight[signal],
    )


# --- labels and words from another file


def test_scores_of_a_detector_are_joined_with_the_truth(tmp_path, columns, capsys):
    n = len(columns["score"])
    ids = np.random.default_rng(3).permutation(2 * n)[:n]
    weight = np.random.default_rng(2).uniform(0.5, 1.5, n)
    whole = save(tmp_path / "mine.parquet", {**columns, "weight": weight})
    order = np.argsort(ids)
    known = {"id": ids, **columns, "weight": weight}
    truth = {key: v[order] for key, v in known.items() if key not in ("score", "other")}
    (tmp_path / "bare").mkdir()
    bare = save(tmp_path / "bare/mine.parquet", {"id": ids, "score": columns["score"]})
    file = save(tmp_path / "truth.csv", truth)
    words = ["--signal-column", "process", "--channel-column", "chan", "-o"]
    dark(capsys, whole, *words, tmp_path / "one")
    dark(capsys, bare, "--truth", file, *words, tmp_path / "two")
    one, two = (read_signal_rows(tmp_path / n / "dark_machines.csv") for n in ("one", "two"))
    assert len(one) == 4
    assert one == two
    truth["chan"] = truth["chan"].astype(object)
    truth["chan"][5] = ""
    gap = save(tmp_path / "gap.csv", truth)
    fails(
        capsys,
        ["--dark-machines", bare, "--truth", gap, *words, tmp_path / "x"],
        "gap.csv, column 'chan': 1 of 8600 events have no word there, the first in row 5",
    )


# --- faults


def test_faults_of_the_command_line(tmp_path, columns, capsys):
    file = save(tmp_path / "a.parquet", columns)
    rows = tmp_path / "rows.csv"
    rows.write_text(ROWS)
    flag = "--dark-machines"
    fails(capsys, [flag], "name a table of scores")
    fails(capsys, [flag, tmp_path / "none.csv"], "none.csv: no such file")
    fails(capsys, [flag, f"x={rows}"], "rows.csv: result rows name their models themselves")
    fails(capsys, [flag, rows, "-o", tmp_path], "exists already and is not overwritten")
    fails(capsys, [flag, file, "--truth", file], "a.parquet, column 'label': has labels of its own")
    fails(capsys, [flag, file, "--window", 1], "--window: has no meaning with")
    fails(capsys, [file, "--signal-column", "process"], "--signal-column: has no meaning without")
    fails(capsys, [file, "--min-background", 1], "--min-background: has no meaning without")
    fails(capsys, [flag, file, "--min-background", 0], "at least one background event")
    fails(capsys, [flag, rows, rows], "gives a second row of signal 'a', model 'Best'", "rows.csv")


def test_faults_of_rows(tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    for text, *messages in [
        (ROWS.replace("Chan", "Channel"), "rows.csv, column 'Chan'", "did you mean 'Channel'"),
        (ROWS.replace("0.3", "30"), "column '1e-3': line 2: must be between 0 and 1, got 30"),
        (ROWS.replace("0.3", "high"), "column '1e-3': line 2: 'high' is no number"),
        (HEADER, "rows.csv: has no signal rows"),
    ]:
        rows.write_text(text)
        fails(capsys, ["--dark-machines", rows, "-o", tmp_path / "out"], *messages)
    assert not (tmp_path / "out").exists()


def test_faults_of_scores(tmp_path, columns, capsys):
    def refused(changes: dict, *messages: str) -> None:
        file = save(tmp_path / "a.parquet", {**columns, **changes})
        options = ["--signal-column", "process", "--channel-column", "chan"]
        fails(capsys, ["--dark-machines", file, *options], "a.parquet", *messages)

    file = save(tmp_path / "b.parquet", columns)
    words = ["--dark-machines", file, "--signal-column", "proces"]
    fails(capsys, words, "b.parquet, column 'proces'", "did you mean 'process'")
    fails(capsys, ["--dark-machines", file, "--score", "scor"], "column 'scor'", "'score'")
    first = int(np.flatnonzero(columns["label"] == 1)[0])
    score, process = columns["score"].copy(), columns["process"].copy()
    score[5], process[first] = np.nan, ""
    refused({"score": score}, "column 'score': 1 of 8600 scores are missing", "event 5")
    refused({"process": process}, "column 'process': 1 of 600 events", f"in row {first}")
    refused({"label": np.zeros(8600, dtype=int)}, "has no signal among 8600 events")
    alone = np.where(columns["process"] == "susy", "3", columns["chan"])
    refused({"chan": alone}, "channel '3' has 300 events of signal 'susy' and no background")
    refused({"weight": np.full(8600, -1.0)}, "weights are negative or not finite")
