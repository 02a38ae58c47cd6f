"""`hunt`: from events to a `SearchResult`, the whole procedure in one place."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from novum.classifiers.tasks import check_classifier
from novum.density.base import require_learnable
from novum.errors import ConfigError
from novum.events import Events
from novum.io import folder_lock
from novum.progress import NoProgress, Progress
from novum.resonant.base import ResonantMethod
from novum.search.analysis import WindowOutcome, analyse_window
from novum.search.calibrated import Calibration
from novum.search.checkpoint import Checkpoint
from novum.search.config import HuntConfig
from novum.search.cost import Cost
from novum.search.crossfitting import Scores, crossfit
from novum.search.inputs import Sample, as_events, check_units, make_sample
from novum.search.lookup import beside, calibrated, find_calibration
from novum.search.members import build_classifier, build_method, describe
from novum.search.output import write_tables
from novum.search.provenance import input_record, versions
from novum.search.records import InputRecord, SpectrumRecord, Unblinding, WindowEdges
from novum.search.result import SearchResult
from novum.search.scan import ScanPlan, plan_scan
from novum.search.significance import best_window, global_significance, inclusive_significance
from novum.search.template_closure import template_closure, template_of, template_warnings
from novum.search.truth import Probe, evaluate_window, make_probe, most_anomalous
from novum.search.weight_warnings import weight_warnings
from novum.statistics import Family, SpectrumFit
from novum.windows import Window
from novum.workers import n_workers


def hunt(
    events: Any,
    *,
    mass: str | None = None,
    features: tuple[str, ...] | list[str] | None = None,
    method: Any = None,
    classifier: Any = None,
    config: HuntConfig | None = None,
    probe: Any = None,
    calibration: Calibration | str | Path | None = None,
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
    method : str or ResonantMethod, optional
        A name, as `novum methods` lists it, or a method of one's own.
    classifier : str or scikit-learn classifier, optional
        A name, as `novum methods` lists it, or a classifier of one's own whose ``fit`` takes
        ``sample_weight``.
    config : HuntConfig, optional
        Settings to start from; `mass`, `features` and `settings` replace some of them.
    probe : as events, optional
        Labelled events that are scored but never trained on; their signal replaces the signal of
        `events` in the evaluation.
    calibration : Calibration or path, optional
        Retrained null searches of this config, see `novum.calibration.calibrate`; where not given,
        ``calibration.json`` beside the events or beside the output folder is used if it applies.
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
    if isinstance(classifier, str):
        settings, classifier = {**settings, "classifier": classifier}, None
    if isinstance(method, str):
        settings, method = {**settings, "method": method}, None
    config = _resolve(config, mass, features, settings)
    search = make_search(
        events, config, method=method, classifier=classifier, probe=probe,
        calibration=calibration, n_jobs=n_jobs, progress=progress,
    )  # fmt: skip
    return search.run(output, resume)


def make_search(
    events: Any,
    config: HuntConfig,
    *,
    method: ResonantMethod | None = None,
    classifier: Any = None,
    probe: Any = None,
    calibration: Calibration | str | Path | None = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Search:
    """A search that is ready to run; parameters and errors are those of `hunt`."""
    config = config.validated()
    if method is None:
        method = build_method(config)
    else:
        if not isinstance(method, ResonantMethod):
            raise ConfigError(f"method: {type(method).__name__} is no ResonantMethod")
        if config.method_options or config.density or config.density_options:
            raise ConfigError("method: it was given as an object; set its options there")
        config = replace(config, method=describe(method))
    if classifier is None:
        classifier = build_classifier(config)
    else:
        if config.classifier_options:
            raise ConfigError(
                "classifier_options: the classifier was given as an object; set its options there"
            )
        config = replace(config, classifier=describe(classifier))
    check_classifier(classifier)
    table, resolved = as_events(events, config)
    held_out = None if probe is None else make_probe(probe, config)
    return Search(
        resolved, method, classifier, table, held_out, calibration, n_jobs,
        progress or NoProgress(),
    )  # fmt: skip


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


@dataclass(frozen=True, eq=False)
class Prepared:
    """The columns, the plan, what was read, the key of a checkpoint, and the calibration."""

    sample: Sample
    plan: ScanPlan
    record: InputRecord
    key: str
    calibration: Calibration | None


def _require_density(sample: Sample, plan: ScanPlan, names: tuple[str, ...]) -> None:
    """Refuse by name, and before any training, what the density of no fold could be learnt from."""
    for window in plan.windows:
        rows = ~window.in_signal_region(sample.m) & (sample.w != 0)
        require_learnable(sample.X[rows], sample.m[rows], names)


@dataclass(frozen=True, eq=False)
class Search:
    """Events, settings and parts of one search; see `hunt`."""

    config: HuntConfig
    method: ResonantMethod
    classifier: Any
    events: Events
    probe: Probe | None
    calibration: Calibration | str | Path | None
    n_jobs: int | None
    progress: Progress

    def run(
        self,
        output: str | Path | None,
        resume: bool = False,
        keep: str = "",
        unblinded: Unblinding | None = None,
    ) -> SearchResult:
        """Run it; `keep` names a file that may already be in the output folder."""
        prepared = self.prepare(output)
        if output is None:
            return calibrated(self._searched(prepared, None), prepared.calibration)
        start = time.perf_counter()
        with folder_lock(output):
            checkpoint = Checkpoint(output, prepared.key, resume=resume, keep=keep)
            result = calibrated(self._searched(prepared, checkpoint), prepared.calibration)
            result = replace(result, unblinded=unblinded)
            seconds = time.perf_counter() - start
            Cost(round(seconds, 1), n_workers(self.n_jobs), resume).save(checkpoint.folder)
            result.save(checkpoint.folder)
            checkpoint.finish()
        return result

    def prepare(self, output: str | Path | None) -> Prepared:
        """What is known before any training."""
        config, origin = self.config, self.events.meta.origin
        sample = make_sample(self.events.blind(), config)
        check_units(sample.m, config, origin)
        plan = plan_scan(sample.m, sample.w, config)
        if template_of(self.method) is not None:
            _require_density(sample, plan, config.features)
        record = input_record(self.events, sample, plan, sample.sha256())
        key = "-".join((config.hash(), record.sha256, self._surroundings()))
        windows = [WindowEdges.of(w) for w in plan.windows]
        calibration = find_calibration(
            config.to_dict(), record, windows, self.calibration, beside(origin, output)
        )
        return Prepared(sample, plan, record, key, calibration)

    def _searched(self, prepared: Prepared, checkpoint: Checkpoint | None) -> SearchResult:
        config, sample, plan = self.config, prepared.sample, prepared.plan
        correlated = self.method.mass_dependence
        outcomes: list[WindowOutcome] = []
        kept: list[Scores] = []
        for scores, fit in self.scored(prepared, checkpoint):
            outcome = analyse_window(sample, scores, plan, fit, config, mass_dependence=correlated)
            outcomes.append(self._with_template(sample, outcome, scores.window))
            kept.append(scores.averaged())
        if checkpoint is not None:
            write_tables(checkpoint.folder, self.events, sample, outcomes, kept)
        return self._conclude(sample, plan, outcomes, kept, prepared.record)

    def _with_template(
        self, sample: Sample, outcome: WindowOutcome, window: Window
    ) -> WindowOutcome:
        """The outcome with the closure of the background template, if the method has one."""
        template = template_of(self.method)
        if template is None:
            return outcome
        config = self.config
        closures = template_closure(
            template, sample, window, config.features, config.seed, self.n_jobs
        )
        return replace(outcome, result=replace(outcome.result, template=closures))

    def scored(
        self, prepared: Prepared, checkpoint: Checkpoint | None
    ) -> Iterator[tuple[Scores, SpectrumFit]]:
        """Scores and masked inclusive fit of every window."""
        plan = prepared.plan
        fits = [plan.masked_fit(window, self.config.n_params) for window in plan.windows]
        yield from zip(self._scores(prepared.sample, plan, checkpoint), fits, strict=True)

    def _surroundings(self) -> str:
        """Digest of what else decides the scores: the probe and the versions."""
        probe = "" if self.probe is None else self.probe.sample.sha256()
        return hashlib.sha256(
            f"{probe} {versions(self.classifier, self.method)}".encode()
        ).hexdigest()[:12]

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
                    importance=True,
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
        record: InputRecord,
    ) -> SearchResult:
        config = self.config
        best = best_window(outcomes)
        global_p, gross_vitells = global_significance(sample, plan, outcomes, config)
        evaluation = tuple(
            evaluated
            for o, s in zip(outcomes, scores, strict=True)
            if (evaluated := evaluate_window(self.events, self.probe, sample, o, s))
        )
        return SearchResult(
            config=config.to_dict(),
            config_hash=config.hash(),
            seed=config.seed,
            versions=versions(self.classifier, self.method),
            references=self._references(plan.family),
            input=record,
            spectrum=SpectrumRecord(
                edges=tuple(plan.edges.tolist()),
                counts=tuple(plan.counts.tolist()),
                fit_range=plan.fit_range,
                exposure=None if plan.exposure is None else tuple(plan.exposure.tolist()),
            ),
            windows=tuple(o.result for o in outcomes),
            best_window=best,
            global_p=global_p,
            gross_vitells=gross_vitells,
            inclusive_global_p=inclusive_significance(outcomes, config),
            selected_events=most_anomalous(self.events, sample, outcomes, scores, best),
            evaluation=evaluation,
            warnings=(
                *self._unused(),
                *weight_warnings(sample, plan, outcomes, self.events.label is not None),
                *(
                    warning
                    for o, window in zip(outcomes, plan.windows, strict=True)
                    if template_of(self.method) is not None
                    for warning in template_warnings(o.result.template, window)
                ),
            ),
        )

    def _unused(self) -> tuple[str, ...]:
        """What was asked for and takes no part."""
        asked = (self.config.classifier, self.config.classifier_options)
        if self.method.classifies or asked == (HuntConfig().classifier, {}):
            return ()
        return (f"the method {self.method.name} trains no classifier: {asked[0]} takes no part",)

    def _references(self, model: Family) -> tuple[str, ...]:
        """arXiv ids of the method, the classifier, the family and the statistics."""
        members = (self.method, *([self.classifier] if self.method.classifies else []))
        papers = [arxiv for m in members for arxiv, _ in getattr(m, "reference", ())]
        return (*papers, model.paper, "1408.7084", "physics/0702156", "1007.1727", "1005.1891")
