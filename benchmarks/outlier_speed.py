"""Autoencoders against plain eager PyTorch and against PyOD; a file of 10 GB scored.

One core throughout. The same rows, layers, batch size, epochs, optimiser and lengths of chains on
both sides; validation losses show that both learn the same. Rates are events a second of processor
time, medians of repeats that take turns, so that other work on the machine hits all alike. Run
``python benchmarks/outlier_speed.py [speed|pyod|streaming] ...``; each part keeps the others.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import naive_autoencoders as naive
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from common import RESULTS, header, write_results
from outliers import load
from threadpoolctl import threadpool_limits

from novum.evaluation import auc
from novum.nn import dense_autoencoder
from novum.outlier import (
    Autoencoder,
    IsolationForest,
    KernelDensity,
    NormalisedAutoencoder,
    VariationalAutoencoder,
)
from novum.training import Rows, TrainingConfig, seeded_network, split_rows
from novum.training.energy import normalise
from novum.training.langevin import Chain, Sampling

HIDDEN, LATENT, BETA = (64, 32), 3, 0.1
BATCH, EPOCHS, MEMBERS = 256, 5, 5
NORMALISING_EPOCHS, NORMALISING_RATE = 2, 1e-4
SAMPLING = Sampling(Chain(10, 100.0, 1e-2, metropolis=True), Chain(10, 50.0, 1e-4, annealed=True))
REPEATS, SEEDS = 5, 3
GB, FILE_GB, COLUMNS = 1e9, 10, 57


class Sample:
    """qae_tth with nine features: half of the background trains, the rest and signal test."""

    def __init__(self, seed: int) -> None:
        background, signals, _ = load("qae_tth")
        order = np.random.default_rng(seed).permutation(len(background))
        self.train, self.test = np.array_split(background[order], 2)
        self.signal = signals["qae_tth"]
        self.center, self.scale = self.train.mean(axis=0), self.train.std(axis=0)

    def z(self, x: np.ndarray) -> np.ndarray:
        """Standardised, as networks read them."""
        return ((x - self.center) / self.scale).astype(np.float32)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time [s], and what came out."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def ours(kind: str, sample: Sample, seed: int, members: int) -> dict[str, float]:
    """A detector of novum, `members` networks side by side."""
    options: dict[str, Any] = {
        "latent": LATENT, "hidden": HIDDEN, "members": members, "epochs": EPOCHS,
        "batch_size": BATCH, "patience": None, "random_state": seed,
    }  # fmt: skip
    if kind == "vae":
        detector: Any = VariationalAutoencoder(beta=BETA, **options)
    else:
        detector = Autoencoder(**options)
    fit, _ = timed(lambda: detector.fit(sample.train))
    both = np.concatenate([sample.test, sample.signal])
    scored, scores = timed(lambda: detector.anomaly_score(both))
    found = scores[: len(sample.test)], scores[len(sample.test) :]
    return {
        "train": members * EPOCHS * round(0.8 * len(sample.train)) / fit,
        "score": members * len(both) / scored,
        "loss": float(detector.validation_loss_.mean()),
        "auc": auc(*found),
    }


def peer(kind: str, sample: Sample, seed: int, members: int) -> dict[str, float]:
    """The same number of networks, one after another."""
    z = sample.z(sample.train)
    both = sample.z(np.concatenate([sample.test, sample.signal]))
    fit = scored = loss = 0.0
    scores = np.zeros(len(both))
    for member in range(members):
        torch.manual_seed(1000 * seed + member)
        if kind == "vae":
            model: torch.nn.Module = naive.VAE(z.shape[1], HIDDEN, LATENT, BETA)
        else:
            model = naive.AE(z.shape[1], HIDDEN, LATENT)
        rows = split_rows(np.zeros(len(z), np.int8), 0.2, 1000 * seed + member)
        seconds, best = timed(
            lambda m=model, r=rows: naive.train(
                m, z[r.training], z[r.validation], EPOCHS, BATCH, 1e-3
            )
        )
        fit += seconds
        loss += best / members
        seconds, own = timed(lambda m=model: naive.score(m, both, BATCH))
        scored += seconds
        scores += own
    return {
        "train": members * EPOCHS * round(0.8 * len(z)) / fit,
        "score": members * len(both) / scored,
        "loss": loss,
        "auc": auc(scores[: len(sample.test)], scores[len(sample.test) :]),
    }


def nae_pair(sample: Sample, seed: int) -> dict[str, dict[str, float]]:
    """The normalisation alone, of one autoencoder that both ways start from."""
    z = sample.z(sample.train)
    rows = split_rows(np.zeros(len(z), np.int8), 0.2, seed)
    first = seeded_network(lambda: dense_autoencoder(z.shape[1], HIDDEN, LATENT, True), seed)
    first.loss = lambda x: first.energy(x).mean()
    naive.train(first, z[rows.training], z[rows.validation], EPOCHS, BATCH, 1e-3)
    del first.loss
    both = sample.z(np.concatenate([sample.test, sample.signal]))

    def side_by_novum(model: Any) -> None:
        config = TrainingConfig(NORMALISING_EPOCHS, BATCH, NORMALISING_RATE)
        table = torch.from_numpy(np.column_stack([z, np.ones(len(z), np.float32)]))
        normalise(model, LATENT, table, Rows(rows.training, rows.validation, seed), config,
                  SAMPLING)  # fmt: skip

    def side_by_peer(model: Any) -> None:
        torch.manual_seed(seed)
        naive.normalise(model, LATENT, z[rows.training], NORMALISING_EPOCHS, BATCH,
                        NORMALISING_RATE, SAMPLING)  # fmt: skip

    found = {}
    ways: dict[str, Callable[[Any], None]] = {"novum": side_by_novum, "peer": side_by_peer}
    for name, way in ways.items():
        model = copy.deepcopy(first)
        fit, _ = timed(lambda w=way, m=model: w(m))
        model.score = model.energy
        if name == "peer":
            scored, scores = timed(lambda m=model: naive.score(m, both, BATCH))
        else:
            scored, scores = timed(lambda m=model: nae_scores(m, sample))
        with torch.no_grad():
            loss = float(model.energy(torch.from_numpy(z[rows.validation])).mean())
        found[name] = {
            "train": NORMALISING_EPOCHS * len(rows.training) / fit,
            "score": len(both) / scored,
            "loss": loss,
            "auc": auc(scores[: len(sample.test)], scores[len(sample.test) :]),
        }
    return found


def nae_scores(model: Any, sample: Sample) -> np.ndarray:
    """Scores by the detector, with the parameters of a network put into it."""
    detector = NormalisedAutoencoder(LATENT, hidden=HIDDEN, epochs=1, normalising_epochs=0)
    detector.fit(sample.train[:1000])
    detector.center_, detector.scale_ = sample.center, sample.scale
    detector.parameters_ = [[p.detach().numpy() for p in model.parameters()]]
    return detector.anomaly_score(np.concatenate([sample.test, sample.signal]))


def speed() -> dict[str, Any]:
    """All rates; ways take turns."""
    found: dict[tuple[str, int, str], list[dict[str, float]]] = {}
    warm = Sample(0)
    ours("autoencoder", warm, 0, 1)  # imports and first calls
    peer("autoencoder", warm, 0, 1)
    for seed in range(REPEATS):
        sample = Sample(seed)
        for kind in ("autoencoder", "vae"):
            for members in (1, MEMBERS):
                for name, way in (("novum", ours), ("peer", peer)):
                    own = found.setdefault((kind, members, name), [])
                    own.append(way(kind, sample, seed, members))
                    print(kind, members, name, own[-1], flush=True)
        for name, one in nae_pair(sample, seed).items():
            found.setdefault(("nae", 1, name), []).append(one)
            print("nae", name, one, flush=True)
    rows = []
    for kind, members, name in found:
        if name == "peer":
            continue
        pairs = list(zip(found[kind, members, "novum"], found[kind, members, "peer"], strict=True))
        row: dict[str, Any] = {"kind": kind, "members": members}
        for key in ("train", "score"):
            ratios = [a[key] / b[key] for a, b in pairs]
            row |= {f"{key}_ratio": median(ratios), f"{key}_ratios": ratios}
        for side, place in (("novum", 0), ("peer", 1)):
            for key in ("train", "score", "loss", "auc"):
                row[f"{side}_{key}"] = [pair[place][key] for pair in pairs]
        rows.append(row)
    return {
        "speed": rows, "batch_size": BATCH, "epochs": EPOCHS, "hidden": HIDDEN, "latent": LATENT,
        "normalising_epochs": NORMALISING_EPOCHS, "load_average": os.getloadavg()[0],
        "chain_steps": [SAMPLING.latent.steps, SAMPLING.data.steps],
    }  # fmt: skip


def pyod() -> dict[str, Any]:
    """Quality and processor time beside detectors of PyOD."""
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.kde import KDE

    network = {"epochs": 50, "patience": None, "hidden": HIDDEN, "batch_size": BATCH}
    makers: dict[str, Callable[[int], Any]] = {
        "novum autoencoder, 5 networks": lambda s: Autoencoder(random_state=s, **network),
        "novum autoencoder, 1 network": lambda s: Autoencoder(
            random_state=s, members=1, **network
        ),
        "novum iforest": lambda s: IsolationForest(random_state=s),
        "novum kde": lambda s: KernelDensity(random_state=s),
        "PyOD AutoEncoder": lambda s: AutoEncoder(
            hidden_neuron_list=[*HIDDEN, LATENT], epoch_num=50, batch_size=BATCH, random_state=s,
            verbose=0, device="cpu",
        ),
        "PyOD ECOD": lambda s: ECOD(),
        "PyOD IForest": lambda s: IForest(random_state=s),
        "PyOD KDE": lambda s: KDE(),
    }  # fmt: skip
    rows = []
    for name, make in makers.items():
        for seed in range(SEEDS):
            rows.append({"detector": name, "seed": seed} | pyod_row(name, make(seed), seed))
            print(rows[-1], flush=True)
    return {"pyod": rows}


def pyod_row(name: str, detector: Any, seed: int) -> dict[str, float]:
    """AUC, null AUC and times of one detector; those of PyOD read standardised features."""
    sample = Sample(seed)
    theirs = name.startswith("PyOD")

    def read(x: np.ndarray) -> np.ndarray:
        return (x - sample.center) / sample.scale if theirs else x

    score = detector.decision_function if theirs else detector.anomaly_score
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit, _ = timed(lambda: detector.fit(read(sample.train)))
        scored, background = timed(lambda: score(read(sample.test)))
        signal = score(read(sample.signal))
    half = np.arange(len(background)) % 2 == 0
    return {
        "auc": auc(background, signal),
        "null_auc": auc(background[half], background[~half]),
        "fit_s": fit,
        "score_us": 1e6 * scored / len(background),
    }


def streaming() -> dict[str, Any]:
    """Peak memory of ``novum score`` on 10 GB of tabular events."""
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(COLUMNS)]
    n = 100_000
    # Numbers with few digits, which pack well: unpacked they are as large as any.
    block = pa.table({name: np.round(rng.normal(0, 20, n)) for name in names})
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pq.write_table(block, folder / "background.parquet")
        big = folder / "events.parquet"
        blocks = int(FILE_GB * GB / block.nbytes) + 1
        with pq.ParquetWriter(big, block.schema) as writer:
            for _ in range(blocks):
                writer.write_table(block)
        for method, options in (
            ("mahalanobis", []), ("autoencoder", ["--members", "1", "--epochs", "3"]),
        ):  # fmt: skip
            model, out = folder / f"{method}-model", folder / f"{method}.parquet"
            fit = ["fit", method, str(folder / "background.parquet"), "-o", str(model), *options]
            subprocess.run([sys.executable, "-m", "novum", *fit], check=True)
            command = [sys.executable, __file__, "peak", "score", str(model), str(big), "-o",
                       str(out)]  # fmt: skip
            said = subprocess.check_output(command, text=True)
            rows.append({"method": method} | json.loads(said.splitlines()[-1]))
            scores = pq.ParquetFile(out).metadata.num_rows
            if scores != blocks * n:
                raise SystemExit(f"{method}: {scores} scores of {blocks * n} events")
            rows[-1] |= {"events": scores, "unpacked_gb": blocks * block.nbytes / GB}
            out.unlink()
            print(rows[-1], flush=True)
    return {"streaming": rows}


def peak(words: list[str]) -> None:
    """Run ``novum`` as a process and say how much memory it took at most."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "novum", *words], check=True, stdout=sys.stderr)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "seconds": time.perf_counter() - start,
        "processor_s": usage.ru_utime + usage.ru_stime,
        "peak_gib": usage.ru_maxrss / 2**20,
    }
    print(json.dumps(found))


PARTS = {"speed": speed, "pyod": pyod, "streaming": streaming}


def main() -> None:
    """Run the named parts, all by default."""
    torch.set_num_threads(1)
    path = RESULTS / "outlier_speed.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    with threadpool_limits(1):
        for name in sys.argv[1:] or PARTS:
            results = {**results, **PARTS[name](), "header": header("torch", "pyod")}
            write_results("outlier_speed", results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2:])
    else:
        main()
