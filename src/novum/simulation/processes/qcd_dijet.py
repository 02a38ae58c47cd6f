"""QCD dijets, the background of the LHC Olympics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.dijet_analysis import DijetAnalysis
from novum.simulation.process import Analysis, Process


@final
@dataclass(frozen=True, kw_only=True)
class QcdDijet(Process):
    """QCD dijets with a leading jet above 1.2 TeV, as the background of the LHC Olympics.

    Parameters
    ----------
    min_pt_hat : float
        Least pT of the hard scattering [GeV]. Scatterings between 900 GeV and 1.1 TeV would add
        about 30 % of events at 2.5 TeV, 24 % at 2.7 TeV and 10 to 15 % above 3 TeV, smoothly in
        the dijet mass, at more than three times the cost.
    """

    name: ClassVar[str] = "qcd_dijet"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (("2101.08320", "The LHC Olympics 2020"),)
    analysis: ClassVar[Analysis] = DijetAnalysis()

    min_pt_hat: float = 1100.0

    def card(self) -> tuple[str, ...]:
        """All 2 → 2 processes of QCD."""
        return ("HardQCD:all = on", f"PhaseSpace:pTHatMin = {self.min_pt_hat:g}")
