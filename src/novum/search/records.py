"""Parts of a search's result: plain numbers and tuples, so that JSON carries them unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from novum.statistics.pvalue import PValue
from novum.statistics.transfer import SpuriousRecord
from novum.windows import Window

Pair = tuple[float, float]
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class WindowEdges:
    """Signal region and sidebands [GeV]."""

    low: float
    high: float
    sidebands: tuple[Pair, Pair]

    @classmethod
    def of(cls, window: Window) -> WindowEdges:
        """The edges of a window."""
        return cls(window.low, window.high, window.sidebands)

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
    """What the on/off test saw; sums of weights where events are weighted.

    Attributes
    ----------
    n_on, n_off : float
        Selected events in the signal region and in the sidebands, mean of the redrawn
        cross-fits; 0 where negative weights outweigh the others.
    n_sr, n_sb : float
        All events there, before the selection.
    ratio, ratio_error : float
        Transfer factor SR/SB of the inclusive masked fit; its uncertainty includes the choice of
        the family where `WindowResult.spurious` does not pass.
    expected, expected_error : float
        Background expectation of `n_on` and its uncertainty.
    scale_on, scale_off : float
        Weight of one effective event, Σw²/Σw, in the signal region and in the sidebands.
    """

    n_on: float
    n_off: float
    n_sr: float
    n_sb: float
    ratio: float
    ratio_error: float
    expected: float
    expected_error: float
    scale_on: float = 1.0
    scale_off: float = 1.0

    def effective(self) -> tuple[float, float, float, float]:
        """n_on, n_off, ratio and its error in effective counts, as `on_off_z` takes them."""
        change = self.scale_off / self.scale_on
        return (
            self.n_on / self.scale_on,
            self.n_off / self.scale_off,
            self.ratio * change,
            self.ratio_error * change,
        )


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
class MassProfile:
    """Mean of one feature against the mass, all events of the window, before the selection.

    Attributes
    ----------
    edges : tuple of float
        Mass bins from the lower to the upper end of the sidebands [GeV].
    mean, error : tuple of float or None
        Per bin, as (mean - sideband mean) / sideband standard deviation; None where a bin holds
        fewer than two events.
    """

    edges: Numbers
    mean: tuple[float | None, ...]
    error: tuple[float | None, ...]


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
    profile : MassProfile or None
        Its mean against the mass.
    distance_correlation, mutual_information : float or None
        Dependence on the mass in the sidebands, whatever its form; the second in nats.
    """

    name: str
    edges: Numbers
    selected: Numbers
    rejected: Numbers
    separation: float = 0.0
    importance: float = 0.0
    mass_correlation: float = 0.0
    profile: MassProfile | None = None
    distance_correlation: float | None = None
    mutual_information: float | None = None


@dataclass(frozen=True)
class EstimateRecord:
    """A number that a method learnt about the signal region, with its 68 % interval.

    Mean over the fits of all folds, each from the events of the other folds.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SculptingRecord:
    """Shape of the selected mass spectrum against that of all events, signal region left out.

    Attributes
    ----------
    chi2, ndf, p : float, int, float
        Of a selection that takes no notice of the mass.
    jensen_shannon : float
        Divergence of selected and rejected events [bits].
    """

    chi2: float
    ndf: int
    p: float
    jensen_shannon: float


@dataclass(frozen=True)
class TemplateFeature:
    """One feature of data and of the background template, on common bins.

    `template` is scaled to as many events as `data` has. `lattice` marks features of few values,
    which were spread between them for the training.
    """

    name: str
    edges: Numbers
    data: Numbers
    template: Numbers
    lattice: bool = False


@dataclass(frozen=True)
class TemplateClosure:
    """Whether a classifier tells the background template from data in a region.

    Attributes
    ----------
    region : str
        "below" or "above" the signal region, where the template must hold, or the signal region
        itself, where signal would show, too.
    low, high : float
        Its edges [GeV].
    n_data, n_template : int
        Events that took part.
    auc, null_mean, null_sd, p : float
        AUC of the classifier, the same after permutations of the labels, and how often chance
        alone gives as much.
    features : tuple of TemplateFeature
    """

    region: str
    low: float
    high: float
    n_data: int
    n_template: int
    auc: float
    null_mean: float
    null_sd: float
    p: float
    features: tuple[TemplateFeature, ...]


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
    spurious: SpuriousRecord | None = None
    template: tuple[TemplateClosure, ...] = ()
    sculpting: SculptingRecord | None = None
    estimates: tuple[EstimateRecord, ...] = ()


@dataclass(frozen=True)
class EventCloud:
    """Particles of one event: pT [GeV], η and φ [rad], in order of pT."""

    name: str
    pt: Numbers
    eta: Numbers
    phi: Numbers


@dataclass(frozen=True)
class SelectedEvent:
    """One selected event of the best window; the highest-ranked ones carry their particles."""

    id: int
    mass: float
    score: float
    features: Numbers
    run: int | None = None
    lumi: int | None = None
    event: int | None = None
    clouds: tuple[EventCloud, ...] = ()


@dataclass(frozen=True)
class Contamination:
    """Signal where only background should be, and what it does to the expectation.

    Attributes
    ----------
    outside, share : int, float
        Signal events outside the signal region, from which densities and templates are learnt,
        and their share of all events there.
    selected : float
        Signal among the selected events of the sidebands.
    expected : float
        How much of the background expectation comes from these.
    z_without : float or None
        z of the same counts without them; None where the window is withheld.
    """

    outside: int
    share: float
    selected: float
    expected: float
    z_without: float | None


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
    contamination: Contamination | None = None


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
    """The inclusive spectrum before any selection, on the common bins.

    Of weighted events all spectra and their fits are in effective counts; `exposure` holds the
    effective counts per unit of weight of every bin.
    """

    edges: Numbers
    counts: Numbers
    fit_range: Pair
    exposure: Numbers | None = None


@dataclass(frozen=True)
class Unblinding:
    """What was frozen before the signal regions were looked at, and when they were.

    `time` is UTC in ISO 8601; the hashes are those that were checked.
    """

    time: str
    config_hash: str
    seed: int
    data_sha256: str
    calibration_sha256: str
    blind_sha256: str
