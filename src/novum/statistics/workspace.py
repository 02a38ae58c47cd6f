"""HistFactory JSON of frozen counting experiments in the on/off form.

For every window one bin "SR" and one bin "SB". The background of SB is free; that of SR is the
same parameter times the transfer factor, whose logarithm carries a Gaussian constraint, as in
`novum.statistics.onoff`. The format is that of pyhf (Heinrich, Feickert, Stark, Cranmer, JOSS 6
(2021) 2823; ATL-PHYS-PUB-2019-029).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from novum.errors import InputError

Spec = dict[str, Any]

POI = "mu"
MEASUREMENT = "limit"
_FREE_MU = 20.0  # room of the signal strength above a rough limit, for the fits of other programs


@dataclass(frozen=True)
class OnOffCounts:
    """One window of a frozen selection: what was counted and what a signal would add.

    Attributes
    ----------
    n_on, n_off : float
        Selected events in the signal region and in the sidebands.
    ratio, ratio_error : float
        Expected background of the signal region over that of the sidebands.
    signal_on, signal_off : float
        Expected selected signal events at signal strength 1; what leaks into the sidebands is
        `signal_off`.
    signal_on_error, signal_off_error : float
        Their uncertainty from the size of the simulated sample [events].
    spurious : float
        Standard deviation of a signal that the background model may fake in the signal region
        [events]; 0 for none.
    name : str
        Tells windows apart where there are several.
    """

    n_on: float
    n_off: float
    ratio: float
    ratio_error: float
    signal_on: float
    signal_off: float = 0.0
    signal_on_error: float = 0.0
    signal_off_error: float = 0.0
    spurious: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        values = {key: value for key, value in asdict(self).items() if key != "name"}
        for key, value in values.items():
            positive = key in ("ratio", "signal_on")
            if not math.isfinite(value) or value < 0 or (positive and value == 0):
                bound = "positive" if positive else "not negative"
                raise InputError(f"{key} must be finite and {bound}, got {value}", value=value)

    @property
    def nominal_off(self) -> float:
        """Background that the free parameter multiplies; 1 where the sidebands are empty."""
        return max(self.n_off, 1.0)

    @property
    def rough_limit(self) -> float:
        """Order of magnitude of a limit on the signal strength; only ever a starting point."""
        b = self.ratio * self.n_off
        spread = b * (1 + self.ratio) + (self.ratio_error * self.n_off) ** 2 + self.spurious**2
        return (2 * math.sqrt(spread) + 3 + max(self.n_on - b, 0.0)) / self.signal_on


def on_off_workspace(
    windows: OnOffCounts | Sequence[OnOffCounts], signal_systematic: float = 0.0
) -> Spec:
    """HistFactory workspace of one or more windows, ready for `json.dump`, pyhf and `upper_limit`.

    Windows must share no events. Their transfer factors vary independently, the systematic
    uncertainty of the signal is common to all of them.

    Parameters
    ----------
    windows : OnOffCounts or sequence of OnOffCounts
        The selection must have been fixed on independent data.
    signal_systematic : float
        Relative uncertainty of the expected signal, log-normal.

    Returns
    -------
    dict
        A workspace of pyhf's schema 1.0.0 with the parameter of interest "mu".

    Raises
    ------
    InputError
        If there is no window, two have one name, or the systematic uncertainty is negative.
    """
    found = (windows,) if isinstance(windows, OnOffCounts) else tuple(windows)
    names = [w.name for w in found]
    if not found:
        raise InputError("a workspace needs at least one window")
    if len(set(names)) != len(names):
        raise InputError(f"windows need names of their own, got {names}", value=names)
    if not (math.isfinite(signal_systematic) and signal_systematic >= 0):
        raise InputError(
            f"signal_systematic must be finite and not negative, got {signal_systematic}",
            value=signal_systematic,
        )
    channels = [c for w in found for c in _channels(w, signal_systematic)]
    seen = [
        (n, v) for w in found for n, v in ((_label("SR", w), w.n_on), (_label("SB", w), w.n_off))
    ]
    parameters = [_mu_parameter(found), *(_background_parameter(w) for w in found)]
    return {
        "channels": channels,
        "observations": [{"name": name, "data": [float(value)]} for name, value in seen],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": POI, "parameters": parameters}}],
        "version": "1.0.0",
    }


def _label(kind: str, window: OnOffCounts) -> str:
    return f"{kind}_{window.name}" if window.name else kind


def _channels(w: OnOffCounts, systematic: float) -> tuple[Spec, Spec]:
    on, off = _label("SR", w), _label("SB", w)
    free = {"name": _label("background", w), "type": "normfactor", "data": None}
    tied = [free, *_normsys(_label("transfer_factor", w), w.ratio_error / w.ratio)]
    sr = [
        _signal(on, w.signal_on, w.signal_on_error, systematic),
        {"name": "background", "data": [w.ratio * w.nominal_off], "modifiers": tied},
    ]
    if w.spurious > 0:
        # Around zero and additive: it can neither be negative on average nor scale with anything.
        shift = {"hi_data": [w.spurious], "lo_data": [-w.spurious]}
        name = _label("spurious_signal", w)
        modifier = {"name": name, "type": "histosys", "data": shift}
        sr.append({"name": "spurious_signal", "data": [0.0], "modifiers": [modifier]})
    sb: list[Spec] = [{"name": "background", "data": [w.nominal_off], "modifiers": [free]}]
    if w.signal_off > 0:
        sb.insert(0, _signal(off, w.signal_off, w.signal_off_error, systematic))
    return {"name": on, "samples": sr}, {"name": off, "samples": sb}


def _signal(channel: str, expected: float, error: float, systematic: float) -> Spec:
    modifiers: list[Spec] = [{"name": POI, "type": "normfactor", "data": None}]
    modifiers += _normsys("signal_systematic", systematic)
    if error > 0:
        name = f"staterror_{channel}"
        modifiers.append({"name": name, "type": "staterror", "data": [float(error)]})
    return {"name": "signal", "data": [float(expected)], "modifiers": modifiers}


def _normsys(name: str, relative: float) -> list[Spec]:
    """Log-normal factor of relative width `relative`; none where that is 0."""
    if relative == 0:
        return []
    scale = {"hi": math.exp(relative), "lo": math.exp(-relative)}
    return [{"name": name, "type": "normsys", "data": scale}]


def _mu_parameter(windows: Sequence[OnOffCounts]) -> Spec:
    highest = max(_FREE_MU * min(w.rough_limit for w in windows), 10.0)
    return {"name": POI, "bounds": [[0.0, highest]], "inits": [1.0]}


def _background_parameter(w: OnOffCounts) -> Spec:
    highest = 10 * (1 + w.n_on / (w.ratio * w.nominal_off))
    return {"name": _label("background", w), "bounds": [[0.0, highest]], "inits": [1.0]}
