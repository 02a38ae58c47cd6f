"""What the processes of the 40 MHz challenge ADC2021 have in common (arXiv:2107.02157)."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from novum.errors import ConfigError
from novum.simulation.lepton_analysis import LeptonAnalysis
from novum.simulation.process import Analysis, Process

ANALYSIS = LeptonAnalysis()


@dataclass(frozen=True, kw_only=True)
class ChallengeProcess(Process, ABC):
    """A process looked at as in the challenge."""

    whole: ClassVar[tuple[str, ...]] = ("objects",)
    analysis: ClassVar[Analysis] = ANALYSIS


@dataclass(frozen=True, kw_only=True)
class ChallengeSignal(ChallengeProcess, ABC):
    """A new particle of some mass [GeV]."""

    label: ClassVar[int] = 1

    mass: float

    def narrow(self, pid: int, least: float) -> tuple[str, ...]:
        """Settings of a narrow particle of this mass.

        Raises
        ------
        ConfigError
            If it is lighter than `least` or heavier than 1 TeV.
        """
        if not least <= self.mass <= 1000:
            raise ConfigError(f"mass: must be between {least:g} and 1000 GeV, got {self.mass:g}")
        return (
            f"{pid}:m0 = {self.mass:g}",
            f"{pid}:mMin = {0.9 * self.mass:g}",
            f"{pid}:mMax = {1.1 * self.mass:g}",
        )
