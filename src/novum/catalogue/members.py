"""Which methods, detectors, classifiers, densities and processes there are, found by discovery.

Packages list their members lazily (name to module). Descriptions are read from the source text,
so that listing them imports no machine-learning library.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from novum.errors import ConfigError, nearest

KINDS = {
    "method": "novum.resonant",
    "detector": "novum.outlier",
    "classifier": "novum.classifiers",
    "density": "novum.density",
    "process": "novum.simulation.processes",
}


@dataclass(frozen=True)
class Option:
    """One keyword of a member's constructor, as its source says it.

    Attributes
    ----------
    name, annotation, default : str
        Its name, its type and its default as they are written.
    summary : str
        First sentence of its description.
    """

    name: str
    annotation: str
    default: str
    summary: str


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
    options : tuple of Option
        What its constructor takes.
    """

    kind: str
    name: str
    class_name: str
    module: str
    summary: str
    references: tuple[tuple[str, str], ...]
    options: tuple[Option, ...] = ()


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
        If there is none of that name, or it has no such parameter (the nearest is named), or a
        value is of another type.
    """
    entry = find(kind, name)
    values = typed_options(kind, name, parameters, name)
    return getattr(import_module(entry.module), entry.class_name)(**values)


def typed_options(
    kind: str, name: str, values: Mapping[str, Any], source: str = "options"
) -> dict[str, Any]:
    """Options of a member in the types of its constructor; names may have dashes.

    Words become what the constructor takes: ``"0.5"`` a number, ``"64,64"`` a tuple,
    ``"500:256,900:1024"`` a tuple of pairs, ``"none"`` None.

    Parameters
    ----------
    kind, name : str
        The member.
    values : mapping
        Options by name.
    source : str
        What errors begin with.

    Raises
    ------
    ConfigError
        Names the key, and the nearest one that there is or the value of the wrong type.
    """
    entry = find(kind, name)
    if not values:
        return {}
    cls = getattr(import_module(entry.module), entry.class_name)
    known = set(inspect.signature(cls).parameters)
    hints = get_type_hints(cls.__init__)
    typed = {}
    for word, value in values.items():
        key = word.replace("-", "_")
        if key not in known:
            near = nearest(key, known)
            listed = f"there are {', '.join(sorted(known))}" if known else "it has none"
            hint = f"did you mean '{near[0]}'?" if near else listed
            raise ConfigError(f"{source}: {name} has no option '{word}'; {hint}")
        typed[key] = _converted(value, hints[key], f"{source}: {key}")
    return typed


def find(kind: str, name: str) -> Entry:
    """The member of a kind that the command line calls `name`.

    Raises
    ------
    ConfigError
        If there is none; the nearest is named.
    """
    found = {entry.name: entry for entry in entries(kind)}
    if name not in found:
        near = nearest(name, found)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(found))}"
        raise ConfigError(f"{kind}: there is no '{name}'; {hint}")
    return found[name]


def _converted(value: Any, wanted: Any, where: str) -> Any:
    import msgspec

    plain = value
    if isinstance(value, str):
        if get_origin(wanted) is tuple:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            plain = [part.split(":") if ":" in part else part for part in parts]
        elif value.lower() == "none":
            plain = None
    try:
        return msgspec.convert(plain, wanted, strict=False)
    except msgspec.ValidationError as error:
        text = str(error).split(" - at")[0]
        allowed = ", ".join(map(str, _literals(wanted)))
        if allowed and text.startswith("Invalid enum value"):
            raise ConfigError(f"{where}: must be one of {allowed}, got {value!r}") from None
        raise ConfigError(f"{where}: {text}: {value!r}") from None


def _literals(wanted: Any) -> tuple[Any, ...]:
    """Values that a type such as ``tuple[Literal["a", "b"], ...]`` names."""
    if get_origin(wanted) is Literal:
        return get_args(wanted)
    return tuple(value for part in get_args(wanted) for value in _literals(part))


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
        options=_options(node),
    )


def _options(node: ast.ClassDef) -> tuple[Option, ...]:
    """Keywords of the constructor with their types, defaults and descriptions."""
    made = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    if not made:
        return ()
    a = made[0].args
    positional = a.args[1:]  # self
    given = [None] * (len(positional) - len(a.defaults)) + list(a.defaults)
    described = _described(ast.get_docstring(node) or "")
    return tuple(
        Option(
            arg.arg,
            "" if arg.annotation is None else ast.unparse(arg.annotation),
            "" if default is None else ast.unparse(default),
            described.get(arg.arg, ""),
        )
        for arg, default in zip([*positional, *a.kwonlyargs], [*given, *a.kw_defaults], strict=True)
    )


def _described(doc: str) -> dict[str, str]:
    """First sentence of what a NumPy-style docstring says of each parameter."""
    _, _, section = doc.partition("Parameters\n----------\n")
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in section.splitlines():
        if line.startswith(" "):
            words.append(line.strip())
        elif " : " in line:
            words = []  # of all names of a line "a, b : int"
            found |= {name.strip(): words for name in line.split(" : ")[0].split(",")}
        else:
            break
    return {name: " ".join(words).split(". ")[0].rstrip(".") for name, words in found.items()}
