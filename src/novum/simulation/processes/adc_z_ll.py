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
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 3

    def card(self) -> tuple[str, ...]:
        """Quark and antiquark to a Z or virtual photon, which decays to charged leptons."""
        return (
            "WeakSingleBoson:ffbar2gmZ = on",
            "23:mMin = 10",
            "23:onMode = off",
            "23:onIfAny = 11 13 15",
        )
