"""Parts of a result that come from retrained null searches: plain numbers and tuples."""

from __future__ import annotations

from dataclasses import dataclass

from novum.search.records import BestWindow, Numbers, Pair
from novum.statistics.pvalue import PValue


@dataclass(frozen=True)
class CalibratedWindow:
    """What retrained null searches say of one window.

    Attributes
    ----------
    low, high : float
        Signal region [GeV].
    kappa, kappa_error : float
        Selected background in the signal region over its expectation, in the null searches.
    location, scale : float
        Mean b_w and standard deviation s_w of z in the null searches, κ applied.
    withheld_rate : float
        Share of the null searches that withhold this window.
    z, z_cal : float or None
        Significance with κ applied, and (z - b_w) / s_w; None where the window is withheld.
    p : PValue or None
        Share of null searches that reach z in this window.
    withheld : str or None
        Why calibration withholds the window, or the search did.
    """

    low: float
    high: float
    kappa: float
    kappa_error: float
    location: float
    scale: float
    withheld_rate: float
    z: float | None
    z_cal: float | None
    p: PValue | None
    withheld: str | None


@dataclass(frozen=True)
class Closure:
    """Whether a classifier tells null data from the sidebands they imitate.

    `auc` of data against null events, with the mean and standard deviation that a permutation of
    the two gives, and the p-value of the difference.
    """

    auc: float
    permuted_mean: float
    permuted_sd: float
    p_value: float


@dataclass(frozen=True)
class CalibratedScan:
    """A search looked up among complete, retrained null searches (T = max z_cal).

    Attributes
    ----------
    key : str
        Of config and data schema; null searches of another key do not apply.
    sha256 : str
        Of the content of ``calibration.json``.
    null : str
        How the background-only data were made: sampler, sidebands or file.
    n_searches : int
        Null searches behind the numbers.
    windows : tuple of CalibratedWindow
    best_window : BestWindow or None
        With the largest z_cal.
    t_observed : float or None
    t_null : tuple of float
        T of every null search.
    global_p : PValue or None
        (1 + #{T_null >= T_obs}) / (N + 1).
    extrapolated_p : float or None
        From a fitted effective number of windows: 1 - Φ(T)^n.
    extrapolated_interval : (float, float) or None
        Bootstrap 68 % interval of it.
    effective_windows : float or None
        The fitted n.
    fold_seed_spread : float or None
        Standard deviation of z when only the folds are drawn anew.
    closure : Closure or None
        Of null (b).
    """

    key: str
    sha256: str
    null: str
    n_searches: int
    windows: tuple[CalibratedWindow, ...]
    best_window: BestWindow | None
    t_observed: float | None
    t_null: Numbers
    global_p: PValue | None
    extrapolated_p: float | None
    extrapolated_interval: Pair | None
    effective_windows: float | None
    fold_seed_spread: float | None
    closure: Closure | None = None
