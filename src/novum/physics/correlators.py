"""Energy correlation functions of jets (arXiv:1305.0007)."""

from __future__ import annotations

import numpy as np

from novum.physics.particles import FloatArray, Particles, delta_phi


def energy_correlators(jets: Particles, beta: float = 1.0) -> FloatArray:
    """Two- and three-point energy correlation functions, normalised to the jet's pT.

    With z_i = pT_i / Σ pT, e_2 = Σ_{i<j} z_i z_j ΔR_ij^β and
    e_3 = Σ_{i<j<k} z_i z_j z_k (ΔR_ij ΔR_ik ΔR_jk)^β (arXiv:1305.0007, arXiv:1409.6298).

    Parameters
    ----------
    jets : Particles
        Constituents of J jets.
    beta : float
        Angular exponent.

    Returns
    -------
    array (J, 2)
        e_2 and e_3; 0 where a jet has fewer than two or three constituents.
    """
    pt, y, phi = jets.pt, jets.rapidity, jets.phi
    out = np.zeros((len(jets), 2))
    for i, (start, stop) in enumerate(zip(jets.offsets[:-1], jets.offsets[1:], strict=True)):
        rows = slice(start, stop)
        root = np.sqrt(pt[rows] / max(float(pt[rows].sum()), 1e-300))
        dy = y[rows, None] - y[rows]
        squared = dy**2 + delta_phi(phi[rows, None], phi[rows]) ** 2
        distance = np.sqrt(squared) if beta == 1 else squared ** (beta / 2)
        # With M_ij = √(z_i z_j) ΔR_ij^β the triple sum is tr(M³), one product of matrices.
        m = root[:, None] * distance * root
        out[i] = root @ m @ root / 2, np.vdot(m @ m, m) / 6
    return out


def c2_d2(correlators: FloatArray) -> tuple[FloatArray, FloatArray]:
    """C_2 = e_3 / e_2² and D_2 = e_3 / e_2³ (arXiv:1409.6298); 0 where e_2 is.

    Parameters
    ----------
    correlators : array (J, 2)
        As from `energy_correlators`.

    Returns
    -------
    two arrays (J,)
    """
    e2, e3 = correlators.T
    present = e2 > 0
    safe = np.where(present, e2, 1.0)
    return np.where(present, e3 / safe**2, 0.0), np.where(present, e3 / safe**3, 0.0)
