"""Citations and the words for numbers."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import pytest

from novum.report import bibtex
from novum.report.cite import _known, references
from novum.report.words import clean, count, number, p_value, signed, with_error
from novum.search.result import SearchResult
from novum.statistics.pvalue import PValue

Make = Callable[..., SearchResult]


def test_every_entry_of_the_bibliography_is_read() -> None:
    text = files("novum.report").joinpath("references.bib").read_text(encoding="utf-8")
    known = _known()
    assert len(known) == text.count("\n@") + 1
    assert text.count("{") == text.count("}")
    for reference in known.values():
        assert reference.author
        assert reference.title
        assert not set("{}\\") & set(reference.author + reference.title + reference.where)


def test_methods_come_first_then_the_tools(make: Make) -> None:
    result = make(references=("1902.02634", "1902.02634", "2101.08320", "hep-ph/0610001", "a{b}"))
    text = bibtex(result)
    assert text.startswith("@article{1902.02634,")
    assert text.count("Extending the search for new resonances") == 1
    assert "@misc{2101.08320,\n  eprint = {2101.08320}," in text
    assert "eprint = {hep-ph/0610001}" in text
    assert "@misc{ab," in text
    assert text.count("{") == text.count("}")
    for tool in ("scikit-learn", "iminuit", "numpy", "scipy", "matplotlib", "mplhep"):
        assert f"{{{tool}," in text
    assert references(result)[0].url == "https://arxiv.org/abs/1902.02634"
    assert references(result)[4].url is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (number(3.07e-13), "3.07 × 10⁻¹³"),
        (number(123456.0), "123456"),
        (number(-0.5), "−0.5"),
        (count(19870), "19\u202f870"),
        (count(2.5), "2.5"),
        (signed(None), "—"),
        (signed(-1.234), "−1.23"),
        (with_error(49.6, 6.24), "49.6 ± 6.2"),
        (p_value(None), "—"),
        (p_value(PValue.from_toys(0, 9999, "toys")), "≤ 0.0001"),
        (p_value(PValue(0.02, 0.001, "toys"), relation=True), "= 0.02 ± 0.001"),
        (p_value(PValue(0.0, 0.0, "on/off")), "< 10⁻³⁰⁰"),
        (clean("a\n b\x07", 3), "a b"[:2] + "…"),
    ],
)
def test_words(found: str, expected: str) -> None:
    assert found.replace("\u00a0", " ") == expected
