"""N-subjettiness (arXiv:1011.2268) and soft drop (arXiv:1402.2657) of jets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from novum.physics.jets import from_awkward, import_fastjet, ranges, to_awkward
from novum.physics.particles import FloatArray, IntArray, Particles, delta_phi

_ANY_RADIUS = 1000.0  # the whole jet is one cluster, as for exclusive axes elsewhere


def nsubjettiness(
    jets: Particles, n_max: int, betas: Sequence[float] = (1.0,), radius: float = 1.0
) -> FloatArray:
    """N-subjettiness with exclusive kT axes.

    τ_N = Σ_i pT_i min_a ΔR(i, a)^β / Σ_i pT_i R^β over the constituents i and the N axes a, which
    are the exclusive kT subjets (E-scheme). One clustering serves all N and β.

    Parameters
    ----------
    jets : Particles
        Constituents of J jets.
    n_max : int
        Largest N.
    betas : sequence of float
        Angular exponents β.
    radius : float
        R of the normalisation.

    Returns
    -------
    array (J, len(betas), n_max)
        τ_1 to τ_n_max; 0 where a jet has no more constituents than axes.
    """
    fastjet = import_fastjet()
    sequence = fastjet.ClusterSequence(
        to_awkward(jets), fastjet.JetDefinition(fastjet.kt_algorithm, _ANY_RADIUS)
    )
    total = jets.sums()
    center = np.arctan2(total[:, 1], total[:, 0])
    jet, pt = jets.event, jets.pt
    # Relative to the jet no azimuth wraps, so that distances to axes are plain differences.
    y, phi = jets.rapidity, delta_phi(jets.phi, center[jet])
    scale = np.maximum(np.bincount(jet, pt, len(jets)), 1e-300)
    out = np.empty((len(jets), len(betas), n_max))
    for n in range(1, n_max + 1):
        nearest = _nearest(y, phi, jet, *_axes(_subjets(sequence, n), center, n))
        for b, beta in enumerate(betas):
            power = _power(nearest, beta)
            out[:, b, n - 1] = np.bincount(jet, pt * power, len(jets)) / (scale * radius**beta)
    return out


def softdrop_mass(jets: Particles, z_cut: float = 0.1) -> FloatArray:
    """Mass of jets after soft drop with β = 0, the modified mass drop tagger (arXiv:1307.0007).

    Parameters
    ----------
    jets : Particles
        Constituents of J jets, each with at least one.
    z_cut : float
        The softer branch of a Cambridge/Aachen declustering goes if it has less than this share
        of the pT; of the first that stays, the mass is taken.

    Returns
    -------
    array (J,)
        Mass [GeV]; that of a single constituent where nothing else stays.
    """
    if len(jets) == 0:
        return np.zeros(0)
    fastjet = import_fastjet()
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, _ANY_RADIUS)
    sequence = fastjet.ClusterSequence(to_awkward(jets), definition)
    groomed = sequence.exclusive_jets_softdrop_grooming(1, 0.0, z_cut, "scalar_z", 1.0)
    return np.asarray(groomed["msoftdrop"], np.float64)


def _subjets(sequence: Any, n: int) -> Any:
    """Exclusive subjets; FastJet's wrapper warns even with kT, and restyles all warnings."""
    style = warnings.formatwarning
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "dcut and exclusive jets")
            return sequence.exclusive_jets_up_to(n)
    finally:
        warnings.formatwarning = style


def _axes(subjets: Any, center: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Rapidities and relative azimuths of the axes, (n, J); infinite where there are fewer."""
    found = from_awkward(subjets)
    jet, slot = found.event, ranges(np.diff(found.offsets))
    y = np.full((n, len(center)), np.inf)
    phi = np.zeros((n, len(center)))
    y[slot, jet] = found.rapidity
    phi[slot, jet] = delta_phi(found.phi, center[jet])
    return y, phi


def _nearest(
    y: FloatArray, phi: FloatArray, jet: IntArray, axes_y: FloatArray, axes_phi: FloatArray
) -> FloatArray:
    """Squared distance of each constituent to the nearest axis of its jet."""
    nearest = np.full(len(y), np.inf)
    for axis_y, axis_phi in zip(axes_y, axes_phi, strict=True):
        distance = (y - axis_y[jet]) ** 2 + (phi - axis_phi[jet]) ** 2
        np.minimum(nearest, distance, out=nearest)
    return nearest


def _power(squared: FloatArray, beta: float) -> FloatArray:
    """ΔR^β from ΔR²; square roots are an order of magnitude quicker than powers."""
    if beta == 2:
        return squared
    if beta == 1:
        return np.sqrt(squared)
    if beta == 0.5:
        return np.sqrt(np.sqrt(squared))
    return squared ** (beta / 2)
