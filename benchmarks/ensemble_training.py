"""Ten networks of 64-64-64 trained side by side, against one-model loops; one core throughout.

The peers train one model after another on the same rows, with the same batches a step, epochs and
optimiser: a torch loop over a DataLoader, and scikit-learn's MLPClassifier. Speed is model-steps a
second of processor time, the median of three repeats that take turns, so that other work on the
machine hits all alike. Validation AUC shows that all learn the same. Run
``python benchmarks/ensemble_training.py``.
"""

from __future__ import annotations

import itertools
import os
import time
import warnings
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from common import header, write_results
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from novum.nn import BinaryCrossEntropy, EnsembleMLP
from novum.training import Rows, TrainingConfig, split_rows, train
from novum.training.flat import FlatAdam
from novum.training.rows import Batches
from novum.training.snapshots import Snapshots

MODELS, HIDDEN, BATCH, EPOCHS, REPEATS = 10, (64, 64, 64), 128, 4, 3
ROWS, FEATURES = 20_000, 4
ON_THE_AXIS = (1, 2, 5, 10, 25, 50)
PEER_MODELS = 2  # of the ten: the speed of a loop over models does not depend on their number

Scores = list[np.ndarray]


def main() -> None:
    """Time all, check that they learn the same, and write ``results/ensemble_training.json``."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        table = make_table()
        rows = [split_rows(table[:, -2].numpy().astype(np.int8), 0.2, i) for i in range(MODELS)]
        ways: dict[str, Callable[..., Scores]] = {
            "side by side": side_by_side,
            "torch DataLoader loop": dataloader_loop,
            "scikit-learn MLPClassifier": scikit_learn,
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        aucs: dict[str, float] = {}
        for _ in range(REPEATS):
            for name, way in ways.items():
                models = rows if way is side_by_side else rows[:PEER_MODELS]
                rate, scores = timed(way, table, models)
                speeds[name].append(rate)
                aucs[name] = mean_auc(table, rows[:PEER_MODELS], scores[:PEER_MODELS])
        axis = [{"models": n, "speed": axis_speed(table, n)} for n in ON_THE_AXIS]
        profile = time_of_parts(table, rows)
    ours = median(speeds["side by side"])
    peers = [
        {"way": k, "speed": median(v), "ratio": ours / median(v), "auc": aucs[k]}
        for k, v in speeds.items()
    ]
    results: dict[str, object] = {
        "header": header("torch"),
        "models": MODELS,
        "hidden": HIDDEN,
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "rows": ROWS,
        "features": FEATURES,
        "load_average": os.getloadavg()[0],
        "ways": peers,
        "axis": axis,
        "profile": profile,
    }
    for line in [*peers, *axis, profile, f"load average {os.getloadavg()[0]:.1f}"]:
        print(line)
    write_results("ensemble_training", results)


def make_table() -> torch.Tensor:
    """Two overlapping classes that differ in a product and in a shift."""
    rng = np.random.default_rng(1)
    y = np.arange(ROWS) % 2
    X = rng.normal(size=(ROWS, FEATURES))
    X[:, 0] += 0.7 * y
    X[:, 1] *= 1 + 0.5 * y
    return torch.from_numpy(np.column_stack([X, y, np.ones(ROWS)]).astype(np.float32))


def timed(
    way: Callable[..., Scores], table: torch.Tensor, rows: list[Rows]
) -> tuple[float, Scores]:
    """Model-steps a second of processor time, and log-odds of the validation rows."""
    start = time.process_time()
    scores = way(table, rows)
    steps = len(rows) * EPOCHS * (len(rows[0].training) // BATCH)
    return steps / (time.process_time() - start), scores


def mean_auc(table: torch.Tensor, rows: list[Rows], scores: Scores) -> float:
    """Mean over models of the AUC on their validation rows."""
    pairs = zip(rows, scores, strict=True)
    return float(np.mean([roc_auc_score(table[r.validation, -2], s) for r, s in pairs]))


def side_by_side(table: torch.Tensor, rows: list[Rows]) -> Scores:
    """Training of novum, with validation and the weights of the best epoch."""
    network = EnsembleMLP.seeded(FEATURES, HIDDEN, range(len(rows)))
    config = TrainingConfig(epochs=EPOCHS, batch_size=BATCH, best_epochs=1)
    found = train(network, table, rows, config)
    for p, kept in zip(network.parameters(), found.parameters, strict=True):
        p.data = torch.from_numpy(kept[:, 0])
    with torch.no_grad():
        x = torch.stack([table[r.validation, :-2] for r in rows])
        return list(network(x).numpy())


def dataloader_loop(table: torch.Tensor, rows: list[Rows]) -> Scores:
    """What one writes first: a model, a DataLoader, an optimiser, one model after another."""
    scores = []
    for i, r in enumerate(rows):
        torch.manual_seed(i)
        sizes = (FEATURES, *HIDDEN)
        layers: list[torch.nn.Module] = []
        for a, b in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN[-1], 1))
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
        part, held_out = table[r.training], table[r.validation]
        data = torch.utils.data.TensorDataset(part[:, :-2], part[:, -2], part[:, -1])
        loader = torch.utils.data.DataLoader(data, BATCH, shuffle=True, drop_last=True)
        best, kept = np.inf, None
        for _ in range(EPOCHS):
            for x, y, w in loader:
                optimiser.zero_grad()
                loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], y, w)
                loss.backward()
                optimiser.step()
            with torch.no_grad():
                logits = model(held_out[:, :-2])[:, 0]
                loss = BinaryCrossEntropy().loss(
                    logits[None], held_out[None, :, -2], held_out[None, :, -1]
                )
            if float(loss) < best:
                best, kept = float(loss), logits.numpy()
        assert kept is not None
        scores.append(kept)
    return scores


def scikit_learn(table: torch.Tensor, rows: list[Rows]) -> Scores:
    """The classifier that comes with scikit-learn; it keeps the last epoch."""
    scores = []
    for i, r in enumerate(rows):
        model = MLPClassifier(
            HIDDEN, batch_size=BATCH, max_iter=EPOCHS, alpha=0.0, tol=0.0, random_state=i
        )
        part = table[r.training].numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ten epochs are few, it says
            model.fit(part[:, :-2], part[:, -2])
        scores.append(model.predict_proba(table[r.validation, :-2].numpy())[:, 1])
    return scores


def axis_speed(table: torch.Tensor, n: int) -> float:
    """Model-steps a second with `n` models on the axis."""
    y = table[:, -2].numpy().astype(np.int8)
    rows = [split_rows(y, 0.2, i) for i in range(n)]
    return median(timed(side_by_side, table, rows)[0] for _ in range(REPEATS))


def time_of_parts(table: torch.Tensor, rows: list[Rows]) -> dict[str, float]:
    """Share of the time of an epoch that each part of the loop takes."""
    network = EnsembleMLP.seeded(FEATURES, HIDDEN, range(MODELS))
    adam = FlatAdam(network, 1e-3)
    batches = Batches(rows, BATCH, ROWS - 1, table.device)
    steps = batches.steps(0)
    width = table.shape[1]
    drawn = table.new_empty(MODELS * BATCH, width)
    batch = drawn.view(MODELS, BATCH, width)
    x, y, w = batch[..., :-2], batch[..., -2], batch[..., -1]
    best = Snapshots([p.shape[1:] for p in network.parameters()], MODELS, 10)
    blocks = table[rows[0].validation].expand(MODELS, -1, -1)

    def forward() -> None:
        with torch.no_grad():
            network(x)

    def validate() -> None:
        with torch.no_grad():
            BinaryCrossEntropy().loss(network(blocks[..., :-2]), blocks[..., -2], blocks[..., -1])

    def offer() -> None:
        for i in range(MODELS):
            best.offer(i, [p[i] for p in network.parameters()], 0.0)

    parts: dict[str, tuple[Callable[[], object], int]] = {
        "order of the rows": (lambda: [batches.begin_epoch(i, 0, 0) for i in range(MODELS)], 1),
        "gather": (lambda: torch.index_select(table, 0, batches.at(0), out=drawn), steps),
        "forward": (forward, steps),
        "forward and backward": (
            lambda: network.loss_gradient(x, y, w, BinaryCrossEntropy()),
            steps,
        ),
        "optimiser": (adam.step, steps),
        "validation": (validate, 1),
        "snapshots": (offer, 1),
    }
    seconds = {name: times * cost(call) for name, (call, times) in parts.items()}
    seconds["backward"] = seconds.pop("forward and backward") - seconds["forward"]
    total = sum(seconds.values())
    return {name: value / total for name, value in seconds.items()}


def cost(call: Callable[[], object], times: int = 60) -> float:
    """Median processor time of a call [s]."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return median(taken)


if __name__ == "__main__":
    main()
