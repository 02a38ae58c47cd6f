"""Toy dijets: a falling spectrum with a resonance, drawn in milliseconds from closed forms.

For tests, scaling studies and first examples. It is no simulation of any detector.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.events import Events, Meta

FloatArray = NDArray[np.float64]

SQRT_S = 13000.0
M_RANGE = (2400.0, 9000.0)
FEATURES = ("mj_low", "delta_mj", "tau21_low", "tau21_high")


def toy_dijets(
    n_background: int = 30000,
    n_signal: int = 0,
    *,
    seed: int = 0,
    mass: float = 3500.0,
    masses: tuple[float, float] = (500.0, 100.0),
) -> Events:
    """Draw labelled toy dijet events.

    Background falls as the dijet function p(m) ~ (1-x)^6 / x^4, x = m/13 TeV, from 2.4 TeV;
    jet masses and substructure are drawn from densities that drift mildly with the dijet mass.
    Signal is a W'-like resonance that decays to two lighter ones, each seen as one jet.

    Parameters
    ----------
    n_background, n_signal : int
        Numbers of events.
    seed : int
        Equal seeds give equal events.
    mass : float
        Mass of the resonance [GeV]; the dijet mass has a resolution of 3 %.
    masses : (float, float)
        Masses of the two decay products [GeV].

    Returns
    -------
    Events
        Columns ``mjj``, ``mj_low``, ``delta_mj`` [GeV], ``tau21_low``, ``tau21_high``; label 1
        for signal; in random order.

    Raises
    ------
    InputError
        If there are no events or a number is negative.
    """
    if min(n_background, n_signal) < 0 or n_background + n_signal == 0:
        raise InputError(
            f"cannot draw {n_background} background and {n_signal} signal events",
            value=(n_background, n_signal),
        )
    rng = np.random.default_rng(seed)
    background = _background(n_background, rng)
    signal = _signal(n_signal, mass, masses, rng)
    order = rng.permutation(n_background + n_signal)
    columns = {name: np.concatenate([background[name], signal[name]])[order] for name in background}
    label = np.repeat(np.array([0, 1], dtype=np.int8), [n_background, n_signal])[order]
    meta = Meta(origin="toy dijets", sqrt_s=SQRT_S, seed=seed)
    return Events.from_arrays(columns, label=label, meta=meta)


def _background(n: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    grid = np.linspace(*M_RANGE, 4001)
    x = grid / SQRT_S
    density = (1 - x) ** 6 / x**4
    cdf = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    m = np.interp(rng.random(n), cdf / cdf[-1], grid)
    drift = (m / 3000) ** 0.2
    jets = np.sort(rng.gamma(2.2, 60 * drift, size=(2, n)), axis=0)
    shape = 6 + 0.5 * np.log(m / 3000)
    return {
        "mjj": m,
        "mj_low": jets[0],
        "delta_mj": jets[1] - jets[0],
        "tau21_low": rng.beta(shape, 3.5),
        "tau21_high": rng.beta(shape, 3.5),
    }


def _signal(
    n: int, mass: float, masses: tuple[float, float], rng: np.random.Generator
) -> dict[str, FloatArray]:
    jets = np.sort([rng.normal(m, 0.08 * m, n) for m in masses], axis=0)
    return {
        "mjj": np.clip(rng.normal(mass, 0.03 * mass, n), *M_RANGE),
        "mj_low": jets[0],
        "delta_mj": jets[1] - jets[0],
        "tau21_low": rng.beta(3.5, 6, n),
        "tau21_high": rng.beta(3.5, 6, n),
    }
