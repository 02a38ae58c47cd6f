"""Files in, `Events` out: open, stream, check, summarise and write tables of events.

A new format costs one module with one `EventSource` class and one line in `FORMATS`. Modules are
imported when a file of theirs is met, so that importing `novum.io` loads neither pyarrow nor h5py.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from novum.io.base import Format

_CSV = (".csv", ".csv.gz")
_HDF5 = (".h5", ".hdf5", ".hdf"), b"\x89HDF\r\n\x1a\n"
_ROOT = (".root",), b"root"

# Of formats that share a suffix, the first whose source recognises the content takes the file.
FORMATS: tuple[Format, ...] = (
    Format("parquet", "parquet", "ParquetSource", (".parquet", ".pq"), b"PAR1", writable=True),
    Format("darkmachines", "darkmachines", "DarkMachinesSource", _CSV),
    Format("higgsml", "higgsml", "HiggsmlSource", _CSV),
    Format("trackml", "trackml", "TrackmlSource", _CSV),
    Format("csv", "csv", "CsvSource", (*_CSV, ".tsv", ".tsv.gz"), writable=True),
    Format("npy", "numpy", "NpySource", (".npy",), b"\x93NUMPY"),
    Format("energyflow", "energyflow", "EnergyFlowSource", (".npz",), b"PK"),
    Format("npz", "numpy", "NpzSource", (".npz",), b"PK"),
    Format("hdf5", "hdf5", "Hdf5Source", *_HDF5, writable=True, holds_clouds=True),
    Format("lhco-raw", "lhco_raw", "LhcoRawSource", *_HDF5),
    Format("toptagging", "toptagging", "TopTaggingSource", *_HDF5),
    Format("adc", "adc", "AdcSource", *_HDF5),
    Format("lhco", "lhco", "LhcoSource", *_HDF5),
    Format("jetclass", "jetclass", "JetClassSource", *_ROOT, options=("tree", "clouds")),
    Format("root", "root", "RootSource", *_ROOT, options=("tree", "clouds")),
)

_LAZY = {
    "LOCK_FILE": "lock",
    "EventSource": "base",
    "InputWarning": "base",
    "Schema": "base",
    "Spectrum": "spectrum",
    "open_events": "base",
    "read_spectrum": "spectrum",
    "concatenate": "join",
    "require_finite": "join",
    "atomic_folder": "atomic",
    "atomic_path": "atomic",
    "folder_lock": "lock",
    "remove_leftovers": "atomic",
    "write_bytes": "atomic",
    "write_text": "atomic",
    "convert": "conversion",
    "Converted": "conversion",
    "OutputWarning": "write",
    "ColumnSummary": "summary",
    "InputSummary": "summary",
    "summarise": "summary",
    "to_gev": "units",
    "write_chunks": "write",
    "write_events": "write",
}

__all__ = ["FORMATS", "Format", *sorted(_LAZY)]

if TYPE_CHECKING:
    from novum.io.atomic import atomic_folder as atomic_folder
    from novum.io.atomic import atomic_path as atomic_path
    from novum.io.atomic import remove_leftovers as remove_leftovers
    from novum.io.atomic import write_bytes as write_bytes
    from novum.io.atomic import write_text as write_text
    from novum.io.base import EventSource as EventSource
    from novum.io.base import InputWarning as InputWarning
    from novum.io.base import Schema as Schema
    from novum.io.base import open_events as open_events
    from novum.io.conversion import Converted as Converted
    from novum.io.conversion import convert as convert
    from novum.io.join import concatenate as concatenate
    from novum.io.join import require_finite as require_finite
    from novum.io.lock import LOCK_FILE as LOCK_FILE
    from novum.io.lock import folder_lock as folder_lock
    from novum.io.spectrum import Spectrum as Spectrum
    from novum.io.spectrum import read_spectrum as read_spectrum
    from novum.io.summary import ColumnSummary as ColumnSummary
    from novum.io.summary import InputSummary as InputSummary
    from novum.io.summary import summarise as summarise
    from novum.io.units import to_gev as to_gev
    from novum.io.write import OutputWarning as OutputWarning
    from novum.io.write import write_chunks as write_chunks
    from novum.io.write import write_events as write_events


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'novum.io' has no attribute {name!r}")
    value = getattr(import_module(f"novum.io.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
