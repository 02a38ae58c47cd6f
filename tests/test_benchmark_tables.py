"""The tables of the documentation are those of the committed benchmark results."""

import sys
from pathlib import Path

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
