"""What `summarise` says about columns, and which one it takes for the mass."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from novum.errors import InputError
from novum.io import open_events, summarise
from novum.io import summary as novum_summary


def summary(path: Path, **columns: Any) -> Any:
    pa.parquet.write_table(pa.table(columns), path / "a.parquet")
    return summarise(open_events(path / "a.parquet"))


def falling(n: int = 5000, scale: float = 500.0, low: float = 1000.0) -> Any:
    return low + np.random.default_rng(0).exponential(scale, n)


def flat(n: int = 5000, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(novum_summary, "_CHUNK", chunk)
    got = summary(
        tmp_path,
        x=[1.0, np.nan, 3.0, np.inf, -np.inf, 3.0],
        c=[7, 7, 7, 7, 7, 7],
        empty=[np.nan] * 6,
        label=[0, 1, 1, 0, 0, 1],
        w=[1.0, 2.0, -1.0, 1.0, 1.0, 1.0],
        run=[1] * 6,
    )
    x, c, empty = got.columns
    assert (x.count, x.n_missing, x.n_infinite, x.distinct) == (6, 1, 2, 2)
    assert (x.minimum, x.maximum, x.mean) == (1, 3, pytest.approx(7 / 3))
    assert (c.distinct, c.dtype, c.mean) == (1, "int64", 7)
    assert (empty.n_missing, empty.distinct) == (6, 0)
    assert np.isnan([empty.minimum, empty.maximum, empty.mean]).all()
    assert (got.n_events, got.n_signal, got.sum_of_weights) == (6, 3, 5)
    assert (got.weight, got.label, got.bookkeeping) == ("w", "label", {"run": "run"})
    assert got.origin == str(tmp_path / "a.parquet")
    assert got.suggested_mass is None
    assert "no column" in got.reason


def test_distinct_values_are_counted_up_to_a_cap(tmp_path: Path) -> None:
    (column,) = summary(tmp_path, x=np.arange(5000.0)).columns
    assert column.distinct == novum_summary.DISTINCT_CAP


def test_without_labels(tmp_path: Path) -> None:
    assert summary(tmp_path, x=[1.0, 2.0]).n_signal is None


@pytest.mark.parametrize(
    "name",
    ["mjj", "m_jj", "mass", "m", "M", "mll", "m_ll", "dimuon_mass", "mjet", "mjets", "m_inv",
     "mass_jj", "DER_mass_MMC", "InvariantMass", "Mass"],
)  # fmt: skip
def test_mass_by_name(tmp_path: Path, name: str) -> None:
    got = summary(tmp_path, pt=falling(), **{name: 5 + flat()})
    assert got.suggested_mass == name
    assert "named like" in got.reason


def test_better_names_win(tmp_path: Path) -> None:
    got = summary(tmp_path, mjet1=falling(), mass=falling(), mjj=falling())
    assert got.suggested_mass == "mjj"


def test_constant_mass_is_none(tmp_path: Path) -> None:
    assert summary(tmp_path, m=[125.0] * 60, x=flat(60)).suggested_mass is None


@pytest.mark.parametrize("name", ["met", "mult", "multiplicity", "max_pt", "muon_pt", "msoft_frac"])
def test_names_that_are_no_mass(tmp_path: Path, name: str) -> None:
    assert summary(tmp_path, **{name: flat()}).suggested_mass is None


def test_mass_by_shape(tmp_path: Path) -> None:
    got = summary(
        tmp_path,
        a=flat(),
        tau=np.random.default_rng(1).uniform(0.1, 1, 5000),
        n=np.random.default_rng(1).integers(1, 9, 5000),
        small=falling(scale=30.0, low=20.0),
        large=falling(scale=1500.0),
    )
    assert got.suggested_mass == "large"
    assert "guess" in got.reason


def test_bad_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels must be"):
        summary(tmp_path, x=[1.0], label=[4])
