"""Figures of merit from truth, and the quality of templates; arrays in, records out."""

from novum.evaluation.dependence import (
    Dependence,
    distance_correlation,
    mass_dependence,
    mutual_information,
)
from novum.evaluation.performance import evaluate, over_seeds
from novum.evaluation.records import Comparison, Figures, Method, Performance
from novum.evaluation.sculpting import Sculpting, sculpting
from novum.evaluation.sic import MIN_BACKGROUND, SicCurve, auc, sic_curve
from novum.evaluation.two_sample import TwoSample, two_sample_test

__all__ = [
    "MIN_BACKGROUND",
    "Comparison",
    "Dependence",
    "Figures",
    "Method",
    "Performance",
    "Sculpting",
    "SicCurve",
    "TwoSample",
    "auc",
    "distance_correlation",
    "evaluate",
    "mass_dependence",
    "mutual_information",
    "over_seeds",
    "sculpting",
    "sic_curve",
    "two_sample_test",
]
