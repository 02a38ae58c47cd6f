"""``novum export``: a search or a model in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from novum.errors import ConfigError


def export(
    folder: Path,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    score_by: str | None = None,
    events: Path | None = None,
) -> None:
    """Write a search as tables of HEPData, or an outlier model as an ONNX file.

    Of a finished search: the tables behind all figures, in the YAML format of HEPData. No
    HistFactory model is written: the selection of a search was trained on the data, and what it
    would select of a signal depends on the signal. Models of frozen cuts: novum limits.

    Of an outlier model: a file from which other programs compute its anomaly score; it is checked
    where onnxruntime is installed.

    Parameters
    ----------
    folder : Path
        Output folder of a hunt, or of novum fit.
    output : Path
        Folder in which hepdata/ is made, by default the folder of the hunt; or a new .onnx file.
    score_by : str
        Another of the scores of the detector.
    events : Path
        Events that the ONNX file is checked on; by default random ones.
    """
    from novum.catalogue.persistence import SPEC

    if (folder / SPEC).is_file():
        _export_model(folder, output, score_by, events)
        return
    for key, value in (("score-by", score_by), ("events", events)):
        if value is not None:
            raise ConfigError(f"--{key}: is for outlier models; {folder} has no {SPEC}")
    from novum.cli import console
    from novum.report import write_hepdata
    from novum.search.result import SearchResult

    written = write_hepdata(SearchResult.load(folder), output or folder)
    console.out.print(str(written), highlight=False, soft_wrap=True, markup=False)


def _export_model(
    folder: Path, output: Path | None, score_by: str | None, events: Path | None
) -> None:
    from novum.cli import console
    from novum.search.onnx_export import export_onnx
    from novum.search.outliers import OutlierModel

    if output is None:
        raise ConfigError("export: name a new file for the model (-o model.onnx)")
    made = export_onnx(OutlierModel.load(folder), output, score_by=score_by, events=events)
    console.print_onnx(made)
