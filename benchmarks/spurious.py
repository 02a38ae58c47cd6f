"""Spurious signal of the dijet family: the CMS dijet spectrum, and toys of it as a null.

Run ``python benchmarks/spurious.py``; it writes ``benchmarks/results/spurious.json``. The null
comes first: spectra drawn from the nominal fit, and from the fit of the alternative, go through the
whole procedure, so that the rates show what the test does with fluctuations and with a wrong
family.
"""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from common import data_folder, header, write_results
from numpy.typing import NDArray
from scipy import special
from threadpoolctl import threadpool_limits

from novum.io import read_spectrum
from novum.search.bump import bumphunt
from novum.search.bump_config import BumpHuntConfig
from novum.statistics import (
    Dijet,
    Family,
    PowerExponential,
    SpuriousSignal,
    alternatives_to,
    fit_spectrum,
    spurious_signal,
)
from novum.windows import Window

FloatArray = NDArray[np.float64]

SEED = 20260
LUMINOSITY = 137.27  # fb^-1
TOYS = 40
TRUTHS: dict[str, tuple[Family, int]] = {
    "dijet, 3 parameters": (Dijet(), 3),
    "power-exponential, 4 parameters": (PowerExponential(), 4),
}
LEVEL = 0.05  # of the one-sided rates


def null(
    truth: FloatArray, edges: FloatArray, windows: tuple[Window, ...], rng: np.random.Generator
) -> dict[str, Any]:
    """Rates over toys x windows of a spectrum without a signal."""
    seen: list[SpuriousSignal] = []
    others = alternatives_to(Dijet(), edges)
    for _ in range(TOYS):
        toy = rng.poisson(truth).astype(np.float64)
        seen += spurious_signal(toy, edges, windows, Dijet(), None, others, n_toys=2)
    per_family = {
        name: [a.signal / s.sigma for s in seen for a in s.alternatives if a.family == name]
        for name in ("dijet", "power-exponential", "exp-polynomial")
    }
    z, z_nuisance = (np.array([getattr(s, k) for s in seen]) for k in ("z", "z_nuisance"))
    cut = -special.ndtri(LEVEL)
    return {
        "toys": TOYS,
        "windows": len(seen),
        "relative": {
            name: {"n": len(v), "mean": np.mean(v), "sd": np.std(v, ddof=1)}
            for name, v in per_family.items()
            if len(v) > 1
        },
        "failing": np.mean([not s.passes for s in seen]),
        "z_sd": z.std(ddof=1),
        "z_nuisance_sd": z_nuisance.std(ddof=1),
        "z_above": np.mean(z > cut),
        "z_nuisance_above": np.mean(z_nuisance > cut),
    }


def main() -> None:
    path = data_folder() / "cms_spectra" / "dijet.csv"
    rng = np.random.default_rng(SEED)
    with threadpool_limits(1):
        config = BumpHuntConfig(luminosity=LUMINOSITY, spurious=True, n_toys=1000)
        hunt = bumphunt(path, config)
        spectrum = read_spectrum(path, luminosity=LUMINOSITY)
        counts, edges = spectrum.counts, spectrum.edges
        windows = tuple(
            Window(w.window.low, w.window.high, w.window.sidebands) for w in hunt.windows
        )
        nulls = {
            name: null(fit_spectrum(counts, edges, None, *truth).expected, edges, windows, rng)
            for name, truth in TRUTHS.items()
        }
    results = {
        "header": header(),
        "seed": SEED,
        "luminosity": LUMINOSITY,
        "null": nulls,
        "windows": [asdict(s) for s in hunt.spurious],
    }
    write_results("spurious", results)
    print(json.dumps(nulls, indent=1))


if __name__ == "__main__":
    main()
