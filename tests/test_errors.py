"""Errors: one family, messages that say where, near-misses that help."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novum import errors
from novum.errors import InputError, MissingColumnError, NovumError, nearest

CLASSES = [
    c for c in vars(errors).values() if inspect.isclass(c) and c.__module__ == errors.__name__
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_every_error_belongs_to_the_family_and_says_when_it_is_raised(error):
    assert issubclass(error, NovumError)
    assert error.__doc__


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InputError", ValueError),
        ("FileFormatError", InputError),
        ("WindowError", InputError),
        ("MissingColumnError", InputError),
        ("ConfigError", ValueError),
        ("FitError", ArithmeticError),
        ("OutputError", OSError),
        ("MissingDependencyError", ImportError),
    ],
)
def test_errors_are_also_what_python_would_raise(name, builtin):
    assert issubclass(getattr(errors, name), builtin)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "is wrong"),
        ({"file": "a.csv"}, "a.csv: is wrong"),
        ({"column": "x"}, "column 'x': is wrong"),
        ({"file": "a.csv", "column": "x", "value": 3}, "a.csv, column 'x': is wrong"),
    ],
)
def test_the_message_begins_with_the_place(where, text):
    error = InputError("is wrong", **where)
    assert str(error) == text
    for key in ("file", "column", "value"):
        assert getattr(error, key) == where.get(key)


def test_a_path_becomes_text(tmp_path):
    assert InputError("x", file=tmp_path).file == str(tmp_path)


def test_many_columns_are_not_all_listed():
    message = str(MissingColumnError("zz", [f"column_{i:03d}" for i in range(40)]))
    assert "'column_000'" in message
    assert "'column_011'" in message
    assert "'column_012'" not in message
    assert message.endswith("and 28 more")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("mj", "mjj"),
        ("MJJ", "mjj"),
        ("tau_21_low", "tau21_low"),
        ("deltamj", "delta_mj"),
        ("Mjj", "mjj"),
    ],
)
def test_near_misses_are_found_first(wrong, right):
    assert nearest(wrong, ["tau21_high", "tau21_low", "delta_mj", "mjj"])[0] == right


def test_nothing_is_near_an_unrelated_name():
    assert nearest("xyz", ["mjj", "delta_mj"]) == []


def test_at_most_three_are_suggested_in_their_own_spelling():
    found = nearest("tau21", ["Tau21_A", "TAU21_b", "tau21_c", "tau21_d"])
    assert len(found) == 3
    assert set(found) <= {"Tau21_A", "TAU21_b", "tau21_c", "tau21_d"}


NAMES = st.text("abcdefghij_0123", min_size=3, max_size=12)


@given(st.lists(NAMES, min_size=1, unique=True), st.data())
def test_another_case_is_the_nearest_of_all(names, data):
    wanted = data.draw(st.sampled_from(names))
    assert nearest(wanted.upper(), names)[0] == wanted
