"""How words of a command line become values, where cyclopts is too lenient or too terse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, get_args

from cyclopts import Token, convert

from novum.errors import ConfigError, nearest
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages

# Options of ``--image.NAME``; an unknown NAME is taken for an option of the detector.
_GROUPS = {"image": JetImages, "points": JetClouds}


def value_of(type_: Any, tokens: Any) -> Any:
    """The value of an option; the converter of all parameters.

    Raises
    ------
    ConfigError
        If a whole number is wanted and another one given, which cyclopts would round, or there is
        no such option of a group.
    """
    if isinstance(tokens, dict) and type_ is str:
        _refuse_unknown(tokens)
    elif int in (type_, *get_args(type_)):
        _require_whole(tokens)
    return convert(type_, tokens)


def _require_whole(tokens: Sequence[Token]) -> None:
    for token in tokens:
        try:
            fraction = float(token.value) % 1
        except ValueError:  # no number: cyclopts says so
            continue
        if fraction:
            raise ConfigError(f"must be a whole number, got {token.value}")  # cyclopts names it


def _refuse_unknown(tokens: dict[str, Any]) -> None:
    """Options ``--A.B``, of which the members that take options of any name have none."""
    found: Any = tokens
    while isinstance(found, dict):
        found = next(iter(found.values()))
    token = found[0]
    group, word = token.keys[0], ".".join(token.keys[1:])
    if group not in _GROUPS:
        raise ConfigError(f"{token.keyword}: there is no '{group}.'{_hint(group, _GROUPS)}")
    known = [field.name.replace("_", "-") for field in fields(_GROUPS[group])]
    raise ConfigError(f"{token.keyword}: there is no '{word}'{_hint(word, known)}")


def _hint(word: str, known: Iterable[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(known)}"
