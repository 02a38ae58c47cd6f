"""R-ANODE: the density of signal itself, fitted beside a frozen background (arXiv:2312.11629)."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from novum.density.base import Density
from novum.errors import InputError
from novum.resonant.base import Estimate, FloatArray, ResonantMethod
from novum.resonant.residual import Residual, choose_components, deal, fit_residual
from novum.resonant.template import learn_sidebands, seeded
from novum.statistics.fraction import FractionData, fit_fraction
from novum.windows import Window

FEWEST_EVENTS = 100  # of the signal region: fewer hold no lump that could be told from chance
_PARTS = 5  # of the signal region, each measured by a signal density that never met it
_REFERENCE = 20_000
_HIGHEST = 50.0  # of the log of a ratio: beyond, an event counts as signal in any case
# A sideband event says less about the background under the signal than its number: the density was
# learnt from it, and is interpolated to the signal region. Chosen on signal-free toys.
_CONTROL = 0.5


@final
class RANODE(ResonantMethod):
    """Signal density over a background density interpolated from outside, and their fraction.

    The events of the signal region follow w p_sig(x) + (1 - w) p_bg(x | m). The background is
    learnt outside the signal region and frozen; signal and its fraction w are what of a mixture
    has the largest likelihood. Far fewer parameters than those of a second density of all events
    (`ANODE`) are left to learn, and these only from what background does not explain.

    Signal is a mixture of one, two or four normals in the latent space of the background density,
    where background is standard normal at all masses; held-out events choose how many. So scores
    of background are distributed alike at all masses. Both components are taken to have the masses
    of the signal region, so that a score says nothing about the mass. The original learns
    p_sig(x, m) with a flow.

    The fraction is measured on parts of the signal region with signal densities learnt from the
    other parts. Its profile likelihood has a nuisance: how much of what looks like signal the
    background density misses, as constrained by the sidebands of the window.

    Parameters
    ----------
    density : Density or None
        Of background, cloned; None: the autoregressive spline.

    Attributes
    ----------
    signal_fraction_ : float
        Expected share of signal in the signal region.
    signal_fraction_interval_ : (float, float)
        Where the profile likelihood falls by half a unit (68 %). It begins at 0 unless no signal
        is excluded at 97.7 %. It is one of the expected share, as of a rate; the share that was
        realised lies closer. Where signal lies amid background, the value falls short, by up to
        two fifths of the fraction seen in toys, and the interval covers less often than stated.
    """

    name: ClassVar[str] = "r-anode"
    classifies: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    reference: ClassVar[tuple[tuple[str, str], ...]] = (("2312.11629", "Residual ANODE"),)

    def __init__(self, density: Density | None = None) -> None:
        self.density = density

    @property
    def mass_dependence(self) -> bool:
        """See `ResonantMethod`: scores are made in latent space, where background is normal."""
        return True

    def check_ready(self) -> None:
        """Raise ConfigError or MissingDependencyError before any work."""
        seeded(self.density, 0).check_ready()

    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> None:
        """Learn background, then signal and its fraction; see `ResonantMethod.prepare`.

        Raises
        ------
        InputError
            If the signal region holds too few events, a side of it none, or the density cannot
            be learnt.
        """
        used = sample_weight > 0
        inside = window.in_signal_region(m) & used
        if inside.sum() < FEWEST_EVENTS:
            raise InputError(
                f"the signal region of {window} holds {inside.sum()} training events; a signal "
                f"density needs at least {FEWEST_EVENTS}: widen it, or use cwola",
                value=int(inside.sum()),
            )
        first, second = np.random.SeedSequence(seed).generate_state(2).tolist()
        self.background_ = learn_sidebands(self.density, X, m, window, sample_weight, first)
        z = self.background_.to_latent(X[inside], m[inside])
        weight = _effective(sample_weight[inside])
        components = choose_components(z, weight, ids[inside], second)
        self.signal_ = fit_residual(z, weight, components, second)
        beside = window.in_sidebands(m) & used
        control = self.background_.to_latent(X[beside], m[beside])
        control_weight = _CONTROL * _effective(sample_weight[beside])
        part = deal(ids[inside], _PARTS, second + 1)
        data = _held_out(z, weight, part, (control, control_weight), components, second)
        fit = fit_fraction(data)
        self.signal_fraction_ = fit.value
        self.signal_fraction_interval_ = (fit.low, fit.high)

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log of signal over background density, shape (n,)."""
        return self.signal_.log_ratio(self.background_.to_latent(X, m))

    def summary(self) -> tuple[Estimate, ...]:
        """The signal fraction of the signal region."""
        low, high = self.signal_fraction_interval_
        return (Estimate("signal fraction", self.signal_fraction_, low, high),)


def _held_out(
    z: FloatArray,
    weight: FloatArray,
    part: NDArray[np.int64],
    control: tuple[FloatArray, FloatArray],
    components: int,
    seed: int,
) -> FractionData:
    """Ratios of all events by signal densities that never met them."""
    draws = np.random.default_rng([seed, 0xC]).standard_normal((_REFERENCE, z.shape[1]))
    ratio, of_control, of_draws = np.empty(len(z)), [], []
    for j in range(_PARTS):
        own = part == j
        fit = fit_residual(z[~own], weight[~own], components, seed + 1 + j)
        ratio[own] = _ratio(fit, z[own])
        of_control.append(_ratio(fit, control[0]))
        of_draws.append(_ratio(fit, draws))
    return FractionData(ratio, part, weight, np.array(of_control), control[1], np.array(of_draws))


def _ratio(fit: Residual, z: FloatArray) -> FloatArray:
    return np.exp(np.minimum(fit.log_ratio(z), _HIGHEST))


def _effective(weight: FloatArray) -> FloatArray:
    """Weights whose sum is the effective number of events."""
    return np.asarray(weight * weight.sum() / (weight**2).sum()) if len(weight) else weight
