"""The page: a template, the record, and the figures as data."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from novum.report import alt, words
from novum.report.cite import references
from novum.report.explorer import explorer_data, safe_json, start_index
from novum.report.figures import MOST_FEATURES
from novum.report.headline import corrected_expectation, headline, judged
from novum.report.ranking import CLEAR, ranked_features
from novum.report.script import scripts
from novum.report.stability_figure import band
from novum.search.gates import MAX_MUTUAL_INFORMATION, MAX_RANK_CORRELATION
from novum.search.records import EvaluationRecord, SelectedEvent, WindowResult
from novum.search.result import SearchResult

MOST_EVENTS = 20


@dataclass(frozen=True)
class FigureData:
    """One figure as SVG, for light and for dark pages."""

    light: bytes
    dark: bytes

    @property
    def light_uri(self) -> str:
        """Data URI of the light variant."""
        return _uri(self.light)

    @property
    def dark_uri(self) -> str:
        """Data URI of the dark variant."""
        return _uri(self.dark)


def render(
    result: SearchResult, figures: Mapping[str, FigureData], evaluated: EvaluationRecord | None
) -> str:
    """The HTML of a search; everything that came from outside is escaped.

    Parameters
    ----------
    result : SearchResult
        A finished search.
    figures : mapping of str to FigureData
        By the name of the figure; those that are missing are left out.
    evaluated : EvaluationRecord or None
        The truth-level record that the evaluation figure shows.

    Returns
    -------
    str
        A complete HTML document.
    """
    result = judged(result)
    chosen = headline(result)
    window = chosen.shown
    return environment().get_template("report.html.j2").render(
        result=result,
        best=chosen.best,
        window=window,
        calibrated=chosen.calibrated,
        calibration=result.calibration,
        expectation=corrected_expectation(window, chosen.calibrated),
        ranked=ranked_features(window),
        clear=CLEAR,
        max_correlation=MAX_RANK_CORRELATION,
        max_information=MAX_MUTUAL_INFORMATION,
        repeat_band=band(window.repeat_z) if len(window.repeat_z) > 1 else None,
        explorer=explorer_data(result),
        start=start_index(result),
        scripts=scripts(),
        evaluated=evaluated,
        figures=figures,
        alts=_alts(result, window, evaluated),
        css=style_sheet(),
        references=references(result),
        config=[(key, _setting(value)) for key, value in result.config.items()],
        features=[record.name for record in window.features],
        events=sorted(result.selected_events, key=lambda e: -e.score)[:MOST_EVENTS],
        most_features=MOST_FEATURES,
    )  # fmt: skip


def environment() -> Environment:
    """The templates, and how they write numbers."""
    made = Environment(
        loader=PackageLoader("novum.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters |= {
        "count": words.count,
        "interval": lambda window: words.interval(window.low, window.high),
        "maybe": lambda value: "—" if value is None else words.number(value),
        "maybe_count": lambda value: "—" if value is None else words.count(value),
        "null_data": words.null_data,
        "number": words.number,
        "bar": lambda share: f"{100 * share:.0f}%",
        "json": safe_json,
        "p": words.p_value,
        "p_interval": words.p_interval,
        "percent": words.percent,
        "script": Markup,
        "z": words.signed,
        "event_id": _event_id,
    }
    made.globals |= {
        "bounds": words.bounds,
        "span": words.interval,
        "with_error": words.with_error,
    }
    return made


def _alts(
    result: SearchResult, window: WindowResult, evaluated: EvaluationRecord | None
) -> dict[str, str]:
    return {
        "pvalue_scan": alt.pvalue_scan(result),
        "spectrum": alt.spectrum(window),
        "calibration": "" if result.calibration is None else alt.calibration(result.calibration),
        "features": alt.features(window),
        "validation": alt.validation(window),
        "template": alt.template(window),
        "stability": alt.stability(window),
        "displays": alt.displays(result.selected_events),
        "evaluation": "" if evaluated is None else alt.evaluation(evaluated),
    }


def _printable(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return words.printable(value)


def style_sheet() -> Markup:
    """The style of all pages."""
    return Markup(files("novum.report").joinpath("templates", "style.css").read_text("utf-8"))


def _setting(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, tuple | list):
        return ", ".join(_setting(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _event_id(event: SelectedEvent) -> str:
    if event.run is None or event.event is None:
        return str(event.id)
    lumi = "?" if event.lumi is None else event.lumi
    return f"{event.run}:{lumi}:{event.event}"


def _uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
