"""Careful reading of ROOT trees through uproot: which tree, which branches, entries by range."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.errors import FileFormatError, InputError, MissingDependencyError, nearest
from novum.io.base import InputWarning, reading
from novum.io.fields import require_few_columns

USUAL_TREE = "Events"  # what NanoAOD calls its events, with trees of other things beside it
_MOST_TREES = 200


@dataclass(frozen=True)
class Branch:
    """A branch without branches below it.

    Attributes
    ----------
    name : str
        Its own name, or its path where several have that name.
    path : str
        Where it is in the tree.
    type : str
        What ROOT calls its type.
    dtype : dtype or None
        Of its numbers, in this machine's byte order; None if it holds something else.
    jagged : bool
        Whether an event has several numbers.
    """

    name: str
    path: str
    type: str
    dtype: np.dtype[Any] | None
    jagged: bool


@dataclass(frozen=True, eq=False)
class Entries:
    """Numbers of a jagged branch in a run of events: how many each has (n,), and all of them."""

    counts: NDArray[np.int64]
    content: NDArray[Any]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where those of each event begin, shape (n,)."""
        starts: NDArray[np.int64] = np.cumsum(self.counts) - self.counts
        return starts


@contextmanager
def open_tree(path: Path, name: str | None, *, warn: bool = False) -> Iterator[Any]:
    """A tree of a file, open; by default ``Events``, else the one with most entries.

    Raises
    ------
    MissingDependencyError
        If uproot is not installed.
    FileFormatError
        If the file is damaged or has no such tree.
    """
    try:
        import uproot
    except ImportError:
        raise MissingDependencyError(
            f"{path}: ROOT files are read with uproot; pip install 'novum[root]'"
        ) from None
    # On damaged files uproot raises whatever the structure that is hit leads to.
    with (
        reading(path, Exception),
        uproot.open(
            {str(path): None},
            handler=uproot.source.file.MultithreadedFileSource,
            num_workers=1,
            array_cache=None,
            object_cache=None,
        ) as file,
    ):
        # What is missing may be no part of the tree, but then the file is not whole either.
        if int(file.file.fEND) > path.stat().st_size:
            raise EOFError(f"it is shorter than it says ({file.file.fEND} bytes)")
        yield _tree(file, path, name, warn)


def _tree(file: Any, path: Path, name: str | None, warn: bool) -> Any:
    kinds = file.classnames(cycle=False)
    names = [n for n, kind in kinds.items() if kind in ("TTree", "TNtuple", "TNtupleD")]
    if name is not None and name not in names:
        near = nearest(name, names)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(names) or 'none'}"
        raise FileFormatError(f"there is no tree '{name}'; {hint}", file=path)
    if not names:
        held = ", ".join(f"{n} ({kind})" for n, kind in list(kinds.items())[:6]) or "nothing"
        why = "; RNTuples are not read" if "RNTuple" in held else ""
        raise FileFormatError(f"no tree; the file has {held}{why}", file=path)
    if len(names) > _MOST_TREES:
        raise FileFormatError(f"has {len(names)} trees; name one, as in FILE:TREE", file=path)
    if name is None and USUAL_TREE in names:
        name = USUAL_TREE
    if name is not None or len(names) == 1:
        return file[name or names[0]]
    trees = {n: file[n] for n in names}
    chosen = max(names, key=lambda n: int(trees[n].num_entries))
    if warn:
        warnings.warn(
            f"{path}: has the trees {', '.join(names)}; '{chosen}' is read, which has most "
            f"entries; name another as in {path.name}:{names[0]}",
            InputWarning,
            stacklevel=6,
        )
    return trees[chosen]


def branches_of(tree: Any, path: Path) -> dict[str, Branch]:
    """The branches of a tree by name, in its order.

    Raises
    ------
    FileFormatError
        If there are more than novum reads.
    """
    leaves = [(at, b) for at, b in tree.iteritems(recursive=True) if not b.branches]
    require_few_columns(len(leaves), path)
    times = Counter(b.name for _, b in leaves)
    found = [_branch(at if times[b.name] > 1 else b.name, at, b) for at, b in leaves]
    return {b.name: b for b in found}


