"""Jets of light quarks and gluons, the background of the top-tagging reference set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.jet_analysis import JetAnalysis
from novum.simulation.process import Analysis, Process


@final
@dataclass(frozen=True, kw_only=True)
class QcdJets(Process):
    """QCD jets of 550 to 650 GeV, as in the top-tagging reference set.

    Parameters
    ----------
    min_pt_hat : float
        Least pT of the hard scattering [GeV]. Scatterings between 300 and 450 GeV would add about
        37 % of jets, of lower pT within the window and much the same shapes.
    """

    name: ClassVar[str] = "qcd_jets"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1902.09914", "The Machine Learning Landscape of Top Taggers"),
    )
    sqrt_s: ClassVar[float] = 14000.0
    analysis: ClassVar[Analysis] = JetAnalysis(min_pt=550.0, max_pt=650.0)

    min_pt_hat: float = 450.0

    def card(self) -> tuple[str, ...]:
        """All 2 → 2 processes of QCD."""
        return ("HardQCD:all = on", f"PhaseSpace:pTHatMin = {self.min_pt_hat:g}")
