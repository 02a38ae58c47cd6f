"""Outlier detectors on jets, in both directions: top jets in QCD jets and QCD jets in top jets.

Jets of ``novum simulate`` with the cuts of the top-tagging reference set, semi-visible jets
against softer QCD jets, and both inverses. Every detector trains on one kind of jet and scores
held-out jets of both. The null beside each AUC is that between two halves of the held-out jets it
was trained on. *before* is the normalised autoencoder without its second training. A classifier
that is told which is which stands in the same table as the ceiling. Finished rows are kept, so that
the script can be interrupted. Run with ``python benchmarks/jet_outliers.py``; it also draws
``docs/_static/jet_outliers.png`` and ``docs/_static/jet_remapping.png``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from common import HERE, JETS, RESULTS, header, jets, write_results
from matplotlib.figure import Figure
from numpy.typing import NDArray
from outliers import figures

from novum.catalogue import build
from novum.io import open_events
from novum.physics.jet_images import JetImages

Array = NDArray[np.float32]

IMAGES = JetImages(size=20, pt_power=0.5, smear=1.5)
PUBLISHED = JetImages(size=40)  # of arXiv:2104.08291, neither remapped nor filtered
REMAPPED = (0.1, 0.25, 0.5, 1.0)  # n of pT → pT^n
DARK_POWER = 0.1  # of dark showers, which differ from QCD by soft particles
N_TEST = 5_000
N_REMAPPED = 10_000  # training jets of the study of pT → pT^n
MANY = 100_000  # training jets for which the epochs below are meant; fewer train longer
LONGER = 3  # times, at most
SEEDS = 3
BINS = 60
TASKS = {  # name: background, signal
    "top in QCD": ("qcd_jets", "top_jets"),
    "QCD in top": ("top_jets", "qcd_jets"),
    "dark showers in QCD": ("qcd_soft_jets", "dark_showers"),
    "QCD in dark showers": ("dark_showers", "qcd_soft_jets"),
}
FEATURES = ("tau1", "tau2", "tau3", "tau21", "tau32", "mass", "n_constituents", "ptd")


@dataclass(frozen=True)
class Method:
    """A detector, how it is set here, and what it reads."""

    detector: str
    options: Mapping[str, Any] = field(default_factory=dict)
    reads: str = "images"
    images: JetImages = IMAGES


_DENSE = {"hidden": (256, 64), "members": 1, "epochs": 8, "patience": 3}
_LATENT = {"latent": 2, "hidden": (100,), "members": 1, "epochs": 8, "patience": 3}
_NAE = {"latent": 16, "hidden": (256, 64), "epochs": 8, "patience": 3}
METHODS = {
    "autoencoder": Method("autoencoder", {**_DENSE, "latent": 6}),
    "conv-autoencoder": Method("conv-autoencoder", {"epochs": 4}),
    "pca": Method("pca", {"latent": 6}),
    "vae": Method("vae", {**_DENSE, "latent": 6}),
    "gmvae": Method("gmvae", {**_DENSE, "latent": 6}),
    "dirichlet-vae": Method("dirichlet-vae", {**_DENSE, "latent": 6}),
    "nae, before": Method("nae", {**_NAE, "normalising_epochs": 0}),
    "nae": Method("nae", {**_NAE, "normalising_epochs": 3}),
    "wnae": Method("wnae", {**_NAE, "normalising_epochs": 1}),
    "cloud-autoencoder": Method("cloud-autoencoder", {"epochs": 5}, reads="clouds"),
    "recurrent-autoencoder": Method("recurrent-autoencoder", {"epochs": 4}, reads="clouds"),
    "flow": Method("flow", reads="observables"),
    "kde": Method("kde", reads="observables"),
    "deep-svdd": Method("deep-svdd", {"members": 1, "epochs": 8}),
    "supervised": Method("mlp", {"members": 1, "epochs": 8, "patience": 3}),
    "vae, as published": Method("vae", _LATENT, images=PUBLISHED),
    "gmvae, as published": Method("gmvae", {**_LATENT, "components": 2}, images=PUBLISHED),
    "dirichlet-vae, as published": Method("dirichlet-vae", _LATENT, images=PUBLISHED),
}
BESIDE = ("nae, before", "supervised")  # not in the study of pT → pT^n
STUDIED = [
    name for name, method in METHODS.items()
    if method.reads == "images" and method.images == IMAGES and name not in BESIDE
]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One detector trained once."""

    task: str
    method: str
    seed: int
    pt_power: float = IMAGES.pt_power
    n_train: int | None = None

    @property
    def name(self) -> str:
        """Key among the finished rows."""
        study = "" if self.n_train is None else f"/{self.pt_power:g}"
        return f"{self.task}/{self.method}/{self.seed}{study}"


