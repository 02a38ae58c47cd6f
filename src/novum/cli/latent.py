"""``novum scan-latent``: the size of a bottleneck."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from novum.errors import ConfigError
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages


def scan_latent(
    method: str,
    background: Path,
    *,
    output: Annotated[Path, Parameter(name=("--output", "-o"))],
    latent: str | None = None,
    signal: Path | None = None,
    seeds: int = 3,
    features: list[str] | None = None,
    cloud: str | None = None,
    image: JetImages | None = None,
    points: JetClouds | None = None,
    seed: int = 0,
    **options: str,
) -> None:
    """Train an outlier detector with several sizes of its latent space.

    Held-out background says how much of it each size loses. Parameters of the detector are options
    of the same name, such as --epochs 20.

    Parameters
    ----------
    method : str
        Name of a detector with a latent space, such as autoencoder.
    background : Path
        Parquet, CSV, NumPy, HDF5 or ROOT file.
    output : Path
        New folder for latent_scan.json and the figure.
    latent : str
        Sizes, A,B,C; by default those of 1,2,3,4,6,8,12 that the detector takes and that are fewer
        than the columns.
    signal : Path
        Signal events, for the AUC of each size: truth level, no blind choice.
    seeds : int
        Trainings of each size.
    features : list[str]
        Columns that the detector reads, A,B,C; by default all.
    cloud : str
        Cloud whose particles it reads, too.
    image : JetImages
        Read images of the cloud.
    points : JetClouds
        Read the hardest particles of the cloud as preprocessed points.
    seed : int
        The first seed.
    options : str
        Parameters of the detector.
    """
    from novum.cli import console
    from novum.io.atomic import check_new_folder
    from novum.report.latent_figure import write_latent_scan
    from novum.search.latent_scan import scan_latent as scan
    from novum.search.representations import one_of

    check_new_folder(output)
    made = scan(
        background,
        method,
        latent=None if latent is None else _sizes(latent),
        signal=signal,
        seeds=seeds,
        features=features,
        cloud=cloud,
        representation=one_of(image, points),
        options=options,
        seed=seed,
        progress=console.RichProgress(),
    )
    write_latent_scan(made, output)
    console.print_latent_scan(made, output)


def _sizes(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",") if word.strip()]
    except ValueError:
        raise ConfigError(f"latent: whole numbers A,B,C, not '{text}'") from None
