"""``novum convert``: a file of events in another format."""

from __future__ import annotations

from pathlib import Path

from novum.errors import ConfigError


def convert(
    events: Path,
    output: Path,
    *,
    columns: list[str] | None = None,
    format: str | None = None,
    cloud: list[str] | None = None,
) -> None:
    """Write events in another format, in little memory however large the file is.

    Weights, labels, identities and event numbers come along.

    Parameters
    ----------
    events : Path
        File in any format that novum reads; FILE.root:TREE names a tree.
    output : Path
        New file; its suffix picks the format: .parquet, .csv, .tsv or .h5.
    columns : list[str]
        Features and clouds, A,B,C; of ROOT files also expressions such as Jet_pt[:,0].
    format : str
        Format of the input, where its suffix and content do not tell.
    cloud : list[str]
        Branches of a ROOT file that make a cloud, NAME=BRANCH,BRANCH,...; pT first.
    """
    from novum.cli import console
    from novum.io import convert as convert_file
    from novum.io import open_events

    clouds = None if cloud is None else dict(_named(text) for text in cloud)
    source = open_events(events, format=format, clouds=clouds)
    made = convert_file(source, output, columns, progress=console.RichProgress())
    held = f", clouds {', '.join(made.clouds)}" if made.clouds else ""
    console.out.print(
        f"written: {made.path} ({made.format}, {made.n_events} events, "
        f"{len(made.columns)} columns{held})",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _named(text: str) -> tuple[str, list[str]]:
    name, equals, branches = text.partition("=")
    words = [b.strip() for b in branches.split(",") if b.strip()]
    if not equals or not name.strip() or not words:
        raise ConfigError(f"--cloud: write NAME=BRANCH,BRANCH,..., not '{text}'")
    return name.strip(), words
