"""``novum fit`` and ``novum score``: outlier detectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages

Output = Annotated[Path, Parameter(name=("--output", "-o"))]


def fit(
    method: str,
    background: Path,
    *,
    output: Output,
    features: list[str] | None = None,
    cloud: str | None = None,
    image: JetImages | None = None,
    points: JetClouds | None = None,
    seed: int = 0,
    **options: str,
) -> None:
    """Train an outlier detector on background events.

    Parameters of the detector are options of the same name, such as --latent 4; `novum methods`
    lists them. One event in five is held out and gives the p-values.

    Parameters
    ----------
    method : str
        Name of a detector, such as kmeans or autoencoder.
    background : Path
        Parquet, CSV, NumPy, HDF5 or ROOT file.
    output : Path
        New folder for the model.
    features : list[str]
        Columns that the detector reads, A,B,C; by default all.
    cloud : str
        Cloud whose particles it reads, too, as further columns.
    image : JetImages
        Read images of the cloud; detectors that are made for images do so by themselves.
    points : JetClouds
        Read the hardest particles of the cloud as preprocessed points; detectors that are made
        for them do so by themselves.
    seed : int
        Seed of the training and of the held-out events.
    options : str
        Parameters of the detector.
    """
    from novum.cli import console
    from novum.io.atomic import check_new_folder
    from novum.search.outliers import fit_outlier
    from novum.search.representations import one_of

    check_new_folder(output)
    with console.waiting(f"training {method}"):
        model = fit_outlier(
            background,
            method,
            features=features,
            cloud=cloud,
            representation=one_of(image, points),
            options=options,
            seed=seed,
        )
    model.save(output)
    console.print_outlier_model(model, output)


def score(
    model: Path,
    events: Path,
    *,
    output: Output,
    score_by: str | None = None,
) -> None:
    """Score events with an outlier detector: a table of id, score and p_value.

    A p-value is the share of held-out background that is at least as anomalous. The file may be
    larger than the memory.

    Parameters
    ----------
    model : Path
        Folder that `novum fit` wrote.
    events : Path
        Parquet, CSV, NumPy, HDF5 or ROOT file with the columns of the model.
    output : Path
        New Parquet file.
    score_by : str
        Another of the scores of the detector, such as mae; `novum methods` lists them.
    """
    from novum.cli import console
    from novum.search.outliers import OutlierModel, score_file

    n = score_file(
        OutlierModel.load(model), events, output, score_by=score_by, progress=console.RichProgress()
    )
    console.out.print(
        f"written: {output} ({n} events)", highlight=False, soft_wrap=True, markup=False
    )
