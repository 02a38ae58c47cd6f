"""The rows of a table of searches, as text for the terminal and for the page."""

from __future__ import annotations

from novum.report import words
from novum.report.compared import ComparedSearch, SearchComparison
from novum.search.template_closure import SIGNAL_REGION

NONE = "—"
_TRUTH = ("S/√B before", "max SIC", "SIC at ε_B = 0.001", "AUC", "expected from signal in SB")


def table(comparison: SearchComparison) -> list[tuple[str, tuple[str, ...]]]:
    """Figure and one cell per search, for every figure that at least one search has."""
    columns = [_cells(search) for search in comparison.searches]
    rows = [(name, tuple(column[name] for column in columns)) for name in columns[0]]
    return [(name, cells) for name, cells in rows if set(cells) != {NONE}]


def _cells(search: ComparedSearch) -> dict[str, str]:
    return {
        "method": search.method,
        "density": search.density or NONE,
        "classifier": search.classifier,
        "events": words.count(search.n_events),
        "features": str(search.n_features),
        "SR [GeV]": words.interval(search.window.low, search.window.high),
        "observed": words.count(search.n_on),
        "expected": words.with_error(search.expected, search.expected_error),
        "z": words.signed(search.z),
        "local p": words.p_value(search.p),
        "global p": words.p_value(search.global_p),
        "p-values": "calibrated" if search.calibrated else "not calibrated",
        "windows withheld": f"{search.n_withheld} of {search.n_windows}",
        **_truth(search),
        "p of unsculpted m": _number(search.sculpting_p, 2),
        "JSD [bits]": _number(search.jensen_shannon, 2),
        **_closure(search),
        "time": _cost(search),
    }


def _truth(search: ComparedSearch) -> dict[str, str]:
    record = search.evaluation
    if record is None:
        return dict.fromkeys(_TRUTH, NONE)
    largest = NONE if record.max_sic is None else f"{record.max_sic:.2f}"
    if record.max_sic_n_background is not None:
        largest += f" ({record.max_sic_n_background} bkg)"
    leaked = record.contamination
    cells = (
        f"{record.significance_before:.2f}",
        largest,
        NONE if record.sic_at_1e3 is None else f"{record.sic_at_1e3:.2f}",
        f"{record.auc:.3f}",
        NONE if leaked is None else f"{leaked.expected:.1f}",
    )
    return dict(zip(_TRUTH, cells, strict=True))


def _closure(search: ComparedSearch) -> dict[str, str]:
    found = {c.region: f"{c.auc:.3f} (p {words.number(c.p, 2)})" for c in search.closure}
    regions = ("below", SIGNAL_REGION, "above")
    names = {region: f"closure AUC, {region}" for region in regions}
    return {names[region]: found.get(region, NONE) for region in regions}


def _cost(search: ComparedSearch) -> str:
    if search.cost is None:
        return NONE
    least = "> " if search.cost.resumed else ""
    workers = "worker" if search.cost.workers == 1 else "workers"
    return f"{least}{search.cost.seconds:.0f} s, {search.cost.workers} {workers}"


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else words.number(value, digits)
