"""Toys of a whole scan: every window sees the same pseudo-data, which carries their overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError
from novum.statistics.copula import correlated_counts
from novum.statistics.fit import fit_spectrum
from novum.statistics.onoff import on_off_z
from novum.statistics.pvalue import PValue
from novum.statistics.shape import ShapeModels
from novum.statistics.spectrum import SpectrumFit

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_BLOCK = 1024  # toys drawn at a time: fixed, so that results do not depend on memory or workers


@dataclass(frozen=True, eq=False)
class ScanToys:
    """Significances of W windows in T pseudo-experiments.

    Attributes
    ----------
    z : float64 array (T, W)
        Signed significance; +inf where a fit did not converge, which is conservative.
    seed : int
        Seed of the toys.
    method : str
        How they were made, in words.
    """

    z: FloatArray
    seed: int
    method: str

    @property
    def max_z(self) -> FloatArray:
        """Largest significance of every pseudo-experiment, shape (T,)."""
        highest: FloatArray = self.z.max(axis=1)
        return highest

    def global_p(self, z_obs: ArrayLike, valid: BoolArray | None = None) -> PValue:
        """Probability that the largest significance of a background-only scan reaches the data's.

        Parameters
        ----------
        z_obs : array_like (W,)
            Observed significance of every window.
        valid : bool array (W,), optional
            Windows that take part, in data and toys alike.

        Returns
        -------
        PValue

        Raises
        ------
        InputError
            If shapes disagree, no window is valid or a valid one has no significance.
        """
        observed = np.asarray(z_obs, dtype=np.float64)
        windows = self.z.shape[1]
        keep = np.ones(windows, dtype=np.bool_) if valid is None else np.asarray(valid)
        if observed.shape != (windows,) or keep.shape != (windows,):
            raise InputError(
                f"need one significance and flag for each of {windows} windows, got shapes "
                f"{observed.shape} and {keep.shape}"
            )
        if not keep.any() or np.isnan(observed[keep]).any():
            raise InputError("a global p-value needs a valid window, and numbers in all valid ones")
        highest = observed[keep].max()
        reached = self.z[:, keep].max(axis=1) >= highest - 1e-6
        return PValue.from_toys(int(np.count_nonzero(reached)), len(self.z), self.method)


def scan_toys(
    fits: Sequence[SpectrumFit], n: int, seed: int, truth: ArrayLike | None = None
) -> ScanToys:
    """Shape-test toys of a scan over one spectrum.

    Every pseudo-spectrum is drawn once and refitted for each window with that window's mask,
    family and order (orders are not chosen again).

    Parameters
    ----------
    fits : sequence of SpectrumFit
        Masked fits of the same spectrum, one a window; toys are drawn in their (effective) counts.
    n, seed : int
        Number of toys and their seed. The first toys of a longer run are those of a shorter one.
    truth : array_like (B,), optional
        Background expectation; by default the unmasked fit of the same spectrum, of the largest
        order among `fits`.

    Returns
    -------
    ScanToys

    Raises
    ------
    InputError
        If there are no fits or toys, the fits are of different spectra, or one masks nothing.
    FitError
        If a fit to the expectation fails.
    """
    if not fits or n < 1:
        raise InputError(f"scan toys need fits and at least one toy, got {len(fits)} and {n}")
    one = fits[0]
    for other in fits:
        if not _same_spectrum(one, other):
            raise InputError("the fits of a scan must be of one spectrum")
        if not other.masked.any():
            raise InputError("a fit of a scan masks no signal region")
    if truth is None:
        order = max(f.n_params for f in fits)
        smooth = fit_spectrum(one.counts, one.edges, None, one.family, order, exposure=one.exposure)
        mean = smooth.expected
    else:
        mean = np.asarray(truth, dtype=np.float64)
    if mean.shape != one.counts.shape:
        raise InputError(f"the truth needs {len(one.counts)} bins, got shape {mean.shape}")
    models = [ShapeModels.of(f, mean) for f in fits]
    rng = np.random.default_rng(seed)
    z = np.empty((n, len(fits)))
    for at in range(0, n, _BLOCK):
        size = min(_BLOCK, n - at)
        toys = rng.poisson(mean, (size, len(mean))).astype(np.float64)
        for w, model in enumerate(models):
            z[at : at + size, w] = model.signed_z(toys)
    return ScanToys(z, seed, "toys of the whole scan, refitted")


def _same_spectrum(one: SpectrumFit, other: SpectrumFit) -> bool:
    if (one.exposure is None) != (other.exposure is None):
        return False
    pairs = [(one.edges, other.edges), (one.counts, other.counts)]
    if one.exposure is not None and other.exposure is not None:
        pairs.append((one.exposure, other.exposure))
    return all(np.array_equal(a, b) for a, b in pairs)


def on_off_scan_toys(
    means: ArrayLike,
    sr: ArrayLike,
    sb: ArrayLike,
    ratio: ArrayLike,
    ratio_error: ArrayLike,
    correlation: ArrayLike,
    n: int,
    seed: int,
) -> ScanToys:
    """On/off toys of a scan in which every window has its own frozen selection.

    Selections share events: their counts in a bin are coupled by a Gaussian copula. Bins that
    all windows treat alike are drawn as one. Signal-region means are scaled to `ratio` times the
    sideband means, so that the toys are background-only; each window's auxiliary measurement of
    its ratio fluctuates on its own, as a log-normal.

    Parameters
    ----------
    means : array_like (W, B)
        Expected selected background of every window on common bins.
    sr, sb : bool array_like (W, B)
        Bins of the signal region and of the sidebands of every window.
    ratio, ratio_error : array_like (W,)
        As for `on_off_z`.
    correlation : array_like (W, W)
        Correlation of the selections, n_ww' / √(n_w n_w').
    n, seed : int
        Number of toys and their seed.

    Returns
    -------
    ScanToys

    Raises
    ------
    InputError
        If shapes disagree, regions overlap, a sideband expects nothing or there are no toys.
    """
    mean, on, off = np.asarray(means, dtype=np.float64), np.asarray(sr), np.asarray(sb)
    r, error = (np.broadcast_to(np.asarray(a, float), len(mean)) for a in (ratio, ratio_error))
    if n < 1:
        raise InputError(f"scan toys need at least one toy, got {n}", value=n)
    if mean.ndim != 2 or on.shape != mean.shape or off.shape != mean.shape or (on & off).any():
        raise InputError("means, sr and sb need one shape (W, B), sr and sb no bin in common")
    total_on, total_off = (mean * on).sum(axis=1), (mean * off).sum(axis=1)
    if not ((total_on > 0).all() and (total_off > 0).all()):
        raise InputError("every window needs expected events in its signal region and sidebands")
    scaled = mean * np.where(on, (r * total_off / total_on)[:, None], off)
    cells, on, off = _cells(scaled, on.astype(bool), off.astype(bool))
    kappa = error / r
    rng = np.random.default_rng(seed)
    z = np.empty((n, len(mean)))
    for at in range(0, n, _BLOCK):
        counts = correlated_counts(cells, correlation, _BLOCK, rng)
        measured = r * np.exp(kappa * rng.standard_normal((_BLOCK, len(mean))))
        n_on, n_off = (counts * on).sum(axis=2), (counts * off).sum(axis=2)
        block = on_off_z(n_on, n_off, measured, kappa * measured)
        z[at : at + _BLOCK] = block[: n - at]
    return ScanToys(z, seed, "on/off toys of the whole scan")


def _cells(
    means: FloatArray, on: BoolArray, off: BoolArray
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Sum bins that belong to the same regions of the same windows; drop those of none."""
    pattern = np.vstack([on, off])
    used = pattern.any(axis=0)
    regions, cell = np.unique(pattern[:, used], axis=1, return_inverse=True)
    member = cell.reshape(-1, 1) == np.arange(regions.shape[1])
    sums: FloatArray = means[:, used] @ member
    return sums, regions[: len(on)], regions[len(on) :]
