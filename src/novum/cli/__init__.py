"""Command line: parse, call one function, print or write."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``novum`` command; errors raised on purpose print one line."""
    from novum.cli.app import run

    sys.exit(run(sys.argv[1:]))
