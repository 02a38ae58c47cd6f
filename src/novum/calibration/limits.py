"""Limits of a trained selection: CLs from retrained searches of one named signal.

CLs(μ) = P(T <= T_obs | μ) / P(T <= T_obs | 0) with T = max z_cal (A. L. Read, J. Phys. G 28
(2002) 2693). A trained selection answers to the signal strength: its efficiency falls with the
signal, so every strength is searched with retraining, and the limit belongs to that signal alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.calibration.injection import INJECTION_FILE, inject_and_search
from novum.calibration.study import InjectionStudy
from novum.errors import ConfigError, InputError, OutputError
from novum.io.documents import to_json
from novum.progress import Progress
from novum.search.calibrated import CALIBRATION_FILE, Calibration
from novum.search.lookup import calibrated
from novum.search.result import SearchResult

FloatArray = NDArray[np.float64]

_QUANTILES = (0.0228, 0.1587, 0.5, 0.8413, 0.9772)
_BOOTSTRAPS = 200


@dataclass(frozen=True)
class TrainedLimit:
    """Upper limit on the number of produced signal events.

    Attributes
    ----------
    signal : str
    level : float
        Confidence level.
    observed : float or None
        None where no searched strength is excluded.
    observed_interval : (float or None, float or None)
        68 % range from the finite number of searches.
    expected : tuple of five floats or None
        For T at the -2σ, -1σ, median, +1σ, +2σ quantiles of the null searches.
    t_observed : float
    strengths, cls, cls_error, efficiency : tuples
        At every searched strength: CLs of the observation, its binomial error, and ε_S(μ).
    """

    signal: str
    level: float
    observed: float | None
    observed_interval: tuple[float | None, float | None]
    expected: tuple[float | None, ...]
    t_observed: float
    strengths: tuple[int, ...]
    cls: tuple[float, ...]
    cls_error: tuple[float, ...]
    efficiency: tuple[float, ...]
    schema: str = "novum-trained-limit"
    schema_version: int = 1

    def to_json(self) -> str:
        """JSON text."""
        return to_json(self)


def retrained_limit(
    folder: str | Path,
    signal: Any,
    *,
    strengths: Sequence[int] = (),
    n: int = 50,
    level: float = 0.95,
    seed: int = 2,
    classifier: Any = None,
    events: Any = None,
    output: str | Path | None = None,
    resume: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> TrainedLimit:
    """Limit on one named signal from a calibrated search: inject, retrain, CLs.

    Parameters
    ----------
    folder : path-like
        Folder of a finished search with its ``calibration.json``.
    signal, strengths, seed, classifier, events, n_jobs, progress
        As for `inject_and_search`, in the kind of null data of the calibration.
    n : int
        Searches for each strength.
    level : float
        Confidence level.
    output : path-like, optional
        Folder for ``injection.json``; a study that is there already is used.
    resume : bool
        Continue an interrupted study in `output`.

    Raises
    ------
    ConfigError, InputError, OutputError
        Also where the search has no calibration, one that does not apply to it, or quotes no
        window.
    """
    result = SearchResult.load(folder)
    if not (Path(folder) / CALIBRATION_FILE).exists():
        raise ConfigError(
            f"{folder}: a limit of a trained selection needs null searches; run novum calibrate "
            f"{folder} first"
        )
    calibration = Calibration.load(folder)
    scan = calibrated(result, calibration).calibration
    if scan is None or scan.t_observed is None:
        raise InputError("every window is withheld: there is no statistic to set a limit with")
    done = None if output is None else Path(output) / INJECTION_FILE
    if done is not None and done.exists():
        study = InjectionStudy.load(done)
        if study.calibration_sha256 != calibration.sha256() or study.signal != str(signal):
            raise OutputError(f"{done}: is a study of another signal or calibration")
    else:
        null = calibration.origin if calibration.null == "file" else calibration.null
        study = inject_and_search(
            result, signal, calibration, strengths=strengths, n=n, null=null, seed=seed,
            classifier=classifier, events=events, output=output, resume=resume, n_jobs=n_jobs,
            progress=progress,
        )  # fmt: skip
    return trained_limit(study, scan.t_null, scan.t_observed, level)


def trained_limit(
    study: InjectionStudy, t_null: Sequence[float], t_observed: float, level: float = 0.95
) -> TrainedLimit:
    """CLs limit from an injection study and the T of the null searches.

    Parameters
    ----------
    study : InjectionStudy
    t_null : sequence of float
        T of every null search of the calibration.
    t_observed : float
        T of the observed search.
    level : float
        Confidence level.

    Raises
    ------
    InputError
        If there are no null searches, or a strength quotes no window in most of its searches.
    """
    null = np.asarray(t_null, dtype=np.float64)
    if len(null) == 0:
        raise InputError("a limit needs null searches")
    injected = []
    for point in study.points:
        t = np.array([np.nan if v is None else v for v in point.t], dtype=np.float64)
        if np.isnan(t).mean() > 0.5:
            raise InputError(
                f"most searches with {point.strength} injected events quote no window",
                value=point.strength,
            )
        injected.append(t[np.isfinite(t)])
    strengths = np.array([p.strength for p in study.points], dtype=np.float64)
    cls, error = _cls(injected, null, t_observed)
    alpha = 1 - level
    rng = np.random.default_rng(0)
    drawn = [
        _crossing(strengths, _cls(*_resampled(injected, null, rng), t_observed)[0], alpha)
        for _ in range(_BOOTSTRAPS)
    ]
    expected = tuple(
        _crossing(strengths, _cls(injected, null, float(t))[0], alpha)
        for t in np.quantile(null, _QUANTILES)
    )
    return TrainedLimit(
        signal=study.signal,
        level=level,
        observed=_crossing(strengths, cls, alpha),
        observed_interval=_interval(drawn),
        expected=expected,
        t_observed=t_observed,
        strengths=tuple(p.strength for p in study.points),
        cls=tuple(cls.tolist()),
        cls_error=tuple(error.tolist()),
        efficiency=tuple(p.efficiency for p in study.points),
    )


def _cls(injected: list[FloatArray], null: FloatArray, t: float) -> tuple[FloatArray, FloatArray]:
    """CLs and its error at every strength; (k + 1) / (n + 1), so that no CLs is 0."""
    below = max(float((null <= t).mean()), 1 / (len(null) + 1))
    share = np.array([((x <= t).sum() + 1) / (len(x) + 1) for x in injected])
    error = np.sqrt(share * (1 - share) / np.array([len(x) for x in injected])) / below
    return np.minimum(share / below, 1.0), error


def _crossing(strengths: FloatArray, cls: FloatArray, alpha: float) -> float | None:
    """Strength where CLs falls to alpha: log-linear between strengths, CLs(0) = 1, not rising."""
    x = np.concatenate([[0.0], strengths])
    y = np.minimum.accumulate(np.concatenate([[1.0], cls]))
    if y[-1] > alpha:
        return None
    i = int(np.argmax(y <= alpha))
    share = np.log(y[i - 1] / alpha) / np.log(y[i - 1] / y[i])
    return float(x[i - 1] + share * (x[i] - x[i - 1]))


def _resampled(
    injected: list[FloatArray], null: FloatArray, rng: np.random.Generator
) -> tuple[list[FloatArray], FloatArray]:
    return [rng.choice(x, len(x)) for x in injected], rng.choice(null, len(null))


def _interval(drawn: list[float | None]) -> tuple[float | None, float | None]:
    values = np.sort([np.inf if v is None else v for v in drawn])
    low, high = values[int(0.16 * len(values))], values[int(0.84 * len(values))]
    return tuple(None if np.isinf(v) else float(v) for v in (low, high))  # type: ignore[return-value]
