"""On/off significance: a count in the signal region against sidebands, with an uncertain ratio.

Model: n_on ~ Poisson(s + r b), n_off ~ Poisson(b); the ratio r carries a log-normal constraint of
relative width κ = ratio_error / ratio. The background b is profiled in closed form; what is left
of the null is a strictly concave function of ln r alone. Li and Ma, ApJ 272 (1983) 317;
Cousins, Linnemann and Tucker, arXiv:physics/0702156.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from novum.errors import InputError
from novum.statistics.pvalue import PValue

FloatArray = NDArray[np.float64]

_MAX_STEPS = 100


def on_off_z(
    n_on: ArrayLike, n_off: ArrayLike, ratio: ArrayLike, ratio_error: ArrayLike = 0.0
) -> FloatArray:
    """Signed profile-likelihood significance; negative for deficits.

    Parameters
    ----------
    n_on, n_off : array_like
        Counts in the signal region and in the sidebands.
    ratio : array_like
        Expected background in the signal region over that in the sidebands.
    ratio_error : array_like
        Absolute standard uncertainty of `ratio`; 0 gives the formula of Li and Ma.

    Returns
    -------
    float64 array
        z, of the shape to which the arguments broadcast.

    Raises
    ------
    InputError
        If a count or an uncertainty is negative, or a ratio is not positive.
    """
    on, off, r, error = _checked(n_on, n_off, ratio, ratio_error)
    kappa = error / r
    log_ratio = np.log(r)
    profiled = _profile_log_ratio(on, off, log_ratio, kappa)
    total = on + off
    # xlogy keeps empty counts exact; the two terms are the on and off parts of the deviance
    q = 2 * (
        special.xlogy(on, on) - special.xlogy(on, total) - on * special.log_expit(profiled)
        + special.xlogy(off, off) - special.xlogy(off, total) - off * special.log_expit(-profiled)
    )  # fmt: skip
    pull = np.divide(profiled - log_ratio, kappa, out=np.zeros_like(kappa), where=kappa > 0)
    z: FloatArray = np.sign(on - r * off) * np.sqrt(np.maximum(q + pull**2, 0.0))
    return z


def on_off_exact_p(n_on: ArrayLike, n_off: ArrayLike, ratio: ArrayLike) -> FloatArray:
    """Exact conditional p-value P(at least `n_on` of n_on + n_off) for a known ratio.

    Given their sum, the on count is binomial under the null (arXiv:physics/0702156, eq. 6).

    Parameters
    ----------
    n_on, n_off, ratio : array_like
        As for `on_off_z`.

    Returns
    -------
    float64 array

    Raises
    ------
    InputError
        As for `on_off_z`.
    """
    on, off, r, _ = _checked(n_on, n_off, ratio, 0.0)
    tail: FloatArray = np.where(
        on > 0, special.betainc(np.maximum(on, 1e-300), off + 1, r / (1 + r)), 1.0
    )
    return tail


def on_off_p(
    n_on: float,
    n_off: float,
    ratio: float,
    ratio_error: float = 0.0,
    min_expected: float = 25.0,
    n_toys: int = 20_000,
    seed: int = 0,
) -> PValue:
    """p-value of an excess: asymptotic where enough is expected, else from toys.

    The toys follow the null at its profiled background and ratio; the auxiliary measurement of
    the ratio is fluctuated along with both counts.

    Parameters
    ----------
    n_on, n_off, ratio, ratio_error : float
        As for `on_off_z`.
    min_expected : float
        Toys are used below this many sideband events `n_off`, or expected background events
        ``ratio * n_off``.
    n_toys, seed : int
        Number of toys and their seed.

    Returns
    -------
    PValue

    Raises
    ------
    InputError
        As for `on_off_z`.
    """
    z = float(on_off_z(n_on, n_off, ratio, ratio_error))
    if min(ratio, 1.0) * n_off >= min_expected:
        return PValue.from_z(z, "asymptotic on/off")
    kappa = ratio_error / ratio
    args = [np.asarray(v, dtype=np.float64) for v in (n_on, n_off, np.log(ratio), kappa)]
    true_ratio = float(np.exp(_profile_log_ratio(*args)))
    background = (n_on + n_off) / (1 + true_ratio)
    rng = np.random.default_rng(seed)
    on = rng.poisson(true_ratio * background, n_toys)
    off = rng.poisson(background, n_toys)
    measured = true_ratio * np.exp(kappa * rng.standard_normal(n_toys))
    toys = on_off_z(on, off, measured, kappa * measured)
    return PValue.from_toys(int(np.count_nonzero(toys >= z - 1e-9)), n_toys, "on/off toys")


def _checked(*values: ArrayLike) -> tuple[FloatArray, ...]:
    on, off, r, error = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values))
    for name, array in (("n_on", on), ("n_off", off), ("ratio_error", error)):
        if not (np.isfinite(array).all() and (array >= 0).all()):
            raise InputError(f"{name} must be finite and not negative, got {array.min()}")
    if not (np.isfinite(r).all() and (r > 0).all()):
        raise InputError(f"the on/off ratio must be positive, got {r.min()}", value=r.min())
    return on, off, r, error


def _profile_log_ratio(
    on: FloatArray, off: FloatArray, measured: FloatArray, kappa: FloatArray
) -> FloatArray:
    """ln r that maximises the null likelihood, by Newton steps kept inside a bracket.

    The derivative n_on - N expit(x) - (x - measured)/κ² falls with x; its zero lies between the
    measured value and one unsaturated step κ² (n_on - N expit(measured)) away from it.
    """
    total = on + off
    variance = kappa**2
    far = measured + variance * (on - total * special.expit(measured))
    low, high = np.minimum(measured, far), np.maximum(measured, far)
    share = special.expit(measured)
    x: FloatArray = np.clip(
        measured + variance * (on - total * share) / (1 + variance * total * share * (1 - share)),
        low, high,
    )  # fmt: skip
    for _ in range(_MAX_STEPS):
        share = special.expit(x)
        slope = variance * (on - total * share) - (x - measured)
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        step = slope / (1 + variance * total * share * (1 - share))
        nxt = x + step
        nxt = np.where((nxt < low) | (nxt > high), (low + high) / 2, nxt)
        moved = np.abs(nxt - x)
        x = nxt
        if not (moved > 1e-12 * (1 + np.abs(x))).any():
            break
    return x
