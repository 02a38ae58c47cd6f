"""The words of a command line before they are parsed: lists, ``--config``, ``--method.X``."""

from __future__ import annotations

from typing import Any

from novum.errors import ConfigError
from novum.search.config import OPTION_KINDS, RUN_KEYS, HuntConfig, read_config

_LISTS = ("--features", "--score", "--strengths", "--cut", "--columns")  # written A,B,C
_COMMA_SEPARATED = (*_LISTS, "--window", "--centers", "--fit-range")


def options_of(kind: str) -> str:
    """What ``--classifier.NAME`` is called by the settings: ``--classifier-options.NAME``."""
    return f"--{kind}-options."


def name_options(tokens: list[str]) -> list[str]:
    """``--classifier.max-features V`` is what the settings call classifier_options."""
    starts = {f"--{kind}.": options_of(kind) for kind in OPTION_KINDS}
    return [
        next(
            (full + t.removeprefix(start) for start, full in starts.items() if t.startswith(start)),
            t,
        )
        for t in tokens
    ]


def split_commas(tokens: list[str]) -> list[str]:
    """``--features a,b`` becomes ``--features a --features b``; pairs become two words."""
    out: list[str] = []
    for i, token in enumerate(tokens):
        name, equals, value = token.partition("=")
        if equals and name in _COMMA_SEPARATED:
            out += [name, *_words(name, value)]
        elif i and tokens[i - 1] in _COMMA_SEPARATED:
            out += _words(tokens[i - 1], token)
        else:
            out.append(token)
    return out


def _words(option: str, value: str) -> list[str]:
    # The comma of an expression such as Jet_pt[:,0] or hypot(a, b) separates nothing.
    parts = [part.strip() for part in _split_outside(value) if part.strip()]
    if option in _LISTS:
        return [word for part in parts for word in (option, part)][1:]
    return parts


def _split_outside(value: str) -> list[str]:
    """Parts between commas that are in no brackets."""
    parts, depth = [""], 0
    for letter in value:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def take_config(tokens: list[str]) -> tuple[list[str], dict[str, Any] | None]:
    """Take ``--config FILE`` out of the words; its keys are checked against the settings."""
    words = [
        t
        for token in tokens
        for t in (token.split("=", 1) if token.startswith("--config=") else [token])
    ]
    if "--config" not in words:
        return words, None
    if words.count("--config") > 1:
        raise ConfigError("--config: give one file")
    at = words.index("--config")
    if at + 1 == len(words):
        raise ConfigError("--config: name a YAML or JSON file")
    path = words[at + 1]
    values = read_config(path)
    settings = {key: value for key, value in values.items() if key not in RUN_KEYS}
    HuntConfig().with_values(settings, path)
    words = words[:at] + words[at + 2 :]
    return _merge_options(words, values), {k.replace("_", "-"): v for k, v in values.items()}


def _merge_options(words: list[str], values: dict[str, Any]) -> list[str]:
    """Add the file's options of members to those that the words set, which win."""
    for kind in OPTION_KINDS:
        start = options_of(kind)
        set_here = {
            w.removeprefix(start).partition("=")[0].replace("-", "_")
            for w in words
            if w.startswith(start)
        }
        if set_here:
            words = words + [
                f"{start}{name}={_as_word(value)}"
                for name, value in values.pop(f"{kind}_options", {}).items()
                if name.replace("-", "_") not in set_here
            ]
    return words


def _as_word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def demo_settings(words: list[str]) -> dict[str, Any] | None:
    """What ``hunt --demo`` sets where neither an option nor a config file does."""
    if words[:1] != ["hunt"] or "--demo" not in words:
        return None
    from novum.search.demo import DEMO_SETTINGS

    return DEMO_SETTINGS
