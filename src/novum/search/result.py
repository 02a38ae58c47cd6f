"""`SearchResult`: the frozen record of one search, and its versioned JSON form.

Records hold plain numbers and tuples only, so that the JSON file carries everything a report
shows and `load(save(result)) == result`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from novum.errors import FileFormatError
from novum.io import write_text
from novum.io.atomic import make_folder
from novum.io.documents import from_json, read_document, to_json
from novum.search.calibration_records import CalibratedScan
from novum.search.records import (
    BestWindow,
    EvaluationRecord,
    InputRecord,
    SelectedEvent,
    SpectrumRecord,
    Unblinding,
    WindowResult,
)
from novum.statistics.pvalue import PValue

SCHEMA = "novum-search-result"
SCHEMA_VERSION = 2
RESULT_FILE = "result.json"


@dataclass(frozen=True)
class SearchResult:
    """A finished search. `save` writes it, `load` reads it; notebooks show it as a table.

    Attributes
    ----------
    config : dict
        The resolved `HuntConfig`.
    windows : tuple of WindowResult
        In rising order of mass.
    best_window : BestWindow or None
        None where every window is withheld.
    global_p : PValue or None
        Of the best window, over the whole scan; not calibrated for a trained selection.
    gross_vitells : float or None
        Cross-check of `global_p`, arXiv:1005.1891.
    inclusive_global_p : PValue or None
        The same data before the selection.
    calibration : CalibratedScan or None
        The search among retrained null searches, which gives the calibrated p-values.
    unblinded : Unblinding or None
        When, and what had been frozen before, where the search was blind at first.
    """

    config: dict[str, Any]
    config_hash: str
    seed: int
    versions: dict[str, str]
    references: tuple[str, ...]
    input: InputRecord
    spectrum: SpectrumRecord
    windows: tuple[WindowResult, ...]
    best_window: BestWindow | None
    global_p: PValue | None
    gross_vitells: float | None
    inclusive_global_p: PValue | None
    selected_events: tuple[SelectedEvent, ...] = ()
    evaluation: tuple[EvaluationRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    calibration: CalibratedScan | None = None
    unblinded: Unblinding | None = None
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    @property
    def best(self) -> WindowResult | None:
        """The result of the best window."""
        if self.best_window is None:
            return None
        target = (self.best_window.low, self.best_window.high)
        return next(w for w in self.windows if (w.window.low, w.window.high) == target)

    def to_json(self) -> str:
        """The JSON text: sorted nowhere, indented, the same bits for equal results."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "result") -> SearchResult:
        """Inverse of `to_json`.

        Raises
        ------
        FileFormatError
            Names the path inside the document where it does not fit the schema.
        """
        result = from_json(
            cls, text, source, what="search result", schema=SCHEMA, version=SCHEMA_VERSION
        )
        best = result.best_window
        known = {(w.window.low, w.window.high) for w in result.windows}
        if not known or (best is not None and (best.low, best.high) not in known):
            raise FileFormatError(
                "damaged search result: its best window is none of its windows", file=source
            )
        return result

    def save(self, folder: str | Path) -> Path:
        """Write ``result.json`` into `folder` (made if needed); return its path."""
        path = make_folder(folder) / RESULT_FILE
        write_text(path, self.to_json())
        return path

    @classmethod
    def load(cls, folder: str | Path) -> SearchResult:
        """Read a result from its folder or from the JSON file itself.

        Raises
        ------
        InputError
            If there is none.
        FileFormatError
            If it is damaged or of another schema version.
        """
        path = Path(folder)
        path = path / RESULT_FILE if path.is_dir() else path
        return cls.from_json(read_document(path, "result"), str(path))

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """JSON Schema of ``result.json``."""
        import msgspec

        return msgspec.json.schema(SearchResult)

    @property
    def withheld_note(self) -> str | None:
        """What the withheld windows hold, in words: no p-value does not mean no excess."""
        withheld = [w for w in self.windows if w.withheld is not None]
        if not withheld:
            return None
        top = max(
            withheld,
            key=lambda w: (w.counts.n_on - w.counts.expected) / max(w.counts.expected_error, 1e-9),
        )
        return (
            f"{len(withheld)} of {len(self.windows)} windows are withheld; the largest excess "
            f"among them is {top.counts.n_on:.1f} observed, {top.counts.expected:.1f} expected at "
            f"{top.window.low:.0f}-{top.window.high:.0f} GeV"
        )

    def summary(self) -> str:
        """The headline in one line, in words."""
        if self.calibration is not None:
            return self._calibrated_summary(self.calibration)
        if self.best_window is None or self.global_p is None:
            return "every window is withheld: no p-value can be quoted"
        best = self.best
        assert best is not None
        assert best.z is not None
        return (
            f"best window {best.window.low:.0f}-{best.window.high:.0f} GeV, "
            f"local z = {best.z:.2f}, global p {with_relation(self.global_p)} (not calibrated)"
        )

    @staticmethod
    def _calibrated_summary(scan: CalibratedScan) -> str:
        best = scan.best_window
        if best is None or scan.global_p is None or scan.t_observed is None:
            return "every window is withheld: no p-value can be quoted"
        return (
            f"best window {best.low:.0f}-{best.high:.0f} GeV, calibrated z = "
            f"{scan.t_observed:.2f}, global p {with_relation(scan.global_p)} from "
            f"{scan.global_p.n_toys} retrained null searches (extrapolated: "
            f"{scan.extrapolated_p:.2g})"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{w.window.low:.0f}–{w.window.high:.0f}</td><td>{w.counts.n_on:.0f}</td>"
            f"<td>{w.counts.expected:.1f}</td>"
            + (
                f"<td>{w.z:.2f}</td><td>{w.p}</td></tr>"
                if w.withheld is None
                else f"<td colspan=2>withheld: {escape(w.withheld)}</td></tr>"
            )
            for w in self.windows
        )
        return (
            f"<p><b>novum</b>: {self.summary()}</p><table><tr><th>SR [GeV]</th><th>observed</th>"
            f"<th>expected</th><th>z</th><th>local p</th></tr>{rows}</table>"
        )

    def __repr__(self) -> str:
        return f"<SearchResult: {len(self.windows)} windows, {self.summary()}>"


def with_relation(p: PValue) -> str:
    """A p-value after its "p": "= 0.1" or "≤ 0.001"."""
    text = str(p)
    return text if text.startswith("≤") else f"= {text}"
