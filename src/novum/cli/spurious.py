"""Prints the spurious signal of a bump hunt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from novum.search.bump import BumpHuntResult
    from novum.statistics import SpuriousSignal


def print_spurious(out: Console, result: BumpHuntResult) -> None:
    """Table of all windows, the families left out, and how many windows do not pass."""
    table = Table(title="spurious signal", title_justify="left")
    for name in ("SR [GeV]", "S_spur", "σ", "|S|/σ", "alternative", "z with it"):
        table.add_column(name, justify="right", no_wrap=True)
    for s in result.spurious:
        table.add_row(*_row(s), style="bold" if s.low == result.best_window.low else "")
    out.print(table)
    reasons = Counter(r.split(":")[0] for s in result.spurious for r in s.left_out)
    for what, times in reasons.items():
        out.print(escape(f"left out in {times} windows: {what}"), highlight=False)
    failing = sum(not s.passes for s in result.spurious)
    out.print(
        f"{failing} of {len(result.spurious)} windows do not stay below a fifth of σ; the last "
        "column has |S_spur| there as an uncertainty of the expectation, the global p has not",
        highlight=False,
    )


def _row(s: SpuriousSignal) -> tuple[str, ...]:
    edges = f"{s.low:.5g}-{s.high:.5g}"
    if s.signal is None or s.relative is None:
        return (edges, "–", f"{s.sigma:.1f}", "–", "none", f"{s.z_nuisance:.2f}")
    worst = max(s.alternatives, key=lambda a: abs(a.signal))
    return (
        edges,
        f"{s.signal:.1f}",
        f"{s.sigma:.1f}",
        f"{s.relative:.2f}",
        f"{worst.family} {worst.n_params}",
        f"{s.z_nuisance:.2f}",
    )
