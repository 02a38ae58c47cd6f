"""The members of a search, by the names in its config or as they were given."""

from __future__ import annotations

from typing import Any

from novum import catalogue
from novum.errors import ConfigError
from novum.resonant.base import ResonantMethod
from novum.search.config import DEFAULT_DENSITY, HuntConfig


def build_classifier(config: HuntConfig) -> Any:
    """The classifier that a config names, with its options."""
    options = {**config.classifier_options, "members": config.members}
    return catalogue.build("classifier", config.classifier, **options)


def build_method(config: HuntConfig) -> ResonantMethod:
    """The method that a config names, with its options and its density.

    Raises
    ------
    ConfigError
        If it takes no density and one is named, or something it needs is missing.
    """
    method: ResonantMethod = catalogue.build("method", config.method, **config.method_options)
    if config.density is not None or config.density_options:
        if "density" not in method.get_params(deep=False):
            raise ConfigError(f"density: the method '{config.method}' has none")
        name = config.density or DEFAULT_DENSITY
        method.set_params(density=catalogue.build("density", name, **config.density_options))
    if hasattr(method, "check_ready"):
        method.check_ready()
    return method


def describe(member: Any) -> str:
    """A classifier or a method as its constructor would be written, on one line."""
    return " ".join(repr(member).split())
