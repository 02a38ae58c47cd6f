"""Z/γ* → ℓℓ, a part of the background of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeProcess


@final
@dataclass(frozen=True, kw_only=True)
class AdcZLl(ChallengeProcess):
    """Z/γ* → ℓℓ above 10 GeV with ℓ = e, µ or τ, 7 % of the background of the ADC2021 challenge."""

    name: ClassVar[str] = "adc_z_ll"

    def card(self) -> tuple[str, ...]:
        """Quark and antiquark to a Z or virtual photon, which decays to charged leptons."""
        return (
            "WeakSingleBoson:ffbar2gmZ = on",
            "23:mMin = 10",
            "23:onMode = off",
            "23:onIfAny = 11 13 15",
        )
