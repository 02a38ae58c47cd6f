"""Fit one classifier to many two-class problems, independent of the worker count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from novum.errors import ConfigError
from novum.workers import in_workers

FloatArray = NDArray[np.float64]
Item = TypeVar("Item")
Result = TypeVar("Result")


class TwoClass(Protocol):
    """What a task brings: X (n, d), y (n,) of 0 and 1, sample_weight (n,)."""

    @property
    def X(self) -> FloatArray:
        """Features, shape (n, d)."""

    @property
    def y(self) -> NDArray[np.int8]:
        """Classes 0 and 1, shape (n,)."""

    @property
    def sample_weight(self) -> FloatArray:
        """Weights, shape (n,)."""


def fit_tasks(
    classifier: Any,
    tasks: Iterable[TwoClass],
    seeds: Iterable[int],
    *,
    n_jobs: int | None = None,
) -> Iterator[Any]:
    """Clone and fit `classifier` once per task, in worker processes; yield models in order.

    A classifier that trains many models in one program says so: it has ``tasks_per_chunk`` and
    ``fit_tasks(tasks, seeds)``, and is handed that many tasks at once.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Its `fit` takes ``sample_weight``; a `random_state` parameter is set from `seeds`.
    tasks : iterable of two-class problems
        Each with X, y and sample_weight; drawn only as workers become free, a chunk at a time.
    seeds : iterable of int
        One per task.
    n_jobs : int or None
        Worker processes, as in joblib; None: one per core.

    Raises
    ------
    ConfigError
        If the classifier cannot honour weights, on which the balance of the classes rests, or
        `n_jobs` is 0.
    """
    check_classifier(classifier)
    fit = partial(_fit_chunk, classifier)
    calls = chunked(fit, zip(tasks, seeds, strict=True), chunk_size(classifier))
    with in_workers(calls, n_jobs, ahead=1.5) as chunks:
        for models in chunks:
            yield from models


def chunk_size(classifier: Any) -> int:
    """Tasks that `classifier` is best handed at once; it decides speed, not the result."""
    return int(getattr(classifier, "tasks_per_chunk", 1))


def chunked(
    function: Callable[[list[Item]], Result], items: Iterable[Item], size: int
) -> Iterator[Callable[[], Result]]:
    """Calls of `function` with `size` of the `items` at a time."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield partial(function, chunk)


def fit_here(classifier: Any, tasks: Iterable[TwoClass], seeds: Iterable[int]) -> list[Any]:
    """Clones of `classifier` fitted to the tasks in this process."""
    if hasattr(classifier, "fit_tasks"):
        return list(classifier.fit_tasks(tasks, seeds))
    return [_fit(classifier, task, seed) for task, seed in zip(tasks, seeds, strict=True)]


def check_classifier(classifier: Any) -> None:
    """Raise ConfigError unless `classifier` can be cloned, weighted and asked for a score.

    One of ours also says here what it lacks: an optional package, or a setting that makes sense.
    """
    if isinstance(classifier, type):
        raise ConfigError(f"classifier: give an instance, {classifier.__name__}(), not the class")
    name = type(classifier).__name__
    if not (hasattr(classifier, "fit") and hasattr(classifier, "get_params")):
        raise ConfigError(f"classifier: {name} is not a scikit-learn classifier")
    if not has_fit_parameter(_final_step(classifier), "sample_weight"):
        raise ConfigError(f"classifier: {name}.fit takes no sample_weight")
    if not (hasattr(classifier, "predict_proba") or hasattr(classifier, "decision_function")):
        raise ConfigError(f"classifier: {name} has neither predict_proba nor decision_function")
    if hasattr(classifier, "check_ready"):
        classifier.check_ready()


def _final_step(classifier: Any) -> Any:
    return classifier.steps[-1][1] if isinstance(classifier, Pipeline) else classifier


def _fit_chunk(classifier: Any, chunk: list[tuple[TwoClass, int]]) -> list[Any]:
    tasks, seeds = zip(*chunk, strict=True)
    return fit_here(classifier, tasks, seeds)


def _fit(classifier: Any, task: TwoClass, seed: int) -> Any:
    model = clone(classifier)
    seeded = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(seeded, seed))
    weight = "sample_weight"
    if isinstance(model, Pipeline):
        weight = f"{model.steps[-1][0]}__{weight}"
    return model.fit(task.X, task.y, **{weight: task.sample_weight})
