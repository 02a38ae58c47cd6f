"""The background of ADC2021: W, QCD, Z and top pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from novum.simulation.challenge import ANALYSIS
from novum.simulation.process import Analysis, Mixture, Process
from novum.simulation.processes.adc_qcd import AdcQcd
from novum.simulation.processes.adc_ttbar import AdcTtbar
from novum.simulation.processes.adc_w_lnu import AdcWLnu
from novum.simulation.processes.adc_z_ll import AdcZLl


@final
@dataclass(frozen=True, kw_only=True)
class AdcBackground(Mixture):
    """W, QCD, Z and top pairs with the shares of the ADC2021 challenge, after the selection."""

    name: ClassVar[str] = "adc_background"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2107.02157", "LHC physics dataset for unsupervised New Physics detection at 40 MHz"),
    )
    whole: ClassVar[tuple[str, ...]] = ("objects",)
    analysis: ClassVar[Analysis] = ANALYSIS
    components: ClassVar[tuple[tuple[Process, float], ...]] = (
        (AdcWLnu(), 0.592),
        (AdcQcd(), 0.338),
        (AdcZLl(), 0.067),
        (AdcTtbar(), 0.003),
    )
