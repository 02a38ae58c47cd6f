"""How the figures look: mplhep's style made smaller, in a light and a dark variant."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Literal

import matplotlib as mpl
import mplhep
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from novum.report.words import clean

Theme = Literal["light", "dark"]
Format = Literal["svg", "png", "pdf"]
WIDTH = 5.6  # inches: text stays legible when a phone shows the figure 360 px wide

_FIXED: dict[str, Any] = {
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],  # both come with mplhep and matplotlib
    "font.size": 13,
    "mathtext.fontset": "dejavusans",
    "mathtext.default": "regular",
    "axes.linewidth": 0.9,
    "axes.unicode_minus": True,
    "xtick.major.size": 6,
    "xtick.minor.size": 3,
    "ytick.major.size": 6,
    "ytick.minor.size": 3,
    "xtick.major.pad": 5,
    "lines.linewidth": 1.6,
    "hatch.linewidth": 0.6,
    "legend.borderpad": 0.2,
    "legend.fontsize": "small",
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.4,
    "svg.hashsalt": "novum",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "savefig.bbox": None,
}


@dataclass(frozen=True)
class Palette:
    """Colours of one theme; Okabe and Ito's hues, dark enough for text."""

    paper: str
    ink: str
    muted: str
    faint: str
    hatch: str
    data: str
    fit: str
    accent: str
    second: str


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        paper="#ffffff",
        ink="#1b1f24",
        muted="#6b737d",
        faint="#d5d9de",
        hatch="#aab2bb",
        data="#1b1f24",
        fit="#0072b2",
        accent="#c24e00",
        second="#007f5f",
    ),
    "dark": Palette(
        paper="#15181c",
        ink="#e6e9ec",
        muted="#9aa3ad",
        faint="#3a4149",
        hatch="#59626c",
        data="#e6e9ec",
        fit="#56b4e9",
        accent="#f0883e",
        second="#2fc79a",
    ),
}


def _colours(palette: Palette) -> dict[str, Any]:
    ink = dict.fromkeys(
        ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color"),
        palette.ink,
    )
    paper = dict.fromkeys(("figure.facecolor", "axes.facecolor"), palette.paper)
    return {**ink, **paper, "hatch.color": palette.hatch}


@contextmanager
def theme_context(theme: Theme) -> Iterator[Palette]:
    """Matplotlib settings of one theme; leaves the user's own settings as they were."""
    palette = PALETTES[theme]
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(mplhep.style.ROOT)
        settings: dict[Any, Any] = {**_FIXED, **_colours(palette)}
        mpl.rcParams.update(settings)
        yield palette


def to_bytes(figure: Figure, format: Format) -> bytes:
    """The file contents of `figure`; equal figures give equal bytes (no dates, fixed ids)."""
    metadata: dict[Format, dict[str, None]] = {
        "svg": {"Date": None},
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
    buffer = io.BytesIO()
    with theme_context("light"):  # for fonts and ids; the colours are already in the figure
        figure.savefig(buffer, format=format, facecolor="auto", metadata=metadata[format])
    return buffer.getvalue()


def darkened(svg: bytes) -> bytes:
    """The dark variant of a figure that was drawn in light colours; half the time of drawing it."""
    light, dark = asdict(PALETTES["light"]), asdict(PALETTES["dark"])
    swap = {colour: dark[role] for role, colour in light.items()}
    text = re.sub("|".join(swap), lambda match: swap[match[0]], svg.decode("utf-8"))
    return text.encode("utf-8")


def looks(palette: Palette) -> Iterator[tuple[str, str]]:
    """Colours and line styles without end; both change, for those who see no colours."""
    colours = (palette.fit, palette.accent, palette.second, palette.data)
    dashes = ("-", "--", ":", "-.")
    for i in count():
        yield colours[i % len(colours)], dashes[(i + i // len(colours)) % len(dashes)]


def new_figure(height: float) -> Figure:
    """An empty figure of the common width that keeps its labels inside."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def settle(figure: Figure) -> Figure:
    """Lay out `figure` once and for all, so that saving it in three formats does not repeat it."""
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    return figure


def axis_labels(ax: Axes, x: str | None = None, y: str | None = None) -> None:
    """Label the axes with literal text: names from a file are never read as mathematics."""
    if x is not None:
        ax.set_xlabel(clean(x, 48), parse_math=False)
    if y is not None:
        ax.set_ylabel(clean(y, 48), parse_math=False)


def write(ax: Axes, x: float, y: float, text: str, **options: Any) -> Text:
    """Literal text at axes coordinates."""
    options = {"fontsize": "small", "transform": ax.transAxes, **options}
    return ax.text(x, y, text, parse_math=False, **options)


def tag(ax: Axes, palette: Palette) -> None:
    """The small "novum" above the right corner."""
    write(ax, 1, 1.015, "novum", ha="right", va="bottom", color=palette.muted, style="italic")


def legend_above(ax: Axes, handles: Sequence[Artist]) -> None:
    """Legend in one row above the axes, where no data can be."""
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(handles),
        borderaxespad=0.15,
    )  # fmt: skip
