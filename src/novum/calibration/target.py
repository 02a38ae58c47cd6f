"""What is calibrated: a finished search, or a config with events or a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from novum.errors import ConfigError, InputError
from novum.search.blinding import BLIND_FILE, BlindResult
from novum.search.config import RUN_KEYS, HuntConfig, read_config
from novum.search.inputs import Sample, as_events, check_units, make_sample
from novum.search.provenance import input_record
from novum.search.records import InputRecord
from novum.search.result import RESULT_FILE, SearchResult
from novum.search.scan import ScanPlan, background_family, plan_scan
from novum.simulation import toy_dijets
from novum.windows import Window


@dataclass(frozen=True, eq=False)
class Target:
    """A search to calibrate.

    Attributes
    ----------
    config : HuntConfig
    plan : ScanPlan
        Its windows, bins and fit range.
    data : InputRecord
    result : SearchResult or None
        The finished search.
    sample : Sample or None
        The observed events, where they can be read.
    """

    config: HuntConfig
    plan: ScanPlan
    data: InputRecord
    result: SearchResult | None
    sample: Sample | None

    @property
    def masked(self) -> tuple[float, float] | None:
        """Signal region that null (b) must not learn from: the best window, or the only one."""
        windows = self.plan.windows
        if self.result is not None:
            excess = [
                (w.counts.n_on - w.counts.expected) / max(w.counts.expected_error, 1e-9)
                for w in self.result.windows
            ]
            best = windows[int(np.argmax(excess))]
        elif len(windows) == 1:
            best = windows[0]
        else:
            return None
        return best.low, best.high

    def observed(self) -> Sample:
        """The observed events.

        Raises
        ------
        ConfigError
            If they are not at hand.
        """
        if self.sample is None:
            raise ConfigError(
                f"null: the events of '{self.data.origin}' are needed; name their file with "
                "--events"
            )
        return self.sample


def find_target(target: Any, events: Any = None, size: int | None = None) -> Target:
    """From a result (record or folder) or a config (record or file) to what is calibrated.

    Parameters
    ----------
    target : SearchResult, HuntConfig or path
    events : as for `hunt`, optional
        The observed data; by default the file that a result names.
    size : int, optional
        Events of a sample of the toy sampler, for a config without events.

    Raises
    ------
    ConfigError, InputError
    """
    if isinstance(target, SearchResult):
        return _of_result(target, events)
    if isinstance(target, HuntConfig):
        return _of_config(target, events, size)
    path = Path(target)
    if (path / BLIND_FILE).is_file() and not (path / RESULT_FILE).is_file():
        blind = BlindResult.load(path)
        config = HuntConfig().with_values(blind.config, str(path))
        return _of_config(config, events or blind.input.origin, None)
    if path.is_dir() or path.name == RESULT_FILE:
        return _of_result(SearchResult.load(path), events)
    values = {k: v for k, v in read_config(path).items() if k not in RUN_KEYS}
    return _of_config(HuntConfig().with_values(values, str(path)), events, size)


def _of_result(result: SearchResult, events: Any) -> Target:
    config = HuntConfig().with_values(result.config, "result")
    spectrum = result.spectrum
    edges = np.array(spectrum.edges)
    first, last = np.searchsorted(edges, np.array(spectrum.fit_range) * (1 - 1e-9))
    plan = ScanPlan(
        windows=tuple(
            Window(w.window.low, w.window.high, w.window.sidebands) for w in result.windows
        ),
        edges=edges,
        counts=np.array(spectrum.counts),
        fit_bins=slice(int(first), int(last)),
        family=background_family(config.family, config.sqrt_s, edges[0], edges[-1]),
        exposure=None if spectrum.exposure is None else np.array(spectrum.exposure),
    )
    sample = None
    origin = Path(result.input.origin or "")
    if events is None and origin.is_file():
        events = origin
    if events is not None:
        table, resolved = as_events(events, config)
        sample = make_sample(table.blind(), resolved)
        if sample.sha256() != result.input.sha256:
            raise InputError(
                "does not hold the events that the result was made from", file=table.meta.origin
            )
    return Target(config, plan, result.input, result, sample)


def _of_config(config: HuntConfig, events: Any, size: int | None) -> Target:
    config = config.validated()
    if (events is None) == (size is None):
        raise ConfigError(
            "a config is calibrated for some data: give --events FILE, or --size N for samples of "
            "the toy sampler"
        )
    drawn = None if size is None else toy_dijets(size, 0, seed=config.seed)
    table, resolved = as_events(events if drawn is None else drawn, config)
    sample = make_sample(table.blind(), resolved)
    check_units(sample.m, resolved, table.meta.origin)
    plan = plan_scan(sample.m, sample.w, resolved)
    record = input_record(table, sample, plan, sample.sha256())
    return Target(resolved, plan, record, None, sample)
