"""W → ℓν, most of the background of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeProcess


@final
@dataclass(frozen=True, kw_only=True)
class AdcWLnu(ChallengeProcess):
    """W → ℓν with ℓ = e, µ or τ, 59 % of the background of the ADC2021 challenge."""

    name: ClassVar[str] = "adc_w_lnu"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 1

    def card(self) -> tuple[str, ...]:
        """Quark and antiquark to a W, which decays to leptons."""
        return ("WeakSingleBoson:ffbar2W = on", "24:onMode = off", "24:onIfAny = 11 13 15")
