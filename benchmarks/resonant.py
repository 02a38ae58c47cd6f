"""What each resonant method is worth: simulated dijets and the LHC Olympics R&D sample.

Simulated: 400,000 QCD dijets and W' → XY from ``novum simulate``, signal region 3.3 to 3.7 TeV.
Half of the background of the signal region is the perfect template of the idealised detector, and
no method sees it as data. Half of the signal that is never injected trains the supervised
classifier, the other half measures all. All methods have the same classifier, the idealised
detector with the 50 members of the paper; every search runs without signal, too. Studies: plain
features; lighter jet mass and mass difference shifted by 0.1 m_jj; features of noise; and the R&D
sample with its own injections. Finished rows are kept, so that the script can be interrupted. Run
with ``python benchmarks/resonant.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from classifiers import BASE, LHCO, N_QCD, N_SIGNAL, load, simulated, with_noise
from common import RESULTS, header, write_results

from novum import Events, hunt
from novum.classifiers import MLPEnsemble, TreeEnsemble
from novum.evaluation import sculpting, sic_curve
from novum.io import open_events
from novum.resonant import ANODE, CATHODE, CWoLa, IdealisedDetector, LaCATHODE, SupervisedClassifier
from novum.windows import Window

WINDOW = Window.around(3300.0, 3700.0, 200.0)
SHIFTED = ("mj_low", "delta_mj")
SHIFT = 0.1
METHODS = ("idealised", "cathode", "cwola", "supervised", "anode", "lacathode")
NOISY = ("idealised", "cwola", "cwola, bagging", "cwola, mlp")
DEFAULT = "cwola, default trees"
MANY = "cwola, 50 default trees"  # a fold
LHCO_NOISY = ("cwola", DEFAULT, "cwola, bagging", "cwola, mlp")
LHCO_NOISE = ("lhco-noise10", "lhco-noise30")  # with 400 events of signal, or none
SEEDS = 10
FEWER_SEEDS = 5
NULL_SEEDS = 2  # simulated, where z means nothing
MEMBERS = {"idealised": 50}  # of the ensemble; others have:
FEWER = 10
METHODS_OF_DATA = {"cathode": CATHODE, "lacathode": LaCATHODE, "anode": ANODE, "cwola": CWoLa}


@dataclass(frozen=True)
class Row:
    """One search. `signal` is S/√B in simulated samples and a number of events in the R&D one."""

    study: str
    signal: float
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Key among the finished rows."""
        return f"{self.study}/{self.signal:g}/{self.method}/{self.seed}"


def rows() -> list[Row]:
    """All rows: few seeds of everything before many of anything."""
    return sorted(_rows(), key=lambda r: r.seed)


def _rows() -> Iterator[Row]:
    """Ten paired injections where methods are ranked, five elsewhere."""
    for seed in range(SEEDS):
        fewer = seed < FEWER_SEEDS
        for strength in (2.0, 3.0, 1.3, 0.7):  # S/√B in the signal region
            methods = METHODS if fewer and strength == 2 else METHODS[: 5 if strength >= 2 else 3]
            yield from (Row("plain", strength, method, seed) for method in methods)
    for seed in range(FEWER_SEEDS):
        yield from (Row("shifted", 2.0, method, seed) for method in METHODS)
        for study, methods in (("noise10", NOISY), ("noise30", NOISY[1:]), ("plain", NOISY[2:])):
            yield from (Row(study, 2.0, method, seed) for method in methods)
        for n in (400, 0):  # of the R&D sample
            yield from (Row("lhco", n, method, seed) for method in METHODS_OF_DATA)
            yield from (Row(s, n, method, seed) for s in LHCO_NOISE for method in LHCO_NOISY)
        yield from (Row("lhco", 400, method, seed) for method in (*LHCO_NOISY[1:], MANY))
        yield from (Row(study, 400, MANY, seed) for study in LHCO_NOISE)
        for n in (1000, 200, 100, 50):
            yield from (Row("lhco", n, method, seed) for method in ("cathode", "cwola"))
    for seed in range(NULL_SEEDS):
        yield from (Row("plain", 0.0, method, seed) for method in METHODS)
        yield from (Row("shifted", 0.0, method, seed) for method in METHODS)


