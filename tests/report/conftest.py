"""Synthetic search results: what a search would hand over, made without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from novum.search.calibration_records import CalibratedScan, CalibratedWindow, Closure
from novum.search.config import HuntConfig
from novum.search.records import (
    BestWindow,
    Counts,
    EvaluationRecord,
    FeatureRecord,
    FitRecord,
    FoldRecord,
    InputRecord,
    MassProfile,
    SelectedEvent,
    SpectrumRecord,
    Test,
    Validation,
    WindowEdges,
    WindowResult,
    WorkingPoint,
)
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue
from novum.windows import scan_windows_relative

LOW_EVIDENCE = "masked fit has p = 0.0004, below 0.01"
EDGES = np.linspace(2400.0, 7400.0, 101)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
FIT_RANGE = (2700.0, 7400.0)
EFFICIENCIES = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
NAMES = ("m_j1", "delta_m", "tau21_j1", "tau21_j2")


def _falling(total: float) -> np.ndarray:
    shape = (1 - CENTRES / 13000) ** 9 / (CENTRES / 13000) ** 5.5
    return total * shape / shape.sum()


def _counts(rng: np.random.Generator, total: float, signal: float) -> tuple[float, ...]:
    peak = stats.norm.pdf(CENTRES, 3500, 110) * 50 * signal
    turn_on = np.where(FIT_RANGE[0] > CENTRES, 0.75, 1.0)
    return tuple(rng.poisson(_falling(total) * turn_on + peak).astype(float).tolist())


def _fit(total: float, p: float) -> FitRecord:
    inside = (EDGES[:-1] >= FIT_RANGE[0]) & (EDGES[1:] <= FIT_RANGE[1])
    expected = tuple(float(e) for e in np.where(inside, _falling(total), 0))
    return FitRecord("dijet", 3, (1.0, 9.0, 5.5), 81.2, 78, p, "chi2", expected)


def _test(z: float) -> Test:
    return Test(z, PValue.from_z(z, "asymptotic"))


def _sum(values: tuple[float, ...], low: float, high: float) -> float:
    return float(np.asarray(values)[(low <= CENTRES) & (high > CENTRES)].sum())


def _window(
    edges: WindowEdges,
    inclusive: tuple[float, ...],
    selected: tuple[float, ...],
    rng: np.random.Generator,
    names: tuple[str, ...],
    withheld: str | None,
) -> WindowResult:
    (a, b), (c, d) = edges.sidebands
    n_on, n_off = _sum(selected, edges.low, edges.high), _sum(selected, a, b) + _sum(selected, c, d)
    n_sr, n_sb = (
        _sum(inclusive, edges.low, edges.high),
        _sum(inclusive, a, b) + _sum(inclusive, c, d),
    )
    ratio = _sum(tuple(_falling(1)), edges.low, edges.high) / (
        _sum(tuple(_falling(1)), a, b) + _sum(tuple(_falling(1)), c, d)
    )
    expected = max(n_off * ratio, 0.5)
    error = float(np.sqrt(n_off) * ratio)
    z = float((n_on - expected) / np.hypot(np.sqrt(expected), error))
    shares = rng.multinomial(int(n_on), [0.2] * 5)
    grid = np.linspace(0, 1, 26)
    return WindowResult(
        window=edges,
        p=None if withheld else PValue.from_z(z, "on/off profile likelihood"),
        z=None if withheld else z,
        withheld=withheld,
        counts=Counts(n_on, n_off, n_sr, n_sb, ratio, 0.002, expected, error),
        fit=_fit(100_000, 0.37),
        selected_counts=selected,
        shape=Test(None, None, withheld) if withheld else _test(0.8 * z),
        shape_fit=None if withheld else _fit(1000, 0.21),
        inclusive=_test(float(rng.normal(0, 0.8))),
        validation=Validation(0.438, 0.431, 0.4),
        folds=tuple(
            FoldRecord(i, 0.9 + 0.01 * i, float(s), n_off / 5, expected / 5)
            for i, s in enumerate(shares)
        ),
        repeat_z=tuple(float(v) for v in z + rng.normal(0, 0.7, 5)),
        features=tuple(_feature(i, name, grid, edges, rng) for i, name in enumerate(names)),
        working_points=tuple(_working_point(eps, selected, edges, ratio) for eps in EFFICIENCIES),
    )


def _feature(
    i: int, name: str, grid: np.ndarray, edges: WindowEdges, rng: np.random.Generator
) -> FeatureRecord:
    mass_bins = np.linspace(edges.sidebands[0][0], edges.sidebands[1][1], 13)
    mean = rng.normal(0, 0.04, 12).round(4)
    return FeatureRecord(
        name,
        tuple(float(e) for e in grid * (600 if i < 2 else 1)),
        tuple(float(v) for v in stats.beta.pdf(grid[1:] - 0.02, 6 - i % 4, 4)),
        tuple(float(v) for v in stats.beta.pdf(grid[1:] - 0.02, 1.5, 4)),
        separation=0.6 / (1 + i),
        importance=1.2 / (1 + (i - 1) ** 2),
        mass_correlation=(0.004, -0.06, 0.35)[i % 3],
        profile=MassProfile(
            tuple(mass_bins.tolist()), (None, *mean[1:].tolist()), (None, *(0.02,) * 11)
        ),
    )


def _working_point(
    eps: float, headline: tuple[float, ...], edges: WindowEdges, ratio: float
) -> WorkingPoint:
    bump = stats.norm.pdf(CENTRES, 3500, 110) * 50 * 110  # saturates: a tight cut keeps half
    smooth = np.clip(np.array(headline) - bump, 0, None) * eps / 0.01
    selected = tuple((smooth + bump * eps / (eps + 0.001)).round(1).tolist())
    (a, b), (c, d) = edges.sidebands
    n_on, n_off = _sum(selected, edges.low, edges.high), _sum(selected, a, b) + _sum(selected, c, d)
    error = float(np.sqrt(n_off) * ratio)
    z = float((n_on - n_off * ratio) / np.hypot(np.sqrt(n_off * ratio), max(error, 0.1)))
    return WorkingPoint(eps, n_on, n_off, n_off * ratio, error, z, selected)


def calibrate(result: SearchResult, n: int = 200) -> CalibratedScan:
    """What `n` invented null searches would say of a search."""
    rng = np.random.default_rng(5)
    t_null = rng.normal(0, 1, (n, len(result.windows))).max(axis=1).round(4)
    windows = []
    for w in result.windows:
        z_cal = None if w.z is None else round((w.z - 0.2) / 1.15, 3)
        exceed = 0 if z_cal is None else int(np.sum(rng.normal(0, 1, n) > z_cal))
        p = None if z_cal is None else PValue.from_toys(exceed, n, "retrained null searches")
        windows.append(
            CalibratedWindow(
                w.window.low,
                w.window.high,
                1.013,
                0.021,
                0.2,
                1.15,
                0.02,
                w.z,
                z_cal,
                p,
                w.withheld,
            )
        )
    best = max((w for w in windows if w.z_cal is not None), key=lambda w: w.z_cal, default=None)
    t = None if best is None else best.z_cal
    exceed = 0 if t is None else int(np.sum(t_null >= t))
    return CalibratedScan(
        key="0123456789abcdef", sha256="cd" * 32, null="sidebands", n_searches=n,
        windows=tuple(windows),
        best_window=None if best is None else BestWindow(best.low, best.high), t_observed=t,
        t_null=tuple(t_null.tolist()),
        global_p=None if t is None else PValue.from_toys(exceed, n, "retrained null searches"),
        extrapolated_p=None if t is None else 2.1e-4,
        extrapolated_interval=None if t is None else (0.9e-4, 4.2e-4),
        effective_windows=11.3, fold_seed_spread=0.55, closure=Closure(0.503, 0.5, 0.004, 0.41),
    )  # fmt: skip


def _evaluation(edges: WindowEdges) -> EvaluationRecord:
    eps_b = np.geomspace(1.2e-3, 1, 60)
    eps_s = eps_b**0.22
    sic = eps_s / np.sqrt(eps_b)
    return EvaluationRecord(
        window=edges, n_signal=610, n_background=19_870, significance_before=4.33,
        signal_sample="injected events, scored out of fold", eps_b=tuple(eps_b.tolist()),
        eps_s=tuple(eps_s.tolist()), sic=tuple(sic.tolist()), max_sic=float(sic.max()),
        max_sic_n_background=26, max_sic_above_1e3=float(sic.max()), sic_at_1e3=None,
        auc=0.91, selected_signal=221, selected_background=190,
    )  # fmt: skip


def make_result(
    *,
    withheld: bool = False,
    bound: bool = False,
    evaluated: bool = False,
    mass: str = "mjj",
    names: tuple[str, ...] = NAMES,
    origin: str = "lhco_rnd_v1.h5",
    relative_width: float = 0.12,
    calibrated: bool = False,
    warnings: tuple[str, ...] = ("fit range found from the data: starts at 2700 GeV",),
    **changes: Any,
) -> SearchResult:
    """A search over half-overlapping windows with a bump at 3500 GeV."""
    rng = np.random.default_rng(3)
    inclusive, selected = _counts(rng, 100_000, 500), _counts(rng, 1000, 110)
    windows = []
    for i, w in enumerate(scan_windows_relative(FIT_RANGE, relative_width)):
        edges = WindowEdges(w.low, w.high, w.sidebands)
        reason = LOW_EVIDENCE if withheld or i == 9 else None
        windows.append(_window(edges, inclusive, selected, rng, names, reason))
    open_windows = [w for w in windows if w.z is not None]
    best = max(open_windows, key=lambda w: w.z, default=None)
    config = HuntConfig(mass=mass, features=names, fit_range=FIT_RANGE, repeats=5, seed=7)
    events = tuple(
        SelectedEvent(
            1000 + i, 3400.0 + 7 * i, 0.999 - 0.002 * i, (0.5,) * len(names), 1, 2, 30 + i
        )
        for i in range(25)
    )
    result = SearchResult(
        config=config.to_dict(),
        config_hash=config.hash(),
        seed=7,
        versions={"novum": "0.1.0", "numpy": "2.4.6", "python": "3.11.2"},
        references=("1805.02664", "1902.02634", "1005.1891", "1007.1727"),
        input=InputRecord(origin, 121_352, 100_500, False, evaluated, "ab" * 32),
        spectrum=SpectrumRecord(tuple(EDGES.tolist()), inclusive, FIT_RANGE),
        windows=tuple(windows),
        best_window=None if best is None else BestWindow(best.window.low, best.window.high),
        global_p=None if best is None else PValue.from_toys(0 if bound else 3, 10_000, "scan toys"),
        gross_vitells=None if best is None else 6.1e-4,
        inclusive_global_p=None if best is None else PValue.from_toys(4100, 10_000, "scan toys"),
        selected_events=() if best is None else events,
        evaluation=(_evaluation(best.window),) if evaluated and best else (),
        warnings=warnings,
    )
    result = replace(result, **changes)
    return replace(result, calibration=calibrate(result)) if calibrated else result


@pytest.fixture
def make() -> Callable[..., SearchResult]:
    """The function that makes synthetic results."""
    return make_result


@pytest.fixture(scope="session")
def full() -> SearchResult:
    """A search with an excess, truth labels and a bounded global p."""
    return make_result(bound=True, evaluated=True, names=NAMES[:2])
