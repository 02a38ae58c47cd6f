"""ROOT trees: flat ntuples, NanoAOD, Delphes and whatever else has branches of numbers.

Branches of one number an event are columns. Others are reached by expressions in the place of
column names, such as ``Jet_pt[:,0]`` (see `novum.io.expression`), or become clouds on request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import InputError, MissingColumnError
from novum.io.blocks import Block
from novum.io.expression import Expression, Use, parse
from novum.io.fields import CloudField, Field, by_convention
from novum.io.ranged import Access, RangedSource
from novum.io.trees import Branch, Entries, TreeReader, branches_of, open_tree, require_alike

FloatArray = NDArray[np.float64]
CloudBranches = Mapping[str, Sequence[str] | Mapping[str, str]]
MOST_PARTICLES = 10_000  # of one event; a file that claims more is damaged


@dataclass(frozen=True)
class _Cloud:
    """A cloud: the expression of each field, computed particle by particle."""

    name: str
    fields: Mapping[str, Expression]
    dtype: type

    @property
    def header(self) -> str:
        return f"cloud {self.name}"


class RootSource(RangedSource):
    """A tree of a ROOT file.

    Parameters
    ----------
    path : Path
        The file.
    tree : str, optional
        Name of the tree; by default ``Events``, else the one with most entries.
    clouds : mapping, optional
        Branches that make a cloud of particles, pT first:
        ``{"jets": ("Jet_pt", "Jet_eta", "Jet_phi")}``, whose fields are called by what follows the
        last ``_`` or ``.``, or ``{"jets": {"pt": "hypot(Jet_Px, Jet_Py)", "pz": "Jet_Pz"}}``.

    Raises
    ------
    MissingDependencyError
        If uproot is not installed.
    MissingColumnError
        If a branch of a cloud is missing; names the nearest.
    FileFormatError
        If the file is damaged or has no such tree.
    InputError
        If there are no events, or a cloud is not one.
    """

    format = "root"

    def __init__(
        self, path: Path, tree: str | None = None, clouds: CloudBranches | None = None
    ) -> None:
        self.path = path
        self._tree = tree
        with open_tree(path, tree, warn=True) as opened:
            n_events = int(opened.num_entries)
            self._branches = branches_of(opened, path)
            wanted = clouds if clouds is not None else self._usual_clouds()
            self._made = {c.header: c for c in (self._cloud(n, spec) for n, spec in wanted.items())}
            sized = [self._sized(opened, c) for c in self._made.values()] if n_events else []
        fields = self._fields()
        super().__init__(path, self.format, fields, n_events, clouds=sized)

    def _fields(self) -> list[Field]:
        """The columns of this tree."""
        return [
            Field(b.name, b.name, b.type, False)
            if b.jagged or b.dtype is None
            else by_convention(b.name, b.type, True)
            for b in self._branches.values()
        ]

    def _usual_clouds(self) -> CloudBranches:
        """The clouds where none are asked for."""
        return {}

    def _column(self, name: str) -> Field:
        known = self._branches.get(name)
        if known is not None and known.jagged and known.dtype is not None:
            raise InputError(
                f"has several entries an event; '{name}[:,0]' is the first, 'sum({name})' their "
                "sum, and all of them can become a cloud",
                file=self.path,
                column=name,
            )
        if known is not None or name in self._features or name in self._others:
            return super()._column(name)
        if name.replace("_", "").replace(".", "").isalnum():
            raise MissingColumnError(name, [*self._branches, *self._clouds], file=self.path)
        for use in self._parsed(name).uses:
            self._require(use, name)
        return Field(name, name, "expression", True)

    def _parsed(self, text: str) -> Expression:
        try:
            found = parse(text)
        except ValueError as error:
            raise InputError(str(error), file=self.path, column=text[:80]) from None
        if not found.uses:
            raise InputError("names no branch", file=self.path, column=text)
        return found

    def _require(self, use: Use, column: str, *, jagged: bool = False) -> Branch:
        """The branch of a use, which is of numbers and, if used by index or sum, jagged."""
        branch = self._branches.get(use.branch)
        if branch is None:
            raise MissingColumnError(use.branch, self._branches, file=self.path)
        if branch.dtype is None:
            why = f"'{use.branch}' is not numeric: its type is {branch.type}"
        elif branch.jagged and not use.how and not jagged:
            why = f"'{use.branch}' has several entries an event; write '{use.branch}[:,0]'"
        elif use.how and not branch.jagged:
            why = f"'{use.branch}' has one entry an event; leave out the index or sum"
        else:
            return branch
        raise InputError(why, file=self.path, column=column)

    def _cloud(self, name: str, spec: Sequence[str] | Mapping[str, str]) -> _Cloud:
        if not isinstance(spec, Mapping):
            spec = {_field_name(b): b for b in spec}
        if next(iter(spec), None) != "pt":
            raise InputError(
                f"the first field of a cloud is 'pt', got {', '.join(spec) or 'none'}; as in "
                "{'pt': 'hypot(Jet_Px, Jet_Py)', 'pz': 'Jet_Pz'}",
                file=self.path,
                column=name,
            )
        fields = {field: self._parsed(text) for field, text in spec.items()}
        dtypes = []
        for field in fields.values():
            used = [self._require(use, field.text, jagged=True) for use in field.uses]
            dtypes += [b.dtype for b in used if b.dtype is not None]
        if not any(self._branches[b].jagged for b in _particle_branches(fields, self._branches)):
            raise InputError("no branch has several entries an event", file=self.path, column=name)
        single = all(d.itemsize <= 4 for d in dtypes)
        return _Cloud(name, fields, np.float32 if single else np.float64)

    def _sized(self, tree: Any, cloud: _Cloud) -> CloudField:
        counted = _particle_branches(cloud.fields, self._branches)[0]
        most = TreeReader(tree, [self._branches[counted]]).largest_count(counted)
        _require_few_particles(most or 0, self.path, cloud.name)
        size = np.dtype(cloud.dtype).itemsize * len(cloud.fields) * (most or 0)
        return CloudField(cloud.header, cloud.name, tuple(cloud.fields), size)

    @contextmanager
    def _access(self, headers: Sequence[str]) -> Iterator[Access]:
        plain = [h for h in headers if h in self._branches]
        clouds = [self._made[h] for h in headers if h in self._made]
        made = {
            h: self._parsed(h) for h in headers if h not in self._made and h not in self._branches
        }
        uses = [u for e in made.values() for u in e.uses]
        uses += [u for c in clouds for e in c.fields.values() for u in e.uses]
        names = dict.fromkeys([*plain, *(u.branch for u in uses)])
        with open_tree(self.path, self._tree) as tree:
            reader = TreeReader(tree, [self._branches[n] for n in names])

            def rows(start: int, stop: int) -> Block:
                run = _Run(reader, self._branches, start, stop)
                block: dict[str, NDArray[Any]] = {h: run.flat(h) for h in plain}
                block |= {h: e.compute(run) for h, e in made.items()}
                return block | {c.header: _padded(c, run, self.path) for c in clouds}

            yield Access(rows, reader.step)


def _field_name(branch: str) -> str:
    return branch.replace(".", "_").rsplit("_", 1)[-1].lower()


def _particle_branches(fields: Mapping[str, Expression], of: Mapping[str, Branch]) -> list[str]:
    """Jagged branches that fields of a cloud use particle by particle."""
    uses = [u for e in fields.values() for u in e.uses]
    return list(dict.fromkeys(u.branch for u in uses if not u.how and of[u.branch].jagged))


class _Run:
    """The branches of a run of events, each read once."""

    def __init__(self, reader: TreeReader, of: Mapping[str, Branch], start: int, stop: int) -> None:
        self._reader, self._of = reader, of
        self._range = (start, stop)
        self._flat: dict[str, NDArray[Any]] = {}
        self._entries: dict[str, Entries] = {}

    def flat(self, branch: str) -> NDArray[Any]:
        if branch not in self._flat:
            self._flat[branch] = self._reader.flat(branch, *self._range)
        return self._flat[branch]

    def entries(self, branch: str) -> Entries:
        if branch not in self._entries:
            self._entries[branch] = self._reader.entries(branch, *self._range)
        return self._entries[branch]

    def is_jagged(self, branch: str) -> bool:
        return self._of[branch].jagged

    def values(self, branch: str) -> FloatArray:
        return np.asarray(self.flat(branch), dtype=np.float64)

    def item(self, branch: str, index: int) -> FloatArray:
        found = self.entries(branch)
        has = found.counts > index
        values = np.full(len(has), np.nan)
        values[has] = found.content[found.starts[has] + index]
        return values

    def reduced(self, branch: str, function: str) -> FloatArray:
        found = self.entries(branch)
        if function == "count":
            return found.counts.astype(np.float64)
        events = np.repeat(np.arange(len(found.counts)), found.counts)
        return np.bincount(events, found.content, minlength=len(found.counts)).astype(np.float64)


class _Particles:
    """The same branches, one number for each particle of a cloud; those of events repeat."""

    def __init__(self, run: _Run, counts: NDArray[np.int64]) -> None:
        self._run, self._counts = run, counts

    def values(self, branch: str) -> FloatArray:
        if self._run.is_jagged(branch):
            return np.asarray(self._run.entries(branch).content, dtype=np.float64)
        return np.repeat(self._run.values(branch), self._counts)

    def item(self, branch: str, index: int) -> FloatArray:
        return np.repeat(self._run.item(branch, index), self._counts)

    def reduced(self, branch: str, function: str) -> FloatArray:
        return np.repeat(self._run.reduced(branch, function), self._counts)


def _padded(cloud: _Cloud, run: _Run, path: Path) -> NDArray[Any]:
    """The cloud (n, P, F) of a run of events, P that of its fullest event."""
    jagged = [u for e in cloud.fields.values() for u in e.uses if not u.how]
    names = list(dict.fromkeys(u.branch for u in jagged if run.is_jagged(u.branch)))
    first = run.entries(names[0])
    for name in names[1:]:
        require_alike(name, run.entries(name), names[0], first, path)
    counts = first.counts
    most = int(counts.max(initial=0))
    _require_few_particles(most, path, cloud.name)
    values: NDArray[Any] = np.zeros((len(counts), most, len(cloud.fields)), dtype=cloud.dtype)
    event = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(event)) - np.repeat(first.starts, counts)
    particles = _Particles(run, counts)
    for i, expression in enumerate(cloud.fields.values()):
        values[event, place, i] = expression.compute(particles)
    return values


def _require_few_particles(n: int, path: Path, cloud: str) -> None:
    if n > MOST_PARTICLES:
        raise InputError(
            f"an event has {n} particles; novum reads at most {MOST_PARTICLES}",
            file=path,
            column=cloud,
            value=n,
        )
