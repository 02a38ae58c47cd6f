"""Observables of events with two large-radius jets, as in the LHC Olympics (arXiv:2101.08320)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.physics.jets import Jets, leading_jets
from novum.physics.particles import FloatArray, Particles, mass
from novum.physics.substructure import nsubjettiness

BETAS = (1.0, 0.5, 2.0)
MOST_AXES = 9
JETS = ("low", "high")
SUBJETTINESS = tuple(  # in the order of axes (jet, β, N)
    f"tau{k}{'' if beta == 1 else f'_b{beta:g}'}_{name}"
    for name in JETS
    for beta in BETAS
    for k in range(1, MOST_AXES + 1)
)
LEAST_TAU = 1e-5  # ratios of smaller ones are rounding


FEATURES = (
    "mjj",
    "mj_low",
    "mj_high",
    "delta_mj",
    *(f"{name}_{jet}" for jet in JETS for name in ("tau21", "tau32", "n_constituents")),
    *(f"{name}_{jet}" for jet in JETS for name in ("pt", "eta", "phi")),
)


def clustered_features(
    cloud: NDArray[np.floating], *, radius: float = 1.0, subjettiness: bool = False
) -> dict[str, FloatArray]:
    """`dijet_features` of the leading jets of events that are clouds of massless particles.

    Parameters
    ----------
    cloud : array (n, P, 3)
        pT [GeV], η and φ [rad]; pT = 0 where there is no particle.
    radius, subjettiness
        As for `dijet_features`; jets are clustered with anti-kT.

    Returns
    -------
    dict of name to array (n,)
        NaN for events with fewer than two jets above 20 GeV.
    """
    present = cloud[..., 0] > 0
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    pt, eta, phi = cloud[present].astype(np.float64).T
    jets = leading_jets(Particles.from_cylindrical(pt, eta, phi, offsets), radius)
    rows = np.flatnonzero(jets.pt[:, 1] > 0)
    found = dijet_features(jets.take(rows), radius, subjettiness=subjettiness)
    out = {name: np.full(len(cloud), np.nan) for name in found}
    for name, values in found.items():
        out[name][rows] = values
    return out


def dijet_features(
    jets: Jets, radius: float, *, subjettiness: bool = False
) -> dict[str, FloatArray]:
    """Observables of the two leading jets, named by their mass: ``low`` and ``high``.

    Parameters
    ----------
    jets : Jets
        Two leading jets of n events, both present.
    radius : float
        Jet radius, for the normalisation of N-subjettiness.
    subjettiness : bool
        Also every τ_N, N up to 9, for β = 1, 0.5 and 2 (arXiv:2309.13111).

    Returns
    -------
    dict of name to array (n,)
        ``mjj``, ``mj_low``, ``mj_high``, ``delta_mj``, and for each jet ``pt``, ``eta``, ``phi``,
        ``tau21``, ``tau32`` (β = 1, kT axes) and ``n_constituents``; with `subjettiness`
        ``tau3_low``, ``tau3_b0.5_low``, ``tau3_b2_low`` and so on [GeV, rad].
    """
    n = len(jets.p4)
    order = np.argsort(jets.mass, axis=1, kind="stable")
    rows = np.arange(n)[:, None]
    m = jets.mass[rows, order]
    features = {
        "mjj": mass(*jets.p4.sum(axis=1).T),
        "mj_low": m[:, 0],
        "mj_high": m[:, 1],
        "delta_mj": m[:, 1] - m[:, 0],
    }
    betas = BETAS if subjettiness else BETAS[:1]
    taus = nsubjettiness(jets.constituents, MOST_AXES if subjettiness else 3, betas, radius)
    taus = taus.reshape(n, 2, *taus.shape[1:])[rows, order]
    counts = np.diff(jets.constituents.offsets).reshape(n, 2)[rows, order].astype(np.float64)
    for j, name in enumerate(JETS):
        tau = taus[:, j, 0]
        features |= {
            f"tau21_{name}": tau[:, 1] / np.maximum(tau[:, 0], LEAST_TAU),
            f"tau32_{name}": tau[:, 2] / np.maximum(tau[:, 1], LEAST_TAU),
            f"n_constituents_{name}": counts[:, j],
        }
    for j, name in enumerate(JETS):
        for field in ("pt", "eta", "phi"):
            features[f"{field}_{name}"] = getattr(jets, field)[np.arange(n), order[:, j]]
    if subjettiness:
        columns = taus.reshape(n, len(SUBJETTINESS)).T
        features |= dict(zip(SUBJETTINESS, columns, strict=True))
    return features


def dijet_constituents(jets: Jets, most: int) -> dict[str, FloatArray]:
    """Constituents of the lighter and the heavier jet: pT, η, φ, sorted by pT, zero-padded.

    Returns
    -------
    dict of name to array (n, most, 3)
        ``jet_low`` and ``jet_high``; constituents beyond the `most` leading ones are left out.
    """
    n = len(jets.p4)
    order = np.argsort(jets.mass, axis=1, kind="stable")
    padded = pad(jets.constituents, most).reshape(n, 2, most, 3)
    return {f"jet_{name}": padded[np.arange(n), order[:, j]] for j, name in enumerate(JETS)}


def pad(particles: Particles, most: int) -> FloatArray:
    """pT, η, φ of the `most` leading particles of each event, sorted by pT: (n, most, 3)."""
    out = np.zeros((len(particles), most, 3))
    pt, event = particles.pt, particles.event
    rank = np.lexsort((-pt, event))
    place = np.arange(len(pt)) - particles.offsets[event[rank]]
    rank, place = rank[place < most], place[place < most]
    values = np.column_stack([pt[rank], particles.eta[rank], particles.phi[rank]])
    out[event[rank], place] = values
    return out
