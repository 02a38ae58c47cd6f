"""The statistics of one window: counts, primary and secondary test, and the gates that withhold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError
from novum.search.config import MIN_FIT_P, HuntConfig
from novum.search.crossfitting import Scores
from novum.search.gates import follows_mass, reason_to_withhold, validate
from novum.search.inputs import Sample
from novum.search.records import (
    Counts,
    FeatureRecord,
    FitRecord,
    FoldRecord,
    Test,
    WindowEdges,
    WindowResult,
)
from novum.search.scan import ScanPlan
from novum.search.selection import select, selected_share, thresholds
from novum.statistics import (
    PValue,
    SpectrumFit,
    fit_spectrum,
    on_off_p,
    on_off_z,
    shape_test,
)
from novum.windows import Window

FloatArray = NDArray[np.float64]

FEATURE_BINS = 40


@dataclass(frozen=True, eq=False)
class PrimaryTest:
    """What decides about a window: `share` (n,) as in `selected_share`, counts, gates, and z.

    `z` is there even where the window is withheld: calibration needs it.
    """

    share: FloatArray
    counts: Counts
    validation: Validation
    withheld: str | None
    z: float


@dataclass(frozen=True, eq=False)
class WindowOutcome:
    """A window's record, the share of cross-fits that select each event (n,), and the fit."""

    result: WindowResult
    share: FloatArray
    fit: SpectrumFit


def analyse_window(
    sample: Sample,
    scores: Scores,
    plan: ScanPlan,
    fit: SpectrumFit,
    config: HuntConfig,
    scale: float,
) -> WindowOutcome:
    """All tests of one window.

    Parameters
    ----------
    sample : Sample
    scores : Scores
        Out-of-fold scores in this window.
    plan : ScanPlan
    fit : SpectrumFit
        Fit to the inclusive spectrum with this window's signal region masked.
    config : HuntConfig
    scale : float
        Effective counts per unit of weight.
    """
    window, m = scores.window, sample.m
    w = sample.w * scale
    primary = primary_test(sample, scores, fit, config, scale)
    share, counts, withheld = primary.share, primary.counts, primary.withheld
    histogram = np.histogram(m, plan.fit_edges, weights=w * share)[0]
    shape, shape_fit = _shape(histogram, plan, window, config)
    result = WindowResult(
        window=WindowEdges(window.low, window.high, window.sidebands),
        p=None if withheld else _on_off_p(counts, config),
        z=None if withheld else primary.z,
        withheld=withheld,
        counts=counts,
        fit=fit_record(fit, plan),
        selected_counts=_on_all_bins(histogram, plan),
        shape=shape,
        shape_fit=None if shape_fit is None else fit_record(shape_fit, plan),
        inclusive=_inclusive(fit, config),
        validation=primary.validation,
        folds=_per_fold(scores, sample, w, counts, config),
        repeat_z=_per_repeat(scores, sample, w, fit, config),
        features=_features(share, sample, window, config),
    )
    return WindowOutcome(result, share, fit)


def primary_test(
    sample: Sample, scores: Scores, fit: SpectrumFit, config: HuntConfig, scale: float
) -> PrimaryTest:
    """The on/off test of one window and the gates; parameters as for `analyse_window`."""
    window, m = scores.window, sample.m
    share = selected_share(scores, m, sample.w, config.eps_b)
    counts = on_off_counts(share, m, sample.w * scale, window, fit)
    validation = validate(scores.score, m, sample.w, window)
    tied = float(counts.n_off / counts.n_sb)
    follower = follows_mass(sample, window, config.features)
    withheld = follower or reason_to_withhold(fit, validation, tied, config)
    z = float(on_off_z(counts.n_on, counts.n_off, counts.ratio, counts.ratio_error))
    return PrimaryTest(share, counts, validation, withheld, z)


def on_off_counts(
    share: FloatArray, m: FloatArray, w: FloatArray, window: Window, fit: SpectrumFit
) -> Counts:
    """Selected events in the signal region and the sidebands, and what the latter predict."""
    on, off = window.in_signal_region(m), window.in_sidebands(m)
    n_off = float(w[off] @ share[off])
    ratio, ratio_error = fit.ratio(window)
    expected = n_off * ratio
    spread = np.hypot(np.sqrt(n_off) * ratio, n_off * ratio_error)
    return Counts(
        n_on=float(w[on] @ share[on]),
        n_off=n_off,
        n_sr=float(w[on].sum()),
        n_sb=float(w[off].sum()),
        ratio=ratio,
        ratio_error=ratio_error,
        expected=expected,
        expected_error=float(spread),
    )


