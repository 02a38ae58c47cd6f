"""The tables behind the figures of a search, in the YAML format of HEPData.

One data file for every figure, or several where a figure has panels with axes of their own, and a
``submission.yaml`` that lists them; see https://hepdata-submission.readthedocs.io.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from novum.io.atomic import make_folder, write_text
from novum.report.headline import judged
from novum.report.hepdata_tables import Table, tables
from novum.search.result import SearchResult

FOLDER = "hepdata"
SUBMISSION = "submission.yaml"


def write_hepdata(result: SearchResult, folder: str | Path) -> Path:
    """Write ``hepdata/submission.yaml`` and its data files into `folder` (made if needed).

    Parameters
    ----------
    result : SearchResult
        A finished search; nothing else is read.
    folder : path-like
        Where ``hepdata`` goes; data files of an earlier export there are replaced or removed.

    Returns
    -------
    Path
        The folder ``hepdata``.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    import yaml

    root = make_folder(Path(folder) / FOLDER)
    shown = judged(result)
    made = tables(shown)
    for table in made:
        write_text(root / table.file, _text(yaml, [table.data()]))
    header = {"comment": _comment(shown)}
    listed = [header, *(_entry(table, shown) for table in made)]
    write_text(root / SUBMISSION, _text(yaml, listed))
    for file in set(root.glob("*.yaml")) - {root / t.file for t in made} - {root / SUBMISSION}:
        file.unlink()  # of an earlier export: nothing lists it
    return root


def _text(yaml: Any, documents: list[Any]) -> str:
    safe = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml's is ten times faster
    text: str = yaml.dump_all(
        documents, Dumper=safe, sort_keys=False, allow_unicode=True, explicit_start=True, width=100
    )
    return text


def _comment(result: SearchResult) -> str:
    return (
        f"Search in {result.input.n_used} events of {Path(result.input.origin).name}, config "
        f"{result.config_hash}, seed {result.seed}, novum {result.versions['novum']}: "
        f"{result.summary()}."
    )


def _entry(table: Table, result: SearchResult) -> dict[str, Any]:
    keywords = {
        "reactions": ["P P --> X"],
        "observables": list(table.observables),
        "cmenergies": [float(result.config["sqrt_s"])],
        "phrases": ["anomaly detection", "resonance search", str(result.config["method"])],
    }
    return {
        "name": table.name,
        "location": table.location,
        "description": table.description,
        "keywords": [{"name": key, "values": values} for key, values in keywords.items()],
        "data_file": table.file,
    }
