"""Cross-fitting: every event is scored only by models that never saw it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from novum.classifiers.tasks import check_classifier, chunk_size, chunked, fit_here
from novum.errors import InputError, require_seed
from novum.events import splitmix64
from novum.progress import NoProgress, Progress
from novum.resonant.base import Estimate, ResonantMethod
from novum.search.importance import feature_losses
from novum.search.inputs import Sample
from novum.windows import Window
from novum.workers import in_workers

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Out-of-fold scores of all events in one window.

    Attributes
    ----------
    window : Window
    score : float64 array (n,)
        Mean over the redrawn cross-fits of -log10 of the share of held-out sideband events
        above: 2 means that 1 % of the sidebands is as anomalous.
    fold : int16 array (n,)
        Fold of each event in the first cross-fit; thresholds are set per fold.
    by_repeat, fold_by_repeat : arrays (repeats, n)
        The same for each redrawn cross-fit alone.
    probe : float64 array (n_probe,)
        Scores of events that no model was trained on, mean over all models.
    importance : float64 array (d,) or (0,)
        Loss of score of the most anomalous signal-region events when one feature is replaced by
        values of held-out sideband events, mean over all models; empty where not asked for.
    estimate_names : tuple of k str
    estimates : float64 array (k, 3)
        What the method learnt about the signal region besides scores (see
        `ResonantMethod.summary`): value and ends of its interval, mean over all models.
    """

    window: Window
    score: FloatArray
    fold: NDArray[np.int16]
    by_repeat: NDArray[np.float32]
    fold_by_repeat: NDArray[np.int16]
    probe: FloatArray
    importance: FloatArray = field(default_factory=lambda: np.zeros(0))
    estimate_names: tuple[str, ...] = ()
    estimates: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))

    def averaged(self) -> Scores:
        """Without the single cross-fits, which take most of the memory."""
        shape = (0, len(self.score))
        return replace(
            self, by_repeat=np.empty(shape, np.float32), fold_by_repeat=np.empty(shape, np.int16)
        )


def fold_of(ids: NDArray[np.uint64], seed: int, k: int, repeat: int = 0) -> NDArray[np.int16]:
    """Fold of each event from a hash of its id: copies of an event share it.

    Parameters
    ----------
    ids : uint64 array (n,)
    seed : int
        Draws the folds.
    k : int
        Number of folds.
    repeat : int
        Draws them anew, differently for every seed.
    """
    return (hash_of(ids, seed, repeat) % np.uint64(k)).astype(np.int16)


def hash_of(ids: NDArray[np.uint64], seed: int, repeat: int = 0) -> NDArray[np.uint64]:
    """Uniform number of each event, shape (n,): the lowest of them are a random sample.

    Raises
    ------
    ConfigError
        If the seed is negative.
    """
    require_seed(seed)
    salt = np.random.SeedSequence([seed, repeat]).generate_state(1, np.uint64)[0]
    return splitmix64(splitmix64(ids) ^ salt)


