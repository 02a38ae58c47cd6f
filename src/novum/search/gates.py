"""Gates: when a window's p-value is withheld, and the reason in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from novum.errors import InputError
from novum.evaluation import mutual_information
from novum.search.config import MIN_FIT_P, HuntConfig
from novum.search.inputs import Sample
from novum.search.records import Validation
from novum.statistics import SpectrumFit
from novum.windows import Window

FloatArray = NDArray[np.float64]

MAX_VALIDATION_Z = 3.0  # two-sided: one signal-free window in 370 is withheld for nothing
MAX_RANK_CORRELATION = 0.3
MAX_MUTUAL_INFORMATION = 0.1  # [nats]; chance gives some 0.01, a rank correlation of 0.3 some 0.05
DEPENDENCE_EVENTS = 5000  # at random: the information of a feature then takes milliseconds
FEWEST_EQUAL = 20  # events, of which chance makes none of an even feature all equal
VALIDATION_TAIL = 1.0  # a score of 1 is reached by a tenth of the sidebands


def validate(score: FloatArray, m: FloatArray, w: FloatArray, window: Window) -> Validation:
    """Mean score in the halves of the sidebands next to the signal region against the far halves.

    No classifier was told these halves apart, but one that reads the mass off the features scores
    higher the closer to the signal region: the excess that it fakes there starts here. The bulk
    of the sidebands decides: the most anomalous tenth is left out, because the tails of a strong
    signal leak there, into the halves next to the signal region.
    """
    (a, b), (c, d) = window.sidebands
    bulk = score < VALIDATION_TAIL
    score, m, w = score[bulk], m[bulk], w[bulk]
    lower, upper = (a + b) / 2, (c + d) / 2
    halves = [(lower, b), (c, upper), (a, lower), (upper, d)]
    means, variances = np.array([_mean(score, w, (m >= x) & (m < y)) for x, y in halves]).T
    spread = float(np.sqrt(variances.sum()))
    difference = float(means[:2].sum() - means[2:].sum())
    z = difference / spread if spread > 0 else 0.0
    return Validation(float(means[:2].mean()), float(means[2:].mean()), z)


def _mean(score: FloatArray, w: FloatArray, rows: NDArray[np.bool_]) -> tuple[float, float]:
    """Weighted mean and its variance; nothing known of an empty half."""
    values, weights = score[rows], w[rows]
    total = weights.sum()
    if not total > 0:
        return 0.0, np.inf
    mean = values @ weights / total
    return float(mean), float(weights**2 @ (values - mean) ** 2 / total**2)


def follows_mass(sample: Sample, window: Window, names: tuple[str, ...]) -> str | None:
    """Why the features break CWoLa's assumption outright; None where they do not.

    A feature that is nearly the mass, or any function of it, lets trees cut out the signal region
    with steps so sharp that the sidebands show nothing of it.
    """
    measures = zip(
        names, mass_correlations(sample, window), mass_information(sample, window), strict=True
    )
    for name, correlation, information in measures:
        if abs(correlation) > MAX_RANK_CORRELATION:
            measured = f"rank correlation {correlation:.2f}"
        elif information is not None and information > MAX_MUTUAL_INFORMATION:
            measured = f"mutual information {information:.2f} nats"
        else:
            continue
        return (
            f"the feature '{name}' follows the mass ({measured} in the sidebands): a selection on "
            "it selects a mass range"
        )
    return None


def marks_region(sample: Sample, window: Window, names: tuple[str, ...]) -> str | None:
    """Why a feature alone tells the signal region from its sidebands; None where none does.

    No method holds where a feature is constant on one side and something else on the other. That
    most events there differ tells this from a signal where background is always 0.
    """
    regions = {
        "signal region": sample.X[window.in_signal_region(sample.m)],
        "sidebands": sample.X[window.in_sidebands(sample.m)],
    }
    for (region, here), there in zip(regions.items(), reversed(regions.values()), strict=True):
        if len(here) < FEWEST_EQUAL:
            continue
        for j in np.flatnonzero(np.ptp(here, axis=0) == 0):
            if np.mean(there[:, j] != here[0, j]) > 0.5:
                return (
                    f"the feature '{names[j]}' is constant in the {region} alone ({here[0, j]:g}): "
                    "a selection on it selects a mass range"
                )
    return None


def mass_correlations(sample: Sample, window: Window) -> FloatArray:
    """Rank correlation (d,) of each feature with the mass in the sidebands; 0 for a constant."""
    rows = window.in_sidebands(sample.m)
    ranked = stats.rankdata(sample.m[rows])
    return np.array(
        [
            np.corrcoef(stats.rankdata(column), ranked)[0, 1] if np.ptp(column) > 0 else 0.0
            for column in sample.X[rows].T
        ]
    )


def dependence_rows(sample: Sample, window: Window) -> NDArray[np.int64]:
    """Sideband events that a dependence on the mass is measured with."""
    off = np.flatnonzero(window.in_sidebands(sample.m))
    return np.random.default_rng(len(off)).permutation(off)[:DEPENDENCE_EVENTS]


def mass_information(sample: Sample, window: Window) -> list[float | None]:
    """Mutual information [nats] of each feature with the mass in the sidebands.

    None where there is nothing to measure: a constant, or too few events.
    """
    rows = dependence_rows(sample, window)
    return [measured(mutual_information, column, sample.m[rows]) for column in sample.X[rows].T]


def measured(
    measure: Callable[[FloatArray, FloatArray], float], values: FloatArray, m: FloatArray
) -> float | None:
    """None where there is nothing to measure: a constant, or too few events."""
    try:
        return float(measure(values, m))
    except InputError:
        return None


def reason_to_withhold(
    fit: SpectrumFit, validation: Validation, efficiency: float, config: HuntConfig
) -> str | None:
    """Why a window's p-value may not be quoted; None where nothing stands against it.

    Parameters
    ----------
    fit : SpectrumFit
        Masked fit of the inclusive spectrum.
    validation : Validation
        Outcome of `validate`.
    efficiency : float
        Share of the sidebands that the selection passes.
    config : HuntConfig
    """
    if fit.p_value < MIN_FIT_P:
        return (
            f"the masked fit of the inclusive spectrum has p = {fit.p_value:.2g} < {MIN_FIT_P:g}: "
            "the transfer factor cannot be trusted"
        )
    if not 0.5 < efficiency / config.eps_b < 2:
        return (
            f"scores tie: the sidebands pass at {efficiency:.2g}, not at the background "
            f"efficiency {config.eps_b:g} that was asked for"
        )
    if abs(validation.z) > MAX_VALIDATION_Z:
        return (
            f"validation inside the sidebands fails: the mean score is {validation.inner:.3f} next "
            f"to the signal region and {validation.outer:.3f} away from it (z = "
            f"{validation.z:.1f}); the features follow the mass, or a signal lies beside this "
            "window"
        )
    return None
