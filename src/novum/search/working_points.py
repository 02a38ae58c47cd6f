"""Counts at working points other than the headline: for the eye, each a further trial."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.search.config import HuntConfig
from novum.search.counting import Sums, counts_of
from novum.search.crossfitting import Scores
from novum.search.inputs import Sample
from novum.search.records import Counts, WorkingPoint
from novum.search.scan import ScanPlan
from novum.search.selection import cuts
from novum.statistics import on_off_z, selected_spectrum
from novum.windows import Window

FloatArray = NDArray[np.float64]

WORKING_POINTS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_TIED = 2.0  # passing more than twice, or less than half, of ε_B is another working point


def working_points(
    sample: Sample,
    scores: Scores,
    plan: ScanPlan,
    headline: Counts,
    config: HuntConfig,
) -> tuple[WorkingPoint, ...]:
    """On/off counts and selected spectra at `WORKING_POINTS` and at the headline ε_B.

    Thresholds and the mean over the redrawn cross-fits are those of the headline selection. A
    point is left out where a fold would select fewer than one sideband event, or where scores
    tie so that the sidebands pass at another efficiency.

    Parameters
    ----------
    sample, scores, plan, config
        As for `novum.search.analysis.analyse_window`.
    headline : Counts
        Its transfer factor and the uncertainty of that serve all points.

    Returns
    -------
    tuple of WorkingPoint
        In falling order of ε_B.
    """
    window, m, w = scores.window, sample.m, sample.w
    efficiencies = _supported(sample, window, config)
    table = _count(sample, scores, plan, efficiencies)
    w_on, w_off = w[window.in_signal_region(m)], w[window.in_sidebands(m)]
    ratio = headline.ratio, headline.ratio_error
    records = []
    for eps_b, cells in zip(efficiencies.tolist(), table, strict=True):
        on, off = (Sums(*(float(v) for v in cells[:, i].sum(axis=-1))) for i in (1, 2))
        tied = not 1 / _TIED < off.size / np.abs(w_off).sum() / eps_b < _TIED
        if tied and eps_b != config.eps_b:
            continue
        c = counts_of(on, off, w_on, w_off, *ratio)
        z = float(on_off_z(*c.effective()))
        counts = _spectrum(cells.sum(axis=1)[:, :-1], plan)
        records.append(
            WorkingPoint(eps_b, c.n_on, c.n_off, c.expected, c.expected_error, z, counts)
        )
    return tuple(records)


def _spectrum(sums: FloatArray, plan: ScanPlan) -> tuple[float, ...]:
    """Selected spectrum in effective counts from Σw, Σw² and Σ|w| (3, bins) of the fit's bins."""
    chosen, square, size = sums
    if plan.fit_exposure is not None:
        chosen, _ = selected_spectrum(chosen, square, size, plan.fit_exposure)
    spectrum = np.zeros(len(plan.counts))
    spectrum[plan.fit_bins] = chosen
    # Sums over weights and cross-fits: six decimals are exact for plain counts.
    return tuple(np.round(spectrum, 6).tolist())


def _supported(sample: Sample, window: Window, config: HuntConfig) -> FloatArray:
    n = np.count_nonzero(window.in_sidebands(sample.m))
    grid = {eps for eps in WORKING_POINTS if eps * n >= config.folds}
    return np.array(sorted({*grid, config.eps_b}, reverse=True))


def _count(sample: Sample, scores: Scores, plan: ScanPlan, efficiencies: FloatArray) -> FloatArray:
    """Selected Σw, Σw² and Σ|w| (E, 3, 3, bins + 1), as rows of three.

    They are split into elsewhere, signal region, sidebands; the last bin holds what is in no bin.

    Selections at falling ε_B are nested, so that each event is sorted once, by the number of
    selections that it passes.
    """
    m, window, n_bins = sample.m, scores.window, len(plan.fit_edges)
    cell = _bins(m, plan.fit_edges)
    cell += n_bins * window.in_signal_region(m) + 2 * n_bins * window.in_sidebands(m)
    w = sample.w
    kinds = [w] if plan.exposure is None else [w, w**2, np.abs(w)]  # all the same if weights are 1
    table = np.zeros((len(kinds), len(efficiencies), 3 * n_bins))
    for by_repeat, fold in zip(scores.by_repeat, scores.fold_by_repeat, strict=True):
        score = by_repeat.astype(np.float64)
        cut = cuts(score, fold, m, sample.w, window, efficiencies)
        rows = np.flatnonzero(score >= cut[fold, 0])
        last = (score[rows, None] >= cut[fold[rows]]).sum(axis=1) - 1
        place, size = last * table.shape[2] + cell[rows], table[0].size
        for kind, sums in zip(kinds, table, strict=True):
            flat = np.bincount(place, kind[rows], size)
            sums += flat.reshape(sums.shape)[::-1].cumsum(axis=0)[::-1]
    table /= len(scores.by_repeat)
    cells = table.reshape(len(kinds), len(efficiencies), 3, n_bins).swapaxes(0, 1)
    return np.broadcast_to(cells, (len(efficiencies), 3, 3, n_bins))


def _bins(m: FloatArray, edges: FloatArray) -> NDArray[np.int64]:
    """Bin of each mass, the upper end included as in `numpy.histogram`; len(edges) - 1: none."""
    index = np.searchsorted(edges, m, side="right") - 1
    index[m == edges[-1]] -= 1
    index[index < 0] = len(edges) - 1
    return index
