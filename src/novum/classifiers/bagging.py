"""Feature bagging: each member of an ensemble sees a random part of the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError


def check_share(max_features: float) -> None:
    """Raise ConfigError unless `max_features` is a share of the features."""
    if not 0 < max_features <= 1:
        raise ConfigError(f"max_features: must be above 0 and at most 1, got {max_features:g}")


def features_seen(n_features: int, max_features: float, seed: int) -> NDArray[np.bool_]:
    """Features that a member sees, drawn without replacement, shape (n_features,).

    Parameters
    ----------
    n_features : int
    max_features : float
        Share of the features, rounded to a whole number of at least one.
    seed : int
        Of the member.
    """
    n = max(1, round(max_features * n_features))
    seen = np.zeros(n_features, dtype=np.bool_)
    seen[np.random.default_rng([seed, 0xBA6]).permutation(n_features)[:n]] = True
    return seen
