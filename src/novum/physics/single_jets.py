"""Observables of one jet of each event: kinematics, N-subjettiness, shapes."""

from __future__ import annotations

import numpy as np

from novum.physics.jets import Jets
from novum.physics.particles import FloatArray, Particles, delta_phi
from novum.physics.substructure import nsubjettiness

BETAS = (1.0, 0.5, 2.0)
MOST_AXES = 5
_LEAST_TAU = 1e-5  # ratios of smaller ones are rounding

EXTENDED = (
    "jet_energy",
    "tau4",
    "tau5",
    *(f"tau{k}_b{beta:g}" for beta in BETAS[1:] for k in range(1, MOST_AXES + 1)),
    "leading_share",
    "leading5_share",
)


def jet_features(jets: Jets, radius: float) -> dict[str, FloatArray]:
    """27 observables of the leading jet.

    Parameters
    ----------
    jets : Jets
        One jet of n events each, all present.
    radius : float
        Jet radius, for the normalisation of N-subjettiness.

    Returns
    -------
    dict of name to array (n,)
        ``jet_pt``, ``jet_eta``, ``jet_phi``, ``jet_mass``, ``jet_energy`` [GeV, rad]; ``tau1`` to
        ``tau5`` (kT axes, β = 1), ``tau1_b0.5`` and so on for β = 0.5 and 2, ``tau21``, ``tau32``;
        ``n_constituents``; ``width`` Σ pT ΔR / Σ pT; ``pt_dispersion`` √(Σ pT²) / Σ pT; and the
        shares ``leading_share`` and ``leading5_share`` of the sum of pT of the leading constituent
        and of the five leading ones.
    """
    inside = jets.constituents
    taus = nsubjettiness(inside, MOST_AXES, BETAS, radius)
    features = {f"jet_{k}": getattr(jets, k)[:, 0] for k in ("pt", "eta", "phi", "mass")}
    features["jet_energy"] = jets.p4[:, 0, 3]
    for b, beta in enumerate(BETAS):
        suffix = "" if beta == 1 else f"_b{beta:g}"
        features |= {f"tau{k + 1}{suffix}": taus[:, b, k] for k in range(MOST_AXES)}
    tau = taus[:, 0]
    features["tau21"] = tau[:, 1] / np.maximum(tau[:, 0], _LEAST_TAU)
    features["tau32"] = tau[:, 2] / np.maximum(tau[:, 1], _LEAST_TAU)
    return features | _shapes(inside, features["jet_eta"], features["jet_phi"])


def _shapes(inside: Particles, eta: FloatArray, phi: FloatArray) -> dict[str, FloatArray]:
    jet, pt, n = inside.event, inside.pt, len(inside)
    total = np.bincount(jet, pt, n)
    distance = np.hypot(inside.eta - eta[jet], delta_phi(inside.phi, phi[jet]))
    rank = np.lexsort((-pt, jet))
    place = np.arange(len(pt)) - inside.offsets[jet[rank]]
    sorted_pt, sorted_jet = pt[rank], jet[rank]

    def share(most: int) -> FloatArray:
        kept = place < most
        return np.asarray(np.bincount(sorted_jet[kept], sorted_pt[kept], n) / total)

    return {
        "n_constituents": np.diff(inside.offsets).astype(np.float64),
        "width": np.bincount(jet, pt * distance, n) / total,
        "pt_dispersion": np.sqrt(np.bincount(jet, pt**2, n)) / total,
        "leading_share": share(1),
        "leading5_share": share(5),
    }
