"""Work in several processes."""

import gc
import operator
import time
from functools import partial

import pytest
from threadpoolctl import threadpool_info

from novum.errors import ConfigError
from novum.workers import in_workers, n_workers


def slow(i: int) -> int:
    time.sleep(0.01 * (5 - i) if i < 5 else 0.01)
    return i


def n_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info()}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_come_in_the_order_of_the_calls(n_jobs):
    with in_workers((partial(slow, i) for i in range(12)), n_jobs) as results:
        assert list(results) == list(range(12))


def test_results_may_come_as_they_are_ready():
    with in_workers((partial(slow, i) for i in range(12)), 2, in_order=False) as results:
        assert set(results) == set(range(12))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_call_runs_on_one_thread(n_jobs):
    with in_workers([n_threads] * 2, n_jobs) as results:
        assert set().union(*results) <= {1}


def test_calls_are_drawn_only_as_workers_become_free():
    drawn = []

    def calls():
        for i in range(20):
            drawn.append(i)
            yield partial(operator.neg, i)

    with in_workers(calls(), 1) as results:
        assert next(results) == 0
        assert len(drawn) < 5


def interrupted() -> BaseException:
    """An exception whose traceback holds work that was given up half-way."""
    try:
        with in_workers((partial(slow, i) for i in range(20)), 2) as results:
            next(results)
            raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        return error


def test_what_an_interruption_left_does_not_stop_later_work():
    left = [interrupted()]
    with in_workers((partial(slow, i) for i in range(20)), 2) as results:
        got = [next(results)]
        left.clear()
        gc.collect()
        got.extend(results)
    assert got == list(range(20))


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_number_of_workers_is_what_is_asked_for(n_jobs):
    assert n_workers(n_jobs) == n_jobs


def test_no_workers_do_no_work():
    with pytest.raises(ConfigError, match="jobs: must not be 0"), in_workers([], 0):
        pass
