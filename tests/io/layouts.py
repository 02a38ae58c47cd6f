"""Small files in the published layouts; each maker returns the numbers that it put there."""

import gzip
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import uproot

N = 60


def jagged(n: int = N, most: int = 9, seed: int = 3) -> tuple[Any, Any]:
    """Counts (n,), some of them 0, and a generator."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most + 1, n)
    counts[:3] = (2, 0, most)
    return counts, rng


def padded(counts: Any, flat: Any) -> Any:
    """Numbers of particles after one another as (n, P), padded with zeros."""
    out = np.zeros((len(counts), counts.max()))
    out[np.arange(out.shape[1]) < counts[:, None]] = flat
    return out


def put_tree(file: Any, name: str, arrays: dict[str, Any]) -> None:
    """A TTree; assigning arrays to a name would make an RNTuple."""
    kinds = {
        k: v.type.content if isinstance(v, ak.Array) else np.dtype((v.dtype, v.shape[1:]))
        for k, v in arrays.items()
    }
    file.mktree(name, kinds).extend(arrays)


def particles(most: int) -> Any:
    """(pT, η, φ) of up to `most` particles of each event, pT-ordered and padded."""
    counts, rng = jagged(most=most)
    values = np.zeros((N, most, 3))
    for row, n in zip(values, counts, strict=True):
        row[:n] = rng.normal(size=(n, 3))
        row[:n, 0] = np.sort(rng.exponential(100, n))[::-1]
        row[:n, 2] = rng.uniform(-np.pi, np.pi, n)
    return values


def make_lhco_raw(path: Path, *, label: bool = True, table: bool = False) -> dict[str, Any]:
    """What pandas makes of a frame of 2101 numbers an event."""
    values, labels = particles(700), np.arange(N) % 2
    flat = values.reshape(N, 2100)
    flat = np.column_stack([flat, labels]) if label else flat
    with h5py.File(path, "w") as file:
        frame = file.create_group("df")
        if table:
            rows = np.zeros(N, [("index", "i8"), ("values_block_0", "f8", (flat.shape[1],))])
            rows["values_block_0"] = flat
            frame.create_dataset("table", data=rows, chunks=(7,), compression="gzip")
        else:
            frame.attrs["nblocks"] = 1
            frame["axis0"] = frame["block0_items"] = np.arange(flat.shape[1])
            frame["axis1"] = np.arange(N)
            options = {"chunks": (7, flat.shape[1]), "compression": "gzip"}
            frame.create_dataset("block0_values", data=flat, **options)
    return {"particles": values, "label": labels}


def make_toptagging(path: Path, *, swapped: bool = False, order: str = "E") -> dict[str, Any]:
    """What pandas makes of the table: 804 fractional numbers, then two whole ones."""
    pt, eta, phi = np.moveaxis(particles(200), -1, 0)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    e = np.sqrt(px**2 + py**2 + pz**2)
    momenta = np.stack([e, px, py, pz] if order == "E" else [px, py, pz, e], axis=-1)
    truth, labels, split = np.arange(4.0 * N).reshape(N, 4), np.arange(N) % 2, np.full(N, 2)
    whole = [labels, split] if swapped else [split, labels]
    kind = [("index", "i8"), ("values_block_0", "f4", (804,)), ("values_block_1", "i8", (2,))]
    rows = np.zeros(N, kind)
    rows["values_block_0"] = np.column_stack([momenta.reshape(N, 800), truth])
    rows["values_block_1"] = np.stack(whole, axis=1)
    names = b"(lp1\nVis_signal_new\naVttv\na." if swapped else b"(lp1\nVttv\naVis_signal_new\na."
    with h5py.File(path, "w") as file:
        found = file.create_dataset("table/table", data=rows, chunks=(16,), compression="gzip")
        found.attrs["values_block_1_kind"] = np.bytes_(names)
    return {"pt": pt, "eta": eta, "phi": phi, "E": e, "truth": truth, "label": labels}


def make_energyflow(path: Path) -> dict[str, Any]:
    values = particles(12)
    pid = np.where(values[:, :, 0] > 0, 211.0, 0)
    X, y = np.concatenate([values, pid[:, :, None]], axis=2), np.arange(N) % 2.0
    np.savez_compressed(path, X=X, y=y)
    return {"X": X, "y": y}


def make_higgsml(path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    names = ("DER_mass_MMC", "DER_pt_ratio_lep_tau", "PRI_tau_pt", "PRI_met", "PRI_jet_num")
    columns = {name: np.round(rng.exponential(50, N), 3) for name in names}
    columns["DER_mass_MMC"][::7] = -999
    columns["DER_pt_ratio_lep_tau"][5] = -999
    weights, signal = np.round(rng.uniform(0, 2, N), 5), rng.uniform(size=N) < 0.3
    with open(path, "w") as file:
        print("EventId", *names, "Weight", "Label", "KaggleSet", "KaggleWeight", sep=",", file=file)
        for i in range(N):
            row = [columns[n][i] for n in names]
            label = "s" if signal[i] else "b"
            print(100_000 + i, *row, weights[i], label, "t", weights[i] * 3, sep=",", file=file)
    return columns | {"weight": weights, "label": signal}


def make_trackml(path: Path, *, missing: int = 0) -> dict[str, Any]:
    """Hits at `path`, and their truth beside it in another order."""
    rng = np.random.default_rng(4)
    hits = np.arange(N) * 3 + 2
    xyz = np.round(rng.normal(0, 100, (N, 3)), 4)
    particles_ = rng.choice([0, 4503668346847232, 869214794169712641, 869214794169712640], N)
    particles_[:4] = (0, 869214794169712641, 869214794169712640, 4503668346847232)
    weight = rng.uniform(0, 1e-5, N)
    with open(path, "w") as file:
        print("hit_id,x,y,z,volume_id,layer_id,module_id", file=file)
        for i in range(N):
            print(hits[i], *xyz[i], 7, 2, i % 5, sep=",", file=file)
    truth = path.with_name(path.name.replace("-hits", "-truth"))
    if truth != path:
        with open(truth, "w") as file:
            print("hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight", file=file)
            for i in rng.permutation(N)[missing:]:
                print(hits[i], particles_[i], *xyz[i], 1, 2, i, weight[i], sep=",", file=file)
    return {"hit_id": hits, "xyz": xyz, "particle_id": particles_, "weight": weight}


KINDS = ("j", "b", "e-", "e+", "m-", "m+", "g")


def make_darkmachines(path: Path) -> dict[str, Any]:
    """Energies are written in MeV and returned in GeV."""
    values = particles(6)
    kinds = np.random.default_rng(1).integers(0, len(KINDS), (N, 6))
    met, phi = np.arange(N) * 11.5, np.linspace(-3, 3, N)
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        for i in range(N):
            found = [
                f"{KINDS[k]},{2000 * pt!r},{1000 * pt!r},{eta!r},{f!r}"
                for k, (pt, eta, f) in zip(kinds[i], values[i].tolist(), strict=True)
                if pt > 0
            ]
            head = [str(i + 1), "ttbar", "0.25", repr(1000 * float(met[i])), repr(float(phi[i]))]
            print(";".join(head + found) + ";" * (i % 2), file=file)
    return {"values": values, "kinds": kinds, "met": met, "phi": phi}


def make_adc(path: Path, *, shift: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    objects = np.zeros((N, 19, 4))
    start = 0
    for code, n in ((1, 1), (2, 4), (3, 4), (4, 10)):
        for row, here in zip(objects, rng.integers(n == 1, n + 1, N), strict=True):
            row[start : start + here, :3] = rng.normal(size=(here, 3))
            row[start : start + here, 0] = np.sort(rng.exponential(50, here))[::-1]
            row[start : start + here, 3] = code
        start += n
    objects[:, 0, 1] = 0
    with h5py.File(path, "w") as file:
        data = np.roll(objects, shift, axis=1)
        file.create_dataset("Particles", data=data, chunks=(16, 19, 4), compression="gzip")
        file["Particles_Names"] = np.array(["Pt", "Eta", "Phi", "Class"], "S")
        classes = ["MET_class_1", "Four_Ele_class_2", "Four_Mu_class_3", "Ten_Jet_class_4"]
        file["Particles_Classes"] = np.array(classes, "S")
        file["EvtId"] = np.arange(N) + 5
    return {"objects": objects}


def make_jetclass(path: Path) -> dict[str, Any]:
    counts, rng = jagged()
    total = int(counts.sum())
    parts = {
        f"part_{name}": rng.normal(size=total).astype(np.float32) + 3
        for name in ("px", "py", "pz", "energy", "deta", "dphi", "charge", "d0val")
    }
    qcd = np.arange(N) % 3 == 0
    flat = {
        "jet_pt": rng.uniform(500, 1000, N).astype(np.float32),
        "jet_sdmass": rng.uniform(0, 200, N).astype(np.float32),
        "label_QCD": qcd,
        "label_Hbb": ~qcd,
        "aux_genpart_pt": rng.uniform(0, 1, N).astype(np.float32),
    }
    with uproot.recreate(path) as file:
        kinds = {name: v.dtype for name, v in flat.items()}
        tree = file.mktree("tree", kinds | {name: "var * float32" for name in parts})
        starts = np.concatenate([[0], np.cumsum(counts)])
        for a in range(0, N, 25):
            b = min(a + 25, N)
            rows = {
                name: ak.unflatten(v[starts[a] : starts[b]], counts[a:b])
                for name, v in parts.items()
            }
            tree.extend({name: v[a:b] for name, v in flat.items()} | rows)
    return flat | {"counts": counts, **{n: padded(counts, v) for n, v in parts.items()}}
