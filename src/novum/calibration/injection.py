"""Injected against found: signal of known size in null data, searched with retraining."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.calibration.journal import Journal, recorded, run_jobs
from novum.calibration.nulls import SAMPLER_ORIGIN, Null
from novum.calibration.procedure import identity, make_null
from novum.calibration.pseudo import PseudoResult, PseudoSearch, stacked
from novum.calibration.study import InjectionPoint, InjectionStudy, VariedPoints
from novum.calibration.target import Target, find_target
from novum.calibration.variation import Variation
from novum.errors import ConfigError, InputError, require_seed
from novum.progress import NoProgress, Progress
from novum.search.calibrated import Calibration
from novum.search.inputs import Sample, as_events, make_sample
from novum.search.lookup import require_applies
from novum.search.provenance import versions
from novum.search.records import WindowEdges
from novum.search.scan import ScanPlan
from novum.simulation import toy_dijets
from novum.statistics.retrained import ScanCalibration, calibrate_scan

INJECTION_FILE = "injection.json"
JOURNAL = ".injection.jsonl"
FEWEST_STRENGTHS = 5
FEWEST_SEARCHES = 2  # of one strength: their scatter is the error of the mean
SIGNIFICANCES = (0.5, 1.0, 1.5, 2.0, 3.0)  # S/√B in the signal window where no strength is given
_DATA, _FOLDS = 11, 12  # streams of random numbers
_FIRST_ID = 2**63  # of injected events, beyond those of the data


def inject_and_search(
    target: Any,
    signal: Any,
    calibration: Calibration,
    *,
    strengths: Sequence[int] = (),
    n: int = 20,
    null: str | Path = "sidebands",
    vary: Sequence[Variation] = (),
    seed: int = 2,
    classifier: Any = None,
    events: Any = None,
    size: int | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> InjectionStudy:
    """Inject a named signal into null data at several strengths and search each with retraining.

    Parameters
    ----------
    target, null, seed, classifier, events, size, output, resume, n_jobs, progress
        As for `novum.calibration.calibrate`; the seed must not be the calibration's.
    signal : as for `hunt`, or "sampler"
        Signal events; those with label 1 where there are labels. "sampler" is the resonance of
        the toy sampler.
    calibration : Calibration
        Null searches of the same config.
    strengths : sequence of int
        Numbers of injected events, at least five; by default S/√B of 0.5 to 3 in the window
        where the signal is strongest.
    n : int
        Searches for each strength.
    vary : sequence of Variation
        Changes of scale or resolution of the injected signal; every strength is searched again
        with each of them.

    Raises
    ------
    ConfigError, InputError, OutputError
    """
    require_seed(seed)
    if n < FEWEST_SEARCHES:
        raise ConfigError(f"n: give at least {FEWEST_SEARCHES} searches a strength, got {n}")
    found = find_target(target, events, size)
    for variation in vary:
        variation.check(found.config)
    windows = [WindowEdges.of(w) for w in found.plan.windows]
    require_applies(calibration, found.config.to_dict(), found.data, windows)
    if seed == calibration.seed:
        raise ConfigError(f"seed: {seed} drew the null data of the calibration; give another one")
    pool, origin = signal_pool(signal, found)
    chosen = tuple(strengths) or default_strengths(pool, found.plan)
    if len(set(chosen)) < FEWEST_STRENGTHS:
        raise ConfigError(f"strengths: give at least {FEWEST_STRENGTHS} different ones")
    if min(chosen) < 1 or max(chosen) > len(pool.m):
        raise InputError(
            f"holds {len(pool.m)} events; strengths must be between 1 and that, not "
            f"{min(chosen)}-{max(chosen)}",
            file=origin,
            value=max(chosen),
        )
    search = PseudoSearch.of(found.plan, found.config, classifier)
    study = _Study(found, make_null(found, null, seed), search, pool, origin, calibration, seed)
    plan = _Plan(tuple(sorted(set(chosen))), n, tuple(vary))
    meter = progress or NoProgress()

    def work(journal: Path | None) -> InjectionStudy:
        return study.run(plan, journal, resume, n_jobs, meter)

    return recorded(work, output, INJECTION_FILE, JOURNAL)


def signal_pool(signal: Any, target: Target) -> tuple[Sample, str]:
    """The signal events as a sample, and their origin."""
    config = target.config
    if isinstance(signal, str) and signal == "sampler":
        n = 50 * int(np.sqrt(target.data.n_events))
        table = toy_dijets(0, n, seed=0)
        return make_sample(table.blind(), config), SAMPLER_ORIGIN
    table, resolved = as_events(signal, config)
    if table.label is not None:
        table = table.take(np.flatnonzero(table.label == 1))
    origin = table.meta.origin or "signal"
    if len(table) == 0:
        raise InputError("has no signal events (label 1)", file=origin)
    sample = make_sample(table.blind(), resolved)
    if np.any(sample.w != 1):
        raise InputError("signal events must not be weighted", file=origin, column="weight")
    return sample, origin


def default_strengths(pool: Sample, plan: ScanPlan) -> tuple[int, ...]:
    """Numbers of events that make S/√B of 0.5 to 3 where the signal is strongest."""
    w = signal_window(pool, plan)
    share = plan.windows[w].in_signal_region(pool.m).mean()
    background = _inclusive(plan, w)
    return tuple(round(s * background**0.5 / share) for s in SIGNIFICANCES)


def signal_window(pool: Sample, plan: ScanPlan) -> int:
    """The window with the largest S/√B for this signal.

    Raises
    ------
    InputError
        If no signal event lies in any signal region.
    """
    shares = np.array([v.in_signal_region(pool.m).mean() for v in plan.windows])
    if not shares.any():
        raise InputError("no signal event lies in a signal region of the scan")
    background = np.array([_inclusive(plan, w) for w in range(len(shares))])
    return int(np.argmax(shares / np.sqrt(background)))


def _inclusive(plan: ScanPlan, w: int) -> float:
    middles = (plan.edges[1:] + plan.edges[:-1]) / 2
    return max(float(plan.counts[plan.windows[w].in_signal_region(middles)].sum()), 1.0)


@dataclass(frozen=True)
class _Plan:
    strengths: tuple[int, ...]
    n: int
    vary: tuple[Variation, ...]


@dataclass(frozen=True, eq=False)
class _Study:
    target: Target
    null: Null
    search: PseudoSearch
    pool: Sample
    origin: str
    calibration: Calibration
    seed: int

    def run(
        self, plan: _Plan, journal: Path | None, resume: bool, n_jobs: int | None, meter: Progress
    ) -> InjectionStudy:
        variations: tuple[Variation | None, ...] = (None, *plan.vary)
        cells = [(v, s, i) for v in variations for s in plan.strengths for i in range(plan.n)]
        jobs = [(f"{v or 'nominal'}/{s}/{i}", (v, s, i)) for v, s, i in cells]
        book = Journal(journal, self._key(), resume=resume)
        results = run_jobs(self._one, jobs, book, n_jobs, meter, "injected searches")
        scan = calibrate_scan(self.calibration.counts)
        w = signal_window(self.pool, self.target.plan)
        blocks = iter(np.arange(len(results)).reshape(-1, plan.n))
        points = {
            v: tuple(_point(s, scan, [results[i] for i in next(blocks)], w) for s in plan.strengths)
            for v in variations
        }
        return InjectionStudy(
            key=self.calibration.key,
            calibration_sha256=self.calibration.sha256(),
            signal=self.origin,
            null=self.null.kind,
            seed=self.seed,
            window=WindowEdges.of(self.target.plan.windows[w]),
            acceptance=float(self.target.plan.windows[w].in_signal_region(self.pool.m).mean()),
            points=points[None],
            variations=tuple(VariedPoints(str(v), points[v]) for v in plan.vary),
        )

    def _one(self, variation: Variation | None, strength: int, i: int) -> PseudoResult:
        # The same null data and signal events for every variation: only the change differs.
        draw = (self.seed, _DATA, i)
        data = self.null.draw(draw)
        rng = np.random.default_rng([self.seed, _DATA, i, strength])
        rows = rng.choice(len(self.pool.m), strength, replace=False)
        signal = self.pool.take(rows)
        if variation is not None:
            signal = variation.applied(signal, self.target.config, rng)
        folds = np.random.SeedSequence([self.seed, _FOLDS, i, strength]).generate_state(1)[0]
        return self.search.run(joined(data, signal), int(folds), n_signal=strength)

    def _key(self) -> str:
        pool, data = self.pool.sha256(), self.target.sample
        parts = (
            self.calibration.sha256(), pool, None if data is None else data.sha256(),
            identity(self.null, self.target), self.seed,
            versions(self.search.classifier, self.search.method),
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def joined(data: Sample, signal: Sample) -> Sample:
    """Data with signal events behind them, under identities of their own."""
    ids = np.arange(len(signal.m), dtype=np.uint64) + np.uint64(_FIRST_ID)
    return Sample(
        X=np.concatenate([data.X, signal.X]),
        m=np.concatenate([data.m, signal.m]),
        w=np.concatenate([data.w, signal.w]),
        ids=np.concatenate([data.ids, ids]),
    )


def _point(
    strength: int, scan: ScanCalibration, results: list[PseudoResult], w: int
) -> InjectionPoint:
    counts = stacked(results)
    z_cal: NDArray[np.float64] = scan.z_cal(counts)[:, w]
    excess = counts.n_on[:, w] - scan.kappa[w] * counts.ratio[:, w] * counts.n_off[:, w]
    ratio = scan.kappa[w] * counts.ratio[:, w]
    net = [r.signal_selected[w] - f * r.signal_off[w] for r, f in zip(results, ratio, strict=True)]
    t = scan.largest(counts)
    low, median, high = np.quantile(z_cal, [0.16, 0.5, 0.84])
    return InjectionPoint(
        strength=strength,
        n=len(results),
        in_region=float(np.mean([r.signal_before[w] for r in results])),
        selected=float(np.mean([r.signal_selected[w] for r in results])),
        net=float(np.mean(net)),
        excess=float(excess.mean()),
        excess_error=float(excess.std(ddof=1) / len(results) ** 0.5),
        z_cal=float(median),
        z_cal_interval=(float(low), float(high)),
        withheld_rate=float(1 - counts.quoted[:, w].mean()),
        t=tuple(None if not np.isfinite(v) else round(float(v), 4) for v in t),
    )
