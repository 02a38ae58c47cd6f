"""One small file in every format that novum reads, all holding the same events."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import uproot

from novum.events import Events
from novum.io import write_events

from . import layouts

N = 300


def reference(n: int = N, seed: int = 1) -> Events:
    """Events that every format can hold: the CATHODE columns in GeV, and labels."""
    rng = np.random.default_rng(seed)
    features = {
        "mjj": 2000 + rng.exponential(800, n),
        "mj_low": rng.uniform(20, 400, n),
        "delta_mj": rng.uniform(0, 400, n),
        "tau21_low": rng.uniform(0, 1, n),
        "tau21_high": rng.uniform(0, 1, n),
    }
    return Events.from_arrays(features, label=rng.integers(0, 2, n))


def columns(events: Events) -> dict[str, Any]:
    assert events.label is not None
    return {**events.features, "label": events.label}


def make_parquet(events: Events, path: Path) -> None:
    pa.parquet.write_table(pa.table(columns(events)), path, row_group_size=70)


def make_csv(events: Events, path: Path) -> None:
    delimiter = "\t" if ".tsv" in path.name else ","
    with pa.output_stream(path, compression="detect") as stream:
        options = pa.csv.WriteOptions(delimiter=delimiter)
        pa.csv.write_csv(pa.table(columns(events)), stream, options)


def make_structured(events: Events, path: Path) -> None:
    table = columns(events)
    array = np.empty(len(events), dtype=[(n, v.dtype) for n, v in table.items()])
    for name, values in table.items():
        array[name] = values
    np.save(path, array)


def make_cathode(events: Events, path: Path) -> None:
    data = np.stack(list(columns(events).values()), axis=1)
    data[:, :3] /= 1000
    np.save(path, data)


def make_npz(events: Events, path: Path) -> None:
    np.savez_compressed(path, **columns(events))


def make_npz_table(events: Events, path: Path) -> None:
    table = columns(events)
    np.savez(path, data=np.stack(list(table.values()), axis=1), columns=list(table))


def make_pandas(events: Events, path: Path) -> None:
    """What ``DataFrame.to_hdf(path, key="df", format="fixed")`` writes, in two blocks."""
    table = columns(events)
    with h5py.File(path, "w") as file:
        frame = file.create_group("df")
        frame.attrs["pandas_type"] = np.bytes_("frame")
        frame.attrs["nblocks"] = 2
        frame["axis0"] = np.array(list(table), dtype="S")
        frame["axis1"] = np.arange(len(events))
        frame["block0_items"] = np.array(list(events.features), dtype="S")
        frame["block0_values"] = np.stack(list(events.features.values()), axis=1)
        frame["block1_items"] = np.array(["label"], dtype="S")
        frame["block1_values"] = table["label"][:, None]


def make_plain_h5(events: Events, path: Path) -> None:
    with h5py.File(path, "w") as file:
        data = np.stack(list(events.features.values()), axis=1)
        file.create_dataset("features", data=data, chunks=(64, 2), compression="gzip")
        file["columns"] = np.array(list(events.features), dtype="S")
        file["label"] = events.label


def make_root(events: Events, path: Path) -> None:
    """A flat ntuple of several baskets."""
    table = columns(events)
    with uproot.recreate(path) as file:
        tree = file.mktree("events", {name: v.dtype for name, v in table.items()})
        for a in range(0, len(events), 70):
            tree.extend({name: v[a : a + 70] for name, v in table.items()})


@dataclass(frozen=True)
class Variant:
    """A way to write a file of one format."""

    format: str
    suffix: str
    make: Callable[[Events, Path], None]


@dataclass(frozen=True)
class Layout:
    """A file of a published layout, with `layouts.N` events."""

    format: str
    file: str
    make: Callable[[Path], None]
    clouds: tuple[str, ...]


VARIANTS = {
    "parquet": Variant("parquet", ".parquet", make_parquet),
    "csv": Variant("csv", ".csv", make_csv),
    "csv.gz": Variant("csv", ".csv.gz", make_csv),
    "tsv": Variant("csv", ".tsv", make_csv),
    "npy-structured": Variant("npy", ".npy", make_structured),
    "npy-cathode": Variant("npy", ".npy", make_cathode),
    "npz": Variant("npz", ".npz", make_npz),
    "npz-table": Variant("npz", ".npz", make_npz_table),
    "hdf5": Variant("hdf5", ".h5", write_events),
    "lhco-pandas": Variant("lhco", ".h5", make_pandas),
    "lhco-plain": Variant("lhco", ".hdf5", make_plain_h5),
    "root": Variant("root", ".root", make_root),
    "written-parquet": Variant("parquet", ".pq", write_events),
    "written-csv": Variant("csv", ".csv", write_events),
}


# Files that hold what they hold, not the events above: particles, hits.
_LAYOUTS = (
    Layout("jetclass", "jetclass.root", layouts.make_jetclass, ("constituents",)),
    Layout("lhco-raw", "lhco.h5", layouts.make_lhco_raw, ("particles",)),
    Layout("toptagging", "train.h5", layouts.make_toptagging, ("constituents",)),
    Layout("energyflow", "QG_jets.npz", layouts.make_energyflow, ("constituents",)),
    Layout("higgsml", "higgsml.csv", layouts.make_higgsml, ()),
    Layout("trackml", "event000000123-hits.csv", layouts.make_trackml, ()),
    Layout("darkmachines", "chan3.csv", layouts.make_darkmachines, ("objects",)),
    Layout("darkmachines", "chan3.csv.gz", layouts.make_darkmachines, ("objects",)),
    Layout("adc", "adc.h5", layouts.make_adc, ("objects",)),
)
LAYOUTS = {layout.file: layout for layout in _LAYOUTS}


@dataclass(frozen=True)
class Made:
    """A file and the events in it."""

    variant: str
    format: str
    path: Path
    events: Events


@pytest.fixture(scope="session", params=sorted(VARIANTS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same events in each format in turn."""
    variant = VARIANTS[request.param]
    path = tmp_path_factory.mktemp("made") / f"events{variant.suffix}"
    events = reference()
    variant.make(events, path)
    return Made(request.param, variant.format, path, events)


@pytest.fixture(scope="session")
def events() -> Events:
    return reference()


@pytest.fixture(scope="session")
def tested_formats() -> set[str]:
    return {v.format for v in VARIANTS.values()} | {v.format for v in LAYOUTS.values()}


@pytest.fixture(scope="session", params=sorted(LAYOUTS))
def laid_out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Path and layout of each published format in turn."""
    layout = LAYOUTS[request.param]
    path = tmp_path_factory.mktemp("laid_out") / layout.file
    layout.make(path)
    return path, layout
