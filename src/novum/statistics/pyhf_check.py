"""pyhf as the judge: of the format of a workspace, and of a limit that we found."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from novum.errors import FitError, InputError, MissingDependencyError
from novum.statistics.workspace import POI, Spec

_AGREEMENT = 0.03  # relative difference of CLs that rounding and stopping rules explain
_OPTIMIZERS = ("scipy", "minuit")
_ROOM = 50.0  # of the signal strength above the one that is tested
_CLIP = 1e-12


def validate_workspace(workspace: Spec) -> None:
    """Check a workspace against pyhf's schema.

    Raises
    ------
    MissingDependencyError
        If pyhf is not installed.
    InputError
        Names what is wrong with the workspace.
    """
    with _pyhf_at_work() as pyhf:
        try:
            pyhf.Workspace(workspace)
        except pyhf.exceptions.InvalidSpecification as error:
            reason = " ".join(str(error).split())
            raise InputError(f"not a valid HistFactory workspace: {reason}") from None


def confirmed_cls(workspace: Spec, mu: float, expected: float) -> float:
    """Asymptotic CLs of pyhf at a signal strength, which has to agree with ours.

    The signal is scaled to strength 1, so that pyhf fits numbers near 1. Its default minimiser is
    not always precise enough where counts are large; then its other one decides.

    Parameters
    ----------
    workspace : dict
        As `on_off_workspace` makes it.
    mu : float
        Signal strength.
    expected : float
        Our CLs there.

    Returns
    -------
    float
        That of pyhf.

    Raises
    ------
    FitError
        If they differ by more than 3 %.
    """
    found = []
    spec = _scaled(workspace, mu)
    with _pyhf_at_work() as pyhf:
        for optimizer in _OPTIMIZERS:
            pyhf.set_backend("numpy", optimizer)
            loaded = pyhf.Workspace(spec)
            negative = any("spurious_signal" in name for name, _ in loaded.modifiers)
            model = loaded.model(clip_bin_data=_CLIP if negative else None)
            try:
                cls = pyhf.infer.hypotest(1.0, loaded.data(model), model, test_stat="qtilde")
            except (pyhf.exceptions.FailedMinimization, ValueError) as error:
                found.append(f"{optimizer}: {' '.join(str(error).split())[:80]}")
                continue
            if abs(float(cls) / expected - 1) <= _AGREEMENT:
                return float(cls)
            found.append(f"{optimizer}: {float(cls):.4g}")
    raise FitError(f"CLs at μ = {mu:g} is {expected:.4g} here, but in pyhf {'; '.join(found)}")


@contextmanager
def _pyhf_at_work() -> Iterator[Any]:
    """pyhf on NumPy, quiet; leaves the caller's backend as it was."""
    try:
        import pyhf
    except ImportError:
        raise MissingDependencyError(
            "limits need pyhf: install it with pip install 'novum[limits]'"
        ) from None
    before = pyhf.get_backend()
    log = logging.getLogger("pyhf")
    level = log.level
    with warnings.catch_warnings():
        # its use of jsonschema, and trial points at the edge of the allowed parameters
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        log.setLevel(logging.ERROR)
        pyhf.set_backend("numpy")
        try:
            yield pyhf
        finally:
            pyhf.set_backend(*before)
            log.setLevel(level)


def _scaled(workspace: Spec, mu: float) -> Spec:
    spec = copy.deepcopy(workspace)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            if not any(m["name"] == POI for m in sample["modifiers"]):
                continue
            sample["data"] = [mu * v for v in sample["data"]]
            for m in sample["modifiers"]:
                if m["type"] == "staterror":
                    m["data"] = [mu * v for v in m["data"]]
    for parameter in spec["measurements"][0]["config"]["parameters"]:
        if parameter["name"] == POI:
            parameter["bounds"], parameter["inits"] = [[0.0, _ROOM]], [1.0]
    return spec
