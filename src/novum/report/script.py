"""The two scripts of the page, and the policy that lets the browser run these and no other."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SCRIPT_FILE = "report.js"


@dataclass(frozen=True)
class Scripts:
    """What the page carries.

    Attributes
    ----------
    own : str
        The page's own script.
    plotly : str
        plotly.js, gzip in base64; the own script unpacks it into a script element.
    policy : str
        Content security policy: nothing is loaded, and only these two scripts run, by hash.
    """

    own: str
    plotly: str
    policy: str


@cache
def scripts() -> Scripts:
    """The scripts; equal versions of plotly give equal bytes."""
    own = _text("novum.report", "templates", SCRIPT_FILE)
    plotly = _text("plotly", "package_data", "plotly.min.js")
    policy = (
        f"default-src 'none'; script-src {_source(own)} {_source(plotly)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    packed = gzip.compress(plotly.encode("utf-8"), compresslevel=9, mtime=0)
    return Scripts(own, base64.b64encode(packed).decode("ascii"), policy)


def _text(package: str, *path: str) -> str:
    """Text of a packaged file with the line ends that the browser hashes."""
    text = files(package).joinpath(*path).read_bytes().decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
