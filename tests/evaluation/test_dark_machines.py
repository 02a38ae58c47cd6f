"""Total improvement of the Dark Machines challenge: known rows, published ones, and laws."""

import csv
from dataclasses import replace
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novum.errors import FileFormatError, InputError, MissingColumnError, OutputError
from novum.evaluation import (
    SignalRow,
    TotalImprovements,
    auc,
    compare_improvements,
    evaluate,
    read_signal_rows,
    signal_row,
    total_improvement,
    write_signal_rows,
)

HEADER = "Signal,Model,Chan,AUC,1e-2,1e-3,1e-4\n"
PUBLISHED_ROWS = ("AE", "CNN_VAE", "Combined", "DeepSetVAE", "Flow")
TOTALS = "DarkMachinesUnsupervisedChallenge_TotalImprovements.csv"


def row(signal="a", model="m", channel="1", auc=0.5, eps_s=(0.5, 0.1, 0.01)) -> SignalRow:
    return SignalRow(signal, model, channel, auc, eps_s)


def made(background, signal, **options) -> SignalRow:
    return signal_row(background, signal, process="a", model="m", channel="1", **options)


# --- total improvement


def test_the_largest_of_efficiencies_and_channels_counts():
    rows = [
        row("a", channel="1", eps_s=(0.50, 0.10, 0.01)),  # 5, 3.16, 1
        row("a", channel="2a", eps_s=(0.40, 0.20, 0.03)),  # 4, 6.32, 3
        row("b", eps_s=(0.01, 0.0, 0.0)),  # 0.1
        row("c", eps_s=(0.30, 0.20, 0.12)),  # 3, 6.32, 12
    ]
    (total,) = total_improvement(rows)
    assert (total.model, total.n_signals, total.n_unmeasured) == ("m", 3, 0)
    assert total.minimum == pytest.approx(0.1)
    assert total.median == pytest.approx(0.2 / sqrt(1e-3))
    assert total.maximum == pytest.approx(12)
    assert [(s.signal, s.channel, s.eps_b) for s in total.signals] == [
        ("a", "2a", 1e-3),
        ("b", "1", 1e-2),
        ("c", "1", 1e-4),
    ]


def test_the_median_of_two_signals_is_their_mean():
    (total,) = total_improvement([row("a", eps_s=(0.1, 0, 0)), row("b", eps_s=(0.3, 0, 0))])
    assert total.median == pytest.approx(2)


def test_models_are_sorted_by_their_median():
    rows = [row(model=m, eps_s=(e, 0, 0)) for m, e in [("b", 0.2), ("c", 0.4), ("a", 0.2)]]
    rows.append(row(model="none", eps_s=(None, None, None)))
    assert [t.model for t in total_improvement(rows)] == ["c", "a", "b", "none"]


def test_what_is_not_measured_is_no_zero():
    rows = [row("a", eps_s=(0.2, None, None)), row("b", eps_s=(0.1, 0.1, None))]
    (total,) = total_improvement(rows)
    assert (total.minimum, total.n_unmeasured) == (pytest.approx(2), 3)
    (total,) = total_improvement([*rows, row("c", eps_s=(None, None, None))])
    assert (total.minimum, total.median, total.maximum) == (None, None, None)
    assert total.signals[2].value is None
    assert total.n_signals == 3


def test_faults_of_rows():
    with pytest.raises(InputError, match="no signal rows"):
        total_improvement([])
    with pytest.raises(InputError, match="two rows of signal 'a', model 'm' and channel '1'"):
        total_improvement([row(), row(auc=0.6)])
    for faulty, column in [
        ({"eps_s": (50.0, 0.1, 0.01)}, "1e-2"),
        ({"eps_s": (0.5, -0.1, 0.01)}, "1e-3"),
        ({"eps_s": (0.5, 0.1, nan)}, "1e-4"),
        ({"auc": 1.01}, "AUC"),
        ({"model": ""}, "Model"),
    ]:
        with pytest.raises(InputError) as caught:
            row(**faulty)
        assert caught.value.column == column


def test_notes_say_what_makes_models_hard_to_compare():
    rows = [row("a"), row("b"), row("a", model="n", eps_s=(0.1, 0.1, None))]
    found = compare_improvements(rows, ["n"], "1")
    assert found.computed == ("n",)
    unmeasured, unlike = found.notes
    assert "1 of 3 of 'n'" in unmeasured
    assert "of 2 pairs 'n' has 1, 'm' 2" in unlike
    assert compare_improvements(rows[:2]).notes == ()
    assert TotalImprovements.from_json(found.to_json()) == found


# --- rows from scores


