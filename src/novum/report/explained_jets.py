"""The most anomalous jets: images beside what was rebuilt, particles by what they carry."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from novum.report.display_figure import Panel, particle_panels
from novum.report.explained_figures import event_title
from novum.report.style import WIDTH, Theme, new_figure, settle, tag, theme_context, write
from novum.search.explained import EventImage, ExplainedEvent, Explanation

MOST_IMAGES = 4
_GAMMA = 0.25  # pixels span orders of magnitude
_JET, _CARRIED = "#1f86c7", "#dd6a1f"  # a raster has one colour on light and on dark paper


def image_figure(explanation: Explanation, theme: Theme = "light") -> Figure:
    """Rows of images: the jet, what was rebuilt, what carries the score, the nearest background.

    Colours are transparent where there is nothing, so that they suit light and dark paper.

    Raises
    ------
    ValueError
        If there are no images.
    """
    shown = [(e, e.image) for e in explanation.events if e.image is not None][:MOST_IMAGES]
    if not shown:
        raise ValueError("there are no images")
    titles = ["jet", *(["rebuilt"] if shown[0][1].rebuilt else []), "carries the score", "nearest"]
    with theme_context(theme) as palette:
        figure = new_figure(0.5 + (WIDTH / len(titles) + 0.15) * len(shown))
        axes = figure.subplots(len(shown), len(titles), squeeze=False)
        for place, (row, (event, image)) in enumerate(zip(axes, shown, strict=True)):
            _row(list(row), event, image, explanation)
            text = write(row[0], 0, 1.03, event_title(event, place), va="bottom")
            text.set_in_layout(False)  # it reaches into the next column
        for ax, title in zip(axes[-1], titles, strict=True):
            ax.set_xlabel(title, fontsize="small")
        for ax in axes.flat:
            ax.set_xticks([])
            ax.set_yticks([])
            for side in ax.spines.values():
                side.set_color(palette.faint)
        tag(axes[0, -1], palette)
        return settle(figure)


def _row(axes: list[Axes], event: ExplainedEvent, image: EventImage, found: Explanation) -> None:
    size = found.image_size
    pictures = [np.reshape(p, (size, size)) for p in (image.pixels, image.rebuilt, image.near) if p]
    brightest = float(pictures[0].max())
    for ax, picture in zip([*axes[:-2], axes[-1]], pictures, strict=True):
        _draw(ax, picture, brightest, _JET)
    carried = carried_image(event, found)
    _draw(axes[-2], carried, float(carried.max()), _CARRIED)


def carried_image(event: ExplainedEvent, found: Explanation) -> NDArray[np.float64]:
    """Contributions of pixels or patches as an image (size, size)."""
    side = -(-found.image_size // found.patch)
    patches = np.reshape(event.contributions, (side, side))
    pixels = patches.repeat(found.patch, axis=0).repeat(found.patch, axis=1)
    return np.asarray(pixels[: found.image_size, : found.image_size])


def _draw(ax: Axes, picture: NDArray[np.float64], brightest: float, colour: str) -> None:
    rgb = to_rgb(colour)
    map_ = LinearSegmentedColormap.from_list("ink", [(*rgb, 0.0), (*rgb, 1.0)])
    norm = PowerNorm(_GAMMA, 0, brightest or 1.0, clip=True)
    ax.imshow(picture.clip(min=0), cmap=map_, norm=norm, origin="lower", interpolation="nearest")


def display_figure(explanation: Explanation, theme: Theme = "light") -> Figure:
    """Particles of the first few events; what carries the score is opaque, where that is known.

    Raises
    ------
    ValueError
        If no event carries particles.
    """
    panels = [
        Panel(event_title(event, place), event.clouds, event.particles)
        for place, event in enumerate(explanation.events)
        if event.clouds
    ]
    return particle_panels(panels, theme)
