"""Files that claim or unpack to far more than they hold: a typed error, little memory, soon."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

N = 10_000_000  # rows of a file that unpacks to more than it may


def npy(shape: tuple[int, ...], dtype: Any = "<f8", rows: int = 0) -> bytes:
    """A .npy file whose header says `shape`, with `rows` rows of zeros."""
    head = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(
        head, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return head.getvalue() + bytes(rows * np.dtype(dtype).itemsize)


def zipped(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def says_another_size(path: Path) -> None:
    """A zip directory that says 100 GB for an array of that shape."""
    zipped(path, mjj=npy((12_500_000_000,), rows=100))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFFE)
    path.write_bytes(data)


def huge_h5(path: Path, **shapes: tuple[int, ...]) -> None:
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            kind = "S8" if name == "columns" else "f8"
            chunk = tuple(min(n, 1000) for n in shape)
            file.create_dataset(name, shape=shape, dtype=kind, chunks=chunk)


def chunk_h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["columns"] = np.array(["a", "b"], dtype="S")
        file.create_dataset("features", (500_000_000, 2), "f4", chunks=(500_000_000, 1))


def many_h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for i in range(11_000):
            file.create_group(str(i))


def footer(path: Path, length: int) -> None:
    pq.write_table(pa.table({"mjj": np.arange(100.0)}), path)
    data = path.read_bytes()
    path.write_bytes(data[:-8] + struct.pack("<I", length) + data[-4:])


def gz(path: Path, *parts: tuple[bytes, int]) -> None:
    with gzip.open(path, "wb", 9) as file:
        for data, times in parts:
            for _ in range(times):
                file.write(data)


def many_entries(path: Path) -> None:
    """A tree and branches that say they have 10^12 entries."""
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": "f8", "y": "f8"}).extend({"x": np.zeros(317), "y": np.zeros(317)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack(">q", 317), struct.pack(">q", 10**12)))


def large_basket(path: Path) -> None:
    """A basket that unpacks to 80 MB, five times."""
    with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
        tree = file.mktree("t", {name: "f8" for name in "abcde"})
        tree.extend({name: np.zeros(N) for name in "abcde"})


def raw_h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("df/block0_values", (10**9, 2101), "f8", chunks=(100, 2101))


def filled_h5(path: Path) -> None:
    """Events of 700 particles that unpack to 1.7 GB."""
    with h5py.File(path, "w") as file:
        options = {"chunks": (1000, 2101), "compression": "gzip", "shuffle": True}
        file.create_dataset("df/block0_values", data=np.zeros((1000, 2101)), **options)
        found = file.create_dataset("dg/block0_values", (100_000, 2101), "f8", **options)
        _, packed = file["df/block0_values"].id.read_direct_chunk((0, 0))
        for a in range(0, 100_000, 1000):
            found.id.write_direct_chunk((a, 0), packed)
        del file["df"]


def table_h5(path: Path) -> None:
    kind = [("values_block_0", "f4", (804,)), ("values_block_1", "i8", (2,))]
    with h5py.File(path, "w") as file:
        file.create_dataset("table/table", (10**10,), kind, chunks=(100,))


def adc_h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("Particles", (10**10, 19, 4), "f8", chunks=(100, 19, 4))


STRUCT = [("mjj", "<f8")]
ROWS = bytes(8 * N)
MAKE: dict[str, Callable[[Path], Any]] = {
    "rows.npy": lambda p: p.write_bytes(npy((10**12,), STRUCT, 100)),
    "cathode.npy": lambda p: p.write_bytes(npy((10**12, 6), "<f8", 600)),
    "overflow.npy": lambda p: p.write_bytes(npy((2**62, 2**62), "<f8", 100)),
    "header.npy": lambda p: p.write_bytes(b"\x93NUMPY\x02\0\xff\xff\xff\xff" + b" " * 1000),
    "nested.npy": lambda p: p.write_bytes(b"\x93NUMPY\x01\0\x10\x27" + b"(" * 10_000),
    "claims.npz": lambda p: zipped(p, mjj=npy((12_500_000_000,), rows=100)),
    "size.npz": says_another_size,
    "unpacks.npz": lambda p: zipped(p, **dict.fromkeys("abcdefgh", npy((N,)) + ROWS)),
    "names.npz": lambda p: zipped(p, data=npy((1, 2), rows=2), columns=npy((N,), "<U2", N)),
    "name.npz": lambda p: zipped(p, data=npy((2, 1), rows=2), columns=npy((1,), f"<S{8 * N}", 1)),
    "members.npz": lambda p: zipped(p, **{f"a{i}": npy((1,), rows=1) for i in range(11_000)}),
    "rows.h5": lambda p: huge_h5(p, features=(10**12, 2), columns=(2,)),
    "names.h5": lambda p: huge_h5(p, features=(10, 2), columns=(10**11,)),
    "width.h5": lambda p: huge_h5(p, features=(10, 10**11), columns=(2,)),
    "chunk.h5": chunk_h5,
    "many.h5": many_h5,
    "footer.parquet": lambda p: footer(p, 0xFFFFFFF0),
    "footer2.parquet": lambda p: footer(p, 0x7FFFFFF0),
    "unpacks.parquet": lambda p: pq.write_table(
        pa.table({name: np.zeros(N) for name in "abcdefgh"}), p, compression="zstd"
    ),
    "columns.parquet": lambda p: pq.write_table(
        pa.table({f"c{i}": [1.0] for i in range(11_000)}), p
    ),
    "line.csv": lambda p: p.write_bytes(b"mjj,x\n" + b"1" * 10_000_000 + b",2\n3,4\n"),
    "header.csv": lambda p: p.write_bytes(b"m" * 10_000_000 + b",x\n1,2\n"),
    "columns.csv": lambda p: p.write_bytes(b"c," * 500_000 + b"c\n" + b"1," * 500_000 + b"1\n"),
    "quote.csv": lambda p: p.write_bytes(b'mjj,x\n"' + b"1,2\n" * 3_000_000),
    "line.csv.gz": lambda p: gz(p, (b"mjj,x\n", 1), (b"1" * 10**7, 30)),
    "unpacks.csv.gz": lambda p: gz(p, (b"a,b\n", 1), (b"1,2\n" * 10**6, 60)),
    "raw.h5": raw_h5,
    "filled.h5": filled_h5,
    "table.h5": table_h5,
    "adc.h5": adc_h5,
    "energyflow.npz": lambda p: zipped(p, X=npy((10**9, 139, 4), rows=100)),
    "unpacks-energyflow.npz": lambda p: zipped(
        p, X=npy((700_000, 20, 4)) + bytes(8 * 80 * 700_000)
    ),
    "dark.csv": lambda p: p.write_bytes(b"1;x;1;5;0;" + b"j,1,2,3,4;" * 2_000_000),
    "dark.csv.gz": lambda p: gz(
        p, (b"1;x;1;5;0" + b";j,1,2,3,4" * 999 + b"\n", 1), (b"1;x;1;5;0\n", 50_000)
    ),
    "entries.root": many_entries,
    "basket.root": large_basket,
    "columns.tsv": lambda p: p.write_bytes(b"\t".join([b"c%d" % i for i in range(20_000)])),
}

# In a process of its own, whose memory can be limited: the libraries first, then so much more.
READ = """
import json, resource, sys, warnings
import h5py, pyarrow.csv, pyarrow.parquet
import awkward, uproot, novum.io.jetclass
import novum.io.lhco_raw, novum.io.darkmachines
import novum.io.csv, novum.io.lhco, novum.io.numpy, novum.io.parquet
from novum.errors import NovumError
from novum.io import open_events, read_spectrum
warnings.simplefilter("ignore")
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
for path in sys.argv[2:]:
    said = []
    for read in (lambda p: open_events(p).read(), read_spectrum):
        try:
            read(path)
            said.append("events")
        except NovumError as error:
            said.append(f"{type(error).__name__}: {error}")
    print(json.dumps(said), flush=True)
"""
MIB = 1 << 20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", sorted(MAKE))
def test_a_bomb_is_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    """Reading whole, with 384 MiB and 10 s of processor time to spend."""
    path = tmp_path / name
    MAKE[name](path)
    command = [sys.executable, "-c", READ, str(384 * MIB), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.returncode} {done.stderr[-800:]}"
    for said in json.loads(done.stdout):
        assert said.partition(":")[0] in ("FileFormatError", "InputError")
        assert str(path) in said
        assert len(said) < 600
