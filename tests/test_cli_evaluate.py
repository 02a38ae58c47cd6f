"""``novum evaluate`` and ``novum inject``: what they read, print and write, and every fault."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import novum
from novum.cli import console
from novum.cli.app import run
from novum.cli.evaluate import with_interval
from novum.evaluation import Comparison, Masses, decorrelation, evaluate
from novum.evaluation.records import Estimate
from novum.io import write_events
from novum.report import comparison_figure
from novum.simulation.toy import FEATURES

FIGURES = {name: getattr(comparison_figure, name) for name in ("roc", "sic", "mass", "to_bytes")}


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Consoles that do not wrap, so that words can be found."""
    monkeypatch.setattr(console, "out", Console(width=300))
    monkeypatch.setattr(console, "err", Console(width=300, stderr=True))


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """Leave out the figures, which take longer than everything else."""
    monkeypatch.setattr(comparison_figure, "to_bytes", lambda figure, format: b"-")
    for name in ("roc", "sic", "mass"):
        monkeypatch.setattr(comparison_figure, name, lambda comparison: None)


def scores(seed: int, shift: float = 2.0, n_b: int = 5000, n_s: int = 200):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n_b), rng.normal(shift, 1, n_s)


def columns(seed: int, shift: float = 2.0) -> dict[str, np.ndarray]:
    b, s = scores(seed, shift)
    label = np.repeat([0, 1], [len(b), len(s)])
    order = np.random.default_rng(seed + 100).permutation(len(label))
    both = np.concatenate([b, s])
    return {"score": both[order], "other": -both[order], "label": label[order]}


def save(path, table: dict[str, np.ndarray]):
    if path.suffix == ".npz":
        np.savez(path, **table)
    elif path.suffix == ".csv":
        rows = np.column_stack(list(table.values()))
        np.savetxt(path, rows, delimiter=",", header=",".join(table), comments="", fmt="%.17g")
    else:
        pq.write_table(pa.table(table), path)
    return path


def read(folder) -> Comparison:
    return Comparison.from_json((folder / "evaluation.json").read_bytes())


