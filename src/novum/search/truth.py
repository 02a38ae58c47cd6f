"""What labels say about a finished search, and the events it selected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.evaluation import auc, sic_curve
from novum.events import Events
from novum.search.analysis import WindowOutcome
from novum.search.config import HuntConfig
from novum.search.crossfitting import Scores
from novum.search.displays import displayed_clouds
from novum.search.inputs import Sample, as_events, make_sample
from novum.search.records import (
    BestWindow,
    Contamination,
    EvaluationRecord,
    EventCloud,
    SelectedEvent,
)
from novum.statistics import on_off_z
from novum.windows import Window

FloatArray = NDArray[np.float64]

CURVE_POINTS = 120
LISTED_EVENTS = 20


@dataclass(frozen=True, eq=False)
class Probe:
    """Labelled events that are scored but never trained on; `truth` (n,) marks the signal."""

    sample: Sample
    truth: NDArray[np.bool_]


def make_probe(data: Any, config: HuntConfig) -> Probe:
    """The probe as a sample, in its own unit of mass.

    Raises
    ------
    InputError
        If it has no labels or no signal.
    """
    events, resolved = as_events(data, config)
    if events.label is None or not (events.label == 1).any():
        raise InputError("a probe needs labels and signal (label 1)", file=events.meta.origin)
    return Probe(make_sample(events.blind(), resolved), events.label == 1)


def evaluate_window(
    events: Events,
    probe: Probe | None,
    sample: Sample,
    outcome: WindowOutcome,
    scores: Scores,
) -> EvaluationRecord | None:
    """Truth-level record of one window; None without labels or signal there, or with weights.

    Background are the out-of-fold events of the signal region with label 0. Signal are the
    probe's label-1 events in the signal region, which no model was trained on, else those of the
    data themselves.
    """
    if events.label is None or np.any(sample.w != 1):
        return None
    window = scores.window
    inside = window.in_signal_region(sample.m)
    truth = events.label == 1
    signal, name = scores.score[inside & truth], "injected"
    if probe is not None:
        rows = window.in_signal_region(probe.sample.m) & probe.truth
        signal, name = scores.probe[rows], "never injected"
    background = scores.score[inside & ~truth]
    if len(signal) == 0 or len(background) == 0:
        return None
    curve = sic_curve(background, signal)
    best, above = curve.best(), curve.best(1e-3)
    points = np.unique(np.geomspace(1, max(len(curve.eps_b), 1), CURVE_POINTS).astype(int)) - 1
    points = points[points < len(curve.eps_b)]
    n_signal, n_background = int((inside & truth).sum()), int((inside & ~truth).sum())
    return EvaluationRecord(
        window=outcome.result.window,
        n_signal=n_signal,
        n_background=n_background,
        significance_before=n_signal / n_background**0.5,
        signal_sample=name,
        eps_b=tuple(curve.eps_b[points].tolist()),
        eps_s=tuple(curve.eps_s[points].tolist()),
        sic=tuple(curve.sic[points].tolist()),
        max_sic=None if best is None else best[0],
        max_sic_n_background=None if best is None else best[1],
        max_sic_above_1e3=None if above is None else above[0],
        sic_at_1e3=curve.at(1e-3),
        auc=auc(background, signal),
        selected_signal=float(outcome.share[inside & truth].sum()),
        selected_background=float(outcome.share[inside & ~truth].sum()),
        contamination=_contamination(outcome, truth, inside, window.in_sidebands(sample.m)),
    )


def _contamination(
    outcome: WindowOutcome,
    truth: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    sidebands: NDArray[np.bool_],
) -> Contamination:
    """Signal of the data outside the signal region, carried to the expectation and to z."""
    result, counts = outcome.result, outcome.result.counts
    selected = float(outcome.share[truth & sidebands].sum())
    clean = max(counts.n_off - selected, 0.0)
    without = float(on_off_z(counts.n_on, clean, counts.ratio, counts.ratio_error))
    return Contamination(
        outside=int((truth & ~inside).sum()),
        share=float(truth[~inside].mean()) if (~inside).any() else 0.0,
        selected=selected,
        expected=selected * counts.ratio,
        z_without=None if result.withheld is not None else without,
    )


def most_anomalous(
    events: Events,
    sample: Sample,
    outcomes: list[WindowOutcome],
    scores: list[Scores],
    best: BestWindow | None,
) -> tuple[SelectedEvent, ...]:
    """The selected events of the best window with the highest scores."""
    for outcome, scored in zip(outcomes, scores, strict=True):
        window = scored.window
        if best is None or (window.low, window.high) != (best.low, best.high):
            continue
        rows = selected_rows(outcome, window, sample)
        order = np.lexsort((rows, -scored.score[rows]))[:LISTED_EVENTS]
        listed = rows[order]
        clouds = displayed_clouds(events, listed)
        return tuple(
            _listed(events, sample, scored.score, int(i), particles)
            for i, particles in zip(listed, clouds, strict=True)
        )
    return ()


def selected_rows(outcome: WindowOutcome, window: Window, sample: Sample) -> NDArray[np.int64]:
    """Rows of the signal-region events that at least half of the cross-fits select."""
    return np.flatnonzero((outcome.share >= 0.5) & window.in_signal_region(sample.m))


def _listed(
    events: Events,
    sample: Sample,
    score: FloatArray,
    row: int,
    clouds: tuple[EventCloud, ...],
) -> SelectedEvent:
    numbers = {name: int(column[row]) for name, column in events.bookkeeping.items()}
    return SelectedEvent(
        id=int(sample.ids[row]),
        mass=float(sample.m[row]),
        score=float(score[row]),
        features=tuple(sample.X[row].tolist()),
        clouds=clouds,
        **numbers,
    )
