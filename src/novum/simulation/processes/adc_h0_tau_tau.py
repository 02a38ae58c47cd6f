"""h⁰ → ττ, a signal of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeSignal


@final
@dataclass(frozen=True, kw_only=True)
class AdcH0TauTau(ChallengeSignal):
    """A neutral scalar h⁰ → ττ, a signal of the ADC2021 challenge.

    Parameters
    ----------
    mass : float
        Mass of the scalar [GeV].
    """

    name: ClassVar[str] = "adc_h0_tau_tau"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 7

    mass: float = 60.0

    def card(self) -> tuple[str, ...]:
        """A Higgs boson of this mass, made by gluons, with the tau spins of a scalar."""
        return (
            "HiggsSM:gg2H = on",
            *self.narrow(25, 20),
            "25:onMode = off",
            "25:onIfMatch = 15 -15",
        )
