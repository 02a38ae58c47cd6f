"""Families of smooth spectra whose log density is linear in the parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import ConfigError, InputError, nearest

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Family(ABC):
    """A log-linear family: log density(m) = basis(m) @ parameters [events per GeV].

    The first basis function of every family is 1, the normalisation.

    Attributes
    ----------
    name : str
        Name in configurations.
    min_order, max_order : int
        Smallest and largest number of parameters, normalisation included.
    reference : str
        Where the family comes from.
    paper : str
        arXiv id of a search that fits it, which a result cites.
    """

    name: ClassVar[str]
    min_order: ClassVar[int]
    max_order: ClassVar[int]
    reference: ClassVar[str]
    paper: ClassVar[str]

    @abstractmethod
    def basis(self, m: ArrayLike, n_params: int) -> FloatArray:
        """Basis functions at the masses `m`.

        Parameters
        ----------
        m : array_like (n,)
            Masses [GeV].
        n_params : int
            Number of parameters.

        Returns
        -------
        float64 array (n, n_params)

        Raises
        ------
        InputError
            If a mass is outside the domain or the family has no member with `n_params`.
        """

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; ``family(**data)`` is the inverse."""
        return {"name": self.name, **asdict(self)}

    def _check_order(self, n_params: int) -> None:
        if not self.min_order <= n_params <= self.max_order:
            raise InputError(
                f"the family '{self.name}' has {self.min_order} to {self.max_order} parameters, "
                f"not {n_params}",
                value=n_params,
            )


@dataclass(frozen=True)
class Dijet(Family):
    """The dijet function of ATLAS and CMS, p0 (1-x)^p1 x^(p2 + p3 ln x + p4 ln² x), x = m/√s.

    Signs follow the basis 1, ln(1-x), ln x, ln² x, ln³ x; experiments write -p2, -p3, -p4.

    Parameters
    ----------
    sqrt_s : float
        Centre-of-mass energy [GeV].

    Raises
    ------
    InputError
        If `sqrt_s` is not positive.
    """

    sqrt_s: float = 13000.0

    name: ClassVar[str] = "dijet"
    min_order: ClassVar[int] = 3
    max_order: ClassVar[int] = 5
    reference: ClassVar[str] = "CMS, arXiv:1911.03947, eq. 1"
    paper: ClassVar[str] = "1911.03947"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sqrt_s) and self.sqrt_s > 0):
            raise InputError(f"sqrt_s must be positive, got {self.sqrt_s}", value=self.sqrt_s)

    def basis(self, m: ArrayLike, n_params: int) -> FloatArray:
        """See `Family.basis`; the domain is 0 < m < √s."""
        self._check_order(n_params)
        x = np.asarray(m, dtype=np.float64) / self.sqrt_s
        outside = ~((x > 0) & (x < 1))
        if outside.any():
            value = float(x[outside][0] * self.sqrt_s)
            raise InputError(
                f"the dijet function is defined for 0 < m < {self.sqrt_s:g} GeV, got {value:g}; "
                "are the masses in GeV?",
                value=value,
            )
        log_x = np.log(x)
        powers = [log_x**k for k in range(1, n_params - 1)]
        return np.stack([np.ones_like(x), np.log1p(-x), *powers], axis=-1)


@dataclass(frozen=True)
class ExpPolynomial(Family):
    """Exponential of a polynomial, for smooth backgrounds under narrow peaks.

    Legendre polynomials of the mass mapped from ``[low, high]`` to [-1, 1] keep it well
    conditioned; masses outside that range are extrapolated to.

    Parameters
    ----------
    low, high : float
        Range of the spectrum [GeV].

    Raises
    ------
    InputError
        If the range is empty or not finite.
    """

    low: float
    high: float

    name: ClassVar[str] = "exp-polynomial"
    min_order: ClassVar[int] = 2
    max_order: ClassVar[int] = 5
    reference: ClassVar[str] = "common practice, for example CMS, arXiv:1407.0558"
    paper: ClassVar[str] = "1407.0558"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"the range of an exp-polynomial is empty: {self.low}-{self.high}",
                value=(self.low, self.high),
            )

    def basis(self, m: ArrayLike, n_params: int) -> FloatArray:
        """See `Family.basis`; defined for every finite mass."""
        self._check_order(n_params)
        values = np.asarray(m, dtype=np.float64)
        if not np.isfinite(values).all():
            raise InputError("masses must be finite")
        x = (2 * values - self.low - self.high) / (self.high - self.low)
        return np.asarray(np.polynomial.legendre.legvander(x, n_params - 1), dtype=np.float64)


@dataclass(frozen=True)
class PowerExponential(Family):
    """A power law times an exponential, p0 x^p1 exp(p2 x + p3 x² + p4 x³), x = m/scale.

    With four parameters it is the function of UA2, which ATLAS fits beside the dijet function.

    Parameters
    ----------
    scale : float
        Unit of x [GeV]; it changes the meaning of the parameters, not the shapes.

    Raises
    ------
    InputError
        If `scale` is not positive.
    """

    scale: float = 13000.0

    name: ClassVar[str] = "power-exponential"
    min_order: ClassVar[int] = 3
    max_order: ClassVar[int] = 5
    reference: ClassVar[str] = "UA2, Nucl. Phys. B 400 (1993) 3"
    paper: ClassVar[str] = "1804.03496"  # ATLAS, beside the dijet function

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"scale must be positive, got {self.scale}", value=self.scale)

    def basis(self, m: ArrayLike, n_params: int) -> FloatArray:
        """See `Family.basis`; defined for positive masses."""
        self._check_order(n_params)
        x = np.asarray(m, dtype=np.float64) / self.scale
        outside = ~((x > 0) & np.isfinite(x))
        if outside.any():
            value = float(x[outside][0] * self.scale)
            raise InputError(
                f"a power law times an exponential needs positive masses, got {value:g}",
                value=value,
            )
        powers = [x**k for k in range(1, n_params - 1)]
        return np.stack([np.ones_like(x), np.log(x), *powers], axis=-1)


_FAMILIES: dict[str, type[Family]] = {
    cls.name: cls for cls in (Dijet, ExpPolynomial, PowerExponential)
}


def family(name: str, **parameters: float) -> Family:
    """A spectrum family by name.

    Parameters
    ----------
    name : str
        ``"dijet"``, ``"exp-polynomial"`` or ``"power-exponential"``.
    **parameters : float
        Arguments of the family's constructor.

    Returns
    -------
    Family

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown; names the nearest.
    """
    if name not in _FAMILIES:
        near = nearest(name, _FAMILIES) or list(_FAMILIES)
        raise ConfigError(
            f"unknown spectrum family '{name}'; did you mean {' or '.join(repr(n) for n in near)}?"
        )
    try:
        return _FAMILIES[name](**parameters)
    except TypeError as error:
        known = ", ".join(_FAMILIES[name].__dataclass_fields__)
        raise ConfigError(
            f"the family '{name}' takes {known}; got {', '.join(parameters) or 'nothing'}"
        ) from error
