"""Progress meters are injected; the library itself prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """What long work calls to say how far it is."""

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield `items` unchanged while showing how many have passed."""
        ...

    def message(self, text: str) -> None:
        """Show one line of text."""
        ...


class NoProgress:
    """The default: shows nothing."""

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield `items` unchanged."""
        yield from items

    def message(self, text: str) -> None:
        """Show nothing."""
