"""Versioned JSON documents: a frozen record as text, and back with errors that name the file.

Every record that novum writes says in `schema` what it is and in `schema_version` how it is laid
out; both are looked at before anything else, so that a file of another kind is called that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from novum.errors import FileFormatError, InputError

T = TypeVar("T")


class ForeignDocumentError(FileFormatError):
    """JSON of another kind, perhaps of another program: not damaged, only not ours to read."""


def to_json(record: Any, *, indent: int = 1) -> str:
    """The JSON text of a record: the same bits for equal records; `indent` 0 is one line."""
    import msgspec

    text = msgspec.json.encode(record)
    return (msgspec.json.format(text, indent=indent) if indent else text).decode() + "\n"


def from_json(
    cls: type[T], text: str | bytes, source: str | Path, *, what: str, schema: str, version: int
) -> T:
    """Inverse of `to_json` for a record of a known schema.

    Parameters
    ----------
    cls : type
        The record to make.
    text : str or bytes
    source : path-like
        Where the text is from, for the messages.
    what : str
        What the record is called in them.
    schema, version : str, int
        What the document must say of itself.

    Raises
    ------
    ForeignDocumentError
        If the document is of another schema.
    FileFormatError
        If it is of another schema version, or damaged: names the path inside the document.
    """
    import msgspec

    try:
        head = msgspec.json.decode(text)
        if not isinstance(head, dict) or head.get("schema") != schema:
            raise ForeignDocumentError(f"is not a novum {what}", file=source)
        found = head.get("schema_version")
        if found != version:
            raise FileFormatError(
                f"has schema version {found}, this novum reads {version}", file=source, value=found
            )
        return msgspec.json.decode(text, type=cls)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileFormatError(f"damaged {what}: {error}", file=source) from None


def read_document(path: str | Path, what: str) -> bytes:
    """The content of a file that holds a document.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read a {what}: {error.strerror}", file=path) from None
