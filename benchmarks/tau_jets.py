"""Hadronic τ jets as anomalies among QCD jets, in jets of a full chain with Delphes.

`qcd_tau_jets` (its README says where it comes from): the leading anti-kT jet of R = 0.4 with
pT > 50 GeV. Detectors of tables read observables of the jet that novum makes of its constituents,
neither its pT nor its η; convolutional ones read images. QCD jets train, others and all τ jets
test. Null first: AUC between halves of the background that tests; beside all the best single
feature, chosen with the truth. Finished rows are kept. Run ``python benchmarks/tau_jets.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import RESULTS, data_folder, header, tabular_detectors, write_results
from outliers import figures, single_feature

from novum.catalogue import build
from novum.physics.jet_images import JetImages
from novum.physics.jets import Jets
from novum.physics.particles import Particles, delta_phi
from novum.physics.single_jets import jet_features

FEATURES = (
    "mass", "tau1", "tau2", "tau21", "tau32", "n_constituents", "c2", "d2", "ptd",
    "leading_fraction", "major_axis", "minor_axis",
)  # fmt: skip
RADIUS, MOST = 0.4, 60
N_TRAIN, N_TEST, N_IMAGES = 20_000, 20_000, 10_000
SEEDS = 3
IMAGES = ("conv-autoencoder",)
IMAGE = JetImages(size=24, half_width=0.4)


@dataclass(frozen=True, eq=False)
class Sample:
    """Jets as features (n, d) and as constituents (n, P, 3): pT, η, φ."""

    features: np.ndarray
    clouds: np.ndarray

    def take(self, rows: np.ndarray) -> Sample:
        """Some of the jets."""
        return Sample(self.features[rows], self.clouds[rows])


def load(kind: str, most: int, seed: int = 0) -> Sample:
    """So many jets of one kind, at random."""
    with np.load(data_folder() / "qcd_tau_jets" / f"{kind}_jets.npz", allow_pickle=False) as file:
        flat, offsets = file["constituents"].astype(np.float64), file["offsets"]
    rows = np.sort(np.random.default_rng(seed).permutation(len(offsets) - 1)[:most])
    eta, phi, pt = flat.T
    particles = Particles.from_cylindrical(pt, eta, phi, offsets).take_events(rows)
    jets = Jets(particles.sums()[:, None], particles)
    features = jet_features(jets, RADIUS)
    return Sample(np.column_stack([features[n] for n in FEATURES]), padded(particles, jets))


def padded(particles: Particles, jets: Jets) -> np.ndarray:
    """The hardest constituents, azimuths beside the jet's axis."""
    n, jet = len(particles), particles.event
    clouds = np.zeros((n, MOST, 3))
    order = np.lexsort((-particles.pt, jet))
    place = np.arange(len(order)) - np.repeat(particles.offsets[:-1], np.diff(particles.offsets))
    kept = place < MOST
    phi = delta_phi(particles.phi, jets.phi[:, 0][jet])
    columns = np.column_stack([particles.pt, particles.eta, phi])[order]
    clouds[jet[order][kept], place[kept]] = columns[kept]
    return clouds


def row(method: str, seed: int, qcd: Sample, tau: Sample) -> dict[str, Any]:
    """One detector."""
    order = np.random.default_rng(seed).permutation(len(qcd.features))
    n_train = N_IMAGES if method in IMAGES else N_TRAIN
    train, test = qcd.take(order[:n_train]), qcd.take(order[N_TRAIN:])
    head = {"method": method, "seed": seed}
    if method == "best feature":
        return head | single_feature(test.features, tau.features, FEATURES)
    detector = build("detector", method)
    if "random_state" in detector.get_params():
        detector.set_params(random_state=seed)

    def read(sample: Sample) -> np.ndarray:
        if method not in IMAGES:
            return sample.features
        return IMAGE(sample.clouds).reshape(len(sample.clouds), -1)

    options = {"alike": True} if method in IMAGES else {}
    start = time.process_time()
    detector.fit(read(train), **options)
    seconds = time.process_time() - start
    scores = detector.anomaly_score(read(test)), detector.anomaly_score(read(tau))
    return head | figures(*scores) | {"fit_s": seconds, "n_train": n_train}


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="methods whose name contains this")
    asked = parser.parse_args()
    path = RESULTS / "tau_jets.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {(r["method"], r["seed"]) for r in rows}
    qcd, tau = load("qcd", N_TRAIN + N_TEST), load("tau", N_TEST)
    for method in ("best feature", *tabular_detectors(), *IMAGES):
        for seed in range(SEEDS):
            if (method, seed) in done or asked.only not in method:
                continue
            rows.append(row(method, seed, qcd, tau))
            print(rows[-1], flush=True)
            write_results(
                "tau_jets", {"header": header("torch"), "features": FEATURES, "rows": rows}
            )


if __name__ == "__main__":
    main()
