"""Truth-level figures of merit; arrays in, records out."""

from novum.evaluation.sic import MIN_BACKGROUND, SicCurve, auc, sic_curve

__all__ = ["MIN_BACKGROUND", "SicCurve", "auc", "sic_curve"]
