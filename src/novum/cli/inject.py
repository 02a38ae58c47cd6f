"""``novum inject``: a known number of signal events hidden in background."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def inject(
    background: Path,
    signal: Path,
    *,
    number: Annotated[int, Parameter(name=("--number", "-n"))],
    output: Annotated[Path, Parameter(name=("--output", "-o"))],
    seed: int = 0,
    label: str | None = None,
) -> None:
    """Hide signal events in background, in random order, labelled 0 and 1.

    Of a labelled background file only label 0 is kept, of a labelled signal file only label 1.

    Parameters
    ----------
    background : Path
        Table of events.
    signal : Path
        Table of events with the same columns, or the same labelled file.
    number : int
        Signal events to inject.
    output : Path
        New file; its suffix picks the format.
    seed : int
        Draws the events and their order.
    label : str
        Truth column, 1 for signal; by default the one named label, is_signal or the like.
    """
    from novum.cli import console
    from novum.simulation import inject_files

    made = inject_files(background, signal, output, n=number, seed=seed, label=label)
    ids = (
        "signal has new ids, its own are also those of background"
        if made.renumbered
        else "ids are kept"
    )
    console.out.print(
        f"N_sig = {made.n_signal}, N_bkg = {made.n_background}; {ids}", highlight=False
    )
    console.out.print(f"written: {output}", highlight=False, soft_wrap=True, markup=False)
