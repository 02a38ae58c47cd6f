"""Write the tables of the documentation from the committed results: docs/_tables/NAME.md.

A test checks that the committed tables are those of the committed results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "docs" / "_tables"

Results = dict[str, Any]


def main() -> None:
    """Write all tables whose results are there."""
    TABLES.mkdir(exist_ok=True)
    for name, text in tables().items():
        (TABLES / f"{name}.md").write_text(text, encoding="utf-8")


def tables() -> dict[str, str]:
    """Text of every table, by name."""
    made = {}
    for name, make in MAKERS.items():
        path = ROOT / "benchmarks" / "results" / f"{name}.json"
        if path.exists():
            results = json.loads(path.read_text(encoding="utf-8"))
            made[name] = make(results) + provenance(name, results)
    return made


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def provenance(name: str, results: Results) -> str:
    """Where the numbers come from."""
    head = results["header"]
    return (
        f"\n`python benchmarks/{name}.py`, {head['date']}, {head['cpu_count']} cores, "
        f"Python {head['python']}, scikit-learn {head['versions']['scikit-learn']}.\n"
    )


def redrawn_crossfits(results: Results) -> str:
    """Scores or counts averaged over redrawn cross-fits."""
    head = ("sample", "significance from", "samples", "mean z", "sd", "z > 1.645", "largest z")
    rows = [
        (
            "background only" if r["signal"] == 0 else f"with {r['signal']} events of signal",
            r["way"],
            r["samples"],
            f"{r['mean']:.2f}",
            f"{r['sd']:.2f}",
            f"{100 * r['above_1.645']:.0f} %",
            f"{r['max']:.2f}",
        )
        for r in results["rows"]
    ]
    return table(head, rows)


NAMES = {
    "null_scan": "none injected",
    "shifted_null_scan": "none injected, masses shifted by 0.1 m_jj",
    "injected_scan": "400 injected",
}


def lhco(results: Results) -> str:
    """Search on the LHC Olympics R&D sample; the null stands first."""
    single = zip(results["null_single"], results["injected_single"], strict=True)
    first = table(
        (
            "seed",
            "z, none injected",
            "z, 400 injected",
            "S/√B before",
            "max SIC",
            "background passing",
            "SIC at ε_B = 1e-3",
        ),
        (
            (
                with_signal["seed"],
                _z(null),
                _z(with_signal),
                f"{with_signal['significance_before']:.2f}",
                f"{with_signal['max_sic']:.2f}",
                with_signal["max_sic_n_background"],
                "too few"
                if with_signal["sic_at_1e3"] is None
                else f"{with_signal['sic_at_1e3']:.2f}",
            )
            for null, with_signal in single
        ),
    )
    values = [row["max_sic"] for row in results["injected_single"]]
    spread = f"\nMedian max SIC {median(values):.2f}, range {min(values):.2f}-{max(values):.2f}.\n"
    centers = list(results["null_scan"][0]["windows"])
    scans = [
        (
            run["seed"],
            NAMES[key],
            *(_cell(run["windows"][c]) for c in centers),
            run["global_p"] or "none",
        )
        for key in NAMES
        for run in results[key]
    ]
    second = table(("seed", "sample", *(f"{c} GeV" for c in centers), "global p"), scans)
    return f"{first}{spread}\nLocal z of every window of the scan:\n\n{second}"


def _z(row: Results) -> str:
    return "withheld" if row["z"] is None else f"{row['z']:.2f}"


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float | int) else "withheld"


def hunt_scaling(results: Results) -> str:
    """Time and memory against the number of events."""
    rows = [
        (
            f"{r['events']:,}",
            f"{r['in_window']:,.0f}",
            f"{r['seconds']:.0f}",
            f"{r['peak_gib']:.2f}",
        )
        for r in results["rows"]
    ]
    head = ("events", "in the window", "seconds", "peak memory [GiB]")
    return table(head, rows) + (
        f"\nBetween the two largest, time grows as n^{results['time_exponent']:.2f} and memory as "
        f"n^{results['memory_exponent']:.2f}.\n"
    )


def streaming(results: Results) -> str:
    """Peak memory of reading and converting large files."""
    rows = [
        (
            r["kind"],
            r["what"],
            f"{r['file_gb']:.2g}",
            f"{r['events']:,}",
            f"{r['peak_gib']:.2f}",
        )
        for r in results["rows"]
    ]
    head = ("file", "what", "on disk [GB]", "events", "peak memory [GiB]")
    return f"Each holds {results['unpacked_gb']:g} GB unpacked.\n\n" + table(head, rows)


def toys(results: Results) -> str:
    """Toys a second against the peers."""
    scan, hunter = results["refitted_scan"], results["histogram_scan"]
    rows = [
        (
            f"whole scan refitted: {scan['bins']} bins, {scan['windows']} windows, "
            f"{scan['parameters']} parameters, both hypotheses",
            f"{scan['novum_toys_per_s']:,.0f}",
            f"iminuit, one fit at a time: {scan['iminuit_toys_per_s']:,.0f}",
            f"{scan['ratio']:.0f}",
        ),
        (
            f"histogram only: {hunter['bins']} bins, widths {hunter['widths'][0]}-"
            f"{hunter['widths'][-1]} bins",
            f"{hunter['novum_toys_per_s']:,.0f}",
            f"pyBumpHunter: {hunter['pybumphunter_toys_per_s']:,.0f}",
            f"{hunter['ratio']:.0f}",
        ),
    ]
    return table(("work", "novum, toys/s", "peer, toys/s", "ratio"), rows) + (
        "\nOne thread on both sides, best of three. Both sides agree on the statistic: q0 to "
        f"{scan['largest_q0_difference']:.1g}.\n"
    )


def ranode(results: Results) -> str:
    """Signal fractions of R-ANODE; samples without signal stand first."""
    head = (
        "signal expected",
        "samples",
        "intervals from 0",
        "expected fraction covered",
        "realised fraction covered",
        "median width / fraction",
        "mean of fitted - realised",
        "median AUC",
    )
    return table(head, (_fraction_row(r["fraction"], r["samples"]) for r in results["rows"])) + (
        f"\n{results['background']:,} toy background events, signal region "
        f"{results['signal_region'][0] / 1000:.1f}-{results['signal_region'][1] / 1000:.1f} TeV; "
        "numbers of signal events are Poisson; intervals of 68 %.\n"
    )


def _fraction_row(fraction: float, samples: Sequence[Results]) -> tuple[object, ...]:
    def covered(truth: Callable[[Results], float]) -> str:
        return f"{sum(s['low'] <= truth(s) <= s['high'] for s in samples)}"

    off = sum(s["value"] - s["realised"] for s in samples) / len(samples)
    width = median(s["high"] - s["low"] for s in samples)
    return (
        f"{100 * fraction:g} %" if fraction else "none",
        len(samples),
        sum(s["low"] == 0 for s in samples),
        covered(lambda s: fraction),
        covered(lambda s: s["realised"]),
        f"{width / fraction:.2f}" if fraction else "-",
        f"{100 * off:+.2f} %",
        f"{median(s['auc'] for s in samples):.3f}" if fraction else "-",
    )


def spurious(results: Results) -> str:
    """Spurious signal of the CMS dijet spectrum; toys without a signal stand first."""
    first = table(
        (
            "drawn from",
            "S_spur/σ, dijet next order",
            "S_spur/σ, power-exponential",
            "at least 0.2 σ",
            "sd of z",
            "with it",
            "z > 1.645",
            "with it",
        ),
        (
            (
                name,
                *(_mean_sd(null["relative"].get(k)) for k in ("dijet", "power-exponential")),
                f"{100 * null['failing']:.0f} %",
                f"{null['z_sd']:.2f}",
                f"{null['z_nuisance_sd']:.2f}",
                f"{100 * null['z_above']:.1f} %",
                f"{100 * null['z_nuisance_above']:.1f} %",
            )
            for name, null in results["null"].items()
        ),
    )
    one = next(iter(results["null"].values()))
    explained = (
        f"\n{one['toys']} spectra a row, {one['windows']} windows; S_spur/σ as mean ± standard "
        'deviation; "with it" includes |S_spur| as an uncertainty where it is not negligible.\n'
    )
    left_out = sorted(
        {reason.split(":")[0] for w in results["windows"] for reason in w["left_out"]}
    )
    second = table(
        ("SR [GeV]", "σ", "largest S_spur", "of", "toys", "noise", "size/σ", "z", "with it"),
        (_spurious_row(w) for w in results["windows"]),
    )
    missing = f"\nLeft out in some windows: {', '.join(left_out)}.\n" if left_out else ""
    return f"{first}{explained}\nThe spectrum of CMS:\n\n{second}{missing}"


def _mean_sd(values: Results | None) -> str:
    return "none" if values is None else f"{values['mean']:.2f} ± {values['sd']:.2f}"


def _spurious_row(w: Results) -> tuple[object, ...]:
    edges, sigma = f"{w['low']:.0f}-{w['high']:.0f}", f"{w['sigma']:.1f}"
    z, z_nuisance = f"{w['z']:.2f}", f"{w['z_nuisance']:.2f}"
    if w["signal"] is None:
        return (edges, sigma, "none", "", "", "", "", z, z_nuisance)
    worst = max(w["alternatives"], key=lambda a: abs(a["signal"]))
    return (
        edges,
        sigma,
        f"{worst['signal']:.1f}",
        f"{worst['family']}, {worst['n_params']}",
        f"{worst['toy_mean']:.1f} ± {worst['toy_error']:.1f}",
        f"{worst['noise']:.1f}",
        f"{w['relative']:.2f}",
        z,
        z_nuisance,
    )


def demo(results: Results) -> str:
    """The twin, then the sample."""
    head = (
        "sample", "S/√B before", "best window [GeV]", "T", "global p", "extrapolated",
        "selected S / B", "max SIC",
    )  # fmt: skip
    rows = []
    for r in results["rows"]:
        low, high = r["best_window"]
        bound = "≤ " if r["global_p_is_bound"] else ""
        truth = r["selected_signal"] is not None
        rows.append(
            (
                r["sample"],
                f"{r['significance_before']:.2f}" if truth else "–",
                f"{low:.0f}–{high:.0f}",
                f"{r['t']:.2f}",
                f"{bound}{r['global_p']:.2g}",
                f"{r['extrapolated_p']:.1g}",
                f"{r['selected_signal']:.0f} / {r['selected_background']:.0f}" if truth else "–",
                f"{r['max_sic']:.1f}" if truth else "–",
            )
        )
    n = results["n"]
    return table(head, rows) + (
        f"\n{n['background']} QCD dijets, {n['injected']} events of W' → XY injected; "
        f"{results['searches']} null searches draw from {n['all'] - n['background']} other QCD "
        "dijets.\n"
    )


def calibration_toys(results: Results) -> str:
    """Further null searches and injection on toys."""
    f = results["further"]
    first = table(
        ("further null searches", "p < .05", "KS p of the p-values", "mean z_cal", "sd of z_cal"),
        [
            (
                f["searches"],
                f["below_0.05"],
                f"{f['ks_p']:.3f}",
                f"{f['mean_z_cal']:.3f}",
                f"{f['sd_z_cal']:.3f}",
            )
        ],
    )
    second = table(
        ("injected", "in the SR", "selected", "net", "ε_S", "found", "median z_cal", "68 %"),
        (
            (
                q["strength"],
                f"{q['in_region']:.1f}",
                f"{q['selected']:.1f}",
                f"{q['net']:.1f}",
                f"{q['efficiency']:.2f}",
                f"{q['excess']:.1f} ± {q['excess_error']:.1f}",
                f"{q['z_cal']:.1f}",
                f"{q['z_cal_interval'][0]:.1f} to {q['z_cal_interval'][1]:.1f}",
            )
            for q in results["injection"]
        ),
    )
    c = results["closure"]
    words = (
        f"\nFound = ({c['slope']:.3f} ± {c['slope_error']:.3f}) × net signal, χ² = "
        f"{c['chi2']:.1f} for {c['ndf']} degrees of freedom (p = {c['p_value']:.2f}).\n"
    )
    line = results["response"]
    if line is not None:
        words += (
            f"Above the threshold, found = {line['slope']:.2f} ± {line['slope_error']:.2f} times "
            f"the injected events in the signal region {line['intercept']:+.1f}, χ² = "
            f"{line['chi2']:.1f} for {line['ndf']} (p = {line['p_value']:.2f}).\n"
        )
    threshold = results["threshold"]
    words += (
        "Half of the searches miss 3σ at every strength.\n"
        if threshold is None
        else f"Half of the searches miss 3σ below {threshold:.0f} injected events.\n"
    )
    spread = (
        f"\n{results['searches']} null searches make the calibration; "
        f"{results['effective_windows']:.1f} effective windows of {len(results['windows'])}; "
        f"z moves by "
        f"{results['fold_seed_spread']:.2f} with the draw of the folds.\n"
    )
    return f"{first}\n{second}{words}{spread}"


def calibration_lhco(results: Results) -> str:
    """Calibrated searches on the LHC Olympics R&D sample."""
    rows = []
    for r in results["rows"]:
        kappa = [w["kappa"] for w in r["windows"]]
        withheld = sum(w["withheld"] is not None for w in r["windows"])
        gates = sum(w["gate"] is not None for w in r["windows"])
        z = [w["z"] for w in r["windows"] if w["z"] is not None]
        interval = r["extrapolated_interval"]
        rows.append(
            (
                r["sample"],
                r["searches"],
                f"{min(kappa):.2f}-{max(kappa):.2f}",
                f"{gates} / {withheld} of {len(kappa)}",
                f"{max(z):.2f}" if z else "withheld",
                "none" if r["best_center"] is None else f"{r['best_center']:.0f}",
                "none" if r["t_observed"] is None else f"{r['t_observed']:.2f}",
                "none" if r["largest_t_null"] is None else f"{r['largest_t_null']:.2f}",
                r["global_p"] or "none",
                "none"
                if interval is None
                else f"{r['extrapolated_p']:.2g} ({interval[0]:.1g}-{interval[1]:.1g})",
                f"{r['closure']['auc']:.3f} (p = {r['closure']['p_value']:.2g})",
            )
        )
    head = (
        "sample",
        "null searches",
        "κ",
        "withheld by gates / in all",
        "largest z",
        "centre [GeV]",
        "T",
        "largest T of the nulls",
        "global p",
        "extrapolated",
        "closure AUC",
    )
    return table(head, rows)


def ensemble_training(results: Results) -> str:
    """Small networks side by side against one after another."""
    first = table(
        ("way", "model-steps/s", "side by side is faster by", "validation AUC"),
        (
            (w["way"], f"{w['speed']:,.0f}", f"{w['ratio']:.1f}", f"{w['auc']:.3f}")
            for w in results["ways"]
        ),
    )
    hidden = "-".join(str(n) for n in results["hidden"])
    words = (
        f"\n{results['models']} networks of {hidden} with {results['features']} features, batches "
        f"of {results['batch_size']}, {results['epochs']} epochs; per second of processor time on "
        f"one core, medians of repeats that take turns; load average {results['load_average']:.1f} "
        "on the machine.\n"
    )
    second = table(
        ("networks side by side", "model-steps/s"),
        ((a["models"], f"{a['speed']:,.0f}") for a in results["axis"]),
    )
    parts = ", ".join(f"{name} {100 * v:.0f} %" for name, v in results["profile"].items())
    return f"{first}{words}\n{second}\nWhere the time goes: {parts}.\n"


def detector(results: Results) -> str:
    """Response and resolution of jets."""
    head = ("R", "jet pT [GeV]", "pT response", "resolution", "mass response", "resolution", "jets")
    rows = (
        (
            f"{r['radius']:g}",
            f"{r['pt']:.0f}",
            f"{r['pt_response']:.3f}",
            f"{100 * r['pt_response_width']:.1f} %",
            f"{r['mass_response']:.3f}",
            f"{100 * r['mass_response_width']:.1f} %",
            r["jets"],
        )
        for r in results["rows"]
    )
    words = (
        "\nWhole events beside the first 100,000 of the R&D sample, which has multiparton "
        "interactions and Delphes; median and central 68 %, masses in GeV:\n\n"
    )
    return table(head, rows) + words + _against_rnd(results)


def _against_rnd(results: Results) -> str:
    names = ("mjj", "mj_low", "delta_mj", "tau21_low", "tau21_high")

    def cell(values: Sequence[float], name: str) -> str:
        low, middle, high = (f"{v:.2f}" if "tau" in name else f"{v:.0f}" for v in values)
        return f"{middle} ({low}–{high})"

    rows = (
        (r["sample"], r["events"], *(cell(r[name], name) for name in names))
        for r in results["samples"]
    )
    return table(("sample", "events", *(f"`{n}`" for n in names)), rows)


def simulate(results: Results) -> str:
    """Where the time of an event goes, and whole rates."""
    stages = list(results["stages"][0]["ms"])
    head = (
        "process",
        "MPI",
        *(f"{s} [ms]" for s in stages),
        "in Pythia",
        "accepted/s",
        "Pythia alone",
    )
    first = table(
        head,
        (
            (
                r["process"],
                "on" if r["mpi"] else "off",
                *(f"{r['ms'][s]:.2f}" for s in stages),
                f"{100 * r['share_in_pythia']:.0f} %",
                f"{r['accepted_per_s']:.0f}",
                f"{r['accepted_per_s_pythia_alone']:.0f}",
            )
            for r in results["stages"]
        ),
    )
    second = table(
        ("process", "workers", "events", "events/s"),
        ((r["process"], r["jobs"], r["events"], f"{r['per_s']:.0f}") for r in results["whole"]),
    )
    words = (
        "\nProcessor time per generated event, one core; *accepted/s* counts events that pass the "
        "selection, beside what Pythia alone would give. Whole samples in wall time, with starting "
        "Pythia and writing blocks:\n\n"
    )
    return first + words + second


def classifiers(results: Results) -> str:
    """Median over the seeds of every pair of sample, features and classifier."""
    groups: dict[tuple[str, str, int, str], list[dict[str, Any]]] = {}
    for r in results["rows"]:
        groups.setdefault((r["sample"], r["features"], r["noise"], r["classifier"]), []).append(r)
    order = {"simulated": 0, "lhco": 1}
    keys = sorted(groups, key=lambda k: (order[k[0]], k[2], int(k[1]), k[3]))
    rows = []
    for key in keys:
        own = groups[key]
        sample, features, noise, classifier = key
        rows.append(
            (
                sample,
                features + (f" + {noise} noise" if noise else ""),
                classifier,
                len(own),
                _median(own, "null_z"),
                _median(own, "z"),
                _median(own, "max_sic"),
                _median(own, "max_sic_above_1e3"),
                _median(own, "sic_at_1e3"),
            )
        )
    head = (
        "sample", "features", "classifier", "seeds", "z without signal", "z with signal",
        "max SIC", "max SIC, ε_B ≥ 10⁻³", "SIC at ε_B = 10⁻³",
    )  # fmt: skip
    return table(head, rows)


def calibrated_classifiers(results: Results) -> str:
    """Null searches of every classifier and set of features, and what signal then reaches."""
    rows = []
    for r in results["rows"]:
        null, found = (
            sorted(z for z in r[key] if z is not None) for key in ("null_z_cal", "signal_z_cal")
        )
        rows.append(
            (
                r["sample"],
                r["features"] + (f" + {r['noise']} noise" if r["noise"] else ""),
                r["classifier"],
                f"{r['kappa']:.3f} ± {r['kappa_error']:.3f}",
                f"{r['location']:.2f}",
                f"{r['scale']:.2f}",
                f"{100 * r['withheld_rate']:.0f} %",
                _spread(null),
                _spread(found),
            )
        )
    head = (
        "sample", "features", "classifier", "κ", "mean z", "sd", "withheld",
        "z_cal without signal", "z_cal with signal",
    )  # fmt: skip
    samples = " and ".join(
        f"{name}: {n} events, {results['injected'][name]} of signal"
        for name, n in results["events"].items()
    )
    words = (
        f"\n{results['nulls']} null searches; {samples}. Of the {results['tests']['simulated']} "
        "simulated samples without and with signal: median and range.\n"
    )
    return table(head, rows) + words


def resonant(results: Results) -> str:
    """Max SIC of every method in every study, and its ratio to the perfect template."""
    groups: dict[tuple[str, float, str], list[dict[str, Any]]] = {}
    for r in results["rows"]:
        groups.setdefault((r["study"], r["signal"], r["method"]), []).append(r)
    rows = []
    for (study, signal, method), found in sorted(groups.items()):
        real = study.startswith("lhco")
        strength = f"{signal:g}" if real else f"S/√B {signal:g}"
        z = _median(found, "z") if real else "–"
        ideal = {r["seed"]: r["max_sic"] for r in groups.get((study, signal, "idealised"), [])}
        paired = [{"ratio": r["max_sic"] / ideal[r["seed"]]} for r in found if ideal.get(r["seed"])]
        ratio = _median(paired, "ratio", 2) if signal and method != "idealised" else "–"
        figures = [
            _median(found, key) for key in ("max_sic", "sic_at_1e3", "injected_max_sic_above_1e3")
        ]
        figures += [ratio, _median(found, "auc", 3)]
        figures += [
            _median(found, f"background_{key}", 3) for key in ("sculpting_p", "jensen_shannon")
        ]
        rows.append((study, strength, method, len(found), z, *figures))
    head = (
        "study", "signal", "method", "seeds", "z", "max SIC", "SIC at ε_B = 10⁻³",
        "max SIC at ε_B > 10⁻³ of the injected", "max SIC / idealised", "AUC",
        "p of unsculpted m", "Jensen-Shannon of m [bit]",
    )  # fmt: skip
    return table(head, rows)


def null_searches(results: Results) -> str:
    """How often each method finds what is not there; injected against found."""
    head = (
        "method", "null searches", "withheld", "z > 2", "mean z", "sd of z", "largest z", "κ",
        "z > 2 with κ",
    )  # fmt: skip
    first = [
        (
            r["method"], r["searches"], r["withheld"], r["above_2"], f"{r['mean_z']:.2f}",
            f"{r['sd_z']:.2f}", f"{r['largest_z']:.1f}",
            f"{r['kappa']:.3f} ± {r['kappa_error']:.3f}", r["above_2_kappa"],
        )
        for r in results["rows"]
    ]  # fmt: skip
    second = [
        (
            r["method"], q["strength"], f"{q['net']:.1f}", f"{q['excess']:.1f} ± {q['error']:.1f}",
            f"{q['z_cal']:.1f}",
        )
        for r in results["rows"]
        for q in r.get("injection", [])
    ]  # fmt: skip
    lines = [
        f"\n{r['method']}: found = ({c['slope']:.3f} ± {c['slope_error']:.3f}) × net signal, χ² = "
        f"{c['chi2']:.1f} for {c['ndf']} degrees of freedom (p = {c['p_value']:.2f}).\n"
        for r in results["rows"]
        if (c := r.get("closure"))
    ]
    heads = ("method", "injected", "net of what leaks", "found", "median z_cal")
    return table(head, first) + "\n" + table(heads, second) + "".join(lines)


def density_quality(results: Results) -> str:
    """Likelihood, closure and SIC of densities against their seconds."""
    head = (
        "density", "seconds to learn", "to sample 60,000", "validation NLL", "closure AUC",
        "max SIC, 400 injected", "signal-free", "z", "signal-free", "seconds of the search",
    )  # fmt: skip
    rows = [
        (
            r["name"], f"{r['fit_seconds']:.1f}", f"{r['sample_seconds']:.1f}", f"{r['nll']:.4f}",
            f"{r['closure_auc']:.3f} ± {r['closure_null_sd']:.3f}",
            *(_number(r[f"{key}_max_sic"], 1) for key in ("signal", "null")),
            *(_number(r[f"{key}_z"], 1) for key in ("signal", "null")),
            f"{r['signal_seconds']:.0f}",
        )
        for r in results["rows"]
    ]  # fmt: skip
    text = table(head, rows)
    for s in results["scan"]:
        text += (
            f"\n{s['windows']} windows of a scan with {s['events']} events each: "
            f"{s['alone_seconds']:.1f} s one after the other, {s['together_seconds']:.1f} s as one "
            f"program ({s['alone_seconds'] / s['together_seconds']:.2f} times faster).\n"
        )
    return text


def outliers(results: Results) -> str:
    """Detectors on tables of events, each of their scores, beside the best single feature."""
    groups: dict[tuple[str, str, str], list[Results]] = {}
    for row in results["rows"]:
        groups.setdefault((row["data"], row["method"], row["score"]), []).append(row)
    best = {k[0]: rows for k, rows in groups.items() if k[1] == "best feature"}

    def median_of(rows: Sequence[Results], key: str) -> float:
        return median(r[key] or 0.0 for r in rows)

    head = (
        "detector", "score", "AUC", "null AUC", "ε_S at the least ε_B", "max SIC",
        "beats the best feature in", "seconds to train", "µs an event",
    )  # fmt: skip
    text = ""
    for data, reference in best.items():
        first = reference[0]
        text += (
            f"\n{data}: {first['n_background']} background and {first['n_signal']} signal events "
            f"test, least ε_B {first['least_eps_b']:.2g}.\n\n"
        )
        lines = []
        own = {k: rows for k, rows in groups.items() if k[0] == data}
        for (_, method, score), rows in sorted(
            own.items(), key=lambda item: -median_of(item[1], "auc")
        ):
            wins = [
                name
                for name, key in (("AUC", "auc"), ("SIC", "max_sic"))
                if median_of(rows, key) > median_of(reference, key)
            ]
            is_reference = method == "best feature"
            default = not is_reference and rows[0]["default"]
            lines.append(
                (
                    f"**{method}**" if default or is_reference else method,
                    "" if score == "score" else score,
                    _median(rows, "auc", 3),
                    _median(rows, "null_auc", 3),
                    _median(rows, "eps_s_at_least", 2),
                    _median(rows, "max_sic"),
                    "" if is_reference else ", ".join(wins) or "none",
                    "" if is_reference else f"{median_of(rows, 'fit_s'):.1f}",
                    "" if is_reference else f"{median_of(rows, 'score_us'):.0f}",
                )
            )
        text += table(head, lines)
    return text


def outlier_speed(results: Results) -> str:
    """Autoencoders against eager PyTorch and PyOD; memory of scoring a large file."""

    def rate(values: Sequence[float]) -> str:
        return f"{1e-3 * median(values):,.0f}"

    def times(values: Sequence[float]) -> str:
        return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"

    text = ""
    if "speed" in results:
        rows = []
        for r in results["speed"]:
            rows.append(
                (
                    r["kind"] + (", normalisation" if r["kind"] == "nae" else ""), r["members"],
                    rate(r["novum_train"]), rate(r["peer_train"]),
                    f"**{times(r['train_ratios'])}**",
                    rate(r["novum_score"]), rate(r["peer_score"]), times(r["score_ratios"]),
                    f"{median(r['novum_loss']):.3f} / {median(r['peer_loss']):.3f}",
                    f"{median(r['novum_auc']):.3f} / {median(r['peer_auc']):.3f}",
                )
            )  # fmt: skip
        head = (
            "detector", "networks", "trains, 10³ events/s", "eager PyTorch", "faster by",
            "scores, 10³ events/s", "eager PyTorch", "faster by", "validation loss", "AUC",
        )  # fmt: skip
        hidden = "-".join(str(n) for n in results["hidden"])
        text += table(head, rows) + (
            f"\nEncoders of {hidden}-{results['latent']}, batches of {results['batch_size']}, "
            f"{results['epochs']} epochs, of the normalisation {results['normalising_epochs']} "
            f"with chains of {results['chain_steps'][0]} + {results['chain_steps'][1]} steps; "
            "events times networks per second of processor time, median (and range of the ratio) "
            f"of repeats that take turns; load average {results['load_average']:.1f} on the "
            "machine. Loss and AUC: novum / eager PyTorch.\n"
        )
    if "pyod" in results:
        groups: dict[str, list[Results]] = {}
        for r in results["pyod"]:
            groups.setdefault(r["detector"], []).append(r)
        rows = [
            (
                name, _median(own, "auc", 3), _median(own, "null_auc", 3),
                _median(own, "fit_s", 2), _median(own, "score_us", 1),
            )
            for name, own in groups.items()
        ]  # fmt: skip
        head = ("detector", "AUC", "null AUC", "seconds to train", "µs an event")
        text += "\n" + table(head, rows)
    if "streaming" in results:
        head = ("`novum score` with", "events", "unpacked GB", "peak memory [GiB]", "minutes")
        rows = [
            (
                r["method"], f"{r['events']:,}", f"{r['unpacked_gb']:.1f}",
                f"{r['peak_gib']:.2f}", f"{r['seconds'] / 60:.1f}",
            )
            for r in results["streaming"]
        ]  # fmt: skip
        text += "\n" + table(head, rows)
    return text


def jet_outliers(results: Results) -> str:
    """Detectors on jets in both directions, latent scores, and what pT → pT^n does to images."""
    every = [r for r in results["rows"] if not _is_remapped(r, results)]
    published = [_latent_scores(r) for r in every if PUBLISHED in r["method"]]
    rows = [r for r in every if PUBLISHED not in r["method"]]
    parts = [[r for r in rows if ("dark" in r["task"]) == dark] for dark in (False, True)]
    sizes = dict.fromkeys((r["task"], r["n_train"]) for part in parts for r in part)
    train = ", ".join(f"{n:,} for {task}" for task, n in sizes)
    return (
        "\n".join(_jets_in_both_directions(part) for part in parts if part)
        + f"\nTraining jets: {train}; {results['n_test']:,} held-out jets of each kind test.\n\n"
        + "Images and latent spaces as in arXiv:2104.08291, 40 × 40 pixels with neither a power "
        + "nor a filter, two latent variables, components or topics:\n\n"
        + _jets_in_both_directions(published)
        + "\nEvery method of images against the power of pT:\n\n"
        + _remapped([r for r in results["rows"] if _is_remapped(r, results)])
    )


PUBLISHED = ", as published"


def _latent_scores(row: Results) -> Results:
    """The row with the scores of the latent space alone."""
    scores = {k: v for k, v in row["scores"].items() if k in ("kl", "latent-distance", "topic")}
    return row | {"method": row["method"].removesuffix(PUBLISHED), "scores": scores}


def _is_remapped(row: Results, results: Results) -> bool:
    return bool(row["n_train"] == results["n_remapped"])


def _jets_in_both_directions(rows: Sequence[Results]) -> str:
    tasks = list(dict.fromkeys(r["task"] for r in rows))
    groups: dict[tuple[str, str], dict[str, list[Results]]] = {}
    for r in rows:
        for i, (score, found) in enumerate(r["scores"].items()):
            value = found | {"rho": found["complexity"]["spearman"], "first": i == 0}
            by_task = groups.setdefault((r["method"], score), {})
            by_task.setdefault(r["task"], []).append(value | {"fit_s": r["fit_s"]})
    lines = []
    for (method, score), by_task in groups.items():
        found = [v for values in by_task.values() for v in values]
        cells = [
            _median(by_task.get(task, []), key, digits)
            for task in tasks
            for key, digits in (("auc", 3), ("null_auc", 3), ("rho", 2))
        ]
        name = f"**{method}**" if found[0]["first"] else method
        lines.append((name, score, *cells, f"{median(v['fit_s'] for v in found):.0f}"))
    head = ["detector", "score"]
    for task in tasks:
        head += [f"{task}: AUC", "null", "ρ with constituents"]
    return table([*head, "seconds"], lines)


def _remapped(rows: Sequence[Results]) -> str:
    if not rows:
        return ""
    powers = sorted({r["pt_power"] for r in rows})
    groups: dict[tuple[str, str], dict[float, list[Results]]] = {}
    for r in rows:
        first = next(iter(r["scores"].values()))
        groups.setdefault((r["task"], r["method"]), {}).setdefault(r["pt_power"], []).append(first)
    lines = [
        (task, method, *(_median(found.get(n, []), "auc", 2) for n in powers))
        for (task, method), found in groups.items()
    ]
    return table(["task", "detector", *(f"AUC, n = {n:g}" for n in powers)], lines)


def tau_jets(results: Results) -> str:
    """Anomaly scores of τ jets, trained on QCD jets."""
    groups: dict[str, list[Results]] = {}
    for r in results["rows"]:
        groups.setdefault(r["method"], []).append(r)
    reference = groups["best feature"]

    def middle(rows: Sequence[Results], key: str) -> float:
        return median(r[key] or 0.0 for r in rows)

    lines = []
    for method, rows in sorted(groups.items(), key=lambda item: -middle(item[1], "auc")):
        wins = [
            name
            for name, key in (("AUC", "auc"), ("SIC", "max_sic"))
            if middle(rows, key) > middle(reference, key)
        ]
        first, best = rows[0], method == "best feature"
        sign = "low " if best and first["sign"] < 0 else ""
        name = f"**best feature**, {sign}`{first['feature']}`" if best else method
        lines.append(
            (
                name, _median(rows, "auc", 3), _median(rows, "null_auc", 3),
                _median(rows, "eps_s_at_least", 2), _median(rows, "max_sic"),
                "" if best else ", ".join(wins) or "none",
                "" if best else f"{first['n_train']:,}",
                "" if best else f"{middle(rows, 'fit_s'):.0f}",
            )
        )  # fmt: skip
    head = (
        "detector", "AUC", "null AUC", f"ε_S at ε_B = {reference[0]['least_eps_b']:.2g}",
        "max SIC", "beats the best feature in", "jets that train", "seconds to train",
    )  # fmt: skip
    first = reference[0]
    return table(head, lines) + (
        f"\n{first['n_background']:,} QCD and {first['n_signal']:,} τ jets test; "
        f"{len(reference)} seeds, median and range.\n"
    )


def decorrelation(results: Results) -> str:
    """AUC before and after planing, and how far scores follow the mass."""
    groups: dict[str, list[Results]] = {}
    for r in results["rows"]:
        groups.setdefault(r["method"], []).append(r)
    references = ("random score", "mass", "best feature")
    rows = []
    for method, own in groups.items():
        name = f"**{method}**" if method in references else method
        note = own[0]["note"]
        rows.append(
            (
                name + (f", {note}" if note else ""), _median(own, "auc", 3),
                _median(own, "auc_planed", 3), _median(own, "distance_correlation", 2),
                _median(own, "jensen_shannon", 3),
                f"{median(r['sculpting_p'] for r in own):.2g}",
            )
        )  # fmt: skip
    first = results["rows"][0]
    nulls = [r["null_jensen_shannon"] for r in results["rows"]]
    corr = [r["null_distance_correlation"] for r in results["rows"]]
    head = (
        "score", "AUC", "AUC, planed", "distance correlation with the mass",
        "Jensen-Shannon at 1 % [bit]", "p of unsculpted m",
    )  # fmt: skip
    return table(head, rows) + (
        f"\n{first['n_train']:,} QCD jets train, {first['n_background']:,} and "
        f"{first['n_signal']:,} top jets test; medians and ranges of {len(groups['mass'])} seeds. "
        f"Shuffled scores have a distance correlation of {median(corr):.3f} and a divergence of "
        f"{median(nulls):.3f} bit. Planed background is as good as "
        f"{first['effective_background']:,.0f} jets of equal weight.\n"
    )


def vae_study(results: Results) -> str:
    """Parts of the loss of a VAE, and an autoencoder as compressor and denoiser."""
    groups: dict[str, list[Results]] = {}
    for r in results["losses"]:
        groups.setdefault(r["loss"], []).append(r)
    head = (
        "loss", "residual (MSE)", "divergence", "latent variables in use", "generated: AUC",
        "mean KS distance", "top in QCD: AUC of mse", "of kl", "of elbo",
        "correlation of residuals of m and pT",
    )  # fmt: skip
    rows = []
    for name, own in groups.items():
        for r in own:
            r["mass_pt"] = r["residuals"]["mass_pt"]
        rows.append(
            (
                name, _median(own, "mse", 3), _median(own, "kl", 1),
                f"{median(r['latent_used'] for r in own):.0f} of {results['latent']}",
                _median(own, "generated_auc", 3), _median(own, "generated_ks", 3),
                *(_median(own, f"auc_{key}", 2) for key in ("mse", "kl", "elbo")),
                _median(own, "mass_pt", 2),
            )
        )  # fmt: skip
    pairs = "; ".join(
        f"`{a}` and `{b}` {c:.2f}"
        for a, b, c in groups["both, β = 0.1"][0]["residuals"]["strongest"]
    )
    own = results["losses"][0]["residuals"]["mass_pt_of_data"]
    text = table(head, rows) + (
        f"\n{results['n_train']:,} QCD jets train, {results['n_test']:,} others and "
        f"{results['n_top']:,} top jets are looked at; {len(groups['both, β = 0.1'])} seeds. Two "
        f"halves of the data have an AUC of {results['null_auc']:.3f} and a mean KS distance of "
        f"{results['null_ks']:.3f}; m and pT themselves correlate by {own:.2f}. Strongest "
        f"correlations of residuals at β = 0.1: {pairs}.\n"
    )
    return text + "\n" + _compressor(results) + "\n" + _denoiser(results)


def _compressor(results: Results) -> str:
    """Resolution of some of the variables against the size of the latent space."""
    shown = ("pt", "mass", "softdrop_mass", "tau21", "tau32", "n_constituents", "d2", "ptd")
    cells: dict[tuple[str, int], list[Results]] = {}
    for r in results["compressor"]:
        cells.setdefault((r["method"], r["latent"]), []).append(r["resolution"])
    rows = [
        (
            method, latent,
            *(f"{median(r[name] for r in own):.2f}" for name in shown),
            f"{median(median(r.values()) for r in own):.2f}",
        )
        for (method, latent), own in sorted(cells.items())
    ]  # fmt: skip
    head = ("compressor", "latent variables", *(f"`{name}`" for name in shown), "median of 27")
    words = "\nHalf of the central 68 % of the residual, in standard deviations of the variable.\n"
    return table(head, rows) + words


def _denoiser(results: Results) -> str:
    rows = [
        ("none", f"{results['denoiser'][0]['before']:.3f}", "0"),
        *(
            (
                f"{name} autoencoder",
                _median(results["denoiser"], f"{key}_noisy", 3),
                _median(results["denoiser"], f"{key}_clean", 3),
            )
            for name, key in (("plain", "plain"), ("denoising", "denoising"))
        ),
    ]
    noise = results["denoiser"][0]["noise"]
    head = ("network", f"off, with noise of {noise:g} σ on the input", "off, without")
    return table(head, rows) + "\nMean squared distance from the jet without noise, in σ².\n"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _spread(z: Sequence[float]) -> str:
    """Median and range of significances; one alone as it is."""
    if not z:
        return "withheld"
    return f"{median(z):.1f}" + (f" ({z[0]:.1f} to {z[-1]:.1f})" if len(z) > 1 else "")


def _median(rows: Sequence[dict[str, Any]], key: str, digits: int = 1) -> str:
    """Median and spread of what is there; how many windows were withheld.

    The spread is the central 68 % of five and more, of fewer the range.
    """
    found = sorted(r[key] for r in rows if r.get(key) is not None)
    if not found:
        return "withheld" if key.endswith("z") else "–"
    middle = f"{median(found):.{digits}f}"
    if len(found) > 1:
        low, high = (found[0], found[-1]) if len(found) < 5 else np.quantile(found, [0.16, 0.84])
        middle += f" ({low:.{digits}f} to {high:.{digits}f})"
    missing = len(rows) - len(found)
    return middle + (f", {missing} withheld" if missing and key.endswith("z") else "")


MAKERS: dict[str, Callable[[Results], str]] = {
    "calibrated_classifiers": calibrated_classifiers,
    "calibration_lhco": calibration_lhco,
    "calibration_toys": calibration_toys,
    "classifiers": classifiers,
    "demo": demo,
    "density_quality": density_quality,
    "decorrelation": decorrelation,
    "detector": detector,
    "ensemble_training": ensemble_training,
    "hunt_scaling": hunt_scaling,
    "jet_outliers": jet_outliers,
    "lhco": lhco,
    "null_searches": null_searches,
    "outlier_speed": outlier_speed,
    "outliers": outliers,
    "ranode": ranode,
    "redrawn_crossfits": redrawn_crossfits,
    "resonant": resonant,
    "simulate": simulate,
    "spurious": spurious,
    "streaming": streaming,
    "tau_jets": tau_jets,
    "toys": toys,
    "vae_study": vae_study,
}

if __name__ == "__main__":
    main()
