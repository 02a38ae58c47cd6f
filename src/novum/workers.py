"""Work in several processes, with results that do not depend on how many there are."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from novum.errors import ConfigError

Result = TypeVar("Result")


def n_workers(n_jobs: int | None) -> int:
    """Worker processes that `n_jobs` asks for, as in joblib; None: one per core.

    Raises
    ------
    ConfigError
        If `n_jobs` is 0.
    """
    from joblib import effective_n_jobs

    if n_jobs == 0:
        raise ConfigError("jobs: must not be 0; leave it out to use every core")
    return int(effective_n_jobs(-1 if n_jobs is None else n_jobs))


@contextmanager
def in_workers(
    calls: Iterable[Callable[[], Result]],
    n_jobs: int | None = None,
    *,
    ahead: float = 2.0,
    in_order: bool = True,
) -> Iterator[Iterator[Result]]:
    """Results of `calls`, made in worker processes while the caller looks at the first ones.

    A context, because joblib shares its processes between all that ask for some: what is left
    behind half read, in a traceback for example, stops the processes whenever it is collected,
    under the hands of whoever uses them by then, who would wait for ever.

    Every call runs on one thread: a sum over threads depends on their number in its last bits,
    and one process per call keeps all cores as busy.

    Parameters
    ----------
    calls : iterable of callables without arguments
        Drawn only as workers become free; a `functools.partial` of a function of a module.
    n_jobs : int or None
        Worker processes, as in joblib; None: one per core.
    ahead : float
        Calls that are handed out at a time, per worker.
    in_order : bool
        Give results in the order of `calls`, rather than as they come.

    Raises
    ------
    ConfigError
        If `n_jobs` is 0.
    """
    from joblib import Parallel, delayed

    workers = n_workers(n_jobs)
    kind = "generator" if in_order else "generator_unordered"
    parallel = Parallel(n_jobs=workers, return_as=kind, pre_dispatch=f"{ahead}*n_jobs")
    results = parallel(delayed(_on_one_thread)(call) for call in calls)
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\d+ tasks")  # who leaves early knows
            results.close()


def _on_one_thread(call: Callable[[], Result]) -> Result:
    with threadpool_limits(1):
        return call()
