"""Searches side by side: in Python, on the page and on the command line."""

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from novum.cli.app import run
from novum.errors import FileFormatError, InputError, OutputError
from novum.report import compare, compared_pvalues, compared_sic, write_compared
from novum.report.compared import SearchComparison
from novum.report.compared_table import table
from novum.search.cost import Cost
from novum.search.records import SculptingRecord, TemplateClosure


def rows(comparison: SearchComparison) -> dict[str, tuple[str, ...]]:
    return dict(table(comparison))


@pytest.fixture
def pair(make):
    """The same data searched twice: once calibrated, once with a template and with labels."""
    first = make(evaluated=True, calibrated=True)
    second = make(evaluated=True)
    closure = TemplateClosure("below", 2900.0, 3300.0, 900, 900, 0.517, 0.5, 0.006, 0.004, ())
    windows = tuple(
        replace(w, template=(closure,), sculpting=SculptingRecord(30.0, 19, 0.052, 0.004))
        for w in second.windows
    )
    config = {**second.config, "method": "cathode", "density": "maf"}
    return {"one": first, "two": replace(second, windows=windows, config=config)}


@pytest.fixture
def folders(pair, tmp_path):
    for name, result in pair.items():
        result.save(tmp_path / name)
    Cost(12.34, 2, False).save(tmp_path / "one")
    Cost(31.0, 1, True).save(tmp_path / "two")
    return tmp_path


def test_every_number_is_that_of_its_search(pair):
    compared = compare(pair)
    one, two = compared.searches
    scan = pair["one"].calibration
    assert (one.name, one.calibrated, one.global_p) == ("one", True, scan.global_p)
    assert one.z == scan.t_observed
    best = pair["two"].best
    assert (two.z, two.p, two.global_p) == (best.z, best.p, pair["two"].global_p)
    assert (two.method, two.density) == ("cathode", "maf")
    assert two.evaluation == pair["two"].evaluation[0]
    assert [p.p for p in two.scan] == [w.p for w in pair["two"].windows]
    assert two.n_withheld == sum(p.p is None for p in two.scan) == 1


def test_the_table_shows_what_at_least_one_search_has(pair):
    found = rows(compare(pair))
    assert found["density"] == ("—", "maf")
    assert found["p-values"] == ("calibrated", "not calibrated")
    assert found["closure AUC, below"] == ("—", "0.517 (p 0.004)")
    assert found["p of unsculpted m"] == ("—", "0.052")
    assert "closure AUC, above" not in found
    assert "time" not in found
    assert {"local p", "global p", "max SIC", "AUC"} <= found.keys()


def test_costs_are_read_from_the_folders(folders):
    found = rows(compare({n: folders / n for n in ("one", "two")}))
    assert found["time"] == ("12 s, 2 workers", "> 31 s, 1 worker")


def test_what_must_not_be_compared_is_named(make, pair):
    other = make(names=("a", "b"))
    other = replace(other, input=replace(other.input, sha256="cd" * 32))
    notes = " | ".join(compare({**pair, "three": other}).notes)
    assert "three: not the events or the columns of one" in notes
    assert "three: other features than one" in notes
    assert "two, three: p-values are not calibrated, those of the others are" in notes
    assert compare({"a": pair["two"], "b": pair["two"]}).notes == ()


def test_a_withheld_search_says_why(make):
    compared = compare({"a": make(), "b": make(withheld=True)})
    assert rows(compared)["z"][1] == "—"
    assert any(note.startswith("b: no p-value: ") for note in compared.notes)


def test_one_search_is_no_comparison(make):
    with pytest.raises(InputError, match="two searches"):
        compare({"a": make()})


def test_figures_draw_every_search(pair):
    compared = compare(pair)
    (axes,) = compared_pvalues(compared).axes
    labels = [line.get_label() for line in axes.lines]
    assert {"one", "two"} <= set(labels)
    drawn = axes.lines[labels.index("two")].get_ydata()
    assert np.isnan(drawn).sum() == 1
    (axes,) = compared_sic(compared).axes
    assert {"one", "two"} <= {line.get_label() for line in axes.lines}


def test_names_from_outside_are_text(make, tmp_path):
    name = "<script>alert(1)</script> $x$"
    page = write_compared(compare({name: make(), "b": make()}), tmp_path / "out").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_command_writes_page_figures_and_numbers(folders, capsys):
    out = folders / "both"
    assert run(["compare", str(folders / "one"), f"b={folders / 'two'}", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "closure AUC, below" in printed
    assert "note: b: p-values are not calibrated" in printed
    names = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    figures = {f"figures/compared_{n}.{s}" for n in ("pvalues", "sic") for s in ("png", "pdf")}
    assert names == {"comparison.html", "comparison.json", *figures}
    kept = json.loads((out / "comparison.json").read_text())
    assert [s["name"] for s in kept["searches"]] == ["one", "b"]
    again = msgspec.convert(kept, SearchComparison)
    assert again == compare({"one": folders / "one", "b": folders / "two"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{0}/one"], "two output folders"),
        (["{0}/one", "{0}/one"], "another search is called 'one'"),
        (["={0}/one", "{0}/two"], "write NAME=FOLDER"),
        (["{0}/one", "{0}/nowhere"], "nowhere"),
        (["{0}/one", "{0}/two", "-o", "{0}/one"], "is not overwritten"),
    ],
)
def test_bad_words_are_named(folders, capsys, words, message):
    assert run(["compare", *(word.format(folders) for word in words)]) == 1
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_page_is_not_overwritten(pair, tmp_path):
    with pytest.raises(OutputError, match="not overwritten"):
        write_compared(compare(pair), tmp_path)


def test_a_damaged_cost_is_named(folders):
    (folders / "one" / "cost.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"cost\.json"):
        compare({n: folders / n for n in ("one", "two")})
