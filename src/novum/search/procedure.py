"""`hunt`: from events to a `SearchResult`, the whole procedure in one place."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from novum import catalogue
from novum.classifiers.tasks import check_classifier
from novum.errors import ConfigError
from novum.events import Events
from novum.progress import NoProgress, Progress
from novum.resonant.base import ResonantMethod
from novum.search.analysis import WindowOutcome, analyse_window
from novum.search.checkpoint import Checkpoint
from novum.search.config import HuntConfig
from novum.search.crossfitting import Scores, crossfit
from novum.search.inputs import Sample, as_events, check_units, effective_scale, make_sample
from novum.search.output import write_tables
from novum.search.records import InputRecord, SpectrumRecord
from novum.search.result import SearchResult
from novum.search.scan import ScanPlan, plan_scan
from novum.search.significance import best_window, global_significance, inclusive_significance
from novum.search.truth import Probe, evaluate_window, make_probe, most_anomalous
from novum.statistics import SpectrumFit, final_fit

VERSIONED = ("novum", "numpy", "scipy", "scikit-learn", "iminuit", "hist")


def hunt(
    events: Any,
    *,
    mass: str | None = None,
    features: tuple[str, ...] | list[str] | None = None,
    classifier: Any = None,
    config: HuntConfig | None = None,
    probe: Any = None,
    output: str | Path | None = None,
    resume: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> SearchResult:
    """Search for a resonance with a classifier trained without labels.

    Parameters
    ----------
    events : Events, path, mapping of columns, structured array or data frame
        What was recorded. Truth labels, if there are any, are kept from the search and used only
        for the evaluation of its result.
    mass : str
        Column of the resonant variable.
    features : sequence of str
        Columns the classifier sees.
    classifier : scikit-learn classifier, optional
        Instead of the one named in the config; its ``fit`` takes ``sample_weight``.
    config : HuntConfig, optional
        Settings to start from; `mass`, `features` and `settings` replace some of them.
    probe : as events, optional
        Labelled events that are scored but never trained on; their signal replaces the signal of
        `events` in the evaluation.
    output : path-like, optional
        Folder for ``result.json``, ``scores.parquet`` and ``selected.parquet``; it must be new.
    resume : bool
        Continue an interrupted search in `output`.
    n_jobs : int, optional
        Worker processes; the result does not depend on it.
    progress : Progress, optional
        Meter of the long parts.
    **settings
        Fields of `HuntConfig`.

    Returns
    -------
    SearchResult

    Raises
    ------
    ConfigError, InputError, WindowError, FitError, OutputError
        See these; each names what is wrong and what to do.
    """
    config = _resolve(config, mass, features, settings)
    config.validated()
    method: ResonantMethod = catalogue.build("method", config.method)
    if classifier is None:
        classifier = catalogue.build("classifier", config.classifier, members=config.members)
    else:
        config = replace(config, classifier=_describe(classifier))
    check_classifier(classifier)
    table, resolved = as_events(events, config)
    held_out = None if probe is None else make_probe(probe, config)
    search = _Search(
        resolved, method, classifier, table, held_out, n_jobs, progress or NoProgress()
    )
    return search.run(output, resume)


def _resolve(
    config: HuntConfig | None,
    mass: str | None,
    features: tuple[str, ...] | list[str] | None,
    settings: dict[str, Any],
) -> HuntConfig:
    values = dict(settings)
    if mass is not None:
        values["mass"] = mass
    if isinstance(features, str):
        raise ConfigError("features: give a sequence of column names, not one string")
    if features is not None:
        values["features"] = tuple(features)
    return (config or HuntConfig()).with_values(values, "hunt")


def _describe(classifier: Any) -> str:
    """The classifier as its constructor would be written, on one line."""
    return " ".join(repr(classifier).split())


@dataclass(frozen=True, eq=False)
class _Search:
    config: HuntConfig
    method: ResonantMethod
    classifier: Any
    events: Events
    probe: Probe | None
    n_jobs: int | None
    progress: Progress

    def run(self, output: str | Path | None, resume: bool) -> SearchResult:
        config, origin = self.config, self.events.meta.origin
        sample = make_sample(self.events.blind(), config)
        check_units(sample.m, config, origin)
        scale = effective_scale(sample.w)
        plan = plan_scan(sample.m, sample.w * scale, config)
        digest = sample.sha256()
        key = "-".join((config.hash(), digest, self._surroundings()))
        checkpoint = None if output is None else Checkpoint(output, key, resume=resume)
        fits = [self._inclusive_fit(plan, i) for i in range(len(plan.windows))]
        outcomes: list[WindowOutcome] = []
        kept: list[Scores] = []
        for scores, fit in zip(self._scores(sample, plan, checkpoint), fits, strict=True):
            outcomes.append(analyse_window(sample, scores, plan, fit, config, scale))
            kept.append(scores.averaged())
        result = self._conclude(sample, plan, outcomes, kept, scale, digest)
        if checkpoint is not None:
            write_tables(checkpoint.folder, self.events, sample, outcomes, kept)
            result.save(checkpoint.folder)
            checkpoint.finish()
        return result

    def _surroundings(self) -> str:
        """Digest of what else decides the scores: the probe and the versions."""
        probe = "" if self.probe is None else self.probe.sample.sha256()
        return hashlib.sha256(f"{probe} {_versions()}".encode()).hexdigest()[:12]

    def _inclusive_fit(self, plan: ScanPlan, i: int) -> SpectrumFit:
        counts = plan.counts[plan.fit_bins]
        return final_fit(counts, plan.fit_edges, plan.windows[i], plan.family, self.config.n_params)

    def _scores(
        self,
        sample: Sample,
        plan: ScanPlan,
        checkpoint: Checkpoint | None,
    ) -> Iterator[Scores]:
        config = self.config
        for window in plan.windows:
            scores = None if checkpoint is None else checkpoint.load(window)
            if scores is None:
                scores = crossfit(
                    self.method,
                    self.classifier,
                    sample,
                    window,
                    folds=config.folds,
                    repeats=config.repeats,
                    seed=config.seed,
                    probe=None if self.probe is None else self.probe.sample,
                    n_jobs=self.n_jobs,
                    progress=self.progress,
                )
                if checkpoint is not None:
                    checkpoint.save(scores)
            yield scores

    def _conclude(
        self,
        sample: Sample,
        plan: ScanPlan,
        outcomes: list[WindowOutcome],
        scores: list[Scores],
        scale: float,
        digest: str,
    ) -> SearchResult:
        config = self.config
        best = best_window(outcomes)
        low, high = plan.fit_range
        global_p, gross_vitells = global_significance(sample, plan, outcomes, config)
        evaluation = tuple(
            record
            for o, s in zip(outcomes, scores, strict=True)
            if (record := evaluate_window(self.events, self.probe, sample, o, s))
        )
        return SearchResult(
            config=config.to_dict(),
            config_hash=config.hash(),
            seed=config.seed,
            versions=_versions(),
            references=self._references(),
            input=InputRecord(
                origin=self.events.meta.origin,
                n_events=len(self.events),
                n_used=int(((sample.m >= low) & (sample.m < high)).sum()),
                weighted=bool(np.any(sample.w != 1)),
                labelled=self.events.label is not None,
                sha256=digest,
            ),
            spectrum=SpectrumRecord(
                edges=tuple(plan.edges.tolist()),
                counts=tuple(plan.counts.tolist()),
                fit_range=plan.fit_range,
            ),
            windows=tuple(o.result for o in outcomes),
            best_window=best,
            global_p=global_p,
            gross_vitells=gross_vitells,
            inclusive_global_p=inclusive_significance(outcomes, config),
            selected_events=most_anomalous(self.events, sample, outcomes, scores, best),
            evaluation=evaluation,
            warnings=_warnings(sample, self.events.label is not None, scale),
        )

    def _references(self) -> tuple[str, ...]:
        """arXiv ids of the method, the classifier, the family and the statistics."""
        members = (self.method, self.classifier)
        papers = [arxiv for m in members for arxiv, _ in getattr(m, "reference", ())]
        background = "1911.03947" if self.config.family == "dijet" else "1407.0558"
        return (*papers, background, "physics/0702156", "1007.1727", "1005.1891")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in VERSIONED} | {"python": platform.python_version()}


def _warnings(sample: Sample, labelled: bool, scale: float) -> tuple[str, ...]:
    if not np.any(sample.w != 1):
        return ()
    found = [f"events are weighted: counts are effective counts, {scale:.4g} per unit of weight"]
    if labelled:
        found.append("events are weighted: there is no truth-level evaluation")
    return tuple(found)
