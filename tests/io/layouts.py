"""Small files in the published layouts; each maker returns the numbers that it put there."""

from pathlib import Path
from typing import Any

import awkward as ak
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
