"""What any resonant method is measured against, in studies where the truth is known.

They need events that a search does not have, so they have no name on the command line: pass them
to `novum.hunt` as ``method=``.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError
from novum.resonant.base import FloatArray, ResonantMethod, Task, log_odds
from novum.resonant.template import two_classes
from novum.windows import Window


@final
class IdealisedDetector(ResonantMethod):
    """Signal region against a perfect template: other background events of the signal region.

    What CATHODE would be with the true density of background (arXiv:2109.00546, section 4).

    Parameters
    ----------
    background : array (n, d)
        Features of background events that are not among the data, in the order of the search.
    m : array (n,)
        Their masses [GeV].
    """

    name: ClassVar[str] = "idealised"
    needs_truth: ClassVar[bool] = True
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2109.00546", "Classifying Anomalies THrough Outer Density Estimation (CATHODE)"),
    )

    def __init__(self, background: FloatArray | None = None, m: FloatArray | None = None) -> None:
        self.background = background
        self.m = m

    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> Task:
        """Signal region against the given background; see `ResonantMethod.prepare`.

        Raises
        ------
        InputError
            If the signal region holds no events of one of them.
        """
        if self.background is None or self.m is None:
            raise InputError("the idealised detector needs background events")
        inside = window.in_signal_region(m) & (sample_weight > 0)
        template = self.background[window.in_signal_region(self.m)]
        if not inside.any() or not len(template):
            raise InputError(f"the signal region of {window} holds no data or no background")
        return two_classes(X[inside], sample_weight[inside], template)

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log-odds of data against template, shape (n,)."""
        return log_odds(model, X)


@final
class SupervisedClassifier(ResonantMethod):
    """Labelled signal against labelled background: the most that features can give.

    Parameters
    ----------
    signal, background : arrays (n, d)
        Features of events that are not among the data, in the order of the search.
    """

    name: ClassVar[str] = "supervised"
    needs_truth: ClassVar[bool] = True
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2109.00546", "Classifying Anomalies THrough Outer Density Estimation (CATHODE)"),
    )

    def __init__(
        self, signal: FloatArray | None = None, background: FloatArray | None = None
    ) -> None:
        self.signal = signal
        self.background = background

    def prepare(
        self,
        X: FloatArray,
        m: FloatArray,
        window: Window,
        sample_weight: FloatArray,
        ids: NDArray[np.uint64],
        seed: int,
    ) -> Task:
        """Signal against background; the data take no part. See `ResonantMethod.prepare`.

        Raises
        ------
        InputError
            If there are no events of one of them.
        """
        if self.signal is None or self.background is None or not len(self.signal):
            raise InputError("the supervised classifier needs labelled events of both classes")
        return two_classes(self.signal, np.ones(len(self.signal)), self.background)

    def anomaly_score(self, X: FloatArray, m: FloatArray, model: Any = None) -> FloatArray:
        """Log-odds of signal against background, shape (n,)."""
        return log_odds(model, X)
