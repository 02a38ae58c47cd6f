"""Observables of one jet: kinematics, N-subjettiness, energy correlators, shape."""

from __future__ import annotations

import numpy as np

from novum.physics.correlators import c2_d2, energy_correlators
from novum.physics.dijets import LEAST_TAU
from novum.physics.jets import Jets
from novum.physics.particles import FloatArray, Particles, delta_phi
from novum.physics.substructure import nsubjettiness, softdrop_mass

FEATURES = (
    *("pt", "eta", "phi", "mass", "softdrop_mass"),
    *("tau1", "tau2", "tau3", "tau21", "tau32", "n_constituents"),
)
BETAS = (1.0, 0.5, 2.0)
MOST_AXES = 5
EXTENDED = (
    *("energy", "px", "py", "pz"),
    *(f"tau{n}" for n in range(4, MOST_AXES + 1)),
    *(f"tau{n}_b{beta:g}" for beta in BETAS[1:] for n in range(1, MOST_AXES + 1)),
    *("e2", "e3", "c2", "d2", "e2_b2", "e3_b2", "c2_b2", "d2_b2"),
    *("ptd", "leading_fraction", "major_axis", "minor_axis"),
)


def jet_features(jets: Jets, radius: float) -> dict[str, FloatArray]:
    """Observables of the leading jet of n events.

    Parameters
    ----------
    jets : Jets
        One jet of each event, all present.
    radius : float
        Jet radius R, for the normalisation of N-subjettiness.

    Returns
    -------
    dict of name to array (n,)
        `FEATURES` and `EXTENDED` [GeV, rad]: ``tau21`` and ``tau32`` have β = 1 and kT axes;
        ``tau3_b2`` has β = 2, and so on. ``tau1``, ``tau1_b0.5`` and ``tau1_b2`` are, up to
        powers of R, the jet's width (girth), Les Houches angularity and thrust (arXiv:1408.3122).
        ``softdrop_mass`` has β = 0 and z_cut = 0.1.
        ``e2``, ``e3``, ``c2`` and ``d2`` are energy correlators with β = 1. See `shape` for the
        others.
    """
    taus = nsubjettiness(jets.constituents, MOST_AXES, BETAS, radius)
    px, py, pz, energy = jets.p4[:, 0].T
    found = {name: getattr(jets, name)[:, 0] for name in ("pt", "eta", "phi", "mass")}
    found |= {"energy": energy, "px": px, "py": py, "pz": pz}
    for b, beta in enumerate(BETAS):
        suffix = "" if beta == 1 else f"_b{beta:g}"
        found |= {f"tau{n + 1}{suffix}": taus[:, b, n] for n in range(MOST_AXES)}
    found |= {
        "tau21": taus[:, 0, 1] / np.maximum(taus[:, 0, 0], LEAST_TAU),
        "tau32": taus[:, 0, 2] / np.maximum(taus[:, 0, 1], LEAST_TAU),
        "n_constituents": np.diff(jets.constituents.offsets).astype(np.float64),
    }
    for beta, suffix in ((1.0, ""), (2.0, "_b2")):
        correlators = energy_correlators(jets.constituents, beta)
        c2, d2 = c2_d2(correlators)
        names = (f"{name}{suffix}" for name in ("e2", "e3", "c2", "d2"))
        found |= dict(zip(names, (*correlators.T, c2, d2), strict=True))
    found |= shape(jets.constituents)
    found["softdrop_mass"] = softdrop_mass(jets.constituents)
    return {name: found[name] for name in (*FEATURES, *EXTENDED)}


def shape(jets: Particles) -> dict[str, FloatArray]:
    """How the pT of J jets is shared and spread.

    Parameters
    ----------
    jets : Particles
        Constituents of J jets.

    Returns
    -------
    dict of name to array (J,)
        ``ptd``, √Σ pT² / Σ pT (CMS-PAS-JME-13-002); ``leading_fraction``, share of the hardest
        constituent in Σ pT; ``major_axis`` and ``minor_axis``, square roots of the eigenvalues of
        the pT-weighted covariance of rapidity and azimuth.
    """
    jet, pt, n = jets.event, jets.pt, len(jets)
    total = np.maximum(np.bincount(jet, pt, n), 1e-300)
    leading = np.zeros(n)
    np.maximum.at(leading, jet, pt)
    momentum = jets.sums()
    y = jets.rapidity
    # Relative to the jet no azimuth wraps.
    phi = delta_phi(jets.phi, np.arctan2(momentum[:, 1], momentum[:, 0])[jet])

    def mean(values: FloatArray) -> FloatArray:
        return np.bincount(jet, pt * values, n) / total

    y, phi = y - mean(y)[jet], phi - mean(phi)[jet]
    yy, pp, yp = mean(y**2), mean(phi**2), mean(y * phi)
    middle, half = (yy + pp) / 2, np.hypot((yy - pp) / 2, yp)
    return {
        "ptd": np.sqrt(np.bincount(jet, pt**2, n)) / total,
        "leading_fraction": leading / total,
        "major_axis": np.sqrt(middle + half),
        "minor_axis": np.sqrt(np.maximum(middle - half, 0.0)),
    }