def fails(capsys, words: list, *messages: str) -> None:
    assert run([str(word) for word in words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "Traceback" not in error
    for message in messages:
        assert message in error


# --- tables of scores


@pytest.mark.parametrize("suffix", ["parquet", "csv", "npz"])
def test_every_format_gives_the_figures_of_the_arrays(tmp_path, suffix, capsys):
    file = save(tmp_path / f"cwola.{suffix}", columns(1))
    assert run(["evaluate", str(file), "-o", str(tmp_path / "out"), "--seed", "4"]) == 0
    printed = capsys.readouterr().out
    (method,) = read(tmp_path / "out").methods
    expected = evaluate(*scores(1), seed=4)
    assert method.name == "cwola"
    assert method.sources == (str(file),)
    assert method.seeds == (expected,)
    assert method.figures == expected.figures
    for word in ("cwola", "N_sig", "200", "5000", "AUC", "max SIC", "too few (0)", "200 bootstrap"):
        assert word in printed


def test_figures_are_written(tmp_path, monkeypatch):
    for name, original in FIGURES.items():
        monkeypatch.setattr(comparison_figure, name, original)
    file = save(tmp_path / "a.parquet", columns(1))
    assert run(["evaluate", str(file), "-o", str(tmp_path / "out")]) == 0
    figures = tmp_path / "out" / "figures"
    assert sorted(p.name for p in figures.iterdir()) == ["roc.pdf", "roc.png", "sic.pdf", "sic.png"]
    assert (figures / "roc.png").read_bytes()[:4] == b"\x89PNG"
    assert (figures / "sic.pdf").read_bytes()[:5] == b"%PDF-"
    assert run(["evaluate", str(file), "--mass", "other", "-o", str(tmp_path / "more")]) == 0
    masses = tmp_path / "more" / "figures" / "mass.png"
    assert masses.read_bytes()[:4] == b"\x89PNG"


def test_names_seeds_and_methods(tmp_path, capsys):
    files = [save(tmp_path / f"{i}.parquet", columns(i)) for i in range(3)]
    words = [f"cwola={files[0]}", f"cwola={files[1]}", f"ae={files[2]}"]
    assert run(["evaluate", *words, "-o", str(tmp_path / "out")]) == 0
    assert "median" in capsys.readouterr().out
    cwola, ae = read(tmp_path / "out").methods
    assert (cwola.name, len(cwola.seeds), ae.name, len(ae.seeds)) == ("cwola", 2, "ae", 1)
    values = [evaluate(*scores(i), replicas=2).figures.auc.value for i in range(2)]
    assert cwola.figures.auc.value == np.median(values)


@pytest.mark.parametrize("words", [["--score", "score,other"], ["--score=score,other"]])
def test_columns_are_methods(tmp_path, words):
    file = save(tmp_path / "a.parquet", columns(1))
    assert run(["evaluate", str(file), *words, "-o", str(tmp_path / "out")]) == 0
    score, other = read(tmp_path / "out").methods
    assert (score.name, other.name) == ("score", "other")
    assert score.figures.auc.value + other.figures.auc.value == pytest.approx(1)
    twice = [f"x={file}", f"y={file}"]
    assert run(["evaluate", *twice, *words, "-o", str(tmp_path / "two")]) == 0
    names = [m.name for m in read(tmp_path / "two").methods]
    assert names == ["x/score", "x/other", "y/score", "y/other"]


def test_a_label_of_any_name(tmp_path):
    table = columns(1)
    table["truth"], table["label"] = table["label"], 1 - table["label"]
    file = save(tmp_path / "a.parquet", table)
    assert run(["evaluate", str(file), "--label", "truth", "-o", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out").methods[0].seeds[0] == evaluate(*scores(1))


def test_markup_in_names_is_printed(tmp_path, capsys):
    file = save(tmp_path / "a.parquet", columns(1))
    assert run(["evaluate", f"[red]$x_{{$={file}", "-o", str(tmp_path / "out")]) == 0
    assert "[red]$x_{$" in capsys.readouterr().out


def test_an_interval_in_words():
    assert with_interval(Estimate(12.345, 11.9, 13.1)) == "12.35 +0.75 −0.45"
    assert with_interval(Estimate(1234.0, 1200.0, 1300.0)) == "1234 +66 −34"
    assert with_interval(Estimate(0.0, None, None)) == "0.000"
    assert with_interval(Estimate(2.0, 2.0, 2.0)) == "2.000 +0.000 −0.000"
    assert with_interval(Estimate(2.0, 1.0, None)) == "2.0"


# --- faults


def test_faults_of_the_command_line(tmp_path, capsys):
    a = save(tmp_path / "a.parquet", columns(1))
    (tmp_path / "b").mkdir()
    twin = save(tmp_path / "b" / "a.csv", columns(2))
    fails(capsys, ["evaluate"], "name a table of scores")
    fails(capsys, ["evaluate", "=x"], "'=x': write NAME=PATH")
    fails(capsys, ["evaluate", a, twin], "another table is called 'a' too; write NAME=PATH")
    fails(capsys, ["evaluate", tmp_path / "aa.parquet"], "no such file; did you mean 'a.parquet'")
    fails(capsys, ["evaluate", a, "-o", tmp_path / "b"], "b: exists already")
    fails(capsys, ["evaluate", a, "--window", 1], "a.parquet is no scan of windows")
    assert run(["evaluate", str(a), "--seed", "x"]) == 2


def test_faults_of_the_columns(tmp_path, capsys):
    table = columns(1)
    a = save(tmp_path / "a.parquet", table)
    fails(capsys, ["evaluate", a, "--score", "scre"], "column 'scre'", "did you mean 'score'")
    fails(capsys, ["evaluate", a, "--label", "lable"], "column 'lable'", "did you mean 'label'")
    fails(capsys, ["evaluate", a, "--label", "signal"], "are read from its column 'label'")
    fails(capsys, ["evaluate", a, "--label", "other"], "labels must be 0 (background) or 1")
    table["score"][7] = np.nan
    bad = save(tmp_path / "nan.parquet", table)
    fails(capsys, ["evaluate", bad], "nan.parquet, column 'score': 1 of 5200", "event 7")
    del table["label"]
    bad = save(tmp_path / "unlabelled.parquet", table)
    fails(capsys, ["evaluate", bad], "has no label column", "--label")


def test_weights_are_refused_unless_equal(tmp_path, capsys):
    table = columns(1)
    weights = np.full(5200, 0.5)
    equal = save(tmp_path / "equal.parquet", {**table, "weight": weights})
    assert run(["evaluate", str(equal)]) == 0
    weights[0] = 2
    other = save(tmp_path / "other.parquet", {**table, "weight": weights})
    fails(capsys, ["evaluate", other], "0.5 to 2", "weighted evaluation is not offered")


def test_one_class_is_refused(tmp_path, capsys):
    table = {**columns(1), "label": np.zeros(5200, dtype=int)}
    file = save(tmp_path / "a.parquet", table)
    fails(capsys, ["evaluate", file], "has 0 signal and 5200 background events")


# --- a mass that scores should not follow


def with_mass(seed: int) -> dict[str, np.ndarray]:
    table = columns(seed)
    rng = np.random.default_rng(seed)
    return {"id": rng.permutation(5200), **table, "mjj": rng.normal(3500, 300, 5200)}


def test_a_mass_from_the_table_or_from_the_truth_gives_the_same(tmp_path, capsys):
    table = with_mass(1)
    whole = save(tmp_path / "a.parquet", table)
    bare = save(tmp_path / "b.parquet", {k: table[k] for k in ("id", "score")})
    truth = save(tmp_path / "t.csv", {k: table[k][::-1] for k in ("id", "label", "mjj")})
    words = ["--mass", "mjj", "-o"]
    assert run(["evaluate", str(whole), *words, str(tmp_path / "one")]) == 0
    printed = capsys.readouterr().out
    assert "AUC, mjj planed" in printed
    assert "distance correlation with mjj" in printed
    assert "divergence of mjj at ε_B = 0.1" in printed
    assert run(["evaluate", str(bare), "--truth", str(truth), *words, str(tmp_path / "two")]) == 0
    found = [read(tmp_path / name).methods[0].seeds for name in ("one", "two")]
    assert found[0] == found[1]
    s, label, m = table["score"], table["label"] == 1, table["mjj"]
    masses = Masses("mjj", m[~label], m[label])
    assert found[0][0].figures.decorrelation == decorrelation(s[~label], s[label], masses)


def test_without_a_mass_nothing_is_said_of_one(tmp_path):
    file = save(tmp_path / "a.parquet", with_mass(1))
    assert run(["evaluate", str(file), "-o", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out").methods[0].figures.decorrelation is None
    assert not (tmp_path / "out" / "figures" / "mass.png").exists()


def test_seeds_with_a_mass(tmp_path):
    files = [save(tmp_path / f"{i}.parquet", with_mass(i)) for i in range(2)]
    words = [f"a={file}" for file in files]
    assert run(["evaluate", *words, "--mass", "mjj", "-o", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out").methods[0].figures.decorrelation.auc_planed.low > 0.8


def test_faults_of_the_mass(tmp_path, capsys):
    table = with_mass(1)
    a = save(tmp_path / "a.parquet", table)
    fails(capsys, ["evaluate", a, "--mass", "mj"], "a.parquet", "column 'mj'", "'mjj'")
    fails(capsys, ["evaluate", a, "--mass", "mjj", "--dark-machines"], "--mass: has no meaning")
    bare = save(tmp_path / "b.parquet", {k: table[k] for k in ("id", "score", "mjj")})
    truth = save(tmp_path / "t.parquet", {k: table[k] for k in ("id", "label")})
    words = ["evaluate", bare, "--truth", truth, "--mass", "mjj"]
    fails(capsys, words, "t.parquet", "column 'mjj'")
    table["mjj"][7] = np.inf
    bad = save(tmp_path / "inf.parquet", table)
    fails(capsys, ["evaluate", bad, "--mass", "mjj"], "inf.parquet", "column 'mjj'", "1 of 5200")


# --- labels from another file


def test_truth_is_joined_by_id(tmp_path):
    table = columns(1)
    ids = np.random.default_rng(1).permutation(9000)[:5200]
    bare = {"id": ids, "score": table["score"]}
    order = np.argsort(ids)
    truth = {"id": np.append(ids[order], 9999), "label": np.append(table["label"][order], 1)}
    a, t = save(tmp_path / "a.parquet", bare), save(tmp_path / "truth.csv", truth)
    words = ["evaluate", str(a), "--truth", str(t), "-o", str(tmp_path / "out")]
    assert run(words) == 0
    found = read(tmp_path / "out")
    assert found.methods[0].seeds[0] == evaluate(*scores(1))
    assert found.truth == str(t)


def test_rows_count_where_there_is_no_id(tmp_path):
    table = columns(1)
    a = save(tmp_path / "a.parquet", {"score": table["score"]})
    t = save(tmp_path / "truth.parquet", {"label": table["label"]})
    assert run(["evaluate", str(a), "--truth", str(t), "-o", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out").methods[0].seeds[0] == evaluate(*scores(1))


def test_faults_of_the_join(tmp_path, capsys):
    table = columns(1)
    labelled = save(tmp_path / "labelled.parquet", table)
    a = save(tmp_path / "a.parquet", {"id": np.arange(5200), "score": table["score"]})
    short = save(tmp_path / "s.parquet", {"id": np.arange(5000), "label": table["label"][:5000]})
    twice = save(tmp_path / "t.parquet", {"id": np.arange(5200) // 2, "label": table["label"]})
    bare = save(tmp_path / "bare.parquet", {"id": np.arange(5200), "x": table["score"]})
    fails(capsys, ["evaluate", a], "has no label column")
    fails(capsys, ["evaluate", a, "--truth", short], "lacks 200 of 5200 ids, the first is 5000")
    fails(capsys, ["evaluate", a, "--truth", twice], "2600 ids more than once, the first is 0")
    fails(capsys, ["evaluate", a, "--truth", bare], "bare.parquet: has no label column")
    fails(capsys, ["evaluate", labelled, "--truth", short], "has labels of its own")


# --- the scores of a search


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Two windows of a toy search, the labelled file, and one with labels only."""
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("searched")
    toy = novum.toy_dijets(6000, 200, seed=1)
    write_events(toy, folder / "toy.parquet")
    save(folder / "labels.parquet", {"label": toy.label})
    result = novum.hunt(
        toy.blind(),
        mass="mjj",
        features=FEATURES,
        classifier=LogisticRegression(),
        width=400,
        centers=(3300, 3500),
        repeats=1,
        folds=3,
        eps_b=0.05,
        n_toys=100,
        n_jobs=1,
        output=folder / "out",
    )
    assert len(result.windows) == 2
    return folder


def test_a_window_of_a_search(searched, tmp_path, capsys):
    table = searched / "out" / "scores.parquet"
    words = ["evaluate", str(table), "--truth", str(searched / "toy.parquet"), "--window", "1"]
    assert run([*words, "-o", str(tmp_path / "out")]) == 0
    assert "only the signal region 3300-3700 GeV of mjj" in capsys.readouterr().out
    toy = novum.open_events(searched / "toy.parquet").read()
    frame = pq.read_table(table).to_pydict()
    window, score = np.array(frame["window"]), np.array(frame["score"])
    by_id = dict(zip(np.array(frame["id"])[window == 1], score[window == 1], strict=True))
    m = toy.features["mjj"]
    inside = (m >= 3300) & (m < 3700)
    values = [
        np.array([by_id[i] for i in toy.id[inside & (toy.label == label)]]) for label in (0, 1)
    ]
    (method,) = read(tmp_path / "out").methods
    assert method.seeds[0] == evaluate(*values)


def test_a_truth_without_the_mass_restricts_nothing(searched, tmp_path, capsys):
    table = str(searched / "out" / "scores.parquet")
    words = ["evaluate", table, "--truth", str(searched / "labels.parquet"), "--window", "1"]
    assert run([*words, "-o", str(tmp_path / "out")]) == 0
    assert "labels.parquet has no column 'mjj'" in capsys.readouterr().out
    found = read(tmp_path / "out").methods[0].seeds[0]
    assert (found.n_signal, found.n_background) == (200, 6000)


def test_the_window_must_be_chosen(searched, capsys, tmp_path):
    words = ["evaluate", searched / "out" / "scores.parquet", "--truth", searched / "toy.parquet"]
    listed = "0 (3100-3500 GeV), 1 (3300-3700 GeV)"
    fails(capsys, words, "several windows, choose one with --window", listed)
    fails(capsys, [*words, "--window", 7], "--window 7:", listed)
    alone = tmp_path / "scores.parquet"
    alone.write_bytes((searched / "out" / "scores.parquet").read_bytes())
    fails(capsys, ["evaluate", alone, *words[2:]], "choose one with --window: 0, 1")


# --- inject


def test_inject_from_one_labelled_file(searched, tmp_path, capsys):
    toy, out = str(searched / "toy.parquet"), tmp_path / "mixed.parquet"
    words = ["inject", toy, toy, "-n", "50", "--seed", "3"]
    assert run([*words, "-o", str(out)]) == 0
    assert "N_sig = 50, N_bkg = 6000; ids are kept" in capsys.readouterr().out
    mixed = novum.open_events(out).read()
    assert (len(mixed), int(mixed.label.sum()), len(np.unique(mixed.id))) == (6050, 50, 6050)
    assert run([*words, "-o", str(tmp_path / "again.parquet")]) == 0
    assert out.read_bytes() == (tmp_path / "again.parquet").read_bytes()


def test_inject_from_two_files_says_that_ids_change(tmp_path, capsys):
    b = save(tmp_path / "b.parquet", {"x": np.arange(9.0)})
    s = save(tmp_path / "s.parquet", {"x": np.arange(5.0), "hit": np.array([1, 0, 1, 1, 0])})
    out = str(tmp_path / "o.csv")
    fails(capsys, ["inject", b, s, "-n", 2, "-o", out], "b.parquet, column 'hit': no such column")
    both = save(tmp_path / "b2.parquet", {"x": np.arange(9.0), "hit": np.arange(9) // 8})
    assert run(["inject", str(both), str(s), "-n", "2", "-o", out, "--label", "hit"]) == 0
    assert "N_sig = 2, N_bkg = 8; signal has new ids" in capsys.readouterr().out
    mixed = novum.open_events(out).read()
    assert list(mixed.features) == ["x"]
    assert len(np.unique(mixed.id)) == 10


def test_faults_of_inject(searched, tmp_path, capsys):
    toy = searched / "toy.parquet"
    words = ["inject", toy, toy]
    fails(capsys, [*words, "-n", 201, "-o", tmp_path / "o.h5"], "200 signal events, too few")
    fails(capsys, [*words, "-n", 5, "-o", toy], "exists already and is not overwritten")
    fails(capsys, [*words, "-n", 5, "-o", tmp_path / "o.root"], "unknown suffix '.root'")
    bad = [*words, "-n", 5, "-o", tmp_path / "o.h5", "--label", "truth"]
    fails(capsys, bad, "toy.parquet, column 'truth': no such column")
    assert not list(tmp_path.iterdir())
    assert run(["inject", str(toy), str(toy), "-o", "x.h5"]) == 2
