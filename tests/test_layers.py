"""Import discipline that only running code can show; `lint-imports` checks the rest."""

import json
import subprocess
import sys

import pytest

from novum.cli.app import app

LOADED = "\nimport json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
WALK = """
import pkgutil, importlib
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(package.__path__, {package!r} + '.'):
    if not module.name.endswith('__main__') and not module.name.startswith({needing_torch!r}):
        importlib.import_module(module.name)
"""
RUN = """
import contextlib, io, sys
from novum.cli import main
said = io.StringIO()
for words in {calls!r}:
    sys.argv = ['novum', *words]
    with contextlib.redirect_stdout(said):
        try:
            main()
        except SystemExit as end:
            assert not end.code, words
assert len(said.getvalue()) > 300 * len({calls!r})
"""
# The only modules that import torch when they are imported.
NEEDING_TORCH = ("novum.nn.", "novum.training.")
COMMANDS = [name for name in app if not name.startswith("-")]
HELP = RUN.format(calls=[["--help"], *([name, "--help"] for name in COMMANDS)])
METHODS = RUN.format(calls=[["methods"]])


def loaded(code: str) -> set[str]:
    """Top-level packages in a fresh interpreter after `code`."""
    run = subprocess.run(
        [sys.executable, "-c", code + LOADED], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("novum", {"torch"}),
        ("novum.classifiers", {"torch"}),
        ("novum.statistics", {"sklearn", "torch", "joblib"}),
        ("novum.io", {"sklearn", "torch", "matplotlib"}),
    ],
)
def test_importing_every_module_of_a_package_loads_nothing_forbidden(package, forbidden):
    code = WALK.format(package=package, needing_torch=NEEDING_TORCH)
    assert not loaded(code) & forbidden


@pytest.mark.parametrize(
    "code",
    ["import novum", "import novum.classifiers, novum.training", "import novum.cli", HELP, METHODS],
    ids=["import", "classifiers", "cli", "help of every command", "methods"],
)
def test_a_quick_start_loads_nothing_heavy(code):
    assert {"hunt", "methods"} <= set(COMMANDS)
    assert not loaded(code) & {"torch", "sklearn", "matplotlib", "pyarrow", "scipy"}
