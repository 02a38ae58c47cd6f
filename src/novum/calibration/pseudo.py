"""One complete search on pseudo-data, reduced to what a calibration needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, NovumError
from novum.resonant.base import ResonantMethod
from novum.search.analysis import primary_test
from novum.search.config import HuntConfig
from novum.search.crossfitting import crossfit
from novum.search.inputs import Sample
from novum.search.members import build_classifier, build_method, describe
from novum.search.scan import ScanPlan
from novum.statistics.retrained import ScanCounts
from novum.windows import Window

FloatArray = NDArray[np.float64]
Row = tuple[float, ...]


@dataclass(frozen=True)
class PseudoResult:
    """Counts of one pseudo-search, one number a window.

    `n_on` ... `ratio_error` are what the on/off test took; `quoted` is False where a gate
    withheld the window. `signal_before` and `signal_selected` count injected events in the signal
    region, `signal_off` those that are selected in the sidebands.
    """

    n_on: Row
    n_off: Row
    ratio: Row
    ratio_error: Row
    quoted: tuple[bool, ...]
    signal_before: Row
    signal_selected: Row
    signal_off: Row


def stacked(rows: list[PseudoResult]) -> ScanCounts:
    """The counts of many pseudo-searches as arrays (N, W)."""

    def column(name: str) -> FloatArray:
        return np.array([getattr(r, name) for r in rows], dtype=np.float64)

    counts = (column("n_on"), column("n_off"), column("ratio"), column("ratio_error"))
    return ScanCounts(*counts, np.array([r.quoted for r in rows]))


@dataclass(frozen=True, eq=False)
class PseudoSearch:
    """The procedure of a search with its windows, bins and fit range frozen.

    Orders of the spectrum fits are chosen anew, classifiers are trained anew, thresholds, gates
    and counts are made anew.
    """

    plan: ScanPlan
    config: HuntConfig
    method: ResonantMethod
    classifier: Any

    @classmethod
    def of(cls, plan: ScanPlan, config: HuntConfig, classifier: Any = None) -> PseudoSearch:
        """From the names in a config, or with the classifier that the search was given.

        Raises
        ------
        ConfigError
            If the config names no classifier of the catalogue and none is given, or the one that
            is given is another.
        """
        method = build_method(config)
        if classifier is None:
            classifier = build_classifier(config)
        elif describe(classifier) != config.classifier:
            raise ConfigError(
                f"classifier: the search had {config.classifier}, not {describe(classifier)}"
            )
        return cls(plan, config, method, classifier)

    def run(self, sample: Sample, seed: int, n_signal: int = 0) -> PseudoResult:
        """Search one pseudo-data set on one core.

        Parameters
        ----------
        sample : Sample
            The last `n_signal` events are injected ones.
        seed : int
            Seed of folds and fits.
        n_signal : int
        """
        config = replace(self.config, seed=seed)
        plan = self.plan.of_events(sample.m, sample.w)
        injected = np.arange(len(sample.m)) >= len(sample.m) - n_signal
        cells = []
        for window in plan.windows:
            rows = window.contains(sample.m) if self.method.local else np.ones(len(injected), bool)
            part = sample.take(rows)
            cells.append(self._window(part, injected[rows], plan, window, config))
        return PseudoResult(*zip(*cells, strict=True))

    def _window(
        self,
        sample: Sample,
        injected: NDArray[np.bool_],
        plan: ScanPlan,
        window: Window,
        config: HuntConfig,
    ) -> tuple[float, float, float, float, bool, float, float, float]:
        inside = injected & window.in_signal_region(sample.m)
        before = float(inside.sum())
        try:
            fit = plan.masked_fit(window, config.n_params)
            scores = crossfit(
                self.method, self.classifier, sample, window, folds=config.folds,
                repeats=config.repeats, seed=config.seed, n_jobs=1,
            )  # fmt: skip
        except NovumError:  # a fluctuation that the search itself would refuse: nothing is quoted
            return (0.0, 0.0, 1.0, 0.0, False, before, 0.0, 0.0)
        test = primary_test(sample, scores, fit, config, self.method.mass_dependence)
        leaked = injected & window.in_sidebands(sample.m)
        selected, off = (float(test.share[rows].sum()) for rows in (inside, leaked))
        return (*test.counts.effective(), test.withheld is None, before, selected, off)
