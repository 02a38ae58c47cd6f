"""A search in Python, from arrays to a p-value, with a classifier of your own.

Run ``python examples/hunt_toys.py``. It draws toy dijets with a resonance at 3.5 TeV that the
mass spectrum alone does not show, and looks at one window.
"""

from sklearn.ensemble import HistGradientBoostingClassifier

import novum

events = novum.toy_dijets(30_000, 100, seed=7)
features = ["mj_low", "delta_mj", "tau21_low", "tau21_high"]

if __name__ == "__main__":  # worker processes import this file
    for name, data in (
        ("background only", novum.toy_dijets(30_000, 0, seed=7)),
        ("with a resonance", events),
    ):
        result = novum.hunt(
            data,
            mass="mjj",
            features=features,
            classifier=HistGradientBoostingClassifier(max_leaf_nodes=15, early_stopping=True),
            window=(3300, 3700),
            repeats=2,
        )
        print(f"{name}: {result.summary()}")
