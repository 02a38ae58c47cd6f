"""What each figure of an outlier run shows, in words and numbers."""

from __future__ import annotations

from novum.report.explained_figures import MOST_ROWS
from novum.report.explained_jets import MOST_IMAGES
from novum.report.outlier_figures import MOST_MARKED, score_words
from novum.report.words import clean, count, number
from novum.search.explained import Explanation, leading


def alts(found: Explanation) -> dict[str, str]:
    """Alternative texts by the name of the figure."""
    return {
        "scores": _scores(found),
        "latent": _latent(found),
        "contributions": _contributions(found),
        "values": _values(found),
        "images": f"Images of the {min(MOST_IMAGES, _shown(found, 'image'))} most anomalous jets, "
        "with what carries the score and the nearest background jet.",
        "displays": f"Particles of the {_shown(found, 'clouds')} most anomalous events in η and φ.",
    }


def _scores(found: Explanation) -> str:
    first, last = found.events[0], found.events[-1]
    least, n = found.passing.p[0], found.passing.n[0]
    return (
        f"Spectrum of the {score_words(found)} of {count(found.n_events)} events and of "
        f"{count(found.model.n_held_out)} held-out background events; the explained ones reach "
        f"from {number(last.score)} to {number(first.score)}. {count(n)} events have the least "
        f"p-value, {number(least, 2)}, where background would give {number(n_expected(found), 2)}."
    )


def n_expected(found: Explanation) -> float:
    """Background events among as many as there are with the least p-value."""
    return found.passing.p[0] * found.n_events


def _latent(found: Explanation) -> str:
    if found.latent is None:
        return ""
    places = "; ".join(
        f"{i + 1} at " + ", ".join(number(v, 2) for v in event.latent)
        for i, event in enumerate(found.events[:MOST_MARKED])
    )
    return f"Latent space in standard deviations of background; explained events: {places}."


def _contributions(found: Explanation) -> str:
    parts = []
    for i, event in enumerate(found.events[:MOST_MARKED]):
        first = ", ".join(
            f"{clean(found.pieces[j].name, 40)} {number(event.contributions[j], 2)}"
            for j in leading(event, 3)
        )
        parts.append(f"{i + 1}: {first}")
    return f"Largest contributions to the scores: {'; '.join(parts)}."


def _values(found: Explanation) -> str:
    if not found.events[0].values:
        return ""
    event = found.events[0]
    first = ", ".join(
        f"{clean(found.pieces[j].name, 40)} {number(event.values[j])} against a median of "
        f"{number(found.pieces[j].quantiles[2])}"
        for j in leading(event, 3)
    )
    rows = min(MOST_ROWS, len(found.pieces))
    return f"Values of {rows} features beside background; of the most anomalous event: {first}."


def _shown(found: Explanation, what: str) -> int:
    return sum(bool(getattr(event, what)) for event in found.events)
