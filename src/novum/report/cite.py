"""BibTeX for everything that took part in a search."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from novum.search.result import SearchResult

ALWAYS = ("scikit-learn", "iminuit", "numpy", "scipy", "matplotlib", "mplhep")
_ARXIV = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?")
_ENTRY = re.compile(r"@\w+\{(?P<key>[^,\s]+),\n(?P<body>.*?)^\}", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^ {2}(\w+) = \{(.*)\},$", re.MULTILINE)
_PLAIN = {
    r"{\"a}": "ä",
    r"{\"u}": "ü",
    r"{\'e}": "é",
    r"$\sqrt{s} =$": "√s =",
    r"\&": "&",
    "--": "–",
    "{": "",
    "}": "",
}


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography; `url` is None where there is nothing to link to."""

    key: str
    bibtex: str
    author: str
    title: str
    where: str
    url: str | None


def bibtex(result: SearchResult) -> str:
    """BibTeX entries of the methods that ran and of the tools behind them.

    Parameters
    ----------
    result : SearchResult
        Its `references` name the methods; tools are always cited.

    Returns
    -------
    str
        Entries in the order of the references, then the tools. A reference that novum does not
        know becomes a minimal entry.
    """
    return "\n\n".join(r.bibtex for r in references(result)) + "\n"


def references(result: SearchResult) -> tuple[Reference, ...]:
    """The bibliography of a search, without repetitions."""
    return bibliography((*result.references, *ALWAYS))


def bibliography(
    keys: Iterable[str], titles: Mapping[str, str] | None = None
) -> tuple[Reference, ...]:
    """What is cited under these keys, without repetitions; `titles` of what novum does not know."""
    known = _known()
    found = (known[key] if key in known else _unknown(key) for key in dict.fromkeys(keys))
    named = titles or {}
    return tuple(
        r if r.key in known else replace(r, title=named.get(r.key, r.title)) for r in found
    )


@cache
def _known() -> dict[str, Reference]:
    text = files("novum.report").joinpath("references.bib").read_text(encoding="utf-8")
    return {m["key"]: _read(m["key"], m.group(0)) for m in _ENTRY.finditer(text)}


def _read(key: str, entry: str) -> Reference:
    f = {name: _plain(value) for name, value in _FIELD.findall(entry)}
    journal = " ".join(f[k] for k in ("journal", "booktitle", "publisher", "volume") if k in f)
    where = ", ".join(part for part in (journal, f.get("pages"), f.get("year")) if part)
    url = None
    if "eprint" in f:
        url = f"https://arxiv.org/abs/{f['eprint']}"
    elif "doi" in f:
        url = f"https://doi.org/{f['doi']}"
    return Reference(key, entry, _authors(f["author"]), f["title"], where, url)


def _unknown(key: str) -> Reference:
    if not _ARXIV.fullmatch(key):
        safe = re.sub(r"[^\w.:/ -]", "", key).strip() or "unnamed"
        name = re.sub(r"\s+", "-", safe)
        return Reference(key, f"@misc{{{name},\n  title = {{{safe}}},\n}}", "", safe, "", None)
    entry = f"@misc{{{key},\n  eprint = {{{key}}},\n  archivePrefix = {{arXiv}},\n}}"
    return Reference(key, entry, "", f"arXiv:{key}", "", f"https://arxiv.org/abs/{key}")


def _plain(value: str) -> str:
    for tex, text in _PLAIN.items():
        value = value.replace(tex, text)
    return value


def _authors(field: str) -> str:
    names = [" ".join(reversed(name.split(", ", 1))) for name in field.split(" and ")]
    if len(names) > 4 or "others" in names:
        return f"{names[0]} et al."
    return ", ".join(names)
