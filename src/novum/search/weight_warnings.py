"""Warnings of a search in weighted events: what its counts are, and where they cancel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from novum.search.analysis import WindowOutcome
from novum.search.inputs import Sample
from novum.search.scan import ScanPlan


def weight_warnings(
    sample: Sample, plan: ScanPlan, outcomes: list[WindowOutcome], labelled: bool
) -> tuple[str, ...]:
    """What a reader must know of a search in weighted events; nothing where there are no weights.

    Parameters
    ----------
    sample : Sample
    plan : ScanPlan
    outcomes : list of WindowOutcome
        Of the windows of the plan.
    labelled : bool
        Whether there are truth labels, which go unused.
    """
    if not np.any(sample.w != 1):
        return ()
    found = [
        "events are weighted: counts are sums of weights; spectra, fits and significances use "
        "effective counts, (Σw)²/Σw²"
    ]
    negative = int(np.count_nonzero(sample.w < 0))
    if negative:
        found.append(
            f"{negative} of {len(sample.w)} weights are negative: classifiers are trained and "
            "thresholds set with their sizes, counts with their signs"
        )
    if negative:
        found.extend(_cancelled(sample, plan, outcomes))
    if labelled:
        found.append("events are weighted: there is no truth-level evaluation")
    return tuple(found)


def _cancelled(sample: Sample, plan: ScanPlan, outcomes: list[WindowOutcome]) -> Iterator[str]:
    """Regions where negative weights outweigh the others."""
    for window, outcome in zip(plan.windows, outcomes, strict=True):
        regions = (
            ("signal region", window.in_signal_region(sample.m)),
            ("sidebands", window.in_sidebands(sample.m)),
        )
        for name, rows in regions:
            total = float(sample.w[rows] @ outcome.share[rows])
            if total < 0:
                yield (
                    f"window {window}: the weights selected in the {name} add up to {total:.3g}, "
                    "which counts as 0"
                )
