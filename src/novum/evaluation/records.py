"""Frozen records of an evaluation, and their versioned JSON form.

Records hold plain numbers and tuples only. A figure that too little background supports is None,
never a number.
"""

from __future__ import annotations

from dataclasses import dataclass

from novum.io.documents import from_json, to_json

SCHEMA = "novum-evaluation"
SCHEMA_VERSION = 1
EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class Estimate:
    """A figure with its 68 % interval.

    An end is None where it has no finite value, both where the replicas do not vary (as where no
    signal event passes), which is no measure of the error.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Rejection:
    """Background rejection 1/ε_B at the tightest cut that reaches a signal efficiency.

    Attributes
    ----------
    eps_s : float
        The signal efficiency.
    n_background : int
        Background events that pass; over seeds, the fewest.
    rejection : Estimate or None
        None where fewer than 25 background events pass.
    """

    eps_s: float
    n_background: int
    rejection: Estimate | None


@dataclass(frozen=True)
class WorkingPoint:
    """Signal efficiency and SIC at the loosest cut that keeps within a background efficiency.

    Attributes
    ----------
    eps_b : float
        The background efficiency.
    n_background : int
        Background events that pass, on which the SIC is based; over seeds, the fewest.
    eps_s, sic : Estimate or None
        None where fewer than 25 background events pass.
    """

    eps_b: float
    n_background: int
    eps_s: Estimate | None
    sic: Estimate | None


@dataclass(frozen=True)
class MaxSic:
    """The largest SIC over all cuts that at least 25 background events pass.

    Attributes
    ----------
    sic : Estimate
        The largest of many noisy values lies above the truth. The interval of one sample is that
        of the SIC at this cut: the choice of the cut is not repeated.
    eps_b : float
        Background efficiency of that cut; over seeds, the median.
    n_background : int
        Background events that pass; over seeds, the fewest.
    """

    sic: Estimate
    eps_b: float
    n_background: int


@dataclass(frozen=True)
class MassSpectrum:
    """Background events in bins of a mass, to be drawn.

    Attributes
    ----------
    edges : tuple of float
        Of the bins, one more than there are.
    inclusive, selected : tuple of int
        All events, and those that pass.
    """

    edges: tuple[float, ...]
    inclusive: tuple[int, ...]
    selected: tuple[int, ...]


@dataclass(frozen=True)
class MassCut:
    """What a cut on the score does to the mass spectrum of the background.

    Attributes
    ----------
    eps_b : float
        The background efficiency that the cut keeps within.
    n_background : int
        Background events that pass; over seeds, the fewest.
    jensen_shannon : Estimate or None
        Divergence of the spectra of passing and failing events [bits], without an interval for a
        single seed; None where fewer than 50 pass.
    random : float or None
        Divergence to expect if as many events passed at random; over seeds, the median.
    spectrum : MassSpectrum or None
        Over seeds, that of the first.
    """

    eps_b: float
    n_background: int
    jensen_shannon: Estimate | None
    random: float | None
    spectrum: MassSpectrum | None


@dataclass(frozen=True)
class Decorrelation:
    """How far a score follows a mass.

    Attributes
    ----------
    mass : str
        Its column.
    auc_planed : Estimate or None
        AUC with background weighed to the mass spectrum of signal: what the score knows beside
        the mass. None where the spectra do not overlap.
    effective_background : float or None
        Background events of equal weight that would be as good; over seeds, the fewest.
    distance_correlation : Estimate or None
        Of score and mass in background, without an interval for a single seed; None where one of
        them is constant or there are fewer than 50 events.
    random : float or None
        Distance correlation of the same scores with shuffled masses; over seeds, the median.
    cuts : tuple of MassCut
        At fixed background efficiencies.
    """

    mass: str
    auc_planed: Estimate | None
    effective_background: float | None
    distance_correlation: Estimate | None
    random: float | None
    cuts: tuple[MassCut, ...]


@dataclass(frozen=True)
class Figures:
    """The figures of merit of a method.

    Attributes
    ----------
    auc : Estimate
        Area under the ROC curve; ties count one half.
    max_sic : MaxSic or None
        None where there are fewer than 25 background events.
    rejections : tuple of Rejection
        At fixed signal efficiencies.
    working_points : tuple of WorkingPoint
        At fixed background efficiencies.
    curve : tuple of WorkingPoint
        Falling from ε_B = 1, as far as 25 background events pass.
    decorrelation : Decorrelation or None
        None where no mass was given.
    """

    auc: Estimate
    max_sic: MaxSic | None
    rejections: tuple[Rejection, ...]
    working_points: tuple[WorkingPoint, ...]
    curve: tuple[WorkingPoint, ...]
    decorrelation: Decorrelation | None = None


@dataclass(frozen=True)
class Performance:
    """Figures of one sample of scores, with bootstrap intervals.

    Attributes
    ----------
    n_signal, n_background : int
        Events before any cut.
    significance_before : float
        S/√B before any cut.
    figures : Figures
        Intervals from `replicas` bootstrap replicas of signal and background.
    replicas, seed : int
        Of the bootstrap.
    """

    n_signal: int
    n_background: int
    significance_before: float
    figures: Figures
    replicas: int
    seed: int


@dataclass(frozen=True)
class Method:
    """One method, evaluated on one or several seeds.

    Attributes
    ----------
    name : str
    sources : tuple of str
        Where the scores of each seed come from.
    seeds : tuple of Performance
        In the same order.
    figures : Figures
        Those of the only seed, or the median and the central 68 % of the seeds; None wherever one
        of the seeds is None.
    """

    name: str
    sources: tuple[str, ...]
    seeds: tuple[Performance, ...]
    figures: Figures


@dataclass(frozen=True)
class Comparison:
    """Several methods side by side.

    Attributes
    ----------
    methods : tuple of Method
    truth : str or None
        The file the labels come from; None where the tables of scores hold them.
    notes : tuple of str
        What was restricted, for the reader.
    version : str
        Of novum.
    """

    methods: tuple[Method, ...]
    truth: str | None
    notes: tuple[str, ...]
    version: str
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The JSON text, the same bits for equal records."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "evaluation") -> Comparison:
        """Inverse of `to_json`.

        Raises
        ------
        FileFormatError
            If the text is no evaluation, of another schema version, or damaged.
        """
        return from_json(
            cls, text, source, what="evaluation", schema=SCHEMA, version=SCHEMA_VERSION
        )
