"""h± → τν, a signal of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeSignal


@final
@dataclass(frozen=True, kw_only=True)
class AdcHTauNu(ChallengeSignal):
    """A charged scalar h± → τν, a signal of the ADC2021 challenge.

    Parameters
    ----------
    mass : float
        Mass of the scalar [GeV].
    """

    name: ClassVar[str] = "adc_h_tau_nu"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 8

    mass: float = 60.0

    def card(self) -> tuple[str, ...]:
        """A charged Higgs boson of this mass, made by quark and antiquark."""
        return (
            "Higgs:useBSM = on",
            "HiggsBSM:ffbar2H+- = on",
            *self.narrow(37, 20),
            "37:onMode = off",
            "37:onIfAny = 15",
        )
