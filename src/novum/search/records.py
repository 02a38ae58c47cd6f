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
    """Densities of one feature in the signal region, selected against rejected events."""

    name: str
    edges: Numbers
    selected: Numbers
    rejected: Numbers


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
