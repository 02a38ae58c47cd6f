"""The statistics of one window: counts, primary and secondary test, and the gates that withhold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import FitError
from novum.search.config import MIN_FIT_P, HuntConfig
from novum.search.counting import on_off_counts, with_family_choice, with_ratio_error
from novum.search.crossfitting import Scores
from novum.search.explanation import feature_records, sculpting_record
from novum.search.gates import follows_mass, marks_region, reason_to_withhold, validate
from novum.search.inputs import Sample
from novum.search.records import (
    Counts,
    EstimateRecord,
    FitRecord,
    FoldRecord,
    Test,
    Validation,
    WindowEdges,
    WindowResult,
)
from novum.search.scan import ScanPlan
from novum.search.selection import select, selected_share, thresholds
from novum.search.working_points import working_points
from novum.statistics import (
    PValue,
    SpectrumFit,
    SpuriousRecord,
    fit_spectrum,
    on_off_p,
    on_off_z,
    selected_spectrum,
    shape_test,
)
from novum.windows import Window

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PrimaryTest:
    """What decides about a window: `share` (n,) as in `selected_share`, counts, gates, and z.

    `z` is there even where the window is withheld: calibration needs it.
    """

    share: FloatArray
    counts: Counts
    spurious: SpuriousRecord
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
    *,
    mass_dependence: bool = False,
    explain: bool = True,
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
    mass_dependence : bool
        Whether the method holds where features depend on the mass.
    explain : bool
        Also make what is for display alone: records of the features and other working points.
    """
    window = scores.window
    primary = primary_test(sample, scores, fit, config, mass_dependence)
    share, counts, withheld = primary.share, primary.counts, primary.withheld
    histogram, exposure = _selected(sample, share, plan)
    shape, shape_fit = _shape(histogram, exposure, plan, window, config)
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
        folds=_per_fold(scores, sample, counts, config),
        repeat_z=_per_repeat(scores, sample, fit, counts.ratio_error, config),
        features=feature_records(share, sample, scores, config.features) if explain else (),
        working_points=working_points(sample, scores, plan, counts, config) if explain else (),
        spurious=primary.spurious,
        estimates=tuple(
            EstimateRecord(name, *map(float, numbers))
            for name, numbers in zip(scores.estimate_names, scores.estimates, strict=True)
        ),
        sculpting=sculpting_record(share, sample, window, plan.fit_range) if explain else None,
    )
    return WindowOutcome(result, share, fit)


def primary_test(
    sample: Sample,
    scores: Scores,
    fit: SpectrumFit,
    config: HuntConfig,
    mass_dependence: bool = False,
) -> PrimaryTest:
    """The on/off test of one window and the gates; parameters as for `analyse_window`."""
    window, m = scores.window, sample.m
    share = selected_share(scores, m, sample.w, config.eps_b)
    counts = on_off_counts(share, m, sample.w, window, fit)
    counts, spurious = with_family_choice(counts, fit, window)
    validation = validate(scores.score, m, sample.w, window)
    off = window.in_sidebands(m)
    size = np.abs(sample.w[off])  # as the thresholds were set
    tied = float(size @ share[off] / size.sum())
    follower = None if mass_dependence else follows_mass(sample, window, config.features)
    mark = marks_region(sample, window, config.features)
    withheld = mark or follower or reason_to_withhold(fit, validation, tied, config)
    z = float(on_off_z(*counts.effective()))
    return PrimaryTest(share, counts, spurious, validation, withheld, z)


def _selected(
    sample: Sample, share: FloatArray, plan: ScanPlan
) -> tuple[FloatArray, FloatArray | None]:
    """Selected spectrum in the bins of the fit, in effective counts, and its exposure."""
    m, w, edges = sample.m, sample.w, plan.fit_edges
    total = np.histogram(m, edges, weights=w * share)[0]
    if plan.fit_exposure is None:
        return total, None
    square, size = (np.histogram(m, edges, weights=v * share)[0] for v in (w**2, np.abs(w)))
    return selected_spectrum(total, square, size, plan.fit_exposure)


def _on_off_p(counts: Counts, config: HuntConfig) -> PValue:
    return on_off_p(*counts.effective(), seed=config.seed)


def _shape(
    histogram: FloatArray,
    exposure: FloatArray | None,
    plan: ScanPlan,
    window: Window,
    config: HuntConfig,
) -> tuple[Test, SpectrumFit | None]:
    order, edges = config.n_params, plan.fit_edges
    try:
        fit = fit_spectrum(histogram, edges, window, plan.family, order, exposure=exposure)
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
    scores: Scores, sample: Sample, counts: Counts, config: HuntConfig
) -> tuple[FoldRecord, ...]:
    """Counts of every fold of the first cross-fit."""
    window, m, w = scores.window, sample.m, sample.w
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
    scores: Scores, sample: Sample, fit: SpectrumFit, ratio_error: float, config: HuntConfig
) -> tuple[float, ...]:
    """Significance that each redrawn cross-fit alone would have given."""
    out = []
    for score, fold in zip(scores.by_repeat, scores.fold_by_repeat, strict=True):
        chosen = select(
            score.astype(np.float64), fold, sample.m, sample.w, scores.window, config.eps_b
        )
        c = on_off_counts(chosen.astype(np.float64), sample.m, sample.w, scores.window, fit)
        out.append(float(on_off_z(*with_ratio_error(c, ratio_error).effective())))
    return tuple(out)


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
