"""Import discipline that only running code can show; `lint-imports` checks the rest."""

import json
import subprocess
import sys

import pytest

LOADED = "\nimport json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
WALK = """
import pkgutil, importlib
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(package.__path__, {package!r} + '.'):
    if not module.name.endswith('__main__'):
        importlib.import_module(module.name)
"""
HELP = """
import contextlib, io, sys
from novum.cli import main
sys.argv = ['novum', '--help']
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""


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
        ("novum.statistics", {"sklearn", "torch", "joblib"}),
        ("novum.io", {"sklearn", "torch", "matplotlib"}),
    ],
)
def test_importing_every_module_of_a_package_loads_nothing_forbidden(package, forbidden):
    assert not loaded(WALK.format(package=package)) & forbidden


@pytest.mark.parametrize("code", ["import novum", HELP], ids=["import", "help"])
def test_a_quick_start_loads_nothing_heavy(code):
    assert not loaded(code) & {"torch", "sklearn", "matplotlib", "pyarrow", "scipy"}
