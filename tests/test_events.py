"""`Events`: what it holds, what it refuses, and that nobody can change it."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novum.errors import InputError, MissingColumnError
from novum.events import Cloud, Events, Meta

N = 5


def full(n: int = N) -> Events:
    """Events that use every field."""
    rng = np.random.default_rng(n)
    return Events(
        id=np.arange(100, 100 + n, dtype=np.uint64),
        features={"mjj": rng.normal(3000, 100, n), "tau21": rng.random(n)},
        weight=rng.random(n),
        label=(np.arange(n) % 2).astype(np.int8),
        clouds={"jet": Cloud(rng.random((n, 3, 2)), ("pt", "eta"))},
        bookkeeping={"run": np.arange(n), "event": np.arange(n) * 7},
        meta=Meta(origin="a.h5", sqrt_s=13000.0, seed=3),
    )


def arrays(events: Events) -> dict[str, np.ndarray]:
    """Every array of the events, by a name of its own."""
    found = {"id": events.id, "weight": events.weight}
    found |= {f"features.{k}": v for k, v in events.features.items()}
    found |= {f"bookkeeping.{k}": v for k, v in events.bookkeeping.items()}
    found |= {f"clouds.{k}": c.values for k, c in events.clouds.items()}
    if events.label is not None:
        found["label"] = events.label
    return found


def test_ids_count_from_zero_and_weights_are_one_by_default():
    events = Events.from_arrays({"x": [1, 2, 3]})
    assert events.id.tolist() == [0, 1, 2]
    assert events.weight.tolist() == [1.0, 1.0, 1.0]
    assert events.label is None
    assert events.meta == Meta()
    assert len(events) == 3


def test_given_values_arrive_with_the_documented_types():
    events = Events.from_arrays(
        {"x": np.array([1, 2], dtype=np.int32)},
        weight=[1, 2],
        label=[0.0, 1.0],
        id=[7, 2**64 - 1],
        bookkeeping={"run": [1.0, 2.0]},
    )
    assert {k: v.dtype.name for k, v in arrays(events).items()} == {
        "id": "uint64",
        "weight": "float64",
        "label": "int8",
        "features.x": "float64",
        "bookkeeping.run": "int64",
    }
    assert events.id.tolist() == [7, 2**64 - 1]
    assert events.column("x").tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", sorted(arrays(full())))
def test_every_array_is_read_only(name):
    array = arrays(full())[name]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_mappings_and_attributes_cannot_be_replaced():
    events = full()
    with pytest.raises(TypeError):
        events.features["new"] = np.zeros(N)
    with pytest.raises(TypeError):
        events.clouds["new"] = events.clouds["jet"]
    with pytest.raises(FrozenInstanceError):
        events.weight = np.ones(N)


def test_blind_removes_the_label_and_nothing_else():
    events = full()
    blind = events.blind()
    assert blind.label is None
    assert events.label is not None
    expected = arrays(events)
    del expected["label"]
    got = arrays(blind)
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)
    assert blind.meta == events.meta


@given(st.lists(st.integers(0, N - 1), max_size=20))
def test_take_picks_the_same_rows_of_every_array(rows):
    index = np.array(rows, dtype=np.int64)
    events = full()
    taken = events.take(index)
    assert len(taken) == len(rows)
    assert arrays(taken).keys() == arrays(events).keys()
    for name, array in arrays(taken).items():
        np.testing.assert_array_equal(array, arrays(events)[name][index])
        assert not array.flags.writeable
    assert taken.clouds["jet"].fields == ("pt", "eta")
    assert taken.meta == events.meta


@given(st.lists(st.booleans(), min_size=N, max_size=N))
def test_take_by_mask_equals_take_by_index(mask):
    events = full()
    by_mask = arrays(events.take(np.array(mask)))
    by_index = arrays(events.take(np.flatnonzero(mask)))
    for name, array in by_mask.items():
        np.testing.assert_array_equal(array, by_index[name])


def test_copies_share_the_id():
    assert full().take(np.array([2, 2, 2])).id.tolist() == [102, 102, 102]


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("weight", {"weight": np.ones(3)}),
        ("tau21", {"features": {"mjj": np.ones(N), "tau21": np.ones(3)}}),
        ("label", {"label": np.zeros(3, dtype=np.int8)}),
        ("run", {"bookkeeping": {"run": np.arange(3)}}),
        ("jet", {"clouds": {"jet": Cloud(np.zeros((3, 2, 1)), ("pt",))}}),
    ],
)
def test_unequal_lengths_name_the_column_and_both_lengths(column, change):
    fields = {
        "id": np.arange(N, dtype=np.uint64),
        "features": {"mjj": np.ones(N)},
        "weight": np.ones(N),
        "meta": Meta(origin="a.h5"),
    }
    with pytest.raises(InputError) as caught:
        Events(**{**fields, **change})
    error = caught.value
    assert (error.file, error.column, error.value) == ("a.h5", column, 3)
    assert str(error) == f"a.h5, column '{column}': has 3 entries but there are {N} events"


def test_unequal_lengths_are_found_in_arrays_too():
    with pytest.raises(InputError, match=r"column 'b': has 3 entries but there are 2 events"):
        Events.from_arrays({"a": [1, 2], "b": [1, 2, 3]})


def test_there_must_be_a_feature():
    with pytest.raises(InputError, match="no feature columns"):
        Events.from_arrays({}, meta=Meta(origin="a.csv"))


def test_a_feature_has_one_number_per_event():
    with pytest.raises(InputError, match=r"column 'x': needs one number per event.*\(2, 2\)"):
        Events.from_arrays({"x": [[1, 2], [3, 4]]})


def test_a_missing_column_suggests_the_nearest():
    with pytest.raises(MissingColumnError) as caught:
        full().column("tau12")
    assert str(caught.value) == "a.h5, column 'tau12': no such column; did you mean 'tau21'?"
    assert caught.value.suggestions == ["tau21"]


def test_a_column_like_no_other_lists_what_there_is():
    with pytest.raises(MissingColumnError, match=r"it has 'mjj', 'tau21'"):
        full().column("zzzzzz")


@pytest.mark.parametrize(
    ("shape", "fields", "message"),
    [
        ((4, 2), ("pt", "eta"), "needs shape"),
        ((4, 2, 3), ("pt", "eta"), r"needs shape \(n, particles, 2\)"),
        ((4, 2, 2), ("eta", "pt"), "first field of a cloud is 'pt'"),
        ((4, 2, 0), (), "first field of a cloud is 'pt'"),
    ],
)
def test_clouds_check_their_shape_and_fields(shape, fields, message):
    with pytest.raises(InputError, match=message):
        Cloud(np.zeros(shape), fields)
