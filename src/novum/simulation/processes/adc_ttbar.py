"""Top pairs, a small part of the background of ADC2021."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ChallengeProcess


@final
@dataclass(frozen=True, kw_only=True)
class AdcTtbar(ChallengeProcess):
    """Top pairs with all decays, 0.3 % of the background of the ADC2021 challenge."""

    name: ClassVar[str] = "adc_ttbar"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    run: ClassVar[int | None] = 4

    def card(self) -> tuple[str, ...]:
        """Gluons or quarks to a pair of top quarks."""
        return ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
