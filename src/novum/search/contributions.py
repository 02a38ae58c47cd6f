"""What carries the scores of single events: residuals that add up to them, or occlusion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from novum.outlier.base import Detector
from novum.outlier.reconstruction import Reconstructor
from novum.progress import NoProgress, Progress
from novum.search.pieces import Piece, gathered

FloatArray = NDArray[np.float64]

_NUMBERS = 1 << 23  # of changed copies that are scored in one call


def residual_contributions(
    detector: Detector, X: FloatArray, pieces: Sequence[Piece]
) -> FloatArray | None:
    """Summands (n, G) of the scores of events (n, d), where the score is made of residuals.

    Returns
    -------
    array (n, G) or None
        Its rows add up to the scores. None where the score is no sum over the features.
    """
    found = detector.contributions(X) if isinstance(detector, Reconstructor) else None
    return None if found is None else gathered(found, pieces)


def occlusion(
    detector: Detector,
    X: FloatArray,
    pieces: Sequence[Piece],
    draws: FloatArray,
    progress: Progress | None = None,
) -> FloatArray:
    """Mean drop of the score (n, G) where a piece of an event is that of background.

    For each event, piece and draw there is one changed copy of the event, many of which are
    scored in one call. Pieces that say the same share nothing: each alone may be missed by
    nobody. For a diagonal normal distribution the drop is that of z² and in the mean z² - 1.

    Parameters
    ----------
    detector : Detector
    X : array (n, d)
        Events.
    pieces : sequence of Piece
    draws : array (D, d)
        Background events whose values are taken.
    progress : Progress, optional

    Returns
    -------
    array (n, G)
        Negative where the event has less of the score by that piece than background would.
    """
    n, d = X.shape
    scores, found = detector.anomaly_score(X), np.zeros((n, len(pieces)))
    pairs = list(product(range(n), range(len(pieces))))
    step = max(1, _NUMBERS // (len(draws) * d))
    starts = range(0, len(pairs), step)
    for start in (progress or NoProgress()).track(starts, "occlusion", len(starts)):
        block = pairs[start : start + step]
        copies = np.repeat(X[[i for i, _ in block]][:, None], len(draws), axis=1)
        for copy, (_, g) in zip(copies, block, strict=True):
            copy[:, pieces[g].columns] = draws[:, pieces[g].columns]
        lowered = detector.anomaly_score(copies.reshape(-1, d)).reshape(len(block), -1)
        for (i, g), row in zip(block, lowered, strict=True):
            found[i, g] = scores[i] - row.mean()
    return found
