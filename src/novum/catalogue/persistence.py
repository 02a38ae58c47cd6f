"""Models on disk: a folder that holds numbers and words, and nothing that runs.

``spec.json`` names the member and its parameters, ``tensors.safetensors`` holds its arrays, and
``sklearn.skops`` its scikit-learn parts, of which only the types listed here are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from novum.catalogue.members import KINDS, build
from novum.errors import FileFormatError, InputError, MissingDependencyError
from novum.io.atomic import atomic_folder, write_text
from novum.io.documents import from_json, read_document, to_json

SPEC, TENSORS, PARTS = "spec.json", "tensors.safetensors", "sklearn.skops"
SCHEMA, SCHEMA_VERSION = "novum-model", 1

# Types beyond scikit-learn's public ones that a stored part may be made of.
TRUSTED = ("sklearn.tree._tree.Tree",)
VERSIONED = ("novum", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Spec:
    """What ``spec.json`` says."""

    kind: str
    name: str
    parameters: dict[str, Any]
    state: dict[str, Any]
    notes: dict[str, Any]
    versions: dict[str, str]
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, eq=False)
class StoredModel:
    """A model and what was stored beside it.

    Attributes
    ----------
    model : object
        A fitted member of the catalogue.
    kind : str
        What it is a member of.
    notes : dict
        Words and numbers, such as the names of its inputs.
    arrays : dict of str to array
    versions : dict of str to str
        Of the packages that it was fitted with.
    """

    model: Any
    kind: str
    notes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def save_model(stored: StoredModel, folder: str | Path) -> Path:
    """Write a model into a new folder, whole or not at all.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written.
    """
    from safetensors.numpy import save

    model = stored.model
    tensors = {f"notes/{name}": np.ascontiguousarray(a) for name, a in stored.arrays.items()}
    parts: dict[str, Any] = {}
    member = _packed_member(stored.kind, model, "", tensors, parts)
    spec = Spec(
        stored.kind,
        model.name,
        member["parameters"],
        member["state"],
        stored.notes,
        {name: version(name) for name in dict.fromkeys((*VERSIONED, *model.packages))},
    )
    with atomic_folder(folder) as temporary:
        write_text(temporary / SPEC, to_json(spec))
        (temporary / TENSORS).write_bytes(save(tensors))
        if parts:
            import skops.io

            (temporary / PARTS).write_bytes(skops.io.dumps(parts))
    return Path(folder)


def load_model(folder: str | Path) -> StoredModel:
    """Read a model that `save_model` wrote.

    Raises
    ------
    InputError
        If there is none.
    FileFormatError
        If it is damaged, of another schema version, or holds types that are not trusted; if this
        novum has no such member, or it has no such parameter.
    MissingDependencyError
        If a package that it needs is not there.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(folder)
    if not (path / SPEC).is_file():
        raise InputError(f"is not a model: it has no {SPEC}", file=path)
    spec = from_json(
        Spec,
        read_document(path / SPEC, "model"),
        path / SPEC,
        what="model",
        schema=SCHEMA,
        version=SCHEMA_VERSION,
    )
    try:
        tensors = load(read_document(path / TENSORS, "model"))
    except SafetensorError as error:
        raise FileFormatError(f"damaged model: {error}", file=path / TENSORS) from None
    parts = _parts(path / PARTS) if (path / PARTS).exists() else {}
    held = {"tensor": tensors, "part": parts}
    member = {
        "kind": spec.kind,
        "name": spec.name,
        "parameters": spec.parameters,
        "state": spec.state,
    }
    try:
        model = _unpacked_member(member, held)
    except MissingDependencyError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(f"damaged model: {error}", file=path / SPEC) from None
    arrays = {k.removeprefix("notes/"): v for k, v in tensors.items() if k.startswith("notes/")}
    return StoredModel(model, spec.kind, spec.notes, arrays, spec.versions)


def _packed_member(
    kind: str, model: Any, key: str, tensors: dict[str, Any], parts: dict[str, Any]
) -> dict[str, Any]:
    """Kind, name, parameters and learnt attributes of a member of the catalogue."""
    fitted = {k: v for k, v in vars(model).items() if k.endswith("_") and not k.startswith("_")}
    start = f"{key}/" if key else ""
    return {
        "kind": kind,
        "name": model.name,
        "parameters": model.get_params(deep=False),
        "state": {k: _packed(v, start + k, tensors, parts) for k, v in fitted.items()},
    }


def _unpacked_member(stored: Mapping[str, Any], held: Mapping[str, Mapping[str, Any]]) -> Any:
    model = build(stored["kind"], stored["name"], **stored["parameters"])
    for name, value in stored["state"].items():
        # Only what a fit learns: a stored name must not stand in for a method or a parameter.
        taken = callable(getattr(type(model), name, None))
        if name.startswith("_") or not name.endswith("_") or taken:
            raise ValueError(f"'{name}' is nothing that {model.name} learns")
        setattr(model, name, _unpacked(value, held))
    return model


def _packed(value: Any, key: str, tensors: dict[str, Any], parts: dict[str, Any]) -> Any:
    """A value as JSON; arrays and scikit-learn parts go elsewhere, under its key."""
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": str(value)}  # JSON has no infinity
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    if isinstance(value, np.ndarray):
        tensors[key] = np.ascontiguousarray(value)
        return {"tensor": key}
    if isinstance(value, list | tuple):
        return {"list": [_packed(v, f"{key}/{i}", tensors, parts) for i, v in enumerate(value)]}
    if isinstance(value, dict):
        return {
            "pairs": [_packed(pair, f"{key}/{pair[0]}", tensors, parts) for pair in value.items()]
        }
    if type(value) is _maps().get(type(value).__name__):
        held = {k: _packed(v, f"{key}/{k}", tensors, parts) for k, v in vars(value).items()}
        return {"map": {"name": type(value).__name__, "fields": held}}
    for kind, package in KINDS.items():
        if import_module(package).MEMBERS.get(type(value).__name__) == type(value).__module__:
            return {"member": _packed_member(kind, value, key, tensors, parts)}
    parts[key] = value
    return {"part": key}


def _unpacked(value: Mapping[str, Any], held: Mapping[str, Mapping[str, Any]]) -> Any:
    ((form, content),) = value.items()
    if form == "list":
        return [_unpacked(v, held) for v in content]
    if form == "float":
        return float(content)
    if form == "pairs":
        return dict(_unpacked(pair, held) for pair in content)
    if form == "map":
        fields = {k: _unpacked(v, held) for k, v in content["fields"].items()}
        return _maps()[content["name"]](**fields)
    if form == "member":
        return _unpacked_member(content, held)
    return content if form == "value" else held[form][content]


def _maps() -> dict[str, type[Any]]:
    """Coordinates that a density may be stored with; scipy comes with them, so not before."""
    from novum.density.coordinates import STORED

    return STORED


def _parts(path: Path) -> dict[str, Any]:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    data = read_document(path, "model")
    try:
        found: dict[str, Any] = skops.io.loads(data, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise FileFormatError(f"holds types that are not trusted: {error}", file=path) from None
    except Exception as error:  # whatever a damaged archive leads to
        raise FileFormatError(f"damaged model: {error}", file=path) from None
    return found
