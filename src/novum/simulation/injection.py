"""Signal injection: a known number of signal events hidden in background, and the rest of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, MissingColumnError, OutputError, require_seed
from novum.events import Cloud, Events
from novum.io import open_events, to_gev, write_events
from novum.io.labels import read_labelled

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Injection:
    """What `inject_files` wrote: numbers of events, and whether signal got new ids."""

    n_background: int
    n_signal: int
    renumbered: bool


def inject(background: Events, signal: Events, n: int, seed: int) -> tuple[Events, Events]:
    """Hide `n` random signal events in all background events.

    Of labelled events only those with label 0 are taken from `background` and those with label 1
    from `signal`, so that both may be the same events. Ids are kept; where one of a signal event
    also belongs to background, all signal events are renumbered, copies of one collision alike.

    Parameters
    ----------
    background, signal : Events
        Of the same columns.
    n : int
        Signal events to inject, drawn without replacement.
    seed : int
        Draws them and the order.

    Returns
    -------
    data : Events
        Labelled, in random order.
    left_out : Events
        The other signal events, labelled, in the order they had.

    Raises
    ------
    MissingColumnError
        If one has a column that the other lacks.
    InputError
        If `n` is negative or more than there are, there is no background, or both are the same
        unlabelled events.
    ConfigError
        If the seed is negative.
    """
    if background is signal and background.label is None:
        raise InputError(
            "is both background and signal, and has no labels to tell them apart",
            file=background.meta.origin,
        )
    _require_same_columns(background, signal)
    b, s = _rows(background, 0), _rows(signal, 1)
    _require_enough(len(b), len(s), n, background, signal)
    require_seed(seed)
    rng = np.random.default_rng(seed)
    drawn = np.zeros(len(s), dtype=bool)
    drawn[rng.choice(len(s), n, replace=False, shuffle=False)] = True
    ids = _free_ids(background.id[b], signal.id[s])
    data = _mixed(background, signal, b, s[drawn], ids[drawn], rng.permutation(len(b) + n))
    label = np.ones(len(s) - n, dtype=np.int8)
    return data, replace(signal.take(s[~drawn]), id=ids[~drawn], label=label)


def inject_files(
    background: str | os.PathLike[str],
    signal: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    n: int,
    seed: int,
    label: str | None = None,
) -> Injection:
    """`inject` from files to a new file, whose suffix picks its format.

    Masses, energies and momenta that a file states in MeV or TeV become GeV.

    Parameters
    ----------
    background, signal, output : path-like
        Tables of events; the first two may be the same labelled one.
    n, seed : int
        As for `inject`.
    label : str, optional
        Truth column of both; by default the one named as a label, where there is one.

    Raises
    ------
    OutputError
        If the output exists or cannot be written.
    InputError
        As `inject` does, and if only one file states the unit of a column.
    """
    if Path(output).exists():
        raise OutputError(f"{output}: exists already and is not overwritten")
    units = [open_events(path).schema.units for path in (background, signal)]
    b = _in_gev(read_labelled(background, label), *units)
    same = Path(signal).expanduser().samefile(Path(background).expanduser())
    s = b if same else _in_gev(read_labelled(signal, label), *units[::-1])
    data, left_out = inject(b, s, n, seed)
    write_events(data, output)
    assert data.label is not None
    old = s.id[_rows(s, 1)]
    new = np.concatenate([data.id[data.label == 1], left_out.id])
    return Injection(len(data) - n, n, renumbered=not np.array_equal(np.sort(old), np.sort(new)))


def _require_same_columns(background: Events, signal: Events) -> None:
    for mine, theirs in ((background, signal), (signal, background)):
        known = _columns(theirs)
        for name in _columns(mine):
            if name not in known:
                raise MissingColumnError(name, known, file=theirs.meta.origin)
    for name, cloud in background.clouds.items():
        fields = signal.clouds[name].fields
        if cloud.fields != fields:
            raise InputError(
                f"has the fields {fields}, background has {cloud.fields}",
                file=signal.meta.origin,
                column=name,
            )


def _columns(events: Events) -> list[str]:
    return [*events.features, *events.bookkeeping, *events.clouds]


def _rows(events: Events, label: int) -> Rows:
    if events.label is None:
        return np.arange(len(events))
    return np.flatnonzero(events.label == label)


def _require_enough(n_b: int, n_s: int, n: int, background: Events, signal: Events) -> None:
    if n_b == 0:
        raise InputError("has no background events (label 0)", file=background.meta.origin)
    if n < 0:
        raise InputError(f"cannot inject {n} events", value=n)
    if n > n_s:
        raise InputError(
            f"has {n_s} signal events, too few to inject {n}", file=signal.meta.origin, value=n
        )


def _free_ids(background: NDArray[np.uint64], signal: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The signal's ids, or the lowest that no background event has if one of them collides."""
    if not np.isin(signal, background).any():
        return signal
    own, place = np.unique(signal, return_inverse=True)
    candidates = np.arange(len(background) + len(own), dtype=np.uint64)
    return candidates[~np.isin(candidates, background)][: len(own)][place]


def _mixed(
    background: Events,
    signal: Events,
    b: Rows,
    s: Rows,
    signal_ids: NDArray[np.uint64],
    place: Rows,
) -> Events:
    """Background rows `b` and signal rows `s`, written once, each event to its `place`."""
    to_b, to_s = place[: len(b)], place[len(b) :]

    def mixed(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        out = np.zeros((len(place), *_widest(x, y)), dtype=x.dtype)
        for values, rows, to in ((x, b, to_b), (y, s, to_s)):
            inside: tuple[Any, ...] = tuple(slice(n) for n in values.shape[1:])
            out[(to, *inside)] = values if len(rows) == len(values) else values[rows]
        return out

    ids = np.empty(len(place), dtype=np.uint64)
    ids[to_b], ids[to_s] = background.id[b], signal_ids
    label = np.zeros(len(place), dtype=np.int8)
    label[to_s] = 1
    both: Mapping[str, Cloud] = background.clouds
    origin = f"{len(s)} of {signal.meta.origin} injected into {background.meta.origin}"
    return Events(
        id=ids,
        features={k: mixed(v, signal.features[k]) for k, v in background.features.items()},
        weight=mixed(background.weight, signal.weight),
        label=label,
        clouds={
            k: Cloud(mixed(c.values, signal.clouds[k].values), c.fields) for k, c in both.items()
        },
        bookkeeping={k: mixed(v, signal.bookkeeping[k]) for k, v in background.bookkeeping.items()},
        meta=replace(background.meta, origin=origin),
    )


def _widest(x: NDArray[Any], y: NDArray[Any]) -> tuple[int, ...]:
    # Clouds differ in how many particles they have room for; absent ones are zero.
    return tuple(max(pair) for pair in zip(x.shape[1:], y.shape[1:], strict=True))


def _in_gev(events: Events, units: Mapping[str, str], others: Mapping[str, str]) -> Events:
    features = dict(events.features)
    for name, values in events.features.items():
        unit = units.get(name, "")
        if unit.strip().lower() not in ("mev", "tev"):
            continue
        if name not in others:
            raise InputError(
                f"is in {unit} here while the other file states no unit",
                file=events.meta.origin,
                column=name,
                value=unit,
            )
        features[name] = to_gev(values, unit)
    return replace(events, features=features)