def _on_off_p(counts: Counts, config: HuntConfig) -> PValue:
    arguments = (counts.n_on, counts.n_off, counts.ratio, counts.ratio_error)
    return on_off_p(*arguments, seed=config.seed)


def _shape(
    histogram: FloatArray, plan: ScanPlan, window: Window, config: HuntConfig
) -> tuple[Test, SpectrumFit | None]:
    try:
        fit = fit_spectrum(histogram, plan.fit_edges, window, plan.family, config.n_params)
        test = shape_test(fit, seed=config.seed)
    except FitError as error:
        return Test(None, None, f"the selected spectrum cannot be fitted: {error}"), None
    return _gated(test.z, test.p, fit), fit


def _inclusive(fit: SpectrumFit, config: HuntConfig) -> Test:
    try:
        test = shape_test(fit, seed=config.seed)
    except FitError as error:
        return Test(None, None, f"the inclusive spectrum cannot be tested: {error}")
    return _gated(test.z, test.p, fit)


def _gated(z: float, p: PValue, fit: SpectrumFit) -> Test:
    if fit.p_value < MIN_FIT_P:
        return Test(None, None, f"its masked fit has p = {fit.p_value:.2g} < {MIN_FIT_P:g}")
    return Test(z, p)


def _per_fold(
    scores: Scores,
    sample: Sample,
    w: FloatArray,
    counts: Counts,
    config: HuntConfig,
) -> tuple[FoldRecord, ...]:
    """Counts of every fold of the first cross-fit."""
    window, m = scores.window, sample.m
    first = scores.by_repeat[0].astype(np.float64)
    cuts = thresholds(first, scores.fold, m, sample.w, window, config.eps_b)
    selected = first >= cuts[scores.fold]
    on = selected & window.in_signal_region(m)
    off = selected & window.in_sidebands(m)
    k = len(cuts)
    n_on = np.bincount(scores.fold[on], weights=w[on], minlength=k)
    n_off = np.bincount(scores.fold[off], weights=w[off], minlength=k)
    return tuple(
        FoldRecord(
            f, float(cuts[f]), float(n_on[f]), float(n_off[f]), float(n_off[f] * counts.ratio)
        )
        for f in range(k)
    )


def _per_repeat(
    scores: Scores, sample: Sample, w: FloatArray, fit: SpectrumFit, config: HuntConfig
) -> tuple[float, ...]:
    """Significance that each redrawn cross-fit alone would have given."""
    out = []
    for score, fold in zip(scores.by_repeat, scores.fold_by_repeat, strict=True):
        chosen = select(
            score.astype(np.float64), fold, sample.m, sample.w, scores.window, config.eps_b
        )
        c = on_off_counts(chosen.astype(np.float64), sample.m, w, scores.window, fit)
        out.append(float(on_off_z(c.n_on, c.n_off, c.ratio, c.ratio_error)))
    return tuple(out)


def _features(
    share: FloatArray, sample: Sample, window: Window, config: HuntConfig
) -> tuple[FeatureRecord, ...]:
    inside = window.in_signal_region(sample.m)
    records = []
    for name, column in zip(config.features, sample.X.T, strict=True):
        values = column[inside]
        low, high = np.quantile(values, [0.001, 0.999])
        high = high if high > low else low + 1
        edges = np.linspace(low, high, FEATURE_BINS + 1)
        densities = []
        for chosen in (share[inside], 1 - share[inside]):
            counts = np.histogram(values, edges, weights=sample.w[inside] * chosen)[0]
            total = counts.sum() * (edges[1] - edges[0])
            densities.append(tuple((counts / total if total > 0 else counts).tolist()))
        records.append(FeatureRecord(name, tuple(edges.tolist()), *densities))
    return tuple(records)


def fit_record(fit: SpectrumFit, plan: ScanPlan) -> FitRecord:
    """Plain record of a fit, its expectation on the bins of the whole spectrum."""
    return FitRecord(
        family=fit.family.name,
        n_params=fit.n_params,
        parameters=tuple(fit.parameters.tolist()),
        deviance=fit.deviance,
        ndf=fit.ndf,
        p_value=fit.p_value,
        p_method=fit.p_method,
        expected=_on_all_bins(fit.expected, plan),
    )


def _on_all_bins(values: FloatArray, plan: ScanPlan) -> tuple[float, ...]:
    full = np.zeros(len(plan.counts))
    full[plan.fit_bins] = values
    return tuple(full.tolist())
