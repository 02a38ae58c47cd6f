"""Search on the LHC Olympics R&D sample: SIC, scan with 400 injected events, and its null.

Null first: the same command with nothing injected, for the same fold seeds, stands beside every
number. Run with ``python benchmarks/lhco.py``; the data folder is ``../shared/data`` or
``NOVUM_DATA``.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import numpy as np
from common import data_folder, header, write_results

import novum
from novum import Events, HuntConfig

SEEDS = range(5)
N_INJECTED = 400
FEATURES = ("mj_low", "delta_mj", "tau21_low", "tau21_high")
SCAN = {"width": 400.0, "step": 200.0, "sideband": 200.0, "centers": (3100.0, 4500.0)}
SINGLE = {"window": (3300.0, 3700.0), "sideband": 200.0}


def main() -> None:
    """Run everything and write ``results/lhco.json``."""
    events = novum.open_events(data_folder() / "lhco_rnd_v1" / "cathode_format_v1.npy").read()
    results = {
        "header": header(),
        "config": HuntConfig().to_dict(),
        "null_scan": [scan(events, 0, seed) for seed in SEEDS],
        "injected_scan": [scan(events, N_INJECTED, seed) for seed in SEEDS],
        "shifted_null_scan": [scan(shifted(events), 0, seed) for seed in SEEDS[:1]],
        "null_single": [single(events, 0, seed) for seed in SEEDS],
        "injected_single": [single(events, N_INJECTED, seed) for seed in SEEDS],
    }
    values = [run["max_sic"] for run in results["injected_single"]]
    results["median_max_sic"] = median(values)
    write_results("lhco", results)


def inject(events: Events, n_signal: int, seed: int) -> tuple[Events, Events]:
    """All background with `n_signal` random signal events, and the signal that was left out."""
    assert events.label is not None
    signal = np.flatnonzero(events.label == 1)
    chosen = np.random.default_rng(seed).choice(signal, n_signal, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(events.label == 0), chosen]))
    return events.take(kept), events.take(np.setdiff1d(signal, chosen))


def shifted(events: Events, share: float = 0.1) -> Events:
    """The sample with jet masses that follow the dijet mass, which breaks CWoLa's assumption."""
    columns = dict(events.features)
    for name in ("mj_low", "delta_mj"):
        columns[name] = columns[name] + share * columns["mjj"]
    return replace(events, features=columns)


def run(events: Events, n_signal: int, seed: int, **windows: object) -> novum.SearchResult:
    """One search in the CATHODE layout."""
    data, rest = inject(events, n_signal, seed)
    return novum.hunt(data, mass="mjj", features=FEATURES, probe=rest, seed=seed, **windows)


def scan(events: Events, n_signal: int, seed: int) -> dict[str, object]:
    """All windows of a scan with their significance, or why it is withheld."""
    result = run(events, n_signal, seed, **SCAN)
    windows = {f"{w.window.center:.0f}": w.withheld or round(w.z or 0.0, 3) for w in result.windows}
    best = result.best
    row = {
        "seed": seed,
        "injected": n_signal,
        "best_center": best.window.center if best else None,
        "best_z": best.z if best else None,
        "global_p": None if result.global_p is None else str(result.global_p),
        "windows": windows,
    }
    print(row, flush=True)
    return row


def single(events: Events, n_signal: int, seed: int) -> dict[str, object]:
    """One window, with the SIC of signal that was never injected."""
    result = run(events, n_signal, seed, **SINGLE)
    record, window = result.evaluation[0], result.windows[0]
    row = {
        "seed": seed,
        "injected": n_signal,
        "n_signal": record.n_signal,
        "n_background": record.n_background,
        "significance_before": record.significance_before,
        "max_sic": record.max_sic,
        "max_sic_n_background": record.max_sic_n_background,
        "sic_at_1e3": record.sic_at_1e3,
        "max_sic_above_1e3": record.max_sic_above_1e3,
        "z": window.z,
        "withheld": window.withheld,
    }
    print(row, flush=True)
    return row


if __name__ == "__main__":
    main()
