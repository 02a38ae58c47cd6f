"""What the selection of one window did to each feature, for display; no test depends on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.evaluation import distance_correlation, sculpting
from novum.search.crossfitting import Scores
from novum.search.gates import dependence_rows, mass_correlations, mass_information, measured
from novum.search.inputs import Sample
from novum.search.records import FeatureRecord, MassProfile, Numbers, SculptingRecord
from novum.windows import Window

FloatArray = NDArray[np.float64]

FEATURE_BINS = 40
PROFILE_BINS = 12


def feature_records(
    share: FloatArray, sample: Sample, scores: Scores, names: tuple[str, ...]
) -> tuple[FeatureRecord, ...]:
    """Densities, separation, importance and mass dependence of every feature.

    Parameters
    ----------
    share : array (n,)
        Share of the redrawn cross-fits that select each event.
    sample : Sample
    scores : Scores
        In this window; `importance` is 0 where it was not asked for.
    names : tuple of str
        Of the d features.
    """
    window = scores.window
    inside = window.in_signal_region(sample.m)
    importance = scores.importance if len(scores.importance) else np.zeros(len(names))
    correlations = mass_correlations(sample, window)
    information = mass_information(sample, window)
    off = dependence_rows(sample, window)
    records = []
    for j, name in enumerate(names):
        values = sample.X[:, j]
        w = np.abs(sample.w[inside])
        edges, selected, rejected = _densities(values[inside], w, share[inside])
        area = float(np.abs(selected - rejected).sum() * (edges[1] - edges[0]))
        records.append(
            FeatureRecord(
                name=name,
                edges=_numbers(edges),
                selected=_numbers(selected),
                rejected=_numbers(rejected),
                separation=area / 2,
                importance=float(importance[j]),
                mass_correlation=float(correlations[j]),
                profile=_profile(values, sample, window),
                distance_correlation=measured(distance_correlation, values[off], sample.m[off]),
                mutual_information=information[j],
            )
        )
    return tuple(records)


def sculpting_record(
    share: FloatArray, sample: Sample, window: Window, fit_range: tuple[float, float]
) -> SculptingRecord | None:
    """Whether the selection sculpts the mass, over the fit range without the signal region.

    None where too few events are selected to say. An event counts as selected if most of the
    redrawn cross-fits select it.
    """
    low, high = fit_range
    rows = (sample.m >= low) & (sample.m < high)
    try:
        found = sculpting(
            sample.m[rows], share[rows] > 0.5, masked=(window.low, window.high),
            weight=np.abs(sample.w[rows]),
        )  # fmt: skip
    except InputError:
        return None
    return SculptingRecord(found.chi2, found.ndf, found.p, found.jensen_shannon)


def _densities(
    values: FloatArray, w: FloatArray, share: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Edges and densities of selected and rejected events, without the outermost 0.1 %."""
    low, high = np.quantile(values, [0.001, 0.999])
    high = high if high > low else low + 1
    edges = np.linspace(low, high, FEATURE_BINS + 1)
    return edges, _density(values, w * share, edges), _density(values, w * (1 - share), edges)


def _density(values: FloatArray, w: FloatArray, edges: FloatArray) -> FloatArray:
    counts = np.histogram(values, edges, weights=w)[0]
    total = counts.sum() * (edges[1] - edges[0])
    return counts / total if total > 0 else counts


def _profile(values: FloatArray, sample: Sample, window: Window) -> MassProfile:
    """Negative weights count by their size, as in the training."""
    m, w, off = sample.m, np.abs(sample.w), window.in_sidebands(sample.m)
    center = np.average(values[off], weights=w[off])
    spread = np.sqrt(np.average((values[off] - center) ** 2, weights=w[off]))
    (low, _), (_, high) = window.sidebands
    edges = np.linspace(low, high, PROFILE_BINS + 1)
    rows = (m >= low) & (m < high)
    place = np.minimum(np.searchsorted(edges, m[rows], side="right") - 1, PROFILE_BINS - 1)
    x = (values[rows] - center) / (spread if spread > 0 else 1.0)
    means: list[float | None] = []
    errors: list[float | None] = []
    for b in range(PROFILE_BINS):
        mean, error = _mean(x[place == b], w[rows][place == b])
        means.append(mean)
        errors.append(error)
    return MassProfile(_numbers(edges), tuple(means), tuple(errors))


def _mean(x: FloatArray, w: FloatArray) -> tuple[float | None, float | None]:
    total = float(w.sum())
    if len(x) < 2 or not total > 0:
        return None, None
    mean = float(w @ x) / total
    return mean, float(np.sqrt(w**2 @ (x - mean) ** 2)) / total


def _numbers(values: FloatArray) -> Numbers:
    return tuple(values.tolist())
