"""Bump hunt in one spectrum by masked fits over windows, with refitted toys of the whole scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from novum.errors import InputError
from novum.statistics.families import Family
from novum.statistics.fit import fit_spectrum
from novum.statistics.likelihood import check_exposure, check_spectrum, inside
from novum.statistics.pvalue import PValue
from novum.statistics.scan import ScanToys, scan_toys
from novum.statistics.shape import ShapeTest, shape_test
from novum.statistics.spectrum import SpectrumFit
from novum.statistics.trials import gross_vitells
from novum.windows import Window


@dataclass(frozen=True, eq=False)
class BumpScan:
    """Outcome of a bump hunt.

    Attributes
    ----------
    windows : tuple of Window
        Windows looked at.
    fits : tuple of SpectrumFit
        Masked fit of every window.
    tests : tuple of ShapeTest
        Shape test of every window.
    best : int
        Index of the window with the largest significance.
    local_p : PValue
        Local p-value of that window.
    global_p : PValue
        Probability that a background-only scan does as much anywhere.
    gross_vitells : PValue or None
        The same from upcrossings; None for a scan without an excess.
    toys : ScanToys
        The pseudo-experiments behind both.
    """

    windows: tuple[Window, ...]
    fits: tuple[SpectrumFit, ...]
    tests: tuple[ShapeTest, ...]
    best: int
    local_p: PValue
    global_p: PValue
    gross_vitells: PValue | None
    toys: ScanToys


def bump_scan(
    counts: ArrayLike,
    edges: ArrayLike,
    windows: Sequence[Window],
    family: Family,
    n_toys: int = 10_000,
    seed: int = 0,
    fit_range: tuple[float, float] | None = None,
    exposure: ArrayLike | None = None,
) -> BumpScan:
    """Scan a spectrum for a bump, each window masked in the fit that predicts it.

    Parameters
    ----------
    counts : array_like (B,)
        Observed counts.
    edges : array_like (B+1,)
        Bin edges [GeV].
    windows : sequence of Window
        In rising order of mass; only the signal regions are used.
    family : Family
        Its order is chosen for every window by an F-test on the masked spectrum.
    n_toys, seed : int
        Number of toys and their seed.
    fit_range : (low, high), optional
        Use only bins inside this range [GeV].
    exposure : array_like (B,), optional
        See `fit_spectrum`.

    Returns
    -------
    BumpScan

    Raises
    ------
    InputError
        If the spectrum cannot be used or there is no window.
    WindowError
        If a signal region does not lie inside the bins fitted.
    FitError
        If a fit fails.
    """
    if not windows:
        raise InputError("a bump hunt needs at least one window")
    n, e = check_spectrum(counts, edges)
    x = check_exposure(exposure, len(n))
    if fit_range is not None:
        x = None if x is None else inside(x, e, fit_range)[0]
        n, e = inside(n, e, fit_range)
    fits = tuple(fit_spectrum(n, e, w, family, exposure=x) for w in windows)
    tests = tuple(shape_test(f, seed=seed) for f in fits)
    z = np.array([t.z for t in tests])
    best = int(np.argmax(z))
    toys = scan_toys(fits, n_toys, seed)
    level = 0.5
    crossings = gross_vitells(z[best], toys.z, level) if z[best] >= level and n_toys > 1 else None
    return BumpScan(
        tuple(windows), fits, tests, best, tests[best].p, toys.global_p(z), crossings, toys
    )
