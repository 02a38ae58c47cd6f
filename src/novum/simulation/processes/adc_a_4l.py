"""A → ZZ* → 4ℓ, a signal of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeSignal


@final
@dataclass(frozen=True, kw_only=True)
class AdcA4l(ChallengeSignal):
    """A neutral scalar A → Z*Z* → 4ℓ with ℓ = e or µ, a signal of the ADC2021 challenge.

    Parameters
    ----------
    mass : float
        Mass of the scalar [GeV].
    """

    name: ClassVar[str] = "adc_a_4l"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 5

    mass: float = 50.0

    def card(self) -> tuple[str, ...]:
        """A Higgs boson of this mass, made by gluons; both Z bosons may be virtual."""
        return (
            "HiggsSM:gg2H = on",
            *self.narrow(25, 20),
            "25:onMode = off",
            "25:onIfMatch = 23 23",
            "23:mMin = 1",
            "23:onMode = off",
            "23:onIfAny = 11 13",
        )
