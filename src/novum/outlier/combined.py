"""Several detectors as one."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, nearest
from novum.outlier.base import Detector, require_events
from novum.outlier.tail import HELD_OUT, equally_likely, log_p_value

FloatArray = NDArray[np.float64]

RULES = ("rank-average", "min-p", "sum-log-p")


@final
class Combined(Detector):
    """Detectors whose p-values on held-out background are combined.

    Each part is trained on four fifths of the events; the others turn its score into a p-value.
    ``rank-average`` is minus the log of the mean p-value; ``min-p`` is minus the log of the least,
    high for an event that any part finds odd; ``sum-log-p`` is minus the sum of their logs,
    Fisher's combination. The parts are correlated, so that what comes out is a score and no
    p-value: that comes from further background.

    Parameters
    ----------
    detectors : tuple of str
        Names of at least two detectors, each with its default parameters.
    rule : str
        rank-average, min-p or sum-log-p.
    random_state : int or None
        Seed of the parts and of what is held out.

    Attributes
    ----------
    parts_ : list of Detector
    held_ : list of float64 arrays
        Rising scores of the held-out events, of each part; events of unequal weight are thinned.
    """

    name: ClassVar[str] = "combined"
    no_onnx: ClassVar[str] = (
        "it counts held-out events with higher scores, which rounding changes by whole events; "
        "export its parts one by one"
    )

    def __init__(
        self,
        detectors: tuple[str, ...] = ("kmeans", "mahalanobis", "iforest"),
        *,
        rule: Literal["rank-average", "min-p", "sum-log-p"] = "sum-log-p",
        random_state: int | None = None,
    ) -> None:
        self.detectors = detectors
        self.rule = rule
        self.random_state = random_state

    def check_ready(self) -> None:
        """See `Detector.check_ready`."""
        super().check_ready()
        if self.rule not in RULES:
            raise ConfigError(f"rule: must be one of {', '.join(RULES)}, got {self.rule}")
        if len(self.detectors) < 2:
            raise ConfigError(f"detectors: name at least two, got {self.detectors}")
        for part in self._new_parts():
            part.check_ready()

    def _new_parts(self) -> list[Detector]:
        from novum.outlier import MEMBERS

        members = [getattr(import_module(module), name) for name, module in MEMBERS.items()]
        known = {m.name: m for m in members if m is not Combined}
        parts = []
        for i, name in enumerate(self.detectors):
            if name not in known:
                near = nearest(name, known)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
                raise ConfigError(f"detectors: there is no '{name}'; {hint}")
            part = known[name]()
            if "random_state" in part.get_params() and self.random_state is not None:
                part.set_params(random_state=self.random_state + i)
            parts.append(part)
        return parts

    def _learn(self, z: FloatArray, w: FloatArray) -> None:
        require_events(len(z), 2 * HELD_OUT, "a combination of detectors")
        rng = np.random.default_rng(self.random_state)
        held, training = np.split(rng.permutation(len(z)), [max(1, len(z) // HELD_OUT)])
        held = held[equally_likely(w[held], rng.random(len(held)), float(w[held].max()))]
        alike = bool(np.isinf(self.farthest_))
        self.parts_ = [
            part.fit(z[training], sample_weight=w[training], alike=alike)
            for part in self._new_parts()
        ]
        self.held_ = [np.sort(part.anomaly_score(z[held])) for part in self.parts_]

    def _score(self, z: FloatArray) -> FloatArray:
        found = zip(self.parts_, self.held_, strict=True)
        log_p = np.array([log_p_value(held, part.anomaly_score(z)) for part, held in found])
        if self.rule == "rank-average":
            # Minus the log of the mean p-value: 1 minus it would be 1 for all far events.
            return np.asarray(np.log(len(log_p)) - np.logaddexp.reduce(log_p, axis=0))
        return np.asarray(-log_p.min(axis=0) if self.rule == "min-p" else -log_p.sum(axis=0))
