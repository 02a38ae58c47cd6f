"""Truth-level figures of merit; arrays in, records out."""

from novum.evaluation.performance import evaluate, over_seeds
from novum.evaluation.records import Comparison, Figures, Method, Performance
from novum.evaluation.sic import MIN_BACKGROUND, SicCurve, auc, sic_curve

__all__ = [
    "MIN_BACKGROUND",
    "Comparison",
    "Figures",
    "Method",
    "Performance",
    "SicCurve",
    "auc",
    "evaluate",
    "over_seeds",
    "sic_curve",
]