def rows() -> list[Row]:
    """All rows: one seed of everything before more of anything, the study last."""
    found = [
        Row(task, name, s, DARK_POWER if "dark" in task else method.images.pt_power)
        for s in range(SEEDS) for task in TASKS for name, method in METHODS.items()
        if "dark" not in task or method.images == IMAGES
    ]  # fmt: skip
    for s in range(SEEDS):
        for task in tuple(TASKS)[:2]:
            found += [Row(task, k, s, n, N_REMAPPED) for k in STUDIED for n in REMAPPED]
    return sorted(found, key=lambda r: (r.n_train is not None, r.seed, "dark" in r.task))


def main() -> None:
    """Run what is not there yet; write ``results/jet_outliers.json`` after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no row after this")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    asked = parser.parse_args()
    stop = time.monotonic() + 60 * asked.minutes
    path = RESULTS / "jet_outliers.json"
    done = {r["name"]: r for r in json.loads(path.read_text())["rows"]} if path.exists() else {}
    for row in rows():
        if row.name in done or asked.only not in row.name:
            continue
        if time.monotonic() > stop:
            break
        done[row.name] = measure(row)
        aucs = {k: round(v["auc"], 3) for k, v in done[row.name]["scores"].items()}
        print(row.name, aucs, flush=True)
        write_results(
            "jet_outliers",
            {"header": header("torch"), "images": vars(IMAGES), "samples": JETS, "n_test": N_TEST,
             "n_remapped": N_REMAPPED,
             "methods": {k: asdict(m) for k, m in METHODS.items()}, "rows": list(done.values())},
        )  # fmt: skip
    draw(done)
    draw_remapped(done)


def measure(row: Row) -> dict[str, Any]:
    """Train on background, score held-out jets of both kinds with every score there is."""
    method = METHODS[row.method]
    b, s = TASKS[row.task]
    images = replace(method.images, pt_power=row.pt_power)
    background, signal = (inputs(p, method.reads, images) for p in (b, s))
    rng = np.random.default_rng([row.seed, 0x7E57])
    order, other = rng.permutation(len(background)), rng.permutation(len(signal))
    test, train = np.split(order, [N_TEST])
    train = train[: row.n_train]
    held = {"background": background[test], "signal": signal[other[:N_TEST]]}
    start = time.process_time()
    options = longer(method.options, len(train))
    if row.method == "supervised":
        model = build("classifier", method.detector, **options, random_state=row.seed)
        score = classifier(model, background[train], signal[other[N_TEST:]])
        found = {"probability": {k: score(x) for k, x in held.items()}}
        extra: dict[str, Any] = {}
    else:
        detector = build("detector", method.detector, **options)
        if "random_state" in detector.get_params():
            detector.set_params(random_state=row.seed)
        detector.fit(background[train], alike=method.reads != "observables")
        extra = {
            "epochs": getattr(detector, "epochs_", np.array([])).tolist(),
            "energies": [e.tolist() for e in getattr(detector, "energies_", [])],
        }
        extra["fit_s"] = time.process_time() - start
        found = scores(detector, held)
    constituents = observable(b, "n_constituents")[test]
    drawn = row.seed == 0 and row.n_train is None
    return {
        "name": row.name, **vars(row), "n_train": len(train), "fit_s": time.process_time() - start,
        **extra,
        "scores": {
            name: figures(x["background"], x["signal"])
            | {"complexity": complexity(x["background"], constituents)}
            for name, x in found.items()
        },
        "histograms": histograms(next(iter(found.values()))) if drawn else None,
    }  # fmt: skip


def scores(detector: Any, held: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """Each of its scores, the default first."""
    default = detector.get_params().get("score_by", "score")
    found = {}
    for name in sorted(detector.scores or ("score",), key=lambda name: name != default):
        if detector.scores:
            detector.set_params(score_by=name)
        found[name] = {k: detector.anomaly_score(x) for k, x in held.items()}
    return found


def longer(options: Mapping[str, Any], n_train: int) -> dict[str, Any]:
    """Options with more epochs where there are fewer jets."""
    times = int(np.clip(MANY // n_train, 1, LONGER))
    return {k: times * v if k.endswith("epochs") else v for k, v in options.items()}


def classifier(model: Any, background: Array, signal: Array) -> Any:
    """Score of a classifier that knows both."""
    x = np.concatenate([background, signal])
    scale = float(np.sqrt((x**2).mean()))
    model.fit(x / scale, np.repeat([0, 1], [len(background), len(signal)]))
    return lambda rows: model.predict_proba(rows / scale)[:, 1]


def complexity(score: Array, constituents: Array) -> dict[str, Any]:
    """Spearman correlation with the number of constituents, and the median score in its bins."""
    from scipy.stats import spearmanr

    edges = np.unique(np.quantile(constituents, np.linspace(0, 1, 9)))
    place = np.clip(np.searchsorted(edges, constituents, side="right") - 1, 0, len(edges) - 2)
    bins = range(len(edges) - 1)
    rank = np.argsort(np.argsort(score)) / len(score)
    return {
        "spearman": float(spearmanr(score, constituents).statistic),
        "constituents": [float(constituents[place == i].mean()) for i in bins],
        "quantile": [[float(q) for q in np.quantile(rank[place == i], [0.16, 0.5, 0.84])]
                     for i in bins],
    }  # fmt: skip


def histograms(score: dict[str, Array]) -> dict[str, Any]:
    """Logarithm of the score, of both kinds in common bins."""
    both = np.concatenate(list(score.values()))
    logs = np.log10(np.maximum(both, 1e-12)) if (both > 0).all() else both
    edges = np.linspace(*np.quantile(logs, [0.0005, 0.9995]), BINS + 1)
    parts = np.split(logs, [len(score["background"])])
    counts = {k: np.histogram(p, edges)[0].tolist() for k, p in zip(score, parts, strict=True)}
    return {"log10": bool((both > 0).all()), "edges": edges.tolist(), **counts}


@cache
def inputs(process: str, reads: str, images: JetImages) -> Array:
    """What a detector reads of a sample."""
    source = open_events(jets(process))
    if reads == "observables":
        events = source.read(list(FEATURES))
        return np.column_stack([events.column(name) for name in FEATURES])
    parts = []
    for chunk in source.chunks(8192, ["jet"]):
        values = chunk.clouds["jet"].values
        parts.append(clouds(values) if reads == "clouds" else images(values))
    made = np.concatenate(parts)
    return made.reshape(len(made), -1)


def clouds(values: NDArray[np.floating[Any]]) -> Array:
    """Jets as clouds of their hardest constituents."""
    from novum.physics.jet_clouds import JetClouds

    return JetClouds()(values)


@cache
def observable(process: str, name: str) -> NDArray[np.float64]:
    """One column of a sample."""
    return open_events(jets(process)).read([name]).column(name)


def draw_remapped(rows: Mapping[str, Any]) -> None:
    """AUC of each method of images against n of pT → pT^n, in both directions."""
    study = [r for r in rows.values() if r["n_train"] == N_REMAPPED]
    if not study:
        return
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, task in zip(axes, tuple(TASKS)[:2], strict=True):
        for i, name in enumerate(STUDIED):
            aucs = [
                [next(iter(r["scores"].values()))["auc"] for r in study
                 if (r["task"], r["method"], r["pt_power"]) == (task, name, n)]
                for n in REMAPPED
            ]  # fmt: skip
            found = zip(REMAPPED, aucs, strict=True)
            points = [(n, np.median(a), min(a), max(a)) for n, a in found if a]
            if not points:
                continue
            n, middle, low, high = np.array(points).T
            at = n * 1.03 ** (i - len(STUDIED) / 2)  # or bars hide each other
            bars = (middle - low, high - middle)
            ax.errorbar(at, middle, bars, fmt="o-", ms=3, lw=1, color=f"C{i}", label=name)
        ax.axhline(0.5, color="grey", lw=0.8, ls=":")
        ax.set(title=task, xlabel="n of pT → pTⁿ", xscale="log")
        ax.set_xticks(REMAPPED, [f"{n:g}" for n in REMAPPED])
        ax.minorticks_off()
    axes[0].set_ylabel("AUC, median and range of seeds")
    axes[1].legend(fontsize="x-small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(HERE.parent / "docs" / "_static" / "jet_remapping.png", dpi=130)


def draw(rows: Mapping[str, Any]) -> None:
    """Scores before and after the second training, and against the number of constituents."""
    shown = {
        f"{task}/{m}": rows[f"{task}/{m}/0"]
        for task in tuple(TASKS)[:2]
        for m in ("nae, before", "nae")
        if f"{task}/{m}/0" in rows
    }
    if not shown:
        return
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    grid = figure.subplots(2, len(shown), squeeze=False)
    for (name, row), upper, lower in zip(shown.items(), *grid, strict=True):
        found, first = row["histograms"], next(iter(row["scores"].values()))
        task, _, method = name.partition("/")
        for kind, process in zip(("background", "signal"), TASKS[task], strict=True):
            upper.stairs(found[kind], found["edges"], label=process.replace("_", " "))
        upper.set_title(f"{task}\n{method}: AUC {first['auc']:.2f}", fontsize="small")
        upper.set_xlabel("log10 of the score" if found["log10"] else "score", fontsize="small")
        upper.set_ylim(top=1.35 * max(map(max, (found["background"], found["signal"]))))
        upper.legend(fontsize="x-small", frameon=False, loc="upper left", ncols=2)
        bins = first["complexity"]
        low, middle, high = np.array(bins["quantile"]).T
        lower.plot(bins["constituents"], middle, "o-", ms=3)
        lower.fill_between(bins["constituents"], low, high, alpha=0.25)
        lower.set(xlabel="constituents", ylabel="rank of the score", ylim=(0, 1))
    figure.savefig(HERE.parent / "docs" / "_static" / "jet_outliers.png", dpi=130)


if __name__ == "__main__":
    main()
