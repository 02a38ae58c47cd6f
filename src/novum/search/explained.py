"""The record of an explanation: plain numbers and tuples, so that JSON carries them unchanged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from novum.io.atomic import atomic_folder, atomic_path, write_text
from novum.io.documents import from_json, read_document, to_json
from novum.search.records import EventCloud, Numbers

SCHEMA, SCHEMA_VERSION = "novum-explanation", 1
RECORD_FILE, TABLE_FILE = "explanation.json", "explanation.parquet"
QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclass(frozen=True)
class ExplainedPiece:
    """A feature, a particle, a pixel or a patch of an image.

    Attributes
    ----------
    name : str
    quantiles : tuple of float
        Of its values in the background sample, at `QUANTILES`; of a particle those of its pT.
        Empty for pixels and patches.
    """

    name: str
    quantiles: Numbers = ()


@dataclass(frozen=True)
class NearEvent:
    """A background event, and its distance in standardised coordinates or the latent space."""

    id: int
    distance: float


@dataclass(frozen=True)
class EventImage:
    """Pixels of an event row by row, as a model was given them.

    Attributes
    ----------
    pixels, rebuilt, near : tuple of float
        Of the event, what the model rebuilt (empty where it rebuilds nothing), and the nearest
        background event.
    """

    pixels: Numbers
    rebuilt: Numbers
    near: Numbers


@dataclass(frozen=True)
class ExplainedEvent:
    """One of the most anomalous events.

    Attributes
    ----------
    id, row : int
        Identity, and place in the file, counted from 0.
    score, p_value : float
    contributions : tuple of float
        What each piece carries of the score.
    values, rebuilt, below : tuple of float
        Of each piece: its value, what the model rebuilt, and the share of background below it;
        empty where there is none.
    near : tuple of NearEvent
        Nearest background events, the nearest first.
    latent : tuple of float
        On the axes of the picture of the latent space; may be empty.
    image : EventImage or None
        Of the first few, where the model reads images.
    clouds : tuple of EventCloud
        Of the first few, where the events have particles.
    particles : tuple of float
        Contributions of the particles of the first cloud, where the model reads them one by one.
    """

    id: int
    row: int
    score: float
    p_value: float
    contributions: Numbers
    values: Numbers = ()
    rebuilt: Numbers = ()
    below: Numbers = ()
    near: tuple[NearEvent, ...] = ()
    latent: Numbers = ()
    image: EventImage | None = None
    clouds: tuple[EventCloud, ...] = ()
    particles: Numbers = ()


@dataclass(frozen=True)
class ScoreSpectrum:
    """Shares of events and of held-out background in bins of the score.

    The outermost bins hold what lies beyond. `logarithmic` says that bins have equal ratios.
    """

    edges: Numbers
    events: Numbers
    background: Numbers
    logarithmic: bool


@dataclass(frozen=True)
class PassingEvents:
    """Events whose p-value is at most p.

    Attributes
    ----------
    p : tuple of float
        Some of the p-values that held-out background can give.
    n : tuple of int
        Events at or below.
    low, high : tuple of float
        95 % interval of the share of background events at or below, for so many held-out events
        and so many events.
    """

    p: Numbers
    n: tuple[int, ...]
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class LatentPicture:
    """Events on at most two axes of a latent space, in standard deviations of background.

    Attributes
    ----------
    n_latent : int
        Latent variables; of more than two, the axes are those along which background of the
        training varies most.
    background, events : tuple of tuple of float
        Coordinates of samples, an axis after the other.
    """

    n_latent: int
    background: tuple[Numbers, ...]
    events: tuple[Numbers, ...]


@dataclass(frozen=True)
class ModelRecord:
    """What a detector is.

    Attributes
    ----------
    method, summary : str
        Its name, and what it does.
    parameters : mapping of str to str
    score : str
        Which of its scores this is.
    columns : tuple of str
        What it reads: features, and its cloud.
    n_columns : int
        Numbers that it is given of each event.
    trained_on : str
    n_events, n_held_out : int
        Background that it was trained on, and that gives the p-values.
    references : tuple of (str, str)
        arXiv id and title of the papers that it comes from.
    """

    method: str
    summary: str
    parameters: Mapping[str, str]
    score: str
    columns: tuple[str, ...]
    n_columns: int
    trained_on: str
    n_events: int
    n_held_out: int
    references: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Explanation:
    """Why the most anomalous events of a file are anomalous.

    Attributes
    ----------
    model : ModelRecord
    origin : str
        Where the events are from.
    n_events : int
        How many there are.
    background : str
        Where the background sample is from.
    n_background : int
        Its size.
    how : str
        "residuals": contributions add up to the score. "occlusion": they are what the score
        loses when a piece takes the values of `draws` background events.
    draws, seed : int
    image_size, patch : int
        Pixels along one side of an image and of a patch; 0 where there is no image.
    pieces : tuple of ExplainedPiece
        In the order of all contributions.
    events : tuple of ExplainedEvent
        The most anomalous first.
    spectrum : ScoreSpectrum
    passing : PassingEvents
    latent : LatentPicture or None
    notes : tuple of str
        What to know before reading it.
    versions : mapping of str to str
    """

    model: ModelRecord
    origin: str
    n_events: int
    background: str
    n_background: int
    how: str
    draws: int
    seed: int
    image_size: int
    patch: int
    pieces: tuple[ExplainedPiece, ...]
    events: tuple[ExplainedEvent, ...]
    spectrum: ScoreSpectrum
    passing: PassingEvents
    latent: LatentPicture | None
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The JSON text, the same bits for equal records."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes, source: str | Path = "explanation") -> Explanation:
        """Inverse of `to_json`.

        Raises
        ------
        FileFormatError
            If the text is no explanation, of another schema version, or damaged.
        """
        what = "explanation"
        return from_json(cls, text, source, what=what, schema=SCHEMA, version=SCHEMA_VERSION)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Explanation:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If there is none, or it cannot be read.
        """
        path = Path(folder) / RECORD_FILE
        return cls.from_json(read_document(path, "explanation"), path)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``explanation.json`` and ``explanation.parquet`` into a new folder, or nothing.

        Raises
        ------
        OutputError
            If the folder exists or cannot be written.
        """
        with atomic_folder(folder) as temporary:
            self.write_into(temporary)

    def write_into(self, folder: Path) -> None:
        """Write ``explanation.json`` and ``explanation.parquet`` into a folder that is there.

        The table has a row for each event: ``id``, ``score``, ``p_value``, and a column
        ``contribution NAME`` for each piece.

        Raises
        ------
        OutputError
            If a file exists or cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        write_text(folder / RECORD_FILE, self.to_json())
        names = ("id", "score", "p_value")
        columns = {name: [getattr(event, name) for event in self.events] for name in names}
        for j, piece in enumerate(self.pieces):
            columns[f"contribution {piece.name}"] = [e.contributions[j] for e in self.events]
        types = [pa.uint64()] + [pa.float64()] * (len(columns) - 1)
        schema = pa.schema(list(zip(columns, types, strict=True)))
        with atomic_path(folder / TABLE_FILE, overwrite=False) as temporary:
            pq.write_table(pa.table(columns, schema=schema), temporary, compression="zstd")


def leading(event: ExplainedEvent, n: int) -> list[int]:
    """Pieces that carry most of the score of an event, the first first: at most n, by number."""
    order = sorted(range(len(event.contributions)), key=lambda j: -event.contributions[j])
    return order[:n]
