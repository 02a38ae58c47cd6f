"""`Inputs`: which columns of events a detector reads, by name and in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import ConfigError, InputError, MissingColumnError
from novum.events import Cloud, Events
from novum.io import Schema, require_finite
from novum.physics.jet_images import JetImages
from novum.physics.jet_preprocessing import require_jets
from novum.search.representations import Representation

FloatArray = NDArray[np.float64]

_PLANE = ("pt", "eta", "phi")


@dataclass(frozen=True)
class Inputs:
    """Columns that make the rows of X.

    Attributes
    ----------
    features : tuple of str
        Features, in the order of X.
    cloud : str or None
        Cloud whose particles follow, each with its fields.
    fields : tuple of str
        Fields of the cloud.
    particles : int
        Particles of each event, in the order of the file; absent ones are zeros.
    representation : JetImages, JetClouds or None
        What is made of the particles, whose numbers are then the columns.
    """

    features: tuple[str, ...]
    cloud: str | None = None
    fields: tuple[str, ...] = ()
    particles: int = 0
    representation: Representation | None = None

    @classmethod
    def choose(
        cls,
        events: Events,
        features: Sequence[str] | None,
        cloud: str | None,
        representation: Representation | None = None,
    ) -> Inputs:
        """The named columns; all features where neither features nor a cloud are named.

        Raises
        ------
        MissingColumnError
            If there is no such column; the nearest are named.
        InputError
            If there is no column at all.
        ConfigError
            If a feature is named twice.
        """
        origin = events.meta.origin
        if cloud is not None and cloud not in events.clouds:
            raise MissingColumnError(cloud, events.clouds, file=origin)
        if features is None:
            features = () if cloud is not None else tuple(events.features)
        if len(set(features)) < len(features):
            raise ConfigError(f"features: a column is named twice in {', '.join(features)}")
        for name in features:
            events.column(name)
        if not features and cloud is None:
            raise InputError("there are no feature columns", file=origin)
        if cloud is None:
            return cls(tuple(features))
        values = events.clouds[cloud]
        if representation is not None:
            if features:
                raise InputError(
                    f"{representation.kind} of jets are read alone; leave out the features",
                    file=origin,
                    value=features,
                )
            for name in _PLANE:
                if name not in values.fields:
                    raise MissingColumnError(name, values.fields, file=origin)
        particles = values.values.shape[1]
        return cls(tuple(features), cloud, values.fields, particles, representation)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        if self.representation is not None:
            return tuple(f"{self.cloud} {name}" for name in self.representation.columns)
        places = range(self.particles)
        return (*self.features, *(f"{self.cloud}[{i}].{f}" for i in places for f in self.fields))

    @property
    def has_plane(self) -> bool:
        """Whether the fields of the cloud make jets: pT, η and φ are among them."""
        return set(_PLANE) <= set(self.fields)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of a file."""
        return self.features if self.cloud is None else (*self.features, self.cloud)

    def require(self, schema: Schema, file: str) -> None:
        """Raise an error that names what a file lacks, before its events are read."""
        for name in self.features:
            if name not in (*schema.columns, *schema.on_request):
                raise MissingColumnError(name, schema.columns, file=file)
        if self.cloud is not None and self.cloud not in schema.clouds:
            raise MissingColumnError(self.cloud, schema.clouds, file=file)

    def check(self, events: Events, first_row: int | None = None) -> None:
        """Refuse events that no X can be made of.

        Parameters
        ----------
        events : Events
        first_row : int, optional
            Row of the first of these events in their file, where they are only some of it.

        Raises
        ------
        MissingColumnError
            If a column is missing.
        InputError
            If a value is not finite or a jet is empty, by its row in the file; if the fields of
            the cloud are others.
        """
        require_finite(events, self.features, first_row=first_row)
        if self.cloud is None:
            return
        values, start = self._cloud_of(events).values, first_row or 0
        finite = np.isfinite(values).all(axis=(1, 2))
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise InputError(
                f"not all values are finite, the first event is that in row {row} (rows count "
                "from 0)",
                file=events.meta.origin,
                column=self.cloud,
                value=row,
            )
        if self.representation is None:
            return
        try:
            require_jets(self._plane_of(values), start)
        except InputError as error:
            raise InputError(
                str(error), file=events.meta.origin, column=self.cloud, value=error.value
            ) from None

    def table(self, events: Events) -> FloatArray:
        """X (n, d) of events, float32 of a representation and else float64.

        Raises
        ------
        MissingColumnError
            If a column is missing.
        InputError
            If a value is not finite, a jet is empty, or the fields of the cloud are others.
        """
        self.check(events)
        parts = [events.column(name)[:, None] for name in self.features]
        if self.cloud is not None:
            parts.append(self._flat_cloud(events))
        return np.concatenate(parts, axis=1)

    def _cloud_of(self, events: Events) -> Cloud:
        origin, name = events.meta.origin, str(self.cloud)
        if name not in events.clouds:
            raise MissingColumnError(name, events.clouds, file=origin)
        cloud = events.clouds[name]
        if cloud.fields != self.fields:
            raise InputError(
                f"has the fields {cloud.fields}, the model was trained on {self.fields}",
                file=origin,
                column=name,
                value=cloud.fields,
            )
        return cloud

    def _plane_of(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        return values[..., [self.fields.index(field) for field in _PLANE]]

    def _flat_cloud(self, events: Events) -> FloatArray:
        values = self._cloud_of(events).values
        if self.representation is not None:
            return self._made(self.representation, events)
        kept = values[:, : self.particles]
        out = np.zeros((len(kept), self.particles, len(self.fields)))
        out[:, : kept.shape[1]] = kept
        return out.reshape(len(out), -1)

    def _made(self, make: Representation, events: Events) -> FloatArray:
        made = make(self._plane_of(self._cloud_of(events).values))
        rows = made.reshape(len(made), -1)
        empty = ~rows.any(axis=1)
        if isinstance(make, JetImages) and empty.any():
            odd = int(events.id[np.argmax(empty)])  # its row in the file is not known here
            raise InputError(
                f"the image of event {odd} (its id, or its row where the file has none) has no "
                f"pixel with pT: the jet is wider than {make.half_width:g} on all sides",
                file=events.meta.origin,
                column=self.cloud,
                value=odd,
            )
        return np.asarray(rows)  # float32 is enough for a pixel or a particle
