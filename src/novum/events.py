"""`Events`: the one in-memory form of collision events that every stage takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from novum.errors import InputError, MissingColumnError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Meta:
    """Where events come from.

    Attributes
    ----------
    origin : str
        File or generator name, used in messages and reports.
    sqrt_s : float or None
        Centre-of-mass energy [GeV].
    luminosity : float or None
        Integrated luminosity [1/fb].
    seed : int or None
        Seed of simulated events.
    card : str or None
        Generator card of simulated events.
    cross_section, cross_section_error : float or None
        Of simulated events after their selection [pb].
    versions : mapping of str to str
        Programs that made simulated events.
    """

    origin: str = "memory"
    sqrt_s: float | None = None
    luminosity: float | None = None
    seed: int | None = None
    card: str | None = None
    cross_section: float | None = None
    cross_section_error: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Cloud:
    """Particles of each event: values (n, P, F), zero-padded, first field pT (pT = 0: absent).

    Values are float32 or float64, as they were given.
    """

    values: NDArray[np.float32] | FloatArray
    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[2] != len(self.fields):
            raise InputError(
                f"a cloud needs shape (n, particles, {len(self.fields)}) for its fields "
                f"{self.fields}, got {self.values.shape}"
            )
        if not self.fields or self.fields[0] != "pt":
            raise InputError(f"the first field of a cloud is 'pt', got {self.fields}")
        object.__setattr__(self, "values", _read_only(self.values))


@dataclass(frozen=True, eq=False)
class Events:
    """A table of events. Arrays are read-only and share their first axis.

    Attributes
    ----------
    id : uint64 array (n,)
        Identity of the underlying collision; copies of an event share it.
    features : mapping of name to float64 array (n,)
        Observables; masses, energies and momenta in GeV, angles in rad.
    clouds : mapping of name to Cloud
        Constituents.
    weight : float64 array (n,)
        Event weights.
    label : int8 array (n,) or None
        Truth (1: signal), for studies only; removed by `blind`.
    bookkeeping : mapping of name to int64 array (n,)
        ``run``, ``lumi`` and ``event`` numbers where the input has them.
    meta : Meta
        Origin.
    """

    id: NDArray[np.uint64]
    features: Mapping[str, FloatArray]
    weight: FloatArray
    label: NDArray[np.int8] | None = None
    clouds: Mapping[str, Cloud] = field(default_factory=dict)
    bookkeeping: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    meta: Meta = field(default_factory=Meta)

    def __post_init__(self) -> None:
        n = len(self.id)
        lengths = {"weight": len(self.weight)}
        lengths |= {name: len(v) for name, v in self.features.items()}
        lengths |= {name: len(v) for name, v in self.bookkeeping.items()}
        lengths |= {name: len(c.values) for name, c in self.clouds.items()}
        if self.label is not None:
            lengths["label"] = len(self.label)
        for name, length in lengths.items():
            if length != n:
                raise InputError(
                    f"has {length} entries but there are {n} events",
                    file=self.meta.origin,
                    column=name,
                    value=length,
                )
        put = object.__setattr__
        put(self, "id", _read_only(np.asarray(self.id, dtype=np.uint64)))
        put(self, "weight", _read_only(np.asarray(self.weight, dtype=np.float64)))
        put(self, "features", _frozen(self.features, np.float64))
        put(self, "bookkeeping", _frozen(self.bookkeeping, np.int64))
        put(self, "clouds", MappingProxyType(dict(self.clouds)))
        if self.label is not None:
            put(self, "label", _read_only(np.asarray(self.label, dtype=np.int8)))

    @classmethod
    def from_arrays(
        cls,
        features: Mapping[str, ArrayLike],
        *,
        weight: ArrayLike | None = None,
        label: ArrayLike | None = None,
        id: ArrayLike | None = None,
        bookkeeping: Mapping[str, ArrayLike] | None = None,
        meta: Meta | None = None,
    ) -> Events:
        """Build from named one-dimensional arrays; ids count from 0 and weights are 1 by default.

        Raises
        ------
        InputError
            If there is no feature, or an array is not one-dimensional or of another length.
        """
        meta = Meta() if meta is None else meta
        if not features:
            raise InputError("there are no feature columns", file=meta.origin)
        arrays: dict[str, FloatArray] = {}
        for name, values in features.items():
            array = np.asarray(values, dtype=np.float64)
            if array.ndim != 1:
                raise InputError(
                    f"needs one number per event, got shape {array.shape}",
                    file=meta.origin,
                    column=name,
                )
            arrays[name] = array
        n = len(next(iter(arrays.values())))
        return cls(
            id=np.arange(n, dtype=np.uint64) if id is None else np.asarray(id, dtype=np.uint64),
            features=arrays,
            weight=np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64),
            label=None if label is None else np.asarray(label, dtype=np.int8),
            bookkeeping={k: np.asarray(v, dtype=np.int64) for k, v in (bookkeeping or {}).items()},
            meta=meta,
        )

    def __len__(self) -> int:
        return len(self.id)

    def column(self, name: str) -> FloatArray:
        """One feature by name, shape (n,).

        Raises
        ------
        MissingColumnError
            If there is no such feature; names the nearest ones.
        """
        try:
            return self.features[name]
        except KeyError:
            raise MissingColumnError(name, self.features, file=self.meta.origin) from None

    def take(self, rows: NDArray[Any]) -> Events:
        """The events of an index array or boolean mask, in that order."""
        return replace(
            self,
            id=self.id[rows],
            features={k: v[rows] for k, v in self.features.items()},
            weight=self.weight[rows],
            label=None if self.label is None else self.label[rows],
            clouds={k: Cloud(c.values[rows], c.fields) for k, c in self.clouds.items()},
            bookkeeping={k: v[rows] for k, v in self.bookkeeping.items()},
        )

    def blind(self) -> Events:
        """The same events without truth labels: the only form a search is handed."""
        return replace(self, label=None)


def splitmix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A permutation of 64 bits after which they look random: what ids and rows are hashed with."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def _frozen(arrays: Mapping[str, NDArray[Any]], dtype: type) -> Mapping[str, NDArray[Any]]:
    return MappingProxyType(
        {name: _read_only(np.asarray(a, dtype=dtype)) for name, a in arrays.items()}
    )
