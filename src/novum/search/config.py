"""`HuntConfig`: every choice that decides what a search finds, and nothing else.

How a search is run (worker count, output folder, resuming) is not part of it, so equal configs
mean equal results.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from novum.catalogue import typed_options
from novum.errors import ConfigError, InputError, nearest

Pair = tuple[float, float]

MIN_FIT_P = 0.01  # a masked fit below this says nothing about the background
MOST_FOLDS = 100
RUN_KEYS = ("output", "jobs", "probe", "calibration")  # in a config file, but no settings
MOST_CONFIG_TEXT = 65_536  # characters
_MOST_BRACKETS = 1000  # the time that PyYAML takes grows with the square of their depth

# Least and most of every number of things; beyond, a slip of the keyboard would fill the memory.
_WHOLE = {
    "members": (1, 1000),
    "folds": (2, MOST_FOLDS),
    "repeats": (1, 1000),
    "n_toys": (1, 10**8),
    "seed": (0, 2**63 - 1),
}

DEFAULT_DENSITY = "spline"  # what methods learn where nothing else is asked for
OPTION_KINDS = ("method", "density", "classifier")  # members that a config gives options to

# What members take but a search sets by itself.
SET_ELSEWHERE = {
    "density": "an option of the search: --density",
    "members": "an option of the search: --members",
    "random_state": "set by the search: --seed",
}


@dataclass(frozen=True)
class HuntConfig:
    """Settings of one search; the command-line options and config-file keys have these names.

    Attributes
    ----------
    mass : str
        Column of the resonant variable.
    features : tuple of str
        Columns the classifier sees, as A,B,C; never the resonant variable.
    mass_unit : str or None
        Unit of the mass column in the input: GeV, TeV or MeV. Where not given, what the file
        states, else GeV. Everything else is in GeV.
    method : str
        Name of the resonant method, as `novum methods` lists it.
    method_options : dict
        Options of the method by the names of its constructor, as `novum methods` lists them; on
        the command line --method.NAME VALUE.
    density : str or None
        Name of the density that the method learns in the sidebands, as `novum methods` lists it;
        by default spline.
    density_options : dict
        Options of the density; on the command line --density.NAME VALUE.
    classifier : str
        Name of the classifier, as `novum methods` lists it.
    members : int
        Classifiers per fold whose scores are averaged.
    classifier_options : dict
        Options of the classifier by the names of its constructor, as `novum methods` lists them; on
        the command line --classifier.NAME VALUE.
    folds : int
        Folds of the cross-fit.
    repeats : int
        Redrawn cross-fits whose counts are averaged.
    eps_b : float
        Background efficiency of the selection, fixed beforehand.
    window : (low, high) or None
        One signal region instead of a scan, as LOW,HIGH [GeV].
    relative_width : float
        Signal-region width over its centre in the default scan.
    width : float or None
        Signal-region width of a linear scan [GeV].
    step : float or None
        Distance of neighbouring centres in a linear scan [GeV]; by default half the width.
    sideband : float or None
        Width of each sideband [GeV]; by default half the width of the signal region.
    centers : (first, last) or None
        First and last centre of a linear scan, as FIRST,LAST [GeV].
    fit_range : (low, high) or None
        Range of the spectrum fit, as LOW,HIGH [GeV]; found from the data where not given.
    family : str
        Spectrum family: dijet, exp-polynomial or power-exponential.
    sqrt_s : float
        Centre-of-mass energy of the dijet family [GeV].
    n_params : int or None
        Number of parameters of the family; chosen by an F-test on masked, pre-cut data where not
        given.
    n_toys : int
        Toys of the whole scan behind the global p-value.
    seed : int
        Seed of everything random.
    """

    mass: str = ""
    features: tuple[str, ...] = ()
    mass_unit: str | None = None
    method: str = "cwola"
    method_options: dict[str, Any] = field(default_factory=dict)
    density: str | None = None
    density_options: dict[str, Any] = field(default_factory=dict)
    classifier: str = "trees"
    members: int = 2
    classifier_options: dict[str, Any] = field(default_factory=dict)
    folds: int = 5
    repeats: int = 5
    eps_b: float = 0.01
    window: Pair | None = None
    relative_width: float = 0.12
    width: float | None = None
    step: float | None = None
    sideband: float | None = None
    centers: Pair | None = None
    fit_range: Pair | None = None
    family: str = "dijet"
    sqrt_s: float = 13000.0
    n_params: int | None = None
    n_toys: int = 10000
    seed: int = 0

    def validated(self) -> HuntConfig:
        """Copy whose options have the classifier's types, after checking every value.

        Raises
        ------
        ConfigError
            Names the key and the value.
        """
        if not self.mass:
            raise ConfigError("mass: name the column of the resonant variable (--mass)")
        if not self.features:
            raise ConfigError("features: name at least one feature column (--features a,b,c)")
        if self.mass in self.features:
            raise ConfigError(
                f"features: '{self.mass}' is the resonant variable; a classifier that sees it "
                "selects a mass range, not a signal"
            )
        if len(set(self.features)) != len(self.features):
            raise ConfigError(f"features: a column is named twice in {', '.join(self.features)}")
        for key, (least, most) in _WHOLE.items():
            value = getattr(self, key)
            if value < least:
                raise ConfigError(f"{key}: must be at least {least}, got {value}")
            if value > most:
                raise ConfigError(f"{key}: must be at most {most}, got {value}")
        if not 0 < self.relative_width < 1:
            raise ConfigError(
                f"relative_width: must be between 0 and 1, got {self.relative_width:g}"
            )
        for key in ("window", "centers", "fit_range"):
            pair = getattr(self, key)
            if pair is None:
                continue
            if not (pair[0] < pair[1] or (key == "centers" and pair[0] == pair[1])):
                raise ConfigError(f"{key}: {pair[0]:g},{pair[1]:g} is empty; give LOW,HIGH")
            if not all(math.isfinite(edge) for edge in pair):
                raise ConfigError(f"{key}: {pair[0]:g},{pair[1]:g} has no end; give two numbers")
        if not 0 < self.eps_b < 0.5:
            raise ConfigError(f"eps_b: must be between 0 and 0.5, got {self.eps_b:g}")
        if self.window is not None and self.centers is not None:
            raise ConfigError("window and centers: give one window or a scan, not both")
        for key in ("width", "step", "sideband", "sqrt_s"):
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"{key}: must be positive, got {value:g}")
        if self.width is None and (self.step is not None or self.centers is not None):
            raise ConfigError("step and centers: a linear scan also needs its width (--width)")
        if self.sideband is not None and self.window is None and self.width is None:
            raise ConfigError("sideband: give it with --window or --width")
        if self.window is not None and self.width is not None:
            raise ConfigError("window and width: give one window or a scan, not both")
        return self._with_typed_options()

    def _with_typed_options(self, prefix: str = "") -> HuntConfig:
        """Options as plain data in the types of their member, so that equal ones look equal."""
        changed = {}
        for kind in OPTION_KINDS:
            key = f"{kind}_options"
            options, name = getattr(self, key), getattr(self, kind) or DEFAULT_DENSITY
            if not options:
                continue
            source = f"{prefix}{key}"
            for word in options:
                option = word.replace("-", "_")
                if option in SET_ELSEWHERE:
                    raise ConfigError(f"{source}: {option} is {SET_ELSEWHERE[option]}")
            changed[key] = _builtin(typed_options(kind, name, options, source))
        return replace(self, **changed) if changed else self

    def to_dict(self) -> dict[str, Any]:
        """Plain data, in the order of the attributes."""
        return {key: _builtin(value) for key, value in asdict(self).items()}

    def hash(self) -> str:
        """Twelve hexadecimal digits that identify the settings."""
        import hashlib

        text = json.dumps(without_empty_options(self.to_dict()), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def with_values(self, values: dict[str, Any], source: str = "config") -> HuntConfig:
        """Copy with some keys replaced, types checked.

        Raises
        ------
        ConfigError
            For an unknown key (the nearest is named) or a value of the wrong type.
        """
        import msgspec

        known = {f.name for f in fields(self)}
        for key in values:
            if key not in known:
                near = nearest(key, known)
                hint = f"; did you mean '{near[0]}'?" if near else f"; known: {sorted(known)}"
                raise ConfigError(f"{source}: unknown key '{key}'{hint}")
        try:
            plain = {key: _builtin(value) for key, value in values.items()}
            typed = msgspec.convert({**_plain(self), **plain}, HuntConfig, strict=False)
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise ConfigError(f"{source}: {error}") from None
        return typed._with_typed_options(f"{source}: ")


def without_empty_options(config: dict[str, Any]) -> dict[str, Any]:
    """Settings as digests take them: those of before there were options keep their digest."""
    late = {"density", *(f"{kind}_options" for kind in OPTION_KINDS)}
    return {k: v for k, v in config.items() if k not in late or v}


def _builtin(value: Any) -> Any:
    """NumPy scalars and arrays as Python numbers and lists, inside mappings too."""
    if isinstance(value, dict):
        return {key: _builtin(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_builtin(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _plain(config: HuntConfig) -> dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in fields(config)}


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML or JSON mapping of config keys; keys may use dashes.

    Raises
    ------
    InputError
        If the file is missing or is not a mapping in YAML or JSON.
    """
    path = Path(path)
    data = _parsed(path)
    if not isinstance(data, dict) or not all(isinstance(k, str) for k in data):
        raise InputError("a config is a mapping of option names to values", file=path)
    config = {key.replace("-", "_"): value for key, value in data.items()}
    if isinstance(config.get("features"), str):
        config["features"] = [name.strip() for name in config["features"].split(",")]
    for key in ("window", "centers", "fit_range"):
        if isinstance(config.get(key), str):
            config[key] = _numbers(config[key], key, path)
    return config


def _parsed(path: Path) -> Any:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MOST_CONFIG_TEXT + 1)
        if len(text) > MOST_CONFIG_TEXT:
            raise InputError(f"is longer than {MOST_CONFIG_TEXT} characters: no config", file=path)
        if path.suffix == ".json":
            return json.loads(text)
        if text.count("[") + text.count("{") > _MOST_BRACKETS:
            raise InputError("has too many brackets for a config", file=path)
        # A few aliases of aliases can stand for billions of values, or for themselves.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise InputError("has YAML aliases (*name), which novum does not read", file=path)
        return yaml.safe_load(text)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read the config: {error.strerror}", file=path) from None
    # The last three: what PyYAML raises for a bad value under a tag such as !!bool.
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
        KeyError,
        AttributeError,
        TypeError,
    ) as error:
        why = "too deeply nested" if isinstance(error, RecursionError) else error
        raise InputError(
            f"not valid YAML or JSON: {' '.join(str(why).split())}", file=path
        ) from None


def _numbers(text: str, key: str, path: Path) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{path}: {key} is two numbers, LOW,HIGH, not '{text}'") from None
