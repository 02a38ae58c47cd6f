"""Jets of merged top quarks, the signal of the top-tagging reference set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.jet_analysis import JetAnalysis
from novum.simulation.matching import MergedTop
from novum.simulation.process import Analysis, Matching, Process


@final
@dataclass(frozen=True, kw_only=True)
class TopJets(Process):
    """Top jets of 550 to 650 GeV, as in the top-tagging reference set.

    Parameters
    ----------
    min_pt_hat : float
        Least pT of the hard scattering [GeV]. Scatterings between 300 and 450 GeV would add about
        26 % of jets.
    """

    name: ClassVar[str] = "top_jets"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1902.09914", "The Machine Learning Landscape of Top Taggers"),
    )
    sqrt_s: ClassVar[float] = 14000.0
    label: ClassVar[int] = 1
    analysis: ClassVar[Analysis] = JetAnalysis(min_pt=550.0, max_pt=650.0)
    matching: ClassVar[Matching | None] = MergedTop()

    min_pt_hat: float = 450.0

    def card(self) -> tuple[str, ...]:
        """Pairs of top quarks, both decaying to hadrons."""
        return (
            "Top:gg2ttbar = on",
            "Top:qqbar2ttbar = on",
            "24:onMode = off",
            "24:onIfAny = 1 2 3 4 5",
            f"PhaseSpace:pTHatMin = {self.min_pt_hat:g}",
        )
