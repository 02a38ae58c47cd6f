"""The HEPData export: valid for HEPData's own validator, complete, and true to the result."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
import yaml

from novum.cli.app import run
from novum.errors import OutputError
from novum.report import write_hepdata
from novum.report.hepdata_tables import MISSING, rounded
from novum.report.write import FIGURES
from novum.search.calibration_records import CalibratedScan
from novum.search.records import MassProfile, TemplateClosure, TemplateFeature
from novum.statistics.pvalue import PValue

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(folder):
    """The comment of submission.yaml and its tables by file, each with its data."""
    head, *entries = yaml.load_all((folder / "submission.yaml").read_text(), LOADER)
    tables = {
        entry["data_file"]: (entry, yaml.load((folder / entry["data_file"]).read_text(), LOADER))
        for entry in entries
    }
    return head, tables


def dependent(data, name):
    """Values of the dependent variable whose name begins so."""
    found = [v for v in data["dependent_variables"] if v["header"]["name"].startswith(name)]
    assert len(found) == 1
    return found[0]["values"]


@pytest.fixture
def everything(make):
    """A result with all figures: labels, calibration, mass profiles, and a withheld window."""
    result = make(evaluated=True)
    windows = tuple(
        replace(
            w,
            features=tuple(
                replace(f, profile=MassProfile((3000.0, 3500.0, 4000.0), (0.1, None), (0.02, None)))
                for f in w.features
            ),
            template=tuple(
                TemplateClosure(
                    region,
                    low,
                    low + 400,
                    30,
                    30,
                    0.51,
                    0.5,
                    0.01,
                    0.2,
                    (TemplateFeature("a", (0.0, 1.0, 2.0), (10.0, 20.0), (12.0, 18.0)),),
                )
                for region, low in (("below", 2900), ("signal region", 3300), ("above", 3700))
            ),
        )
        for w in result.windows
    )
    scan = CalibratedScan(
        key="k", sha256="ab" * 32, null="sampler", n_searches=3, windows=(), best_window=None,
        t_observed=2.5, t_null=(1.5, 0.5, 1.0), global_p=PValue.from_toys(0, 3, "null searches"),
        extrapolated_p=None, extrapolated_interval=None, effective_windows=None,
        fold_seed_spread=None,
    )  # fmt: skip
    return replace(result, windows=windows, calibration=scan)


VALIDATE = """
import sys
from hepdata_validator.full_submission_validator import FullSubmissionValidator
full = FullSubmissionValidator()
good = full.validate(directory=sys.argv[1])
print({file: [str(m) for m in found] for file, found in full.get_messages().items()})
sys.exit(not good)
"""


def validate(folder):
    """By the program that HEPData runs on a submission, in a process of its own.

    It leaves files open and uses deprecated parts of jsonschema.
    """
    pytest.importorskip("hepdata_validator", reason="hepdata_validator is absent")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VALIDATE, str(folder)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_hepdata_accepts_a_plain_result(make, tmp_path):
    validate(write_hepdata(make(), tmp_path))


def test_hepdata_accepts_a_result_with_everything(everything, tmp_path):
    validate(write_hepdata(everything, tmp_path))


def test_hepdata_accepts_a_withheld_result_with_odd_names(make, tmp_path):
    odd = make(withheld=True, mass="m: {jj}\x07", names=("- x", "'quote\"", "a" * 200))
    validate(write_hepdata(odd, tmp_path))


def test_a_broken_table_is_not_accepted(make, tmp_path):
    """The validator that the tests above rely on does refuse something."""
    folder = write_hepdata(make(), tmp_path)
    (folder / "spectrum.yaml").write_text("independent_variables: []\n")
    with pytest.raises(AssertionError, match=r"spectrum\.yaml"):
        validate(folder)


def test_every_figure_has_its_table(everything, tmp_path):
    _, tables = documents(write_hepdata(everything, tmp_path))
    places = {entry["location"].split()[1].strip(",") for entry, _ in tables.values()}
    assert places == FIGURES - {"displays"}  # single events are no measurement


def test_the_spectrum_is_that_of_the_result(make, tmp_path):
    result = make()
    _, tables = documents(write_hepdata(result, tmp_path))
    entry, data = tables["spectrum.yaml"]
    [axis] = data["independent_variables"]
    assert axis["header"] == {"name": "mjj", "units": "GEV"}
    edges = result.spectrum.edges
    assert [(v["low"], v["high"]) for v in axis["values"]] == list(pairwise(edges))
    before = dependent(data, "events before")
    assert [v["value"] for v in before] == list(result.spectrum.counts)
    assert before[30]["errors"] == [{"symerror": rounded(math.sqrt(before[30]["value"]), 3)}]
    assert before[-1] == {"value": 0.0}  # no error of nothing
    fit = [v["value"] for v in dependent(data, "masked fit before")]
    inside = [e for e in result.best.fit.expected if e > 0]
    assert [v for v in fit if v != MISSING] == pytest.approx(inside, rel=1e-5)
    assert fit[0] == MISSING  # below the fit range there is no expectation
    qualifiers = {q["name"]: q for q in data["dependent_variables"][0]["qualifiers"]}
    assert qualifiers["SQRT(S)"] == {"name": "SQRT(S)", "value": 13000.0, "units": "GEV"}
    assert qualifiers["METHOD"]["value"] == "cwola"
    assert {"name": "cmenergies", "values": [13000.0]} in entry["keywords"]


def test_withheld_windows_have_no_p_value(make, tmp_path):
    result = make()
    _, tables = documents(write_hepdata(result, tmp_path))
    _, data = tables["pvalue_scan.yaml"]
    p = [v["value"] for v in dependent(data, "local p-value before") or []]
    assert MISSING not in p
    values = next(v for v in data["dependent_variables"] if v["header"]["name"] == "local p-value")
    for window, value in zip(result.windows, values["values"], strict=True):
        if window.withheld:
            assert value == {"value": MISSING}
        else:
            assert value["value"] == pytest.approx(window.p.value, rel=1e-5)
    status = [v["value"] for v in dependent(data, "status")]
    assert status.count("quoted") == sum(w.withheld is None for w in result.windows)


def test_calibration_and_bounds(everything, tmp_path):
    _, tables = documents(write_hepdata(everything, tmp_path))
    assert [v["value"] for v in dependent(tables["calibration.yaml"][1], "T")] == [0.5, 1.0, 1.5]
    bound = PValue.from_toys(0, 999, "toys")
    windows = (replace(everything.windows[0], p=bound), *everything.windows[1:])
    _, tables = documents(write_hepdata(replace(everything, windows=windows), tmp_path))
    values = tables["pvalue_scan.yaml"][1]["dependent_variables"][0]["values"]
    assert values[0] == {"value": "<= 0.001"}


def test_the_comment_is_the_headline(make, tmp_path):
    result = make()
    comment = documents(write_hepdata(result, tmp_path))[0]["comment"]
    assert result.summary() in comment
    assert "not calibrated" in comment


def test_tables_of_an_earlier_export_go_away_and_equal_results_give_equal_files(
    make, everything, tmp_path
):
    folder = write_hepdata(everything, tmp_path)
    write_hepdata(make(), tmp_path)
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert "evaluation.yaml" not in first
    write_hepdata(make(), tmp_path)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == first


def test_export_command(make, tmp_path, capsys):
    result = make()
    result.save(tmp_path / "run")
    assert run(["export", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "run" / "hepdata")]
    assert run(["export", str(tmp_path / "run"), "--output", str(tmp_path / "other")]) == 0
    names = [{p.name for p in (tmp_path / d / "hepdata").iterdir()} for d in ("run", "other")]
    assert names[0] == names[1]
    assert "submission.yaml" in names[0]
    assert not list(tmp_path.rglob("histfactory.json"))
    assert run(["export", str(tmp_path / "nothing")]) == 1
    assert "cannot read a result" in capsys.readouterr().err


def test_the_folder_may_not_be_a_file(make, tmp_path):
    (tmp_path / "hepdata").write_text("x")
    with pytest.raises(OutputError, match="cannot be made"):
        write_hepdata(make(), tmp_path)


def test_files_are_plain_yaml(everything, tmp_path):
    """No Python tags; the text round-trips through JSON."""
    for path in write_hepdata(everything, tmp_path).iterdir():
        text = path.read_text()
        assert "!!" not in text
        assert json.loads(json.dumps(list(yaml.load_all(text, LOADER))))
