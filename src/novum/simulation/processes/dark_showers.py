"""Semi-visible jets: showers in a hidden valley that come back in part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.errors import ConfigError
from novum.simulation.jet_analysis import JetAnalysis
from novum.simulation.process import Analysis, Process

_MEDIATOR, _DARK_QUARK, _INVISIBLE = 4900023, 4900101, 51
_MESONS = (4900111, 4900113, 4900211, 4900213)  # spin 0 and 1, flavour-diagonal and not
# Least mass of a meson [GeV] that decays to two such quarks, twice that of the lightest hadron.
_OPEN = {1: 0.0, 2: 0.0, 3: 1.0, 4: 3.8, 5: 10.6}
_RELATIVE_WIDTH = 0.01
_LEAST_MASS = 1.0


@final
@dataclass(frozen=True, kw_only=True)
class DarkShowers(Process):
    """Semi-visible jets of 150 to 300 GeV from dark quarks of a heavy mediator.

    The dark quarks shower and form mesons in an SU(3) with two flavours (arXiv:1102.3795); each
    meson decays to quarks, or with a given probability to what leaves no trace
    (arXiv:1503.00009). Quarks are of every flavour that the mass of the meson allows, equally.

    Parameters
    ----------
    r_inv : float
        Share of the dark mesons that leave no trace, from 0 to below 1.
    mass_meson : float
        Mass of the dark mesons, pseudoscalars and vectors alike [GeV]; the confinement scale and
        the mass of the dark quarks are half of it.
    mass_mediator : float
        Mass of the mediator [GeV].
    """

    name: ClassVar[str] = "dark_showers"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2202.00686", "What's Anomalous in LHC Jets?"),
        ("1503.00009", "Semivisible Jets: Dark Matter Undercover at the LHC"),
        ("1102.3795", "Discerning Secluded Sector gauge structures"),
    )
    label: ClassVar[int] = 1
    invisible: ClassVar[tuple[int, ...]] = (_INVISIBLE,)
    analysis: ClassVar[Analysis] = JetAnalysis(min_pt=150.0, max_pt=300.0)

    r_inv: float = 0.75
    mass_meson: float = 5.0
    mass_mediator: float = 2000.0

    def card(self) -> tuple[str, ...]:
        """A hidden-valley Z of the quarks of the beam and of the dark quarks."""
        self._check()
        width = _RELATIVE_WIDTH * self.mass_mediator
        scale = self.mass_meson / 2
        return (
            "HiddenValley:ffbar2Zv = on",
            "HiddenValley:Ngauge = 3",
            "HiddenValley:nFlav = 2",
            "HiddenValley:FSR = on",
            "HiddenValley:alphaOrder = 1",
            f"HiddenValley:Lambda = {scale:g}",
            f"HiddenValley:pTminFSR = {1.1 * scale:g}",  # above the pole of the coupling
            "HiddenValley:fragment = on",
            f"{_DARK_QUARK}:m0 = {scale:g}",
            f"{_MEDIATOR}:m0 = {self.mass_mediator:g}",
            f"{_MEDIATOR}:mWidth = {width:g}",
            f"{_MEDIATOR}:mMin = {self.mass_mediator - 10 * width:g}",
            f"{_MEDIATOR}:mMax = {self.mass_mediator + 10 * width:g}",
            f"{_MEDIATOR}:doForceWidth = on",
            f"{_MEDIATOR}:oneChannel = 1 0.1 102 1 -1",  # couples it to the quarks of the beam
            f"{_MEDIATOR}:addChannel = 1 0.9 102 {_DARK_QUARK} -{_DARK_QUARK}",
            f"{_MEDIATOR}:onMode = off",
            f"{_MEDIATOR}:onIfAny = {_DARK_QUARK}",
            f"{_INVISIBLE}:m0 = {self.mass_meson / 4:g}",
            *(line for meson in _MESONS for line in self._decays(meson)),
        )

    def _decays(self, meson: int) -> tuple[str, ...]:
        quarks = [quark for quark, least in _OPEN.items() if self.mass_meson > least]
        share = (1 - self.r_inv) / len(quarks)
        return (
            f"{meson}:m0 = {self.mass_meson:g}",
            f"{meson}:oneChannel = 1 {self.r_inv:g} 0 {_INVISIBLE} -{_INVISIBLE}",
            *(f"{meson}:addChannel = 1 {share:g} 91 {q} -{q}" for q in quarks),
        )

    def _check(self) -> None:
        if not 0 <= self.r_inv < 1:
            raise ConfigError(f"r_inv: must be at least 0 and below 1, got {self.r_inv:g}")
        if not self.mass_meson >= _LEAST_MASS:
            raise ConfigError(
                f"mass_meson: must be at least {_LEAST_MASS:g} GeV, got {self.mass_meson:g}"
            )
        if not 20 * self.mass_meson <= self.mass_mediator < self.sqrt_s:
            raise ConfigError(
                f"mass_mediator: must be at least 20 times mass_meson, {self.mass_meson:g} GeV, "
                f"and below {self.sqrt_s:g} GeV, got {self.mass_mediator:g}"
            )
