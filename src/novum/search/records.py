"""Parts of a search's result: plain numbers and tuples, so that JSON carries them unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from novum.statistics.pvalue import PValue

Pair = tuple[float, float]
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class WindowEdges:
    """Signal region and sidebands [GeV]."""

    low: float
    high: float
    sidebands: tuple[Pair, Pair]

    @property
    def center(self) -> float:
        """Middle of the signal region [GeV]."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class BestWindow:
    """Signal region with the smallest p-value [GeV]."""

    low: float
    high: float


@dataclass(frozen=True)
class FitRecord:
    """A masked spectrum fit; `expected` per bin of the spectrum, 0 outside the fit range."""

    family: str
    n_params: int
    parameters: Numbers
    deviance: float
    ndf: int
    p_value: float
    p_method: str
    expected: Numbers


@dataclass(frozen=True)
class Counts:
    """What the on/off test saw.

    Attributes
    ----------
    n_on, n_off : float
        Selected events in the signal region and in the sidebands, mean of the redrawn
        cross-fits.
    n_sr, n_sb : float
        All events there, before the selection.
    ratio, ratio_error : float
        Transfer factor SR/SB of the inclusive masked fit.
    expected, expected_error : float
        Background expectation of `n_on` and its uncertainty.
    """

    n_on: float
    n_off: float
    n_sr: float
    n_sb: float
    ratio: float
    ratio_error: float
    expected: float
    expected_error: float


@dataclass(frozen=True)
class Test:
    """A test statistic with its p-value; both None where it is withheld, with the reason."""

    __test__ = False  # not a test case, whatever its name says to pytest

    z: float | None
    p: PValue | None
    withheld: str | None = None


@dataclass(frozen=True)
class Validation:
    """Mean score in the inner and in the outer halves of the sidebands, and their difference [σ].

    Inner halves touch the signal region. Where features do not follow the mass they agree.
    """

    inner: float
    outer: float
    z: float


@dataclass(frozen=True)
class FoldRecord:
    """The on/off counts of one fold of the first cross-fit."""

    fold: int
    threshold: float
    n_on: float
    n_off: float
    expected: float


@dataclass(frozen=True)
class FeatureRecord:
    """One feature in the signal region, selected against rejected events.

    Attributes
    ----------
    name : str
    edges, selected, rejected : tuple of float
        Bin edges and the two densities.
    separation : float
        Half the area between the two densities: 0 where they agree, 1 where they are disjoint.
    importance : float
        Mean loss of score of the selected events when this feature is replaced by values of
        held-out sideband events.
    mass_correlation : float
        Rank correlation with the mass in the sidebands; CWoLa assumes none.
    """

    name: str
    edges: Numbers
    selected: Numbers
    rejected: Numbers
    separation: float = 0.0
    importance: float = 0.0
    mass_correlation: float = 0.0


@dataclass(frozen=True)
class WorkingPoint:
    """The on/off counts at one background efficiency, for the eye; only one is the headline."""

    eps_b: float
    n_on: float
    n_off: float
    expected: float
    expected_error: float
    z: float
    selected_counts: Numbers


@dataclass(frozen=True)
class WindowResult:
    """Everything about one window. `p` and `z` are those of the primary on/off test."""

    window: WindowEdges
    p: PValue | None
    z: float | None
    withheld: str | None
    counts: Counts
    fit: FitRecord
    selected_counts: Numbers
    shape: Test
    shape_fit: FitRecord | None
    inclusive: Test
    validation: Validation
    folds: tuple[FoldRecord, ...]
    repeat_z: Numbers
    features: tuple[FeatureRecord, ...]
    working_points: tuple[WorkingPoint, ...] = ()


@dataclass(frozen=True)
class SelectedEvent:
    """One selected event of the best window."""

    id: int
    mass: float
    score: float
    features: Numbers
    run: int | None = None
    lumi: int | None = None
    event: int | None = None


@dataclass(frozen=True)
class EvaluationRecord:
    """Truth-level figures of one window; made from labels, which the search never sees.

    `n_signal` and `n_background` count the signal region before the selection;
    `significance_before` is S/√B there. The SIC curve is quoted only where at least 25
    background events pass.
    """

    window: WindowEdges
    n_signal: int
    n_background: int
    significance_before: float
    signal_sample: str
    eps_b: Numbers
    eps_s: Numbers
    sic: Numbers
    max_sic: float | None
    max_sic_n_background: int | None
    max_sic_above_1e3: float | None
    sic_at_1e3: float | None
    auc: float
    selected_signal: float
    selected_background: float


@dataclass(frozen=True)
class InputRecord:
    """What was read."""

    origin: str
    n_events: int
    n_used: int
    weighted: bool
    labelled: bool
    sha256: str


@dataclass(frozen=True)
class SpectrumRecord:
    """The inclusive spectrum before any selection, on the common bins."""

    edges: Numbers
    counts: Numbers
    fit_range: Pair


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
