"""Sphinx configuration; `make docs` builds with warnings as errors."""

import os
import re
import sys
from importlib.metadata import version as _version
from pathlib import Path

from novum.catalogue import entries

HERE = Path(__file__).parent

project = "novum"
author = "the novum developers"
project_copyright = "2026, the novum developers"
release = _version("novum")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "api/generated/methods.md", "_tables"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = f"novum {release}"
nitpicky = False

# The tutorial runs when the documentation is built, in a folder of its own.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ["COLUMNS"] = "110"  # of the tables that commands print

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_default_options = {
    # scikit-learn adds these to every estimator; their text refers to its own documentation
    "exclude-members": "set_fit_request, set_score_request, set_predict_request, "
    "set_predict_proba_request, set_decision_function_request, set_transform_request",
}
autodoc_typehints = "none"  # the docstrings state types, shapes and units
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False


def _methods_table() -> str:
    rows = ["| kind | name | what it does | papers |", "| --- | --- | --- | --- |"]
    for entry in entries():
        papers = ", ".join(
            f"[arXiv:{arxiv}](https://arxiv.org/abs/{arxiv})" for arxiv, _ in entry.references
        )
        rows.append(f"| {entry.kind} | `{entry.name}` | {entry.summary} | {papers} |")
    return "\n".join(rows) + "\n"


_generated = HERE / "api" / "generated"
_generated.mkdir(parents=True, exist_ok=True)
(_generated / "methods.md").write_text(_methods_table(), encoding="utf-8")


def _join_names(app, what, name, obj, options, lines):
    """Keep ``a, b : type`` of an Attributes section together: napoleon takes a for the type."""
    section = ""
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and re.fullmatch(r"\s*-{3,}", lines[i + 1]):
            section = line.strip()
        elif section == "Attributes" and re.match(r"\w+(, \w+)+ : ", line):
            names, rest = line.split(" : ", 1)
            lines[i] = names.replace(", ", ",\u200b") + " : " + rest


def setup(app):
    app.connect("autodoc-process-docstring", _join_names, priority=100)
