"""W' → XY with both decaying to quarks, the signal of the LHC Olympics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from novum.errors import ConfigError
from novum.simulation.dijet_analysis import DijetAnalysis
from novum.simulation.process import Analysis, Process

_RESONANCE, _X, _Y = 4900023, 9000001, 9000002
_RELATIVE_WIDTH = 0.01
_QUARKS = (1, 2, 3, 4)


@final
@dataclass(frozen=True, kw_only=True)
class WprimeXy(Process):
    """A resonance W' → XY, X and Y → two quarks or three partons, one large jet each.

    Parameters
    ----------
    mass : float
        Mass of the W' [GeV].
    mass_x : float
        Mass of one decay product [GeV].
    mass_y : float
        Mass of the other one [GeV].
    prongs : 2 or 3
        Partons in the decay of X and of Y: two quarks, or two quarks and a gluon.
    """

    name: ClassVar[str] = "wprime_xy"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (("2101.08320", "The LHC Olympics 2020"),)
    label: ClassVar[int] = 1
    analysis: ClassVar[Analysis] = DijetAnalysis()

    mass: float = 3500.0
    mass_x: float = 500.0
    mass_y: float = 100.0
    prongs: Literal[2, 3] = 2

    def card(self) -> tuple[str, ...]:
        """Pythia has no such W'; a hidden-valley Z with two new scalars has the same kinematics."""
        if self.prongs not in (2, 3):
            raise ConfigError(f"prongs: must be 2 or 3, got {self.prongs}")
        if not min(self.mass_x, self.mass_y) >= 10:
            lightest = min(self.mass_x, self.mass_y)
            raise ConfigError(f"mass_x, mass_y: must be at least 10 GeV, got {lightest:g}")
        if not self.mass_x + self.mass_y < self.mass < self.sqrt_s:
            raise ConfigError(
                f"mass: {self.mass:g} GeV cannot decay to {self.mass_x:g} and {self.mass_y:g} GeV, "
                f"or is beyond {self.sqrt_s:g} GeV"
            )
        width = _RELATIVE_WIDTH * self.mass
        return (
            "HiddenValley:ffbar2Zv = on",
            f"{_RESONANCE}:m0 = {self.mass:g}",
            f"{_RESONANCE}:mWidth = {width:g}",
            f"{_RESONANCE}:mMin = {self.mass - 10 * width:g}",
            f"{_RESONANCE}:mMax = {self.mass + 10 * width:g}",
            f"{_RESONANCE}:doForceWidth = on",
            f"{_RESONANCE}:oneChannel = 1 0.1 102 1 -1",  # couples it to the quarks of the beam
            f"{_RESONANCE}:addChannel = 1 0.9 102 {_X} {_Y}",
            f"{_RESONANCE}:onMode = off",
            f"{_RESONANCE}:onIfMatch = {_X} {_Y}",
            *self._scalar(_X, "X", self.mass_x),
            *self._scalar(_Y, "Y", self.mass_y),
        )

    def _scalar(self, pid: int, name: str, mass: float) -> tuple[str, ...]:
        width = _RELATIVE_WIDTH * mass
        gluon = " 21" if self.prongs == 3 else ""
        share = 1 / len(_QUARKS)
        first, *others = (f"1 {share:g} 101 {q} -{q}{gluon}" for q in _QUARKS)
        return (
            f"{pid}:new = {name} void 1 0 0 {mass:g} {width:g} {0.7 * mass:g} {1.3 * mass:g} 0.",
            f"{pid}:oneChannel = {first}",
            *(f"{pid}:addChannel = {channel}" for channel in others),
        )