def _branch(name: str, at: str, branch: Any) -> Branch:
    import uproot

    try:
        made = branch.interpretation
        of = made.content if isinstance(made, uproot.AsJagged) else made
        dtype = of.to_dtype if isinstance(of, uproot.AsDtype) else None
        kind = str(branch.typename)
    except Exception:  # of a type that uproot does not know; the other branches are readable
        return Branch(name, at, "of an unknown type", None, False)
    several = isinstance(made, uproot.AsJagged)
    # An array of fixed length per event is a jagged branch with equal counts.
    if dtype is not None and len(dtype.shape) == 1 and not several:
        dtype, several = dtype.base, True
    if dtype is not None and (dtype.shape or dtype.kind not in "biuf"):
        dtype = None
    return Branch(name, at, kind, None if dtype is None else dtype.newbyteorder("="), several)


class TreeReader:
    """Ranges of entries of some branches.

    Parameters
    ----------
    tree : uproot.TTree
        The tree, open.
    branches : list of Branch
        Which ones will be read.

    Raises
    ------
    ValueError
        If a branch has another number of entries than the tree.
    """

    def __init__(self, tree: Any, branches: list[Branch]) -> None:
        self._branches = {b.name: tree[b.path] for b in branches}
        self._kinds = {b.name: b for b in branches}
        n = int(tree.num_entries)
        for name, branch in self._branches.items():
            offsets = branch.entry_offsets
            if int(branch.num_entries) != n or int(offsets[-1]) != n:
                raise ValueError(
                    f"branch '{name}' has {offsets[-1]} entries, the tree says that it has {n}"
                )

    @property
    def step(self) -> int:
        """Entries of the largest basket, which is unpacked as a whole."""
        sizes = [int(np.diff(b.entry_offsets).max()) for b in self._branches.values()]
        return max(1, *sizes) if sizes else 1

    def largest_count(self, name: str) -> int | None:
        """Entries of the fullest event of a jagged branch, if a branch counts them."""
        counter = self._branches[name].count_branch
        if counter is None:
            return None
        most = 0
        n = int(counter.num_entries)
        for a in range(0, n, 1 << 20):
            values = counter.array(entry_start=a, entry_stop=min(a + (1 << 20), n), library="np")
            most = max(most, int(values.max()))
        return most

    def flat(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Numbers of a branch that is not jagged, shape (stop - start,)."""
        array = self._branches[name].array(entry_start=start, entry_stop=stop, library="np")
        if array.shape != (stop - start,):
            raise ValueError(f"branch '{name}' holds {array.shape} where {stop - start} belong")
        return np.asarray(array, dtype=self._kinds[name].dtype)

    def entries(self, name: str, start: int, stop: int) -> Entries:
        """Numbers of a jagged branch, or of one of arrays."""
        import awkward as ak

        array = self._branches[name].array(entry_start=start, entry_stop=stop, library="ak")
        if len(array) != stop - start:
            raise ValueError(f"branch '{name}' holds {len(array)} where {stop - start} belong")
        content = np.asarray(ak.to_numpy(ak.flatten(array, axis=1)), self._kinds[name].dtype)
        return Entries(np.asarray(ak.to_numpy(ak.num(array, axis=1)), np.int64), content)


def require_alike(name: str, entries: Entries, other: str, others: Entries, path: Path) -> None:
    """Refuse branches of one cloud that differ in their numbers of entries.

    Raises
    ------
    InputError
        Names the first event that differs.
    """
    differ = entries.counts != others.counts
    if differ.any():
        row = int(np.argmax(differ))
        raise InputError(
            f"has {entries.counts[row]} entries where '{other}' has {others.counts[row]}; they "
            "are no numbers of the same particles",
            file=path,
            column=name,
        )
