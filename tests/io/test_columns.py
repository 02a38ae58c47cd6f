"""Roles, units, types and gaps of columns, told by their names alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from novum.errors import FileFormatError, InputError, MissingColumnError
from novum.events import Events
from novum.io import InputWarning, concatenate, open_events, require_finite, to_gev
from novum.io.roles import ROLES, role_of, split_unit


def parquet(path: Path, **columns: Any) -> Any:
    pa.parquet.write_table(pa.table(columns), path / "a.parquet")
    return open_events(path / "a.parquet")


@pytest.mark.parametrize(("role", "name"), [(r, n) for r in ROLES for n in ROLES[r]])
def test_roles_are_told_by_name(tmp_path: Path, role: str, name: str) -> None:
    source = parquet(tmp_path, **{"mjj": [1.0, 2.0], name.upper(): [0, 1]})
    assert source.schema.columns == ("mjj",)
    got = source.read()
    expected = {
        "weight": got.weight,
        "label": got.label,
        "id": got.id,
        **got.bookkeeping,
    }[role]
    assert expected.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["y", "weight_1", "eventful", "m", "jet_id", "signal_region"])
def test_features_are_not_taken_for_roles(name: str) -> None:
    assert role_of(name) is None


def test_second_truth_column_is_no_feature(tmp_path: Path) -> None:
    source = parquet(tmp_path, x=[1.0, 2.0], is_signal=[1, 1], label=[0, 1], w=[2.0, 2.0])
    assert source.schema.columns == ("x",)
    assert source.read().label.tolist() == [0, 1]


def test_bookkeeping_as_cms_writes_it(tmp_path: Path) -> None:
    source = parquet(tmp_path, x=[1.0], Run=[1], luminosityBlock=[2], Event=[2**60 + 1])
    assert source.schema.bookkeeping == {"run": "Run", "lumi": "luminosityBlock", "event": "Event"}
    assert source.read().bookkeeping["event"].tolist() == [2**60 + 1]


@pytest.mark.parametrize("bad", [2, -1, 0.5, float("nan"), float("inf"), "maybe"])
def test_labels_are_checked(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(InputError, match=r"column 'label': labels must be 0.*found") as caught:
        parquet(tmp_path, x=[1.0], label=[bad]).read()
    assert caught.value.value == bad or bad != bad


@pytest.mark.parametrize(
    "labels", [[0, 1], [0.0, 1.0], [False, True], ["b", "s"], ["background", "Signal"], ["0", "1"]]
)
def test_labels_in_other_spellings(tmp_path: Path, labels: Any) -> None:
    assert parquet(tmp_path, x=[1.0, 2.0], label=labels).read().label.tolist() == [0, 1]


@pytest.mark.parametrize("bad", [-1, 1.5, None])
def test_ids_are_checked(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(InputError, match="column 'id': needs whole numbers from 0 on"):
        parquet(tmp_path, x=[1.0, 2.0], id=[1, bad]).read()


@pytest.mark.parametrize("bad", [1.5, None, 1e300, 2**63])
def test_event_numbers_are_checked(tmp_path: Path, bad: Any) -> None:
    values = pa.array([bad], pa.uint64()) if bad == 2**63 else [bad]
    with pytest.raises(InputError, match="column 'event': needs whole numbers"):
        parquet(tmp_path, x=[1.0], event=values).read()


def test_text_is_left_out_but_named_when_asked_for(tmp_path: Path) -> None:
    source = parquet(tmp_path, x=[1.0], kind=["muon"])
    assert source.schema.columns == ("x",)
    with pytest.raises(InputError, match=r"column 'kind': is not numeric: its type is string"):
        source.read(["kind"])


def test_text_weight_is_no_weight(tmp_path: Path) -> None:
    source = parquet(tmp_path, x=[1.0], w=["heavy"])
    assert source.schema.weight is None
    assert source.read().weight.tolist() == [1]


def test_no_numeric_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no numeric feature columns"):
        parquet(tmp_path, kind=["muon"]).read()


def test_types_are_told_and_delivered_as_float64(tmp_path: Path) -> None:
    kinds = {"a": pa.int16(), "b": pa.float32(), "c": pa.bool_(), "d": pa.decimal128(6, 2)}
    table = {n: pa.array([1, 0], pa.int8()).cast(k) for n, k in kinds.items()}
    source = parquet(tmp_path, **table)
    assert source.schema.dtypes == {n: str(k) for n, k in kinds.items()}
    for values in source.read().features.values():
        assert values.dtype == np.float64
        assert values.tolist() == [1, 0]


def test_nulls_and_infinities_are_kept_for_the_reader_to_judge(tmp_path: Path) -> None:
    values = [1.0, None, float("inf"), float("nan")]
    got = parquet(tmp_path, x=values, n=[1, None, 3, 4]).read()
    np.testing.assert_array_equal(got.features["x"], [1, np.nan, np.inf, np.nan])
    np.testing.assert_array_equal(got.features["n"], [1, np.nan, 3, 4])


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no events"):
        parquet(tmp_path, x=pa.array([], pa.float64()))


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    table = pa.table([[1.0], [2.0]], names=["mjj [GeV]", "mjj"])
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FileFormatError, match="two columns of this name"):
        open_events(tmp_path / "a.parquet")


def test_awkward_names(tmp_path: Path) -> None:
    names = ["jet.pt", "a/b", "τ21", "with space", "a,b", 'quote"d']
    source = parquet(tmp_path, **{n: [float(i)] for i, n in enumerate(names)})
    assert {n: v[0] for n, v in source.read(names).features.items()} == {
        n: i for i, n in enumerate(names)
    }


def test_one_name_is_one_column(tmp_path: Path) -> None:
    assert list(parquet(tmp_path, mjj=[1.0], m=[2.0]).read("mjj").features) == ["mjj"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("mjj [TeV]", ("mjj", "TeV")),
        ("mjj[GeV]", ("mjj", "GeV")),
        (" pt ", ("pt", None)),
        ("jets[0] pt", ("jets[0] pt", None)),
        ("x []", ("x", None)),
        ("[GeV]", ("[GeV]", None)),
    ],
)
def test_units_in_headers(header: str, expected: Any) -> None:
    assert split_unit(header) == expected


def test_unit_of_a_column(tmp_path: Path) -> None:
    field = pa.field("pt", pa.float64(), metadata={"unit": "MeV"})
    table = pa.table([[1.0], [2.0]], pa.schema([field, ("mjj [TeV]", pa.float64())]))
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    source = open_events(tmp_path / "a.parquet")
    assert source.schema.units == {"pt": "MeV", "mjj": "TeV"}
    assert source.read(["mjj"]).features["mjj"].tolist() == [2.0]


def test_to_gev() -> None:
    for unit, factor in {"MeV": 1e-3, "GeV": 1.0, "TeV": 1e3, " tev": 1e3}.items():
        np.testing.assert_allclose(to_gev([1, 2], unit), np.array([1.0, 2.0]) * factor)
    with pytest.raises(InputError, match="'mm' is no unit of energy"):
        to_gev([1.0], "mm")


def test_require_finite() -> None:
    x = np.array([1, np.nan, np.inf, 2])
    events = Events.from_arrays({"x": x, "y": np.zeros(4)})
    require_finite(events, ["y"])
    with pytest.raises(InputError, match=r"'x': 2 of 4 values .* first is nan in row 1") as caught:
        require_finite(events, ["y", "x"])
    assert caught.value.column == "x"
    with pytest.raises(MissingColumnError):
        require_finite(events, ["z"])
    with pytest.raises(InputError, match="'weight'"):
        require_finite(Events.from_arrays({"y": np.zeros(4)}, weight=x), ["y"])


def test_concatenate_refuses_unlike_parts() -> None:
    a = Events.from_arrays({"x": [1.0]})
    with pytest.raises(InputError, match="cannot be joined"):
        concatenate([a, Events.from_arrays({"y": [1.0]})])
    with pytest.raises(InputError, match="cannot be joined"):
        concatenate([a, Events.from_arrays({"x": [1.0]}, label=[1])])
    with pytest.raises(InputError, match="no events to join"):
        concatenate([])
    assert concatenate([a]) is a


def test_words_as_identities_are_left_out_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,x\nfirst,1\nsecond,2\n")
    with pytest.warns(InputWarning, match=r"a.csv, column 'id': identities are whole numbers"):
        events = open_events(tmp_path / "a.csv").read()
    assert events.id.tolist() == [0, 1]
    assert list(events.features) == ["x"]
