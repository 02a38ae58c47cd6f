"""`PValue`: a probability together with how well it is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scipy import special, stats

from novum.errors import InputError


@dataclass(frozen=True)
class PValue:
    """One p-value.

    Attributes
    ----------
    value : float
        The p-value; an upper limit on it where `is_bound`.
    error : float
        Standard uncertainty of `value` from the finite number of toys; 0 for closed forms.
    method : str
        How it was made, in words.
    n_toys : int
        Number of pseudo-experiments; 0 for closed forms.
    is_bound : bool
        True where no toy reached the observation: print "≤".
    calibrated : bool
        True only where complete retrained null searches stand behind it.
    interval : (float, float) or None
        Clopper–Pearson 68 % interval of a toy p-value.
    """

    value: float
    error: float
    method: str
    n_toys: int = 0
    is_bound: bool = False
    calibrated: bool = False
    interval: tuple[float, float] | None = None

    @classmethod
    def from_z(cls, z: float, method: str) -> PValue:
        """One-sided Gaussian tail beyond `z`."""
        return cls(float(special.ndtr(-z)), 0.0, method)

    @classmethod
    def from_toys(cls, n_exceed: int, n_toys: int, method: str) -> PValue:
        """``(1 + n_exceed) / (n_toys + 1)`` with its Clopper–Pearson 68 % interval.

        Raises
        ------
        InputError
            If there are no toys.
        """
        if n_toys < 1:
            raise InputError(f"a toy p-value needs at least one toy, got {n_toys}", value=n_toys)
        tail = (1 - 0.6827) / 2
        low = 0.0 if n_exceed == 0 else stats.beta.ppf(tail, n_exceed, n_toys - n_exceed + 1)
        high = (
            1.0 if n_exceed == n_toys else stats.beta.ppf(1 - tail, n_exceed + 1, n_toys - n_exceed)
        )
        value = (1 + n_exceed) / (n_toys + 1)
        return cls(
            value=value,
            error=float((value * (1 - value) / n_toys) ** 0.5),
            method=method,
            n_toys=n_toys,
            is_bound=n_exceed == 0,
            interval=(float(low), float(high)),
        )

    @property
    def z(self) -> float:
        """One-sided Gaussian significance of `value`."""
        return float(-special.ndtri(self.value))

    def __str__(self) -> str:
        if self.is_bound:
            return f"≤ {self.value:.2g}"
        return f"{self.value:.3g}" + (f" ± {self.error:.2g}" if self.error else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PValue:
        """Inverse of `to_dict`."""
        interval = data.get("interval")
        return cls(**{**data, "interval": None if interval is None else tuple(interval)})
