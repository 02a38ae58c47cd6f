"""Meters: the one that shows nothing, and the one of work whose steps are not told."""

import io

from rich.console import Console

from novum.cli import console
from novum.progress import NoProgress


def test_items_pass_unchanged_and_lazily(capsys):
    drawn = []

    def source():
        for i in range(3):
            drawn.append(i)
            yield i

    items = NoProgress().track(source(), "work", total=3)
    assert drawn == []
    assert next(items) == 0
    assert drawn == [0]
    assert list(items) == [1, 2]
    NoProgress().message("hello")
    assert capsys.readouterr() == ("", "")


def test_a_spinner_says_what_runs_on_a_terminal_alone(monkeypatch):
    for terminal in (True, False):
        shown = Console(file=io.StringIO(), force_terminal=terminal)
        monkeypatch.setattr(console, "err", shown)
        with console.waiting("training nae"):
            pass
        assert ("training nae" in shown.file.getvalue()) == terminal
