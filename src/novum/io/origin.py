"""The origin of events (`Meta`) as JSON, for the formats that can carry it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields, replace
from pathlib import Path

from novum.errors import FileFormatError
from novum.events import Events, Meta

_TYPES: dict[str, tuple[type, ...]] = {
    "origin": (str,),
    "sqrt_s": (int, float, type(None)),
    "luminosity": (int, float, type(None)),
    "seed": (int, type(None)),
    "card": (str, type(None)),
    "cross_section": (int, float, type(None)),
    "cross_section_error": (int, float, type(None)),
    "versions": (dict,),
}


def with_origin(events: Events, path: str | os.PathLike[str]) -> Events:
    """The same events, whose errors and reports name the file that they were read from.

    A file that remembers another origin, such as the process of a simulation, would send a reader
    of an error astray.
    """
    return replace(events, meta=replace(events.meta, origin=str(path)))


def origin_to_json(meta: Meta) -> str:
    """The origin of events as JSON."""
    return json.dumps(asdict(meta))


def origin_from_json(text: str | bytes | None, path: Path) -> Meta | None:
    """The origin from JSON, None if there is none; events made in memory come from the file now.

    Raises
    ------
    FileFormatError
        If the text is not what `origin_to_json` writes.
    """
    if text is None:
        return None
    try:
        stored = dict(json.loads(text))
        # A later minor version may store more than this one knows.
        known = {f.name: stored[f.name] for f in fields(Meta) if f.name in stored}
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(f"the stored origin is damaged: {error}", file=path) from error
    for name, value in known.items():
        if not isinstance(value, _TYPES.get(name, (object,))):
            raise FileFormatError(f"the stored origin has {name} = {value!r}", file=path)
    meta = Meta(**known)
    return replace(meta, origin=str(path)) if meta.origin == Meta().origin else meta