def test_thresholds_are_at_exact_background_efficiencies():
    background = np.arange(10_000.0)  # 1e-2 is the score 9900, 1e-3 is 9990, 1e-4 is 9999
    signal = np.array([9899.5, 9900, 9989.9, 9990, 9998, 9999, 12000, 0])
    found = made(background, signal, min_background=1)
    assert found.eps_s == (6 / 8, 4 / 8, 2 / 8)
    assert made(background, signal).eps_s == (6 / 8, None, None), "10 and 1 events are too few"
    assert made(background, signal, min_background=10).eps_s == (6 / 8, 4 / 8, None)
    assert made(background, signal, min_background=11).eps_s == (6 / 8, None, None)


def test_less_than_one_event_gives_no_number():
    background = np.arange(999.0)
    found = made(background, background, min_background=1)
    assert found.eps_s == (9 / 999, None, None)


def test_ties_pass_together_and_never_too_many():
    background = np.repeat([0.0, 1.0, 2.0], [9800, 150, 50])  # 0.5 % or 2 % pass
    signal = np.array([0.0, 1.0, 2.0, 2.0])
    assert made(background, signal).eps_s == (0.5, None, None)
    flat = np.zeros(10_000)
    assert made(flat, flat).eps_s == (None, None, None), "all or nothing passes"
    assert made(flat, flat).auc == 0.5


def test_it_is_the_efficiency_that_evaluate_quotes():
    rng = np.random.default_rng(3)
    background, signal = rng.normal(size=400_000).round(2), rng.normal(2, 1, 500).round(2)
    points = evaluate(background, signal, replicas=2).figures.working_points
    found = made(background, signal)
    assert [p.eps_s.value if p.eps_s else None for p in points] == list(found.eps_s)
    assert found.auc == pytest.approx(auc(background, signal), abs=1e-12)


def test_whole_weights_are_copies():
    rng = np.random.default_rng(4)
    background, signal = rng.normal(size=3000), rng.normal(1, 1, 300)
    w_b, w_s = rng.integers(0, 9, 3000), rng.integers(0, 4, 300)
    weighted = made(background, signal, background_weight=w_b, signal_weight=w_s, min_background=1)
    copied = made(np.repeat(background, w_b), np.repeat(signal, w_s), min_background=1)
    assert weighted.auc == pytest.approx(copied.auc, abs=1e-12)
    assert weighted.eps_s[:2] == pytest.approx(copied.eps_s[:2], abs=1e-12)


def test_weights_do_not_make_events():
    background = np.arange(10_000.0)
    heavy = np.where(background >= 9999, 100.0, 1.0)  # one event is 1 % of the weight
    assert made(background, background, background_weight=heavy).eps_s[0] is None
    same = made(background, background, background_weight=np.full(10_000, 0.1))
    assert same.eps_s == made(background, background).eps_s


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": []}, "background scores need one number per event"),
        ({"signal": [1.0, nan]}, "1 of 2 signal scores are NaN"),
        ({"signal": [[1.0]]}, "signal scores need one number per event"),
        ({"signal_weight": [-1.0, 1.0]}, "'signal weight'.*negative"),
        ({"background_weight": [1.0]}, "as many weights"),
        ({"min_background": 0}, "at least one background event"),
    ],
)
def test_faults_of_scores(change, message):
    options = {"background": [1.0, 2.0], "signal": [1.0, inf], **change}
    with pytest.raises(InputError, match=message):
        made(**options)


# --- laws

EFFICIENCY = st.none() | st.floats(0, 1)
ROWS = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("mn"), st.sampled_from("123")),
    st.tuples(EFFICIENCY, EFFICIENCY, EFFICIENCY),
    min_size=1,
)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(5, 2000), st.integers(0, 999))
def test_only_the_order_of_scores_counts(seed, width, shift):
    rng = np.random.default_rng(seed)
    background = rng.integers(-width, width, 4000).astype(float)  # many ties, or few
    signal = shift + rng.integers(-width, width, 80).astype(float)
    found = made(background, signal, min_background=1)
    assert width < 200 or found.eps_s[0] is not None
    for change in (lambda x: 3 * x - 7, lambda x: x**3, np.arctan):
        assert made(change(background), change(signal), min_background=1) == found
    assert made(rng.permutation(background), rng.permutation(signal), min_background=1) == found


@given(ROWS, st.integers(0, 99), st.tuples(EFFICIENCY, EFFICIENCY, EFFICIENCY))
def test_a_channel_more_never_lowers_the_total_improvement(table, which, eps_s):
    rows = [SignalRow(*key, 0.5, values) for key, values in table.items()]
    more = [replace(rows[which % len(rows)], channel="4", eps_s=eps_s)]
    before = {t.model: t for t in total_improvement(rows)}
    for after in total_improvement([*rows, *more]):
        old = before[after.model]
        assert after.n_signals == old.n_signals
        if old.median is not None:
            assert after.minimum >= old.minimum
            assert after.median >= old.median
            assert after.maximum >= old.maximum


