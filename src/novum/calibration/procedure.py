"""`calibrate`: N complete background-only searches, and the record they make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from novum.calibration.journal import Journal, recorded, run_jobs
from novum.calibration.nulls import FileNull, Null, SamplerNull, SidebandsNull
from novum.calibration.pseudo import PseudoResult, PseudoSearch, stacked
from novum.calibration.target import Target, find_target
from novum.errors import ConfigError, InputError, require_seed
from novum.progress import NoProgress, Progress
from novum.search.calibrated import CALIBRATION_FILE, Calibration, calibration_key
from novum.search.inputs import as_events, make_sample
from novum.search.provenance import versions
from novum.search.records import WindowEdges
from novum.statistics.retrained import FEWEST

JOURNAL = ".calibration.jsonl"
REDRAWN_SHARE = 20  # one null data set in so many is searched again with other folds
FOLD_DRAWS = 3  # further draws of the folds for each of them
_NULL_DRAW, _NULL_FOLDS, _REDRAW = 1, 2, 3  # streams of random numbers


def calibrate(
    target: Any,
    *,
    null: str | Path = "sidebands",
    n: int = 200,
    seed: int = 1,
    classifier: Any = None,
    events: Any = None,
    size: int | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Run a search n times on background-only data, training included.

    Parameters
    ----------
    target : SearchResult, HuntConfig or path
        A finished search (its folder) or a config file.
    null : {"sampler", "sidebands"} or path
        Where background-only data come from: the toy sampler, an imitation of the observed
        sidebands, or a file of simulated background.
    n : int
        Number of null searches, at least 20.
    seed : int
        Seed of the null data; no other setting of the search has part in it.
    classifier : scikit-learn classifier, optional
        The one that `hunt` was given, if any.
    events : as for `hunt`, optional
        Observed data of a config, or of a result whose file has moved.
    size : int, optional
        Events of each sample of the toy sampler, for a config without events.
    output : path-like, optional
        Folder for ``calibration.json``.
    resume : bool
        Continue an interrupted calibration in `output`.
    n_jobs : int, optional
        Worker processes; the result does not depend on it.
    progress : Progress, optional

    Returns
    -------
    Calibration

    Raises
    ------
    ConfigError, InputError, OutputError
        Each names what is wrong and what to do.
    """
    require_seed(seed)
    if n < FEWEST:
        raise ConfigError(f"n: a calibration needs at least {FEWEST} null searches, got {n}")
    found = find_target(target, events, size)

    def work(journal: Path | None) -> Calibration:
        calibrator = _Calibrator.of(found, null, seed, classifier)
        return calibrator.run(n, journal, resume, n_jobs, progress)

    return recorded(work, output, CALIBRATION_FILE, JOURNAL)


def make_null(target: Target, null: str | Path, seed: int) -> Null:
    """The source of background-only data that was asked for."""
    config = target.config
    if null == "sampler":
        sampler = SamplerNull(target.data.n_events, config)
        if target.data.origin != sampler.origin:
            raise ConfigError(
                f"null: the sampler says nothing of '{target.data.origin}'; use --null sidebands "
                "or a file of simulated background"
            )
        return sampler
    if null == "sidebands":
        origin = target.data.origin or ""
        return SidebandsNull.of(
            target.observed(), target.plan, target.masked, config.n_params, origin, seed
        )
    if not Path(null).exists():
        raise ConfigError(f"null: '{null}' is neither sampler nor sidebands nor a file")
    table, resolved = as_events(null, config)
    if table.label is not None:
        table = table.take(np.flatnonzero(table.label == 0))
    if len(table) == 0:
        raise InputError("has no background events (label 0)", file=null)
    return FileNull(make_sample(table.blind(), resolved), target.data.n_events, str(null))


def identity(null: Null, target: Target) -> tuple[Any, ...]:
    """Everything that decides what a null draws, beside the seed and the observed events."""
    pool = null.pool.sha256() if isinstance(null, FileNull) else ""
    masked = target.masked if isinstance(null, SidebandsNull) else None
    return null.kind, null.origin, target.data.n_events, masked, pool


@dataclass(frozen=True, eq=False)
class _Calibrator:
    target: Target
    null: Null
    search: PseudoSearch
    seed: int

    @classmethod
    def of(cls, target: Target, null: str | Path, seed: int, classifier: Any = None) -> _Calibrator:
        search = PseudoSearch.of(target.plan, target.config, classifier)
        return cls(target, make_null(target, null, seed), search, seed)

    def run(
        self,
        n: int,
        journal_path: Path | None,
        resume: bool,
        n_jobs: int | None,
        progress: Progress | None,
    ) -> Calibration:
        again = range(max(2, n // REDRAWN_SHARE))
        jobs = [(f"{i}", (i, 0)) for i in range(n)]
        jobs += [(f"{i}.{k}", (i, k)) for i in again for k in range(1, FOLD_DRAWS + 1)]
        journal = Journal(journal_path, self._key(), resume=resume)
        results = run_jobs(
            self._one, jobs, journal, n_jobs, progress or NoProgress(), "null searches"
        )
        redrawn = [
            [results[i], *results[n + i * FOLD_DRAWS : n + (i + 1) * FOLD_DRAWS]] for i in again
        ]
        return self._record(results[:n], redrawn)

    def _one(self, i: int, fold_draw: int) -> PseudoResult:
        folds = np.random.SeedSequence([self.seed, _NULL_FOLDS, i, fold_draw]).generate_state(1)[0]
        return self.search.run(self.null.draw((self.seed, _NULL_DRAW, i)), int(folds))

    def _key(self) -> str:
        data = "" if self.target.sample is None else self.target.sample.sha256()
        null = identity(self.null, self.target)
        parts = (
            self._schema_key(),
            data,
            null,
            self.seed,
            versions(self.search.classifier, self.search.method),
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _schema_key(self) -> str:
        data = self.target.data
        return calibration_key(self.target.config.to_dict(), data.weighted, self._windows())

    def _windows(self) -> tuple[WindowEdges, ...]:
        return tuple(WindowEdges.of(w) for w in self.target.plan.windows)

    def _record(
        self, results: list[PseudoResult], redrawn: list[list[PseudoResult]]
    ) -> Calibration:
        from novum.statistics import on_off_z

        def z(rows: list[PseudoResult]) -> tuple[tuple[float, ...], ...]:
            c = stacked(rows)
            values = on_off_z(c.n_on, c.n_off, c.ratio, c.ratio_error)
            return tuple(tuple(row) for row in np.round(values, 4).tolist())

        def table(name: str) -> tuple[tuple[float, ...], ...]:
            return tuple(tuple(round(v, 7) for v in getattr(r, name)) for r in results)

        data = self.target.data
        return Calibration(
            key=self._schema_key(),
            config=self.target.config.to_dict(),
            null=self.null.kind,
            origin=self.null.origin,
            data_sha256=data.sha256 if isinstance(self.null, SidebandsNull) else None,
            n_events=float(data.n_used),
            seed=self.seed,
            versions=versions(self.search.classifier, self.search.method),
            windows=self._windows(),
            n_on=table("n_on"),
            n_off=table("n_off"),
            ratio=table("ratio"),
            ratio_error=table("ratio_error"),
            quoted=tuple(r.quoted for r in results),
            fold_seed_z=tuple(z(rows) for rows in redrawn),
            closure=self.null.closure if isinstance(self.null, SidebandsNull) else None,
        )
