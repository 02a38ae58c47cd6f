"""Jets of light quarks and gluons at 150 to 300 GeV, the background of dark showers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.jet_analysis import JetAnalysis
from novum.simulation.process import Analysis, Process


@final
@dataclass(frozen=True, kw_only=True)
class QcdSoftJets(Process):
    """QCD jets of 150 to 300 GeV, the background of `dark_showers`.

    Parameters
    ----------
    min_pt_hat : float
        Least pT of the hard scattering [GeV]. Scatterings between 80 and 120 GeV would add about
        22 % of jets, of lower pT within the window.
    """

    name: ClassVar[str] = "qcd_soft_jets"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2202.00686", "What's Anomalous in LHC Jets?"),
    )
    analysis: ClassVar[Analysis] = JetAnalysis(min_pt=150.0, max_pt=300.0)

    min_pt_hat: float = 120.0

    def card(self) -> tuple[str, ...]:
        """All 2 → 2 processes of QCD."""
        return ("HardQCD:all = on", f"PhaseSpace:pTHatMin = {self.min_pt_hat:g}")