def crossfit(
    method: ResonantMethod,
    classifier: Any,
    sample: Sample,
    window: Window,
    *,
    folds: int,
    repeats: int,
    seed: int,
    probe: Sample | None = None,
    importance: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score all events in one window by k-fold cross-fitting, redrawn `repeats` times.

    The seed of each fit depends on (seed, window, repeat, fold) alone, so results do not depend
    on the other windows of a scan or on the number of workers.

    Parameters
    ----------
    method : ResonantMethod
        Makes the two-class problem; cloned for every fit.
    classifier : scikit-learn classifier
    sample : Sample
        Events; models are trained on those of the other folds and score the whole mass range.
        Negative weights count by their size: classifiers take none below 0.
    window : Window
    folds, repeats, seed : int
    probe : Sample or None
        Extra events that are scored but never trained on.
    importance : bool
        Also measure what each feature contributes to the scores.
    n_jobs : int or None
        Worker processes.
    progress : Progress or None
    """
    check_classifier(classifier)
    n = len(sample.m)
    shape = (repeats, n)
    by_repeat = np.empty(shape, np.float32)
    fold_by_repeat = np.stack([fold_of(sample.ids, seed, folds, r) for r in range(repeats)])
    probe_total = np.zeros(0 if probe is None else len(probe.m))
    losses = np.zeros(sample.X.shape[1] if importance else 0)
    weight = sample.size
    reference_rows = window.in_sidebands(sample.m) & (weight > 0)
    _require_full_folds(fold_by_repeat, reference_rows, folds, sample.ids)
    cells = [(r, f) for r in range(repeats) for f in range(folds)]
    seeds = [fit_seed(seed, window, r, f) for r, f in cells]
    fit = partial(_fit_cells, method, classifier, sample, weight, window)
    rows = [fold_by_repeat[r] != f for r, f in cells]
    calls = chunked(fit, zip(rows, seeds, strict=True), chunk_size(classifier))
    summaries: list[tuple[Estimate, ...]] = []
    meter = progress or NoProgress()
    # One thread: while worker processes fill the cores, threads here would wait for each other.
    with threadpool_limits(1), in_workers(calls, n_jobs, ahead=1.5) as chunks:
        fitted = chain.from_iterable(chunks)
        steps = meter.track(fitted, f"training {window}", len(seeds))
        for i, (learnt, model) in enumerate(steps):
            r, f = cells[i]
            summaries.append(learnt.summary())
            out = fold_by_repeat[r] == f
            raw = learnt.anomaly_score(sample.X[out], sample.m[out], model)
            reference = window.in_sidebands(sample.m[out])
            tail = TailScore(raw[reference], weight[out][reference])
            by_repeat[r, out] = tail(raw)
            if probe is not None:
                probe_total += tail(learnt.anomaly_score(probe.X, probe.m, model))
            if importance:
                score = partial(learnt.anomaly_score, model=model)
                held_out = (sample.X[out], sample.m[out], by_repeat[r, out])
                losses += feature_losses(score, tail, *held_out, window, seeds[i])
    return Scores(
        window=window,
        score=by_repeat.mean(axis=0, dtype=np.float64),
        fold=fold_by_repeat[0],
        by_repeat=by_repeat,
        fold_by_repeat=fold_by_repeat,
        probe=probe_total / len(seeds),
        importance=losses / len(seeds),
        estimate_names=tuple(e.name for e in summaries[0]),
        estimates=np.mean([[(e.value, e.low, e.high) for e in s] for s in summaries], axis=0)
        if summaries[0]
        else np.zeros((0, 3)),
    )


def _fit_cells(
    method: ResonantMethod,
    classifier: Any,
    sample: Sample,
    weight: FloatArray,
    window: Window,
    cells: list[tuple[NDArray[np.bool_], int]],
) -> list[tuple[ResonantMethod, Any]]:
    """The method and the classifier, fitted to the given rows with the given seed, for each cell.

    A method that needs no classifier has no task, and its model is None.
    """
    methods = [clone(method) for _ in cells]
    tasks = [
        own.prepare(sample.X[rows], sample.m[rows], window, weight[rows], sample.ids[rows], seed)
        for own, (rows, seed) in zip(methods, cells, strict=True)
    ]
    if tasks[0] is None:
        return [(own, None) for own in methods]
    models = fit_here(classifier, [t for t in tasks if t is not None], [s for _, s in cells])
    return list(zip(methods, models, strict=True))


def _require_full_folds(
    fold_by_repeat: NDArray[np.int16],
    sidebands: NDArray[np.bool_],
    folds: int,
    ids: NDArray[np.uint64],
) -> None:
    for fold in fold_by_repeat:
        if np.bincount(fold[sidebands], minlength=folds).min() == 0:
            raise InputError(
                f"a fold of {folds} holds no sideband events: folds are dealt by event id, and "
                f"there are {len(np.unique(ids))} different ids; use fewer folds, or leave out a "
                "column 'id' that does not identify events",
                column="id",
                value=folds,
            )


def fit_seed(seed: int, window: Window, repeat: int, fold: int) -> int:
    """Seed of one fit."""
    edges = np.array([window.low, window.high]).view(np.uint32)
    entropy = [seed, *(int(e) for e in edges), repeat, fold]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


class TailScore:
    """Map raw scores to -log10 of the share of reference events above.

    Fits of different folds put their scores on different scales; the tail share of held-out
    sideband events is common to all, and its logarithm averages well in the tail. Beyond the
    last reference event the tail is continued as an exponential with the mean excess of the
    top 5 %, so that order is kept there.

    Parameters
    ----------
    reference : array (n,)
        Raw scores of held-out sideband events.
    weight : array (n,)
        Their weights.
    """

    def __init__(self, reference: FloatArray, weight: FloatArray) -> None:
        reference, weight = reference[weight > 0], weight[weight > 0]
        values, inverse = np.unique(reference, return_inverse=True)
        per_value = np.bincount(inverse, weights=weight)
        above = np.cumsum(per_value[::-1])[::-1]
        self._values = values
        self._log_tail = -np.log10(above / above[0])
        top = self._log_tail >= -np.log10(0.05)
        start = int(np.argmax(top)) if top.any() else len(values) - 1
        excess = np.average(values[start:] - values[start], weights=per_value[start:])
        # Scores that differ by a denormal number are equal: their slope would overflow.
        self._slope = 0.0 if excess < 1e-300 else 1 / (excess * np.log(10))

    def __call__(self, raw: FloatArray) -> FloatArray:
        """Score of each raw score, shape (n,)."""
        beyond = np.maximum(raw - self._values[-1], 0.0)
        tail: FloatArray = np.interp(raw, self._values, self._log_tail) + self._slope * beyond
        return tail
