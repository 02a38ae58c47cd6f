"""Leptoquarks → bτ, a signal of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeSignal


@final
@dataclass(frozen=True, kw_only=True)
class AdcLqBTau(ChallengeSignal):
    """A pair of scalar leptoquarks → bτ each, a signal of the ADC2021 challenge.

    Parameters
    ----------
    mass : float
        Mass of the leptoquark [GeV].
    """

    name: ClassVar[str] = "adc_lq_b_tau"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 6

    mass: float = 80.0

    def card(self) -> tuple[str, ...]:
        """Gluons or quarks to a pair of leptoquarks; Pythia takes their taus as unpolarised."""
        return (
            "LeptoQuark:gg2LQLQbar = on",
            "LeptoQuark:qqbar2LQLQbar = on",
            *self.narrow(42, 20),
            "42:0:products = 5 -15",
        )
