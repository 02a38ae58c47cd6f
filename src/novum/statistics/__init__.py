"""Fits, significances, toys and trials of a search; knows no machine learning.

Public names load on first use (PEP 562), so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from novum.statistics.alternatives import alternatives_to as alternatives_to
    from novum.statistics.batch import BatchFit as BatchFit
    from novum.statistics.batch import BatchModel as BatchModel
    from novum.statistics.batch import fit_batch as fit_batch
    from novum.statistics.bumphunter import BumpHunterResult as BumpHunterResult
    from novum.statistics.bumphunter import bump_hunter as bump_hunter
    from novum.statistics.bumpscan import BumpScan as BumpScan
    from novum.statistics.bumpscan import bump_scan as bump_scan
    from novum.statistics.copula import correlated_counts as correlated_counts
    from novum.statistics.families import Dijet as Dijet
    from novum.statistics.families import ExpPolynomial as ExpPolynomial
    from novum.statistics.families import Family as Family
    from novum.statistics.families import PowerExponential as PowerExponential
    from novum.statistics.families import family as family
    from novum.statistics.fit import fit_spectrum as fit_spectrum
    from novum.statistics.limits import Limit as Limit
    from novum.statistics.limits import upper_limit as upper_limit
    from novum.statistics.minuit import final_fit as final_fit
    from novum.statistics.minuit import minuit_fit as minuit_fit
    from novum.statistics.onoff import on_off_exact_p as on_off_exact_p
    from novum.statistics.onoff import on_off_p as on_off_p
    from novum.statistics.onoff import on_off_z as on_off_z
    from novum.statistics.peak import PeakFit as PeakFit
    from novum.statistics.peak import fit_peak as fit_peak
    from novum.statistics.pvalue import PValue as PValue
    from novum.statistics.pyhf_check import validate_workspace as validate_workspace
    from novum.statistics.ranges import find_range as find_range
    from novum.statistics.scan import ScanToys as ScanToys
    from novum.statistics.scan import on_off_scan_toys as on_off_scan_toys
    from novum.statistics.scan import scan_toys as scan_toys
    from novum.statistics.shape import ShapeTest as ShapeTest
    from novum.statistics.shape import shape_test as shape_test
    from novum.statistics.spectrum import OrderTest as OrderTest
    from novum.statistics.spectrum import SpectrumFit as SpectrumFit
    from novum.statistics.spurious import SpuriousSignal as SpuriousSignal
    from novum.statistics.spurious import asimov_signal as asimov_signal
    from novum.statistics.spurious import spurious_signal as spurious_signal
    from novum.statistics.transfer import SpuriousRecord as SpuriousRecord
    from novum.statistics.transfer import transfer_spurious as transfer_spurious
    from novum.statistics.trials import gross_vitells as gross_vitells
    from novum.statistics.weighted import effective_spectrum as effective_spectrum
    from novum.statistics.weighted import selected_scale as selected_scale
    from novum.statistics.weighted import selected_spectrum as selected_spectrum
    from novum.statistics.weighted import weight_scale as weight_scale
    from novum.statistics.workspace import OnOffCounts as OnOffCounts
    from novum.statistics.workspace import on_off_workspace as on_off_workspace

_MEMBERS = {
    "BatchFit": "batch",
    "BatchModel": "batch",
    "BumpHunterResult": "bumphunter",
    "BumpScan": "bumpscan",
    "Dijet": "families",
    "ExpPolynomial": "families",
    "Family": "families",
    "OrderTest": "spectrum",
    "PValue": "pvalue",
    "PeakFit": "peak",
    "PowerExponential": "families",
    "ScanToys": "scan",
    "ShapeTest": "shape",
    "SpectrumFit": "spectrum",
    "SpuriousRecord": "transfer",
    "SpuriousSignal": "spurious",
    "alternatives_to": "alternatives",
    "asimov_signal": "spurious",
    "bump_hunter": "bumphunter",
    "bump_scan": "bumpscan",
    "correlated_counts": "copula",
    "effective_spectrum": "weighted",
    "family": "families",
    "final_fit": "minuit",
    "find_range": "ranges",
    "fit_batch": "batch",
    "fit_peak": "peak",
    "fit_spectrum": "fit",
    "gross_vitells": "trials",
    "minuit_fit": "minuit",
    "on_off_exact_p": "onoff",
    "on_off_p": "onoff",
    "on_off_scan_toys": "scan",
    "on_off_z": "onoff",
    "scan_toys": "scan",
    "selected_scale": "weighted",
    "selected_spectrum": "weighted",
    "shape_test": "shape",
    "spurious_signal": "spurious",
    "transfer_spurious": "transfer",
    "weight_scale": "weighted",
    "Limit": "limits",
    "OnOffCounts": "workspace",
    "on_off_workspace": "workspace",
    "upper_limit": "limits",
    "validate_workspace": "pyhf_check",
}

__all__ = sorted(_MEMBERS)


def __getattr__(name: str) -> Any:
    if name not in _MEMBERS:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(f"{__name__}.{_MEMBERS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
