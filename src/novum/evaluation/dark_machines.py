"""The figure of merit of the Dark Machines challenge: total improvement, arXiv:2105.14027."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

from novum.errors import InputError
from novum.evaluation.performance import EPS_B
from novum.io.documents import from_json, to_json

COLUMNS = ("Signal", "Model", "Chan", "AUC", "1e-2", "1e-3", "1e-4")
SCHEMA = "novum-total-improvement"
SCHEMA_VERSION = 1
MOST_LISTED = 5  # models in a note


@dataclass(frozen=True)
class SignalRow:
    """A model on one signal in one channel: a row of the results of the challenge.

    Attributes
    ----------
    signal, model, channel : str
        Signal process, method, and the selection of events that it was tried in.
    auc : float
        Area under the ROC curve.
    eps_s : (float or None, float or None, float or None)
        Signal efficiency at the background efficiencies `EPS_B`: 1e-2, 1e-3 and 1e-4. None where
        too little background passes for a threshold.

    Raises
    ------
    InputError
        If a name is empty, or an efficiency or the AUC is not between 0 and 1; names the column.
    """

    signal: str
    model: str
    channel: str
    auc: float
    eps_s: tuple[float | None, float | None, float | None]

    def __post_init__(self) -> None:
        for column, name in zip(COLUMNS, self.key, strict=False):
            if not name:
                raise InputError("is empty, a row needs it", column=column, value=name)
        for column, value in zip(COLUMNS[3:], (self.auc, *self.eps_s), strict=True):
            if value is not None and not 0 <= value <= 1:
                raise InputError(
                    f"must be between 0 and 1, got {value}", column=column, value=value
                )

    @property
    def key(self) -> tuple[str, str, str]:
        """What no other row may share: signal, model and channel."""
        return self.signal, self.model, self.channel

    def improvements(self) -> list[tuple[float, float]]:
        """Significance improvement ε_S/√ε_B and its ε_B, wherever it was measured."""
        pairs = zip(self.eps_s, EPS_B, strict=True)
        return [(eps_s / sqrt(eps_b), eps_b) for eps_s, eps_b in pairs if eps_s is not None]


@dataclass(frozen=True)
class SignalImprovement:
    """The largest significance improvement of a model on one signal, and where it is.

    Attributes
    ----------
    signal : str
    value : float or None
        Largest ε_S/√ε_B of all channels and background efficiencies; None where none is measured.
    channel : str or None
    eps_b : float or None
    """

    signal: str
    value: float | None
    channel: str | None
    eps_b: float | None


@dataclass(frozen=True)
class TotalImprovement:
    """The significance improvement of a model over all signals.

    Attributes
    ----------
    model : str
    minimum, median, maximum : float or None
        Over signals. None where a signal has no measured value: over the others they would favour
        a model for the signals that it was not measured on.
    n_signals : int
    n_unmeasured : int
        Signal efficiencies of its rows that are not measured.
    signals : tuple of SignalImprovement
        In the order of the rows.
    """

    model: str
    minimum: float | None
    median: float | None
    maximum: float | None
    n_signals: int
    n_unmeasured: int
    signals: tuple[SignalImprovement, ...]


@dataclass(frozen=True)
class TotalImprovements:
    """Models side by side, the one of the largest median first.

    Attributes
    ----------
    models : tuple of TotalImprovement
    computed : tuple of str
        Models whose rows were made from scores; those of the others were given.
    notes : tuple of str
        What makes the models hard to compare, for the reader.
    version : str
        Of novum.
    """

    models: tuple[TotalImprovement, ...]
    computed: tuple[str, ...]
    notes: tuple[str, ...]
    version: str
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The JSON text, the same bits for equal records."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "total improvement") -> TotalImprovements:
        """Inverse of `to_json`.

        Raises
        ------
        FileFormatError
            If the text is no total improvement, of another schema version, or damaged.
        """
        what = "total improvement"
        return from_json(cls, text, source, what=what, schema=SCHEMA, version=SCHEMA_VERSION)


def total_improvement(rows: Iterable[SignalRow]) -> tuple[TotalImprovement, ...]:
    """Total improvement of every model, arXiv:2105.14027.

    The significance improvement of a signal is the largest ε_S/√ε_B over the background
    efficiencies 1e-2, 1e-3 and 1e-4 and over channels; its minimum, median and maximum over
    signals are the figures of the model.

    Parameters
    ----------
    rows : iterable of SignalRow

    Returns
    -------
    tuple of TotalImprovement
        By falling median, then by name; those without one are last.

    Raises
    ------
    InputError
        If there are no rows, or two of one signal, model and channel.
    """
    by_model: dict[str, list[SignalRow]] = {}
    known: set[tuple[str, str, str]] = set()
    for row in rows:
        if row.key in known:
            raise InputError(
                f"there are two rows of signal '{row.signal}', model '{row.model}' and channel "
                f"'{row.channel}'",
                column="Chan",
                value=row.channel,
            )
        known.add(row.key)
        by_model.setdefault(row.model, []).append(row)
    if not by_model:
        raise InputError("there are no signal rows")
    totals = [_total(model, own) for model, own in by_model.items()]
    return tuple(sorted(totals, key=_rank))


def compare_improvements(
    rows: Sequence[SignalRow], computed: Sequence[str] = (), version: str = ""
) -> TotalImprovements:
    """`total_improvement` of all models, with notes on what makes them hard to compare.

    Parameters
    ----------
    rows : sequence of SignalRow
    computed : sequence of str
        Models whose rows were made from scores.
    version : str
        Of novum, for the record.

    Raises
    ------
    InputError
        As `total_improvement` does.
    """
    models = total_improvement(rows)
    pairs: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        pairs.setdefault(row.model, set()).add((row.signal, row.channel))
    notes = (*_unmeasured(models, pairs), *_unlike(pairs))
    return TotalImprovements(models, tuple(computed), notes, version)


def _unmeasured(
    models: Sequence[TotalImprovement], pairs: Mapping[str, set[tuple[str, str]]]
) -> list[str]:
    found = [
        f"{m.n_unmeasured} of {len(EPS_B) * len(pairs[m.model])} of '{m.model}'"
        for m in models
        if m.n_unmeasured
    ]
    if not found:
        return []
    more = f" and of {len(found) - MOST_LISTED} more models" if len(found) > MOST_LISTED else ""
    return [
        "signal efficiencies are not measured, and not counted, where too few background events "
        f"pass: {', '.join(found[:MOST_LISTED])}{more}"
    ]


def _unlike(pairs: Mapping[str, set[tuple[str, str]]]) -> list[str]:
    everything = set().union(*pairs.values())
    if all(own == everything for own in pairs.values()):
        return []
    by_size = sorted(pairs, key=lambda model: len(pairs[model]))
    few, most = by_size[0], by_size[-1]
    return [
        "the models do not have the same signals and channels, which makes them hard to compare: "
        f"of {len(everything)} pairs '{few}' has {len(pairs[few])}, '{most}' {len(pairs[most])}"
    ]


def _total(model: str, rows: Sequence[SignalRow]) -> TotalImprovement:
    by_signal: dict[str, list[SignalRow]] = {}
    for row in rows:
        by_signal.setdefault(row.signal, []).append(row)
    signals = tuple(_best(signal, own) for signal, own in by_signal.items())
    found = [s.value for s in signals if s.value is not None]
    whole = len(found) == len(signals)
    return TotalImprovement(
        model=model,
        minimum=min(found) if whole else None,
        median=median(found) if whole else None,
        maximum=max(found) if whole else None,
        n_signals=len(signals),
        n_unmeasured=sum(row.eps_s.count(None) for row in rows),
        signals=signals,
    )


def _best(signal: str, rows: Sequence[SignalRow]) -> SignalImprovement:
    found = [(value, row.channel, eps_b) for row in rows for value, eps_b in row.improvements()]
    if not found:
        return SignalImprovement(signal, None, None, None)
    value, channel, eps_b = max(found, key=lambda f: f[0])
    return SignalImprovement(signal, value, channel, eps_b)


def _rank(total: TotalImprovement) -> tuple[bool, float, str]:
    return total.median is None, -(total.median or 0.0), total.model
