"""CWoLa hunting: signal region against short sidebands (arXiv:1805.02664, 1902.02634)."""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.resonant.base import FloatArray, ResonantMethod, Task, log_odds
from novum.windows import Window


@final
class CWoLa(ResonantMethod):
    """Signal region against its sidebands, classification without labels.

    A classifier separates the signal region from the sidebands. If the features of background
    do not depend on the mass inside the window, only signal can tell the two apart, and the
    classifier is optimal for signal against background (arXiv:1708.02949). The signal region and
    the sidebands weigh the same in the loss, and each sideband carries half of its share, so
    that a feature that drifts linearly with the mass cannot be used at first order.
    """

    name: ClassVar[str] = "cwola"
    local: ClassVar[bool] = True
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("1805.02664", "Anomaly Detection for Resonant New Physics with Machine Learning"),
        ("1902.02634", "Extending the search for new resonances with machine learning"),
    )

    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> Task:
        """Two-class problem of the events inside the window; see `ResonantMethod.prepare`.

        Raises
        ------
        InputError
            If the signal region or a sideband holds no weight.
        """
        regions = (
            ("signal region", window.in_signal_region(m), 0.5),
            ("lower sideband", window.in_lower_sideband(m), 0.25),
            ("upper sideband", window.in_upper_sideband(m), 0.25),
        )
        balanced = np.zeros(len(m))
        for name, rows, share in regions:
            total = sample_weight[rows].sum()
            if not total > 0:
                raise InputError(f"the {name} of {window} holds no training events", value=total)
            balanced[rows] = share * sample_weight[rows] / total
        inside = window.contains(m)
        return Task(
            X=X[inside],
            y=regions[0][1][inside].astype(np.int8),
            sample_weight=balanced[inside] * inside.sum(),
        )

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log-odds of signal region against sidebands, shape (n,)."""
        return log_odds(model, X)
