"""``novum export``: the numbers behind the figures of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def export(
    folder: Path,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
) -> None:
    """Write the tables behind all figures of a finished search in the YAML format of HEPData.

    No HistFactory model is written: the selection of a search was trained on the data, and what it
    would select of a signal depends on the signal. Models of frozen cuts: novum limits.

    Parameters
    ----------
    folder : Path
        Output folder of a hunt.
    output : Path
        Folder in which hepdata/ is made; by default the folder of the hunt.
    """
    from novum.cli import console
    from novum.report import write_hepdata
    from novum.search.result import SearchResult

    written = write_hepdata(SearchResult.load(folder), output or folder)
    console.out.print(str(written), highlight=False, soft_wrap=True, markup=False)
