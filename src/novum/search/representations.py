"""Representations of a cloud that make the rows of X: images or clouds of jets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from novum.errors import ConfigError, FileFormatError
from novum.outlier.base import Detector
from novum.physics.jet_clouds import JetClouds
from novum.physics.jet_images import JetImages
from novum.physics.jet_preprocessing import STEPS

Representation = JetImages | JetClouds

KINDS: dict[str, type[JetImages] | type[JetClouds]] = {
    cls.kind: cls for cls in (JetImages, JetClouds)
}


def one_of(image: JetImages | None, points: JetClouds | None) -> Representation | None:
    """The one that is given.

    Raises
    ------
    ConfigError
        If both are.
    """
    if image is not None and points is not None:
        raise ConfigError("give options of images or of points, not of both")
    return points if image is None else image


def representation_for(
    detector: Detector, given: Representation | None = None
) -> Representation | None:
    """What a detector reads: the given one, or by default the kind that it is made for.

    Raises
    ------
    ConfigError
        If it is made for another kind.
    """
    if given is None:
        return KINDS[detector.takes]() if detector.takes in KINDS else None
    if detector.takes not in ("table", given.kind):
        raise ConfigError(
            f"{detector.name} is made for {detector.takes} of jets and cannot read {given.kind}"
        )
    return given


def to_notes(representation: Representation | None) -> dict[str, Any] | None:
    """Words and numbers of a representation, with the steps of the preprocessing."""
    if representation is None:
        return None
    return {"kind": representation.kind, "steps": STEPS, **asdict(representation)}


def from_notes(notes: Any, detector: Detector, file: str) -> Representation | None:
    """Inverse of `to_notes`.

    Raises
    ------
    FileFormatError
        If it is damaged, of another kind than the detector reads, or of another preprocessing.
    """
    import msgspec

    if notes is None:
        if detector.takes != "table":
            raise FileFormatError(
                f"damaged model: {detector.name} reads {detector.takes} of jets, and none are "
                "described",
                file=file,
            )
        return None
    try:
        values = dict(notes)
        kind, steps = values.pop("kind"), tuple(values.pop("steps"))
        cls = KINDS[kind]
    except (KeyError, TypeError, ValueError):
        raise FileFormatError(f"damaged model: representation {notes!r}", file=file) from None
    if steps != STEPS:
        raise FileFormatError(
            f"was trained on jets that were {', '.join(map(str, steps))}; this novum makes them "
            f"{', '.join(STEPS)}: train it again",
            file=file,
            value=steps,
        )
    try:
        _require_fields(values, cls)
        return representation_for(detector, msgspec.convert(values, cls))
    except (msgspec.ValidationError, ConfigError) as error:
        raise FileFormatError(f"damaged model: representation: {error}", file=file) from None


def _require_fields(values: Mapping[str, Any], cls: type[JetImages] | type[JetClouds]) -> None:
    known = {field.name for field in fields(cls)}
    for key in sorted(known ^ set(values)):
        said = "no" if key in known else "unknown"
        raise ConfigError(f"{said} {key!r}")
