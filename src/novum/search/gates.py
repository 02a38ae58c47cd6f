"""Gates: when a window's p-value is withheld, and the reason in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from novum.search.config import MIN_FIT_P, HuntConfig
from novum.search.inputs import Sample
from novum.search.records import Validation
from novum.statistics import SpectrumFit
from novum.windows import Window

FloatArray = NDArray[np.float64]

MAX_VALIDATION_Z = 3.0  # two-sided: one signal-free window in 370 is withheld for nothing
MAX_RANK_CORRELATION = 0.3
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

    A feature that is nearly the mass lets trees cut out the signal region with steps so sharp
    that the sidebands show nothing of it.
    """
    for name, correlation in zip(names, mass_correlations(sample, window), strict=True):
        if abs(correlation) > MAX_RANK_CORRELATION:
            return (
                f"the feature '{name}' follows the mass (rank correlation {correlation:.2f} in the "
                "sidebands): a selection on it selects a mass range"
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
