"""Write the tables of the documentation from the committed results: docs/_tables/NAME.md.

A test checks that the committed tables are those of the committed results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "docs" / "_tables"

Results = dict[str, Any]


def main() -> None:
    """Write all tables whose results are there."""
    TABLES.mkdir(exist_ok=True)
    for name, text in tables().items():
        (TABLES / f"{name}.md").write_text(text, encoding="utf-8")


def tables() -> dict[str, str]:
    """Text of every table, by name."""
    made = {}
    for name, make in MAKERS.items():
        path = ROOT / "benchmarks" / "results" / f"{name}.json"
        if path.exists():
            results = json.loads(path.read_text(encoding="utf-8"))
            made[name] = make(results) + provenance(name, results)
    return made


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def provenance(name: str, results: Results) -> str:
    """Where the numbers come from."""
    head = results["header"]
    return (
        f"\n`python benchmarks/{name}.py`, {head['date']}, {head['cpu_count']} cores, "
        f"Python {head['python']}, scikit-learn {head['versions']['scikit-learn']}.\n"
    )


def redrawn_crossfits(results: Results) -> str:
    """Scores or counts averaged over redrawn cross-fits."""
    head = ("sample", "significance from", "samples", "mean z", "sd", "z > 1.645", "largest z")
    rows = [
        (
            "background only" if r["signal"] == "none" else "with the demo's resonance",
            r["way"],
            r["samples"],
            f"{r['mean']:.2f}",
            f"{r['sd']:.2f}",
            f"{100 * r['above_1.645']:.0f} %",
            f"{r['max']:.2f}",
        )
        for r in results["rows"]
    ]
    return table(head, rows)


NAMES = {
    "null_scan": "none injected",
    "shifted_null_scan": "none injected, masses shifted by 0.1 m_jj",
    "injected_scan": "400 injected",
}


def lhco(results: Results) -> str:
    """Search on the LHC Olympics R&D sample; the null stands first."""
    single = zip(results["null_single"], results["injected_single"], strict=True)
    first = table(
        (
            "seed",
            "z, none injected",
            "z, 400 injected",
            "S/√B before",
            "max SIC",
            "background passing",
            "SIC at ε_B = 1e-3",
        ),
        (
            (
                with_signal["seed"],
                _z(null),
                _z(with_signal),
                f"{with_signal['significance_before']:.2f}",
                f"{with_signal['max_sic']:.2f}",
                with_signal["max_sic_n_background"],
                "too few"
                if with_signal["sic_at_1e3"] is None
                else f"{with_signal['sic_at_1e3']:.2f}",
            )
            for null, with_signal in single
        ),
    )
    values = [row["max_sic"] for row in results["injected_single"]]
    spread = f"\nMedian max SIC {median(values):.2f}, range {min(values):.2f}-{max(values):.2f}.\n"
    centers = list(results["null_scan"][0]["windows"])
    scans = [
        (
            run["seed"],
            NAMES[key],
            *(_cell(run["windows"][c]) for c in centers),
            run["global_p"] or "none",
        )
        for key in NAMES
        for run in results[key]
    ]
    second = table(("seed", "sample", *(f"{c} GeV" for c in centers), "global p"), scans)
    return f"{first}{spread}\nLocal z of every window of the scan:\n\n{second}"


def _z(row: Results) -> str:
    return "withheld" if row["z"] is None else f"{row['z']:.2f}"


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float | int) else "withheld"


def hunt_scaling(results: Results) -> str:
    """Time and memory against the number of events."""
    rows = [
        (
            f"{r['events']:,}",
            f"{r['in_window']:,.0f}",
            f"{r['seconds']:.0f}",
            f"{r['peak_gib']:.2f}",
        )
        for r in results["rows"]
    ]
    head = ("events", "in the window", "seconds", "peak memory [GiB]")
    return table(head, rows) + (
        f"\nBetween the two largest, time grows as n^{results['time_exponent']:.2f} and memory as "
        f"n^{results['memory_exponent']:.2f}.\n"
    )


def toys(results: Results) -> str:
    """Toys a second against the peers."""
    scan, hunter = results["refitted_scan"], results["histogram_scan"]
    rows = [
        (
            f"whole scan refitted: {scan['bins']} bins, {scan['windows']} windows, "
            f"{scan['parameters']} parameters, both hypotheses",
            f"{scan['novum_toys_per_s']:,.0f}",
            f"iminuit, one fit at a time: {scan['iminuit_toys_per_s']:,.0f}",
            f"{scan['ratio']:.0f}",
        ),
        (
            f"histogram only: {hunter['bins']} bins, widths {hunter['widths'][0]}-"
            f"{hunter['widths'][-1]} bins",
            f"{hunter['novum_toys_per_s']:,.0f}",
            f"pyBumpHunter: {hunter['pybumphunter_toys_per_s']:,.0f}",
            f"{hunter['ratio']:.0f}",
        ),
    ]
    return table(("work", "novum, toys/s", "peer, toys/s", "ratio"), rows) + (
        "\nOne thread on both sides, best of three. Both sides agree on the statistic: q0 to "
        f"{scan['largest_q0_difference']:.1g}.\n"
    )


MAKERS: dict[str, Callable[[Results], str]] = {
    "hunt_scaling": hunt_scaling,
    "lhco": lhco,
    "redrawn_crossfits": redrawn_crossfits,
    "toys": toys,
}

if __name__ == "__main__":
    main()
