"""JetClass ROOT files (arXiv:2202.03772, Zenodo 6619768), known by their branches.

One jet a row. ``jet_*`` are columns; the particles are the cloud ``constituents``; ``label_*`` and
``aux_*`` are truth, read only when named. The label is 0 for jets of QCD and 1 for all others.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from novum.io.fields import Field
from novum.io.root import CloudBranches, RootSource
from novum.io.trees import open_tree

_MOMENTUM = ("part_px", "part_py", "part_pz", "part_energy")
_QCD = "label_QCD"
_FIELDS = {
    "pt": "hypot(part_px, part_py)",
    "eta": "arcsinh(part_pz / hypot(part_px, part_py))",
    "phi": "arctan2(part_py, part_px)",
    "E": "part_energy",
}
_MORE = (
    "deta", "dphi", "charge", "isChargedHadron", "isNeutralHadron", "isPhoton", "isElectron",
    "isMuon", "d0val", "d0err", "dzval", "dzerr",
)  # fmt: skip
_IN_GEV = ("jet_pt", "jet_energy", "jet_sdmass")


class JetClassSource(RootSource):
    """A file of the JetClass dataset, or one of the same layout.

    The cloud has the fields pt, eta, phi and E [GeV] made from the momenta and, where the file has
    them, deta and dphi from the jet axis (as stored), charge, kind
    and impact parameters [mm] as they are stored.

    Parameters and errors are those of `novum.io.root.RootSource`.
    """

    format = "jetclass"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether there are momenta of particles and the label of QCD jets."""
        with open_tree(path, None) as tree:
            return {*_MOMENTUM, _QCD} <= set(tree.keys())

    def _fields(self) -> list[Field]:
        fields = []
        for field in super()._fields():
            truth = field.name.startswith(("label_", "aux_"))
            unit = "GeV" if field.name in _IN_GEV else field.unit
            fields.append(replace(field, by_default=not truth, unit=unit))
        return [*fields, Field(f"1 - {_QCD}", "label", "expression", True, "label")]

    def _usual_clouds(self) -> CloudBranches:
        more = {name: f"part_{name}" for name in _MORE if f"part_{name}" in self._branches}
        return {"constituents": _FIELDS | more}