@settings(max_examples=30)
@given(ROWS)
def test_rows_survive_a_file(tmp_path_factory, table):
    rows = tuple(SignalRow(*key, 0.1 + 0.2, values) for key, values in table.items())
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    write_signal_rows(rows, path)
    assert read_signal_rows(path) == rows


# --- files


def test_words_with_commas_survive_a_file(tmp_path):
    rows = (row('stop, "b"', "Modèle", "2a"),)
    write_signal_rows(rows, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text().startswith(HEADER)
    assert read_signal_rows(tmp_path / "rows.csv") == rows
    with pytest.raises(OutputError, match="exists already"):
        write_signal_rows(rows, tmp_path / "rows.csv", overwrite=False)


def test_an_empty_efficiency_is_not_measured_and_columns_have_no_order(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("Model,Signal,Chan,AUC,1e-3,1e-2,1e-4\r\nm,a,2a,0.5,0.1,0.2,\r\n\r\n")
    assert read_signal_rows(path) == (row(channel="2a", eps_s=(0.2, 0.1, None)),)


@pytest.mark.parametrize(
    ("text", "kind", "column", "value", "message"),
    [
        (HEADER, InputError, None, None, "has no signal rows"),
        ("", MissingColumnError, "Signal", None, "no such column"),
        ("signal" + HEADER[6:], MissingColumnError, "Signal", None, "did you mean 'signal'"),
        ("i," + HEADER, InputError, "i", None, "is no column of result rows"),
        ("AUC," + HEADER, InputError, "AUC", None, "two columns of this name"),
        (HEADER + "a,m,1,x,0,0,0\n", InputError, "AUC", "x", "line 2: 'x' is no number"),
        (HEADER + "a,m,1,,0,0,0\n", InputError, "AUC", "", "line 2: '' is no number"),
        (HEADER + "a,m,1,.5,0,0,1.5\n", InputError, "1e-4", 1.5, "between 0 and 1, got 1.5"),
        (HEADER + "a,m,1,.5,0,-1,0\n", InputError, "1e-3", -1.0, "between 0 and 1, got -1"),
        (HEADER + "a,m,1,.5,nan,0,0\n", InputError, "1e-2", None, "between 0 and 1, got nan"),
        (HEADER + "a,,1,.5,0,0,0\n", InputError, "Model", "", "line 2 is empty there"),
        (HEADER + "a,m,1,.5\n", FileFormatError, None, 4, "line 2 has 4 cells, the first has 7"),
    ],
)
def test_faults_of_a_file(tmp_path, text, kind, column, value, message):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(kind, match=message) as caught:
        read_signal_rows(path)
    assert caught.value.file == str(path)
    assert caught.value.column == column
    if value is not None:
        assert caught.value.value == value


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"PAR1\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="is no text"):
        read_signal_rows(tmp_path / "rows.csv")
    with pytest.raises(InputError, match="cannot read result rows: No such file"):
        read_signal_rows(tmp_path / "other.csv")


# --- the published results


@pytest.mark.real_data
def test_published_rows_give_the_published_total_improvements(shared_data):
    """Every model that has rows, without exception, to 1e-12: the table keeps all digits.

    Of the other models of the table no rows are published, so nothing can be said of them.
    """
    folder = shared_data / "published" / "dark_machines"
    with (folder / TOTALS).open() as stream:
        columns = [f"{name}TotalImprovement" for name in ("Min", "Median", "Max")]
        table = {r["Model"]: [float(r[c]) for c in columns] for r in csv.DictReader(stream)}
    rows = [row for name in PUBLISHED_ROWS for row in read_signal_rows(folder / f"{name}.csv")]
    found = {t.model: t for t in total_improvement(rows)}
    assert len(found) == 16
    for name, total in found.items():
        assert total.n_signals == 19
        figures = [total.minimum, total.median, total.maximum]
        assert figures == pytest.approx(table[name], rel=1e-12, abs=0), name
    without_rows = len(set(table) - set(found))
    assert without_rows == 1024


@pytest.mark.real_data
@pytest.mark.parametrize("name", PUBLISHED_ROWS)
def test_published_files_are_written_back_to_the_byte(shared_data, tmp_path, name):
    path = shared_data / "published" / "dark_machines" / f"{name}.csv"
    write_signal_rows(read_signal_rows(path), tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_bytes() == path.read_bytes()
