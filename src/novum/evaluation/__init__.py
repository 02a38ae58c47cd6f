"""Figures of merit from truth, and the quality of templates; arrays in, records out."""

from novum.evaluation.dark_machines import (
    SignalRow,
    TotalImprovement,
    TotalImprovements,
    compare_improvements,
    total_improvement,
)
from novum.evaluation.dark_machines_rows import read_signal_rows, write_signal_rows
from novum.evaluation.dark_machines_scores import signal_row
from novum.evaluation.decorrelation import Masses, decorrelation
from novum.evaluation.dependence import (
    Dependence,
    distance_correlation,
    mass_dependence,
    mutual_information,
)
from novum.evaluation.performance import evaluate, over_seeds
from novum.evaluation.planing import Planed, plane
from novum.evaluation.records import Comparison, Decorrelation, Figures, Method, Performance
from novum.evaluation.sculpting import Sculpting, sculpting
from novum.evaluation.sic import MIN_BACKGROUND, SicCurve, auc, sic_curve
from novum.evaluation.two_sample import TwoSample, two_sample_test

__all__ = [
    "MIN_BACKGROUND",
    "Comparison",
    "Decorrelation",
    "Dependence",
    "Figures",
    "Masses",
    "Method",
    "Performance",
    "Planed",
    "Sculpting",
    "SicCurve",
    "SignalRow",
    "TotalImprovement",
    "TotalImprovements",
    "TwoSample",
    "auc",
    "compare_improvements",
    "decorrelation",
    "distance_correlation",
    "evaluate",
    "mass_dependence",
    "mutual_information",
    "over_seeds",
    "plane",
    "read_signal_rows",
    "sculpting",
    "sic_curve",
    "signal_row",
    "total_improvement",
    "two_sample_test",
    "write_signal_rows",
]
