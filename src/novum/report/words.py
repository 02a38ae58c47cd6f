"""Numbers and names as text, for the page and for the figures."""

from __future__ import annotations

from novum.statistics.pvalue import PValue

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST = 1e-300
_NULLS = {
    "sampler": "independent events drawn by a background sampler",
    "sidebands": "observed features, each event with a mass drawn anew from what the sidebands say",
    "file": "background events of a file that the user gave",
}


def clean(text: str, most: int | None = None) -> str:
    """One printable line of `text`, cut to `most` characters."""
    line = " ".join(printable(text).split())
    if most is not None and len(line) > most:
        return line[: most - 1] + "…"
    return line


def printable(text: str) -> str:
    """`text` with U+FFFD for control, direction-changing and unpaired surrogate characters.

    They could damage the XML of a figure or reorder what a reader sees.
    """
    return "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)


def number(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits; far from one, a power of ten in superscript."""
    whole = 10**digits <= abs(value) < 1e6
    text = f"{value:.0f}" if whole else f"{value:.{digits}g}"
    if "e" not in text:
        return text.replace("-", "−")
    mantissa, exponent = text.split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{mantissa}\u00a0×\u00a0{power}".replace("-", "−")


def count(value: float) -> str:
    """A number of events: whole where it is whole, else one decimal; thin spaces in thousands."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.replace(",", "\u202f").replace("-", "−")


def with_error(value: float, error: float) -> str:
    """``value ± error``, both to the decimals that the error deserves."""
    decimals = 0 if error >= 10 else 1 if error >= 1 else 2
    text = f"{value:,.{decimals}f}\u00a0±\u00a0{error:,.{decimals}f}"
    return text.replace(",", "\u202f").replace("-", "−")


def signed(z: float | None, digits: int = 2) -> str:
    """A significance, or an em dash where there is none."""
    return "—" if z is None else f"{z:.{digits}f}".replace("-", "−")


def p_value(p: PValue | None, relation: bool = False) -> str:
    """A p-value with its error; ``relation`` puts "=" before one that is not a bound."""
    if p is None:
        return "—"
    if p.is_bound:
        return f"≤\u00a0{number(p.value, 2)}"
    if p.value < _SMALLEST:
        return "<\u00a010⁻³⁰⁰"
    text = number(p.value, 3)
    if p.error:
        text = f"{text}\u00a0±\u00a0{number(p.error, 2)}"
    return f"=\u00a0{text}" if relation else text


def percent(share: float) -> str:
    """A background efficiency in per cent."""
    return f"{number(100 * share)}\u202f%"


def p_interval(p: PValue | None) -> str:
    """Clopper–Pearson 68 % interval of a p-value made by counting; empty where there is none."""
    return "" if p is None or p.interval is None else bounds(*p.interval)


def bounds(low: float, high: float) -> str:
    """A 68 % interval."""
    return f"{number(low, 2)} to {number(high, 2)}"


def null_data(kind: str) -> str:
    """How background-only data were made."""
    return _NULLS.get(kind, kind)


def interval(low: float, high: float) -> str:
    """A mass range in GeV, without the unit."""
    return f"{low:.6g}–{high:.6g}" if high < 100 else f"{low:.0f}–{high:.0f}"
