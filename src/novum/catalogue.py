"""The catalogue: which methods, classifiers and processes there are, found by discovery.

Packages list their members lazily (name to module). Descriptions are read from the source text,
so that listing them imports no machine-learning library.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from novum.errors import ConfigError, nearest

KINDS = {
    "method": "novum.resonant",
    "classifier": "novum.classifiers",
    "process": "novum.simulation.processes",
}


@dataclass(frozen=True)
class Entry:
    """One member of the catalogue.

    Attributes
    ----------
    kind, name : str
        What it is and what the command line calls it.
    class_name, module : str
        Where it lives.
    summary : str
        First line of its docstring.
    references : tuple of (arXiv id, title)
        Papers it comes from.
    """

    kind: str
    name: str
    class_name: str
    module: str
    summary: str
    references: tuple[tuple[str, str], ...]


def entries(kind: str | None = None) -> tuple[Entry, ...]:
    """All members, or those of one kind."""
    kinds = KINDS if kind is None else {kind: KINDS[kind]}
    return tuple(
        _describe(k, class_name, module)
        for k, package in kinds.items()
        for class_name, module in import_module(package).MEMBERS.items()
    )


def build(kind: str, name: str, **parameters: Any) -> Any:
    """Make a member by its name.

    Raises
    ------
    ConfigError
        If there is none of that name; the nearest is named.
    """
    found = {entry.name: entry for entry in entries(kind)}
    if name not in found:
        near = nearest(name, found)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(found))}"
        raise ConfigError(f"{kind}: there is no '{name}'; {hint}")
    entry = found[name]
    return getattr(import_module(entry.module), entry.class_name)(**parameters)


def _describe(kind: str, class_name: str, module: str) -> Entry:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    node = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name)
    constants = {
        n.target.id: n.value
        for n in node.body
        if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    }
    papers = constants.get("reference")
    return Entry(
        kind=kind,
        name=ast.literal_eval(constants["name"] or ast.Constant(None)),
        class_name=class_name,
        module=module,
        summary=(ast.get_docstring(node) or "").splitlines()[0].rstrip("."),
        references=() if papers is None else ast.literal_eval(papers),
    )
