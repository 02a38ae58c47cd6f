"""QCD with a lepton from a bottom quark, a part of the background of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.errors import ConfigError
from novum.simulation.challenge import ChallengeProcess

# Of mesons the particle holds the antiquark, of baryons the antiparticle; modes 3 and 2 of Pythia
# leave all decays open for the other one alone.
_HADRONS = (
    *((pid, 3, "Pos") for pid in (511, 521, 531, 541)),
    *((pid, 2, "Neg") for pid in (5122, 5132, 5232, 5332)),
)
_PROCESSES = ("gg2bbbar", "qqbar2bbbar", "qg2qg", "qq2qq")


@final
@dataclass(frozen=True, kw_only=True)
class AdcQcd(ChallengeProcess):
    """QCD with an isolated lepton, here from bottom, 34 % of the background of ADC2021.

    One hard scattering in some 30,000 above 25 GeV has such a lepton, so that three approximations
    make it affordable:

    - Only hard scatterings with a bottom quark that comes in or goes out. Charm, which would add
      a tenth to a fifth, gluons that split to heavy quarks in the shower, and hadrons that are
      taken for leptons are left out.
    - Hadrons with the bottom antiquark always decay to e or µ and a neutrino, those with the quark
      as they do. A lepton from the antiquark comes with an unbiased rest of the event; where it
      comes from the quark, about one event in six, there is a neutrino on both sides. The
      cross-section is that with forced decays, about three times too large.
    - Hard scatterings start at `min_pt_hat`.

    Parameters
    ----------
    min_pt_hat : float
        Least pT of the hard scattering [GeV].
    """

    name: ClassVar[str] = "adc_qcd"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 2
    flavours: ClassVar[tuple[int, ...]] = (5,)

    min_pt_hat: float = 30.0

    def card(self) -> tuple[str, ...]:
        """Bottom from gluons, or hit by a parton; decays of one of both to leptons."""
        if not 10 <= self.min_pt_hat < self.sqrt_s / 2:
            raise ConfigError(f"min_pt_hat: must be at least 10 GeV, got {self.min_pt_hat:g}")
        return (
            *(f"HardQCD:{name} = on" for name in _PROCESSES),
            f"PhaseSpace:pTHatMin = {self.min_pt_hat:g}",
            *(
                line
                for pid, mode, side in _HADRONS
                for line in (f"{pid}:onMode = {mode}", f"{pid}:on{side}IfAny = 11 13")
            ),
        )
