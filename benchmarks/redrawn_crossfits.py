"""What to average over redrawn cross-fits: the scores, or the counts? Null first.

30,000 toy dijets, one window, independent samples: without signal (false alarms) and with 100
events of a resonance (power). For each sample the significance is made three ways: from one
cross-fit, from the scores averaged over the redrawn ones, and from counts averaged over them.
The transfer factor is the true one, so that only the selection is tested. Run
``python benchmarks/redrawn_crossfits.py``.
"""

from __future__ import annotations

import numpy as np
from common import TOY_BACKGROUND, TOY_SIGNAL, header, write_results
from joblib import Parallel, delayed
from numpy.typing import NDArray

from novum.classifiers import TreeEnsemble
from novum.resonant import CWoLa
from novum.search import HuntConfig, crossfit, select
from novum.search.inputs import make_sample
from novum.search.selection import selected_share
from novum.simulation import toy_dijets
from novum.simulation.toy import FEATURES
from novum.statistics import on_off_z
from novum.windows import Window

WINDOW = Window(3241.0, 3655.0, ((3052.0, 3241.0), (3655.0, 3881.0)))
SAMPLES = {0: 160, TOY_SIGNAL: 40}  # signal events to number of samples
WAYS = ("single cross-fit", "averaged scores", "averaged counts")
CONFIG = HuntConfig()


def main() -> None:
    """Run all samples and write ``results/redrawn_crossfits.json``."""
    truth = toy_dijets(2_000_000, 0, seed=12345).column("mjj")
    inside, outside = WINDOW.in_signal_region(truth).sum(), WINDOW.in_sidebands(truth).sum()
    ratio = float(inside / outside)
    rows = []
    for signal, n in SAMPLES.items():
        z = np.array(Parallel(-1)(delayed(significances)(s, signal, ratio) for s in range(n)))
        for way, values in zip(WAYS, z.T, strict=True):
            row = {
                "signal": signal,
                "way": way,
                "samples": n,
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)),
                "above_1.645": float((values > 1.645).mean()),
                "max": float(values.max()),
            }
            rows.append(row)
            print(row, flush=True)
    write_results(
        "redrawn_crossfits",
        {
            "header": header(),
            "window": [WINDOW.low, WINDOW.high],
            "members": CONFIG.members,
            "folds": CONFIG.folds,
            "repeats": CONFIG.repeats,
            "eps_b": CONFIG.eps_b,
            "rows": rows,
        },
    )


def significances(seed: int, signal: int, ratio: float) -> tuple[float, float, float]:
    """Significance of one sample, the three ways."""
    events = toy_dijets(TOY_BACKGROUND, signal, seed=seed)
    events = events.take(WINDOW.contains(events.column("mjj")))
    sample = make_sample(events.blind(), HuntConfig(mass="mjj", features=FEATURES))
    scores = crossfit(
        CWoLa(),
        TreeEnsemble(CONFIG.members),
        sample,
        WINDOW,
        folds=CONFIG.folds,
        repeats=CONFIG.repeats,
        seed=seed,
        n_jobs=1,
    )
    arguments = (sample.m, sample.w, WINDOW, CONFIG.eps_b)
    single = select(scores.by_repeat[0].astype(float), scores.fold, *arguments)
    averaged = select(scores.score, scores.fold, *arguments)
    share = selected_share(scores, sample.m, sample.w, CONFIG.eps_b)
    return tuple(z(chosen, sample.m, ratio) for chosen in (single, averaged, share))  # type: ignore[return-value]


def z(chosen: NDArray[np.generic], m: NDArray[np.float64], ratio: float) -> float:
    """On/off significance of a mask or of shares."""
    n_on, n_off = chosen[WINDOW.in_signal_region(m)].sum(), chosen[WINDOW.in_sidebands(m)].sum()
    return float(on_off_z(n_on, n_off, ratio))


if __name__ == "__main__":
    main()
