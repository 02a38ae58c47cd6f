"""The versioned JSON form of an evaluation."""

import json

import jsonschema
import msgspec
import numpy as np
import pytest

from novum.errors import FileFormatError
from novum.evaluation import Comparison, Method, evaluate


@pytest.fixture(scope="module")
def comparison():
    seed = evaluate(np.arange(4000.0), np.arange(3000.0, 3990.0, 10), replicas=20)
    methods = (Method("one", ("a.csv",), (seed,), seed.figures),)
    return Comparison(methods=methods, truth=None, notes=("only",), version="0")


def test_what_is_written_is_read_back(comparison):
    assert Comparison.from_json(comparison.to_json()) == comparison
    assert comparison.to_json() == comparison.to_json()


def test_the_document_fits_its_schema(comparison):
    document = json.loads(comparison.to_json())
    jsonschema.validate(document, msgspec.json.schema(Comparison))
    assert (document["schema"], document["schema_version"]) == ("novum-evaluation", 1)
    assert document["methods"][0]["figures"]["working_points"][2]["sic"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "is not a novum evaluation"),
        ("[]", "is not a novum evaluation"),
        ("{", "damaged evaluation"),
        ("[" * 100_000, "damaged evaluation"),
        ('{"schema": "novum-evaluation", "schema_version": 9}', "schema version 9, .* reads 1"),
        ('{"schema": "novum-evaluation", "schema_version": 1}', "missing required field"),
    ],
)
def test_other_documents_are_refused(text, words):
    with pytest.raises(FileFormatError, match=words):
        Comparison.from_json(text, "x.json")
