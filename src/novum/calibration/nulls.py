"""Where background-only data come from: a sampler, imitated sidebands, or a user's simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from novum.calibration.closure import closure
from novum.calibration.conditional import MassGivenFeatures, mass_given_features
from novum.errors import ConfigError, InputError
from novum.search.calibration_records import Closure
from novum.search.config import HuntConfig
from novum.search.inputs import Sample, make_sample
from novum.search.scan import ScanPlan
from novum.simulation import toy_dijets
from novum.simulation.toy import FEATURES
from novum.statistics import fit_spectrum

SAMPLER_ORIGIN = "toy dijets"
FEWEST_DATA_SETS = 10  # a file must hold so many times the events of one pseudo-data set


class Null(Protocol):
    """Background-only data of one size; `draw` depends on the seed alone."""

    @property
    def kind(self) -> str:
        """sampler, sidebands or file."""
        ...

    @property
    def origin(self) -> str:
        """The sampler, or the file behind it."""
        ...

    def draw(self, seed: tuple[int, ...]) -> Sample:
        """One pseudo-data set."""
        ...


@dataclass(frozen=True, eq=False)
class SamplerNull:
    """Null (a): independent data sets of the toy sampler."""

    n_events: int
    config: HuntConfig
    kind: str = "sampler"
    origin: str = SAMPLER_ORIGIN

    def __post_init__(self) -> None:
        unknown = {self.config.mass, *self.config.features} - {"mjj", *FEATURES}
        if unknown:
            raise ConfigError(
                f"null: the sampler draws mjj, {', '.join(FEATURES)}, not '{min(unknown)}'; use "
                "--null sidebands or a file of simulated background"
            )

    def draw(self, seed: tuple[int, ...]) -> Sample:
        """An independent toy sample."""
        state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        return make_sample(toy_dijets(self.n_events, 0, seed=state), self.config)


@dataclass(frozen=True, eq=False)
class SidebandsNull:
    """Null (b): the observed features with masses drawn anew from a smooth p(m | x)."""

    sample: Sample
    model: MassGivenFeatures
    origin: str
    closure: Closure
    kind: str = "sidebands"

    @classmethod
    def of(
        cls,
        sample: Sample,
        plan: ScanPlan,
        masked: tuple[float, float] | None,
        n_params: int | None,
        origin: str,
        seed: int,
    ) -> SidebandsNull:
        """Imitate the events of a sample inside the fit range.

        Raises
        ------
        InputError
            If events are weighted: weights may follow the mass that is drawn anew.
        """
        if np.any(sample.w != sample.w[0]):
            raise InputError(
                "events with different weights have no sideband null: the weights may follow the "
                "mass; calibrate on a file of simulated background (--null FILE)",
                file=origin,
                column="weight",
            )
        low, high = plan.fit_range
        inside = sample.take((sample.m >= low) & (sample.m < high))
        counts = plan.counts[plan.fit_bins]
        fit = fit_spectrum(counts, plan.fit_edges, masked, plan.family, n_params)
        model = mass_given_features(inside, fit, masked, seed)
        drawn = model.draw(np.random.default_rng([seed, 0]))
        hidden = np.zeros(len(inside.m), bool)
        if masked is not None:
            hidden = (inside.m >= masked[0]) & (inside.m < masked[1])
            hidden |= (drawn >= masked[0]) & (drawn < masked[1])
        return cls(inside, model, origin, closure(inside.X, inside.m, drawn, hidden, seed))

    def draw(self, seed: tuple[int, ...]) -> Sample:
        """The same features and identities with other masses."""
        return replace(self.sample, m=self.model.draw(np.random.default_rng(seed)))


@dataclass(frozen=True, eq=False)
class FileNull:
    """Simulated background, drawn without replacement inside each pseudo-data set."""

    pool: Sample
    n_events: int
    origin: str
    kind: str = "file"

    def __post_init__(self) -> None:
        fewest = FEWEST_DATA_SETS * self.n_events
        if len(self.pool.m) < fewest:
            raise InputError(
                f"holds {len(self.pool.m)} background events, a null needs {FEWEST_DATA_SETS} "
                f"times the {self.n_events} of the data: pseudo-data of a smaller file share "
                "their events and scatter too little",
                file=self.origin,
                value=len(self.pool.m),
            )

    def draw(self, seed: tuple[int, ...]) -> Sample:
        """A random part of the file."""
        rng = np.random.default_rng(seed)
        return self.pool.take(rng.choice(len(self.pool.m), self.n_events, replace=False))
