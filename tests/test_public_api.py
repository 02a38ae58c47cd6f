"""The public surface: a change here is a change for users and belongs in the CHANGELOG."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module

import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression

import novum
from novum.cli.app import run
from novum.search.config import HuntConfig

NAMES = {
    "novum.calibration": {
        "Calibration",
        "InjectionStudy",
        "TrainedLimit",
        "Variation",
        "calibrate",
        "inject_and_search",
        "retrained_limit",
        "trained_limit",
    },
    "novum": {
        "Events",
        "HuntConfig",
        "NovumError",
        "SearchResult",
        "Window",
        "__version__",
        "calibrate",
        "hunt",
        "open_events",
        "toy_dijets",
    },
    "novum.outlier": {
        "Autoencoder",
        "CloudAutoencoder",
        "Combined",
        "ConvAutoencoder",
        "DeepSVDD",
        "DirichletVAE",
        "FlowDensity",
        "GaussianMixture",
        "GaussianMixtureVAE",
        "IsolationForest",
        "KMeans",
        "KernelDensity",
        "Mahalanobis",
        "NormalisedAutoencoder",
        "PCA",
        "RecurrentAutoencoder",
        "VariationalAutoencoder",
        "WassersteinNormalisedAutoencoder",
    },
    "novum.search": {
        "OnnxCheck",
        "OnnxExport",
        "OutlierModel",
        "export_onnx",
        "fit_outlier",
        "LatentScan",
        "scan_latent",
        "Explanation",
        "explain",
        "score_file",
        "BumpHuntConfig",
        "BumpHuntResult",
        "FrozenLimit",
        "LimitConfig",
        "frozen_limit",
        "HuntConfig",
        "Scores",
        "SearchResult",
        "bumphunt",
        "crossfit",
        "hunt",
        "read_config",
        "select",
        "thresholds",
    },
    "novum.statistics": {
        "BatchFit",
        "BatchModel",
        "BumpHunterResult",
        "BumpScan",
        "Dijet",
        "ExpPolynomial",
        "Family",
        "Limit",
        "OnOffCounts",
        "OrderTest",
        "PValue",
        "PeakFit",
        "PowerExponential",
        "ScanToys",
        "ShapeTest",
        "SpectrumFit",
        "SpuriousRecord",
        "SpuriousSignal",
        "alternatives_to",
        "asimov_signal",
        "bump_hunter",
        "bump_scan",
        "correlated_counts",
        "effective_spectrum",
        "family",
        "final_fit",
        "find_range",
        "fit_batch",
        "fit_peak",
        "fit_spectrum",
        "gross_vitells",
        "minuit_fit",
        "on_off_exact_p",
        "on_off_p",
        "on_off_scan_toys",
        "on_off_workspace",
        "on_off_z",
        "scan_toys",
        "selected_scale",
        "selected_spectrum",
        "shape_test",
        "spurious_signal",
        "transfer_spurious",
        "upper_limit",
        "validate_workspace",
        "weight_scale",
    },
    "novum.io": {
        "ColumnSummary",
        "Converted",
        "EventSource",
        "FORMATS",
        "Format",
        "InputSummary",
        "InputWarning",
        "LOCK_FILE",
        "OutputWarning",
        "Schema",
        "Spectrum",
        "atomic_folder",
        "atomic_path",
        "concatenate",
        "convert",
        "folder_lock",
        "open_events",
        "read_spectrum",
        "remove_leftovers",
        "require_finite",
        "summarise",
        "to_gev",
        "write_bytes",
        "write_chunks",
        "write_events",
        "write_text",
    },
    "novum.evaluation": {
        "MIN_BACKGROUND",
        "Comparison",
        "Decorrelation",
        "Dependence",
        "Figures",
        "Masses",
        "Method",
        "Performance",
        "Planed",
        "Sculpting",
        "SicCurve",
        "SignalRow",
        "TotalImprovement",
        "TotalImprovements",
        "TwoSample",
        "auc",
        "compare_improvements",
        "decorrelation",
        "distance_correlation",
        "evaluate",
        "mass_dependence",
        "mutual_information",
        "over_seeds",
        "plane",
        "read_signal_rows",
        "sculpting",
        "sic_curve",
        "signal_row",
        "total_improvement",
        "two_sample_test",
        "write_signal_rows",
    },
    "novum.simulation": {
        "Injection",
        "inject",
        "inject_files",
        "simulate",
        "simulate_file",
        "toy_dijets",
    },
}
COMMANDS = {
    "explain",
    "bumphunt",
    "calibrate",
    "cite",
    "compare",
    "convert",
    "evaluate",
    "export",
    "fit",
    "hunt",
    "inject",
    "inspect",
    "limits",
    "methods",
    "report",
    "scan-latent",
    "score",
    "simulate",
    "unblind",
}
HUNT_SETTINGS = {
    "--centers",
    "--classifier",
    "--classifier-options",
    "--method-options",
    "--density",
    "--density-options",
    "--eps-b",
    "--family",
    "--features",
    "--fit-range",
    "--folds",
    "--mass",
    "--mass-unit",
    "--members",
    "--method",
    "--n-params",
    "--n-toys",
    "--relative-width",
    "--repeats",
    "--seed",
    "--sideband",
    "--sqrt-s",
    "--step",
    "--width",
    "--window",
}
HUNT_RUN = {
    "--blind",
    "--calibration",
    "--config",
    "--demo",
    "--events",
    "--jobs",
    "--output",
    "--probe",
    "--resume",
}
RESULT_KEYS = {
    "best_window",
    "calibration",
    "config",
    "config_hash",
    "evaluation",
    "global_p",
    "gross_vitells",
    "inclusive_global_p",
    "input",
    "references",
    "schema",
    "schema_version",
    "seed",
    "selected_events",
    "spectrum",
    "unblinded",
    "versions",
    "warnings",
    "windows",
}


@pytest.mark.parametrize("module", NAMES)
def test_public_names(module):
    package = import_module(module)
    assert set(package.__all__) == NAMES[module]
    assert NAMES[module] <= set(dir(package))


@pytest.mark.parametrize(
    ("module", "name"),
    [(m, n) for m, names in NAMES.items() for n in sorted(names) if n != "__version__"],
)
def test_every_public_name_resolves(module, name):
    value = getattr(import_module(module), name)
    if callable(value):
        assert value.__doc__, "public callables are documented"


@pytest.mark.parametrize("module", NAMES)
def test_other_names_are_attribute_errors(module):
    with pytest.raises(AttributeError, match="no_such_name"):
        import_module(module).no_such_name  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert novum.__version__ == version("novum")


def help_of(capsys, *words: str) -> str:
    assert run([*words, "--help"]) == 0
    return capsys.readouterr().out


def test_the_commands(capsys):
    text = help_of(capsys)
    listed = re.findall(r"^[│ ]*(\w[\w-]*)\s{2,}\S", text.partition("Commands")[2], re.MULTILINE)
    assert set(listed) == COMMANDS


def test_the_options_of_hunt(capsys):
    options = set(re.findall(r"--[a-z][a-z0-9-]*", help_of(capsys, "hunt")))
    assert options - {"--help", "--version"} == HUNT_SETTINGS | HUNT_RUN


def test_the_options_of_hunt_are_the_fields_of_its_config():
    derived = {f"--{f.name.replace('_', '-')}" for f in fields(HuntConfig)}
    assert derived == HUNT_SETTINGS


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api") / "out"
    novum.hunt(
        novum.toy_dijets(6000, 60, seed=1),
        mass="mjj",
        features=["mj_low", "delta_mj", "tau21_low"],
        classifier=LogisticRegression(),
        width=400,
        centers=(3300, 3700),
        repeats=1,
        folds=3,
        eps_b=0.05,
        n_toys=200,
        n_jobs=1,
        output=folder,
    )
    return folder


def test_the_top_level_of_result_json(output):
    result = json.loads((output / "result.json").read_text())
    assert set(result) == RESULT_KEYS
    assert (result["schema"], result["schema_version"]) == ("novum-search-result", 2)
    assert set(result["best_window"]) == {"low", "high"}
    assert set(result["global_p"]) == {
        "value",
        "error",
        "is_bound",
        "method",
        "n_toys",
        "calibrated",
        "interval",
    }
    assert result["global_p"]["calibrated"] is False
    assert result["global_p"]["n_toys"] == 200
    assert set(result["config"]) == {f.name for f in fields(HuntConfig)}
    assert {"p", "z", "counts", "fit", "withheld"} <= set(result["windows"][0])


def test_scores_parquet(output):
    table = pq.read_table(output / "scores.parquet")
    assert table.column_names[:4] == ["id", "window", "fold", "score"]
    assert len(table) == 3 * 6060
    ids = table.column("id").to_numpy().reshape(3, 6060)
    assert (ids == ids[0]).all()
    assert sorted(ids[0]) == list(range(6060))
    assert table.column("window").to_numpy().reshape(3, 6060)[:, 0].tolist() == [0, 1, 2]
    assert set(table.column("fold").to_pylist()) == {0, 1, 2}


LOADED = "\nimport sys; print(sorted({'torch', 'sklearn'} & set(sys.modules)))"


@pytest.mark.parametrize(
    "code",
    [
        "import novum",
        "from novum.cli.app import run; assert run(['--help']) == 0",
        "from novum.cli.app import run; assert run(['methods']) == 0",
    ],
    ids=["import", "help", "methods"],
)
def test_a_quick_start_imports_no_learning_library(code):
    done = subprocess.run(
        [sys.executable, "-c", code + LOADED], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
