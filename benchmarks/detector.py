"""Response and resolution of the fast detector: jets against the same jets before it.

QCD dijets in slices of the hard scattering's pT; each of the two leading jets of stable visible
particles is matched to the nearest detector jet. Then whole events against those of the LHC
Olympics R&D sample. Run with ``python benchmarks/detector.py``; it also draws
``docs/_static/detector.png``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import HERE, data_folder, header, write_results
from matplotlib.figure import Figure

from novum.io import open_events
from novum.physics.jets import leading_jets
from novum.physics.particles import delta_phi
from novum.simulation import simulate
from novum.simulation.detector import respond
from novum.simulation.processes import QcdDijet, WprimeXy
from novum.simulation.pythia import Generator, full_card

SLICES = ((50, 70), (100, 130), (200, 250), (500, 600), (1200, 1500))  # pT of the scattering [GeV]
RADII = (0.5, 1.0)
BATCHES = 3
MATCHED, MAX_ETA = 0.3, 2.0
OBSERVABLES = ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high")
N_COMPARED = 4000


def main() -> None:
    """Measure, write ``results/detector.json`` and draw the figure."""
    rows = [measure(low, high, radius) for radius in RADII for low, high in SLICES]
    write_results(
        "detector",
        {"header": header("pythia8mc", "fastjet"), "rows": rows, "samples": against_rnd()},
    )
    draw(rows)


def measure(low: float, high: float, radius: float) -> dict[str, Any]:
    """Median response and half of its central 68 %, of pT and of the jet mass."""
    limits = (f"PhaseSpace:pTHatMin = {low}", f"PhaseSpace:pTHatMax = {high}")
    generator = Generator(full_card(("HardQCD:all = on", *limits), 13000.0, mpi=False), 3)
    rng = np.random.default_rng(0)
    pt, mass, truth_pt = [], [], []
    for _, (truth, _size) in zip(range(BATCHES), generator.batches(), strict=False):
        before = leading_jets(truth.particles, radius, min_pt=10)
        after = leading_jets(respond(truth, rng), radius, k=4, min_pt=10)
        distance = np.hypot(
            before.eta[:, :, None] - after.eta[:, None],
            delta_phi(before.phi[:, :, None], after.phi[:, None]),
        )
        distance[np.broadcast_to(after.pt[:, None] == 0, distance.shape)] = np.inf
        nearest = distance.argmin(axis=2)
        good = (distance.min(axis=2) < MATCHED) & (np.abs(before.eta) < MAX_ETA)
        good &= (before.pt > low) & (before.mass > 1)
        pt.append((np.take_along_axis(after.pt, nearest, 1) / before.pt)[good])
        mass.append((np.take_along_axis(after.mass, nearest, 1) / before.mass)[good])
        truth_pt.append(before.pt[good])
    row = {"radius": radius, "pt": float(np.median(np.concatenate(truth_pt)))}
    for name, parts in (("pt_response", pt), ("mass_response", mass)):
        low16, median, high84 = np.quantile(np.concatenate(parts), [0.16, 0.5, 0.84])
        row |= {name: float(median), f"{name}_width": float((high84 - low16) / 2 / median)}
    row["jets"] = int(sum(len(p) for p in pt))
    print(row, flush=True)
    return row


def against_rnd() -> list[dict[str, Any]]:
    """Median and central 68 % of the observables of both samples."""
    rnd = open_events(data_folder() / "lhco_rnd_v1" / "cathode_format_v1.npy").read()
    samples = {}
    for label, process in ((0, QcdDijet()), (1, WprimeXy())):
        samples[f"{process.name}, R&D sample"] = rnd.take(rnd.label == label)
        samples[f"{process.name}, here"] = simulate(process, N_COMPARED, constituents=0)
    return [
        {"sample": name, "events": len(events)}
        | {c: np.quantile(events.column(c), [0.16, 0.5, 0.84]).tolist() for c in OBSERVABLES}
        for name, events in samples.items()
    ]


def draw(rows: list[dict[str, Any]]) -> None:
    """Response and resolution against pT."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for radius, marker in zip(RADII, ("o", "s"), strict=True):
        own = [r for r in rows if r["radius"] == radius]
        x = [r["pt"] for r in own]
        for name, colour, label in (
            ("pt_response", "#0072b2", "$p_T$"),
            ("mass_response", "#c24e00", "mass"),
        ):
            style = {"color": colour, "marker": marker, "label": f"jet {label}, R = {radius:g}"}
            left.plot(x, [r[name] for r in own], **style)
            right.plot(x, [100 * r[f"{name}_width"] for r in own], **style)
    left.axhline(1, color="0.6", lw=0.8)
    left.set_ylabel("median response")
    right.set_ylabel("resolution [%]")
    right.set_ylim(0)
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlabel("jet $p_T$ before the detector [GeV]")
    left.legend(fontsize="small", frameon=False)
    figure.savefig(HERE.parent / "docs" / "_static" / "detector.png", dpi=150)


if __name__ == "__main__":
    main()
