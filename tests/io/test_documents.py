"""Versioned JSON documents: read back equal, refused in the same words whatever the record."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novum.errors import FileFormatError, InputError
from novum.io.documents import ForeignDocumentError, from_json, read_document, to_json

SCHEMA, VERSION = "novum-note", 3


@dataclass(frozen=True)
class Note:
    """A record as others are."""

    words: tuple[str, ...]
    share: float | None
    schema: str = SCHEMA
    schema_version: int = VERSION


def read(text):
    return from_json(Note, text, "note.json", what="note", schema=SCHEMA, version=VERSION)


@given(
    st.builds(
        Note,
        words=st.lists(st.text()).map(tuple),
        share=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.sampled_from([0, 1, 4]),
)
def test_a_record_comes_back_equal(note, indent):
    text = to_json(note, indent=indent)
    assert read(text) == note
    assert to_json(read(text), indent=indent) == text
    assert indent or text.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged note"),
        ("{", "damaged note"),
        (b"\xff\xfe", "damaged note"),
        ("[" * 100_000, "damaged note"),
        ('{"schema": "novum-note", "schema_version": 3}', "damaged note: .*`words`"),
        ('{"schema": "novum-note", "schema_version": 2}', "has schema version 2, this novum rea"),
        ('{"schema": "novum-note"}', "has schema version None, this novum reads 3"),
    ],
    ids=["empty", "cut", "bytes", "deep", "keys missing", "older", "no version"],
)
def test_damage_is_named(text, words):
    with pytest.raises(FileFormatError, match=f"^note.json: {words}") as caught:
        read(text)
    assert not isinstance(caught.value, ForeignDocumentError)
    assert caught.value.file == "note.json"


@pytest.mark.parametrize("text", ["{}", "[]", "3", "null", '{"schema": "novum-calibration"}'])
def test_a_document_of_another_kind_is_called_that(text):
    with pytest.raises(ForeignDocumentError, match=r"^note.json: is not a novum note$"):
        read(text)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.json: cannot read a note: No such file"):
        read_document(tmp_path / "nowhere.json", "note")
