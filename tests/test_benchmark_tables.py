"""Benchmarks fit the package, and the tables of the documentation are those of their results."""

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_tables_are_made_from_the_committed_results(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "tables", raising=False)
    import tables

    made = tables.tables()
    assert {
        "lhco",
        "toys",
        "redrawn_crossfits",
        "calibration_toys",
        "resonant",
        "calibrated_classifiers",
        "classifiers",
        "demo",
        "detector",
        "simulate",
        "calibration_lhco",
        "ensemble_training",
        "hunt_scaling",
        "spurious",
        "ranode",
        "null_searches",
        "decorrelation",
        "density_quality",
        "jet_outliers",
        "outlier_speed",
        "outliers",
        "streaming",
        "tau_jets",
        "vae_study",
    } == set(made)
    for name, text in made.items():
        committed = (ROOT / "docs" / "_tables" / f"{name}.md").read_text(encoding="utf-8")
        assert committed == text, f"run python benchmarks/tables.py: {name} is out of date"


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda p: p.stem)
def test_what_benchmarks_import_from_novum_is_there(script) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "novum":
            continue
        module = import_module(str(node.module))
        missing = [name.name for name in node.names if not hasattr(module, name.name)]
        assert not missing, f"{node.module} has no {', '.join(missing)}"