def main() -> None:
    """Run what is not there yet; write ``results/resonant.json`` after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no row after this")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    asked = parser.parse_args()
    stop = time.monotonic() + 60 * asked.minutes
    path = RESULTS / "resonant.json"
    done = {r["name"]: r for r in json.loads(path.read_text())["rows"]} if path.exists() else {}
    for row in rows():
        if row.name in done or asked.only not in row.name:
            continue
        if time.monotonic() > stop:
            break
        done[row.name] = search(row)
        print(done[row.name], flush=True)
        write_results(
            "resonant",
            {
                "header": header("torch"), "members": {"others": FEWER, **MEMBERS},
                "rows": list(done.values()),
            },
        )  # fmt: skip


def search(row: Row) -> dict[str, Any]:
    """One search with truth at hand: significance, and how well signal and background part."""
    sample = lhco(row) if row.study.startswith("lhco") else dijets(row)
    start = time.perf_counter()
    with TemporaryDirectory() as folder:
        result = hunt(
            sample.data, mass="mjj", features=sample.features, probe=sample.probe, seed=row.seed,
            method=method(row.method, sample), repeats=1, n_toys=1000, sideband=200.0,
            window=(WINDOW.low, WINDOW.high), classifier=classifier(row),
            output=f"{folder}/search",
        )  # fmt: skip
        labelled = by_label(f"{folder}/search/scores.parquet", sample.data)
    window, record = result.windows[0], result.evaluation[0]
    keys = (
        "n_signal", "n_background", "significance_before", "max_sic", "max_sic_n_background",
        "max_sic_above_1e3", "sic_at_1e3", "auc",
    )  # fmt: skip
    return {
        "name": row.name, **vars(row), "z": window.z, "withheld": window.withheld,
        "validation_z": window.validation.z, "seconds": time.perf_counter() - start,
        "sculpting_p": window.sculpting and window.sculpting.p,
        "jensen_shannon": window.sculpting and window.sculpting.jensen_shannon,
        "closure_auc": [c.auc for c in window.template], **labelled,
        **{key: getattr(record, key) for key in keys},
    }  # fmt: skip


def by_label(path: str, data: Events) -> dict[str, float | None]:
    """What is measured with the labels of the data: SIC of the signal in it, sculpting.

    Max SIC at ε_B > 10⁻³, however few background events pass, was the convention of a study that
    this one is compared with; few events and the signal that was trained on make it larger.
    Sculpting is that of background at every mass, signal region included.
    """
    table = pq.read_table(path, columns=["score", "selected"])
    scores, selected = (table[name].to_numpy() for name in table.column_names)
    assert data.label is not None
    signal, m = data.label == 1, data.column("mjj")
    inside = WINDOW.in_signal_region(m)
    best = None
    if (inside & signal).any():
        best = sic_curve(scores[inside & ~signal], scores[inside & signal], 1).best(1e-3)
    background = sculpting(m[~signal], selected[~signal] > 0.5)
    return {
        "injected_max_sic_above_1e3": best and best[0],
        "background_sculpting_p": background.p,
        "background_jensen_shannon": background.jensen_shannon,
    }


def classifier(row: Row) -> TreeEnsemble | MLPEnsemble:
    """Trees of the published recipe (arXiv:2309.13111), of which most have fewer members."""
    if row.method.endswith("mlp"):
        return MLPEnsemble(FEWER, random_state=row.seed)
    if row.method in (DEFAULT, MANY):
        return TreeEnsemble(50 if row.method == MANY else 5, random_state=row.seed)
    trees = TreeEnsemble.published(row.seed)
    trees.set_params(members=MEMBERS.get(row.method, FEWER))
    return trees.set_params(max_features=0.5) if row.method.endswith("bagging") else trees


@dataclass(frozen=True)
class Sample:
    """Data of a search, signal that measures it, and what the bounds learn from."""

    data: Events
    probe: Events
    features: tuple[str, ...]
    template: Events | None = None
    training: Events | None = None


def method(name: str, sample: Sample) -> Any:
    """A fresh method of the default settings."""
    match name:
        case "supervised":
            assert sample.training is not None
            return SupervisedClassifier(_x(sample.training, sample), _x(sample.template, sample))
        case "idealised":
            assert sample.template is not None
            return IdealisedDetector(_x(sample.template, sample), sample.template.column("mjj"))
        case _:
            return METHODS_OF_DATA[name.partition(",")[0]]()


def _x(events: Events | None, sample: Sample) -> Any:
    assert events is not None
    return np.column_stack([events.column(name) for name in sample.features])


@cache
def simulation() -> tuple[Events, Events]:
    """Background and signal, features of arXiv:2109.00546."""
    names = ["mjj", *BASE]
    background = open_events(simulated("qcd_dijet", N_QCD, 1)).read(names)
    return background, open_events(simulated("wprime_xy", N_SIGNAL, 2)).read(names)


def dijets(row: Row) -> Sample:
    """Inject signal into half of the background of the signal region and all of the rest."""
    noise = int(row.study.removeprefix("noise")) if row.study.startswith("noise") else 0
    background, signal = (with_noise(e, noise, k) for k, e in enumerate(simulation()))
    if row.study == "shifted":
        background, signal = shifted(background), shifted(signal)
    rng = np.random.default_rng([row.seed, 0x5B])
    inside = WINDOW.in_signal_region(background.column("mjj"))
    reference = inside & (rng.random(len(background)) < 0.5)
    data = background.take(np.flatnonzero(~reference))
    n = round(row.signal * np.sqrt((inside & ~reference).sum()))
    found = WINDOW.in_signal_region(signal.column("mjj")).mean()
    data, left = injected(data, signal, round(n / found), row.seed)
    half = rng.permutation(len(left)) < len(left) // 2
    names = tuple(name for name in background.features if name != "mjj")
    template = background.take(np.flatnonzero(reference))
    training = left.take(np.flatnonzero(half))
    training = training.take(np.flatnonzero(WINDOW.in_signal_region(training.column("mjj"))))
    return Sample(data, left.take(np.flatnonzero(~half)), names, template, training)


def lhco(row: Row) -> Sample:
    """Signal of the R&D sample in its background."""
    _, _, noise = row.study.partition("noise")
    labelled = with_noise(load("lhco")[0], int(noise or 0), 0)
    data, left = injected(labelled, labelled, int(row.signal), row.seed)
    added = [name for name in labelled.features if name.startswith("noise")]
    return Sample(data, left, (*LHCO["4"], *added))


def injected(background: Events, signal: Events, n: int, seed: int) -> tuple[Events, Events]:
    """As `novum.simulation.inject`."""
    from novum.simulation import inject

    return inject(background, signal, n, seed)


def shifted(events: Events) -> Events:
    """Masses that follow the dijet mass, as in arXiv:2109.00546, section 5."""
    more = {name: events.column(name) + SHIFT * events.column("mjj") for name in SHIFTED}
    return replace(events, features={**events.features, **more})


if __name__ == "__main__":
    main()
