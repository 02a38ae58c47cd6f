"""Windows in the resonant variable: a signal region (SR) with a sideband (SB) on each side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from novum.errors import WindowError

Interval = tuple[float, float]

MOST_WINDOWS = 10_000  # a finer scan is a slip of the keyboard that would fill the memory


@dataclass(frozen=True, order=True)
class Window:
    """A signal region ``[low, high)`` between two adjacent sidebands.

    Parameters
    ----------
    low, high : float
        Edges of the signal region [GeV].
    sidebands : pair of (low, high)
        The lower and the upper sideband [GeV]; they touch the signal region.

    Raises
    ------
    WindowError
        If the signal region or a sideband is empty, reversed or not adjacent.
    """

    low: float
    high: float
    sidebands: tuple[Interval, Interval]

    def __post_init__(self) -> None:
        (a, b), (c, d) = self.sidebands
        edges = (a, b, self.low, self.high, c, d)
        if not all(math.isfinite(e) for e in edges):
            raise WindowError(f"window edges must be finite, got {edges}", value=edges)
        if not self.low < self.high:
            raise WindowError(
                f"the signal region is empty: low {self.low:g} is not below high {self.high:g}",
                value=(self.low, self.high),
            )
        if not (a < b and c < d):
            raise WindowError(
                f"a window needs a sideband on both sides, got {self.sidebands}",
                value=self.sidebands,
            )
        if not (math.isclose(b, self.low) and math.isclose(c, self.high)):
            raise WindowError(
                f"the sidebands {self.sidebands} do not touch the signal region "
                f"{self.low:g}-{self.high:g}",
                value=self.sidebands,
            )

    @classmethod
    def around(cls, low: float, high: float, sideband: float | None = None) -> Window:
        """Window with equally wide sidebands (default: half the signal region each) [GeV]."""
        side = (high - low) / 2 if sideband is None else sideband
        return cls(low, high, ((low - side, low), (high, high + side)))

    @property
    def center(self) -> float:
        """Middle of the signal region [GeV]."""
        return (self.low + self.high) / 2

    @property
    def span(self) -> Interval:
        """Outer edges, sidebands included [GeV]."""
        return self.sidebands[0][0], self.sidebands[1][1]

    def in_signal_region(self, m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the values inside the signal region; shape of `m`."""
        return _inside(m, (self.low, self.high))

    def in_lower_sideband(self, m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the values inside the lower sideband; shape of `m`."""
        return _inside(m, self.sidebands[0])

    def in_upper_sideband(self, m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the values inside the upper sideband; shape of `m`."""
        return _inside(m, self.sidebands[1])

    def in_sidebands(self, m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the values inside either sideband; shape of `m`."""
        return self.in_lower_sideband(m) | self.in_upper_sideband(m)

    def contains(self, m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask of the values inside the window, sidebands included; shape of `m`."""
        return _inside(m, self.span)

    def __str__(self) -> str:
        return f"{self.low:.6g}-{self.high:.6g} GeV"


def _inside(m: NDArray[np.float64], interval: Interval) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (m >= interval[0]) & (m < interval[1])
    return inside


def scan_windows(
    m_range: Interval, width: float, step: float, sideband: float
) -> tuple[Window, ...]:
    """All windows of one width that fit, sidebands included, into a mass range.

    Parameters
    ----------
    m_range : (low, high)
        Range that holds every window with its sidebands [GeV].
    width, step, sideband : float
        Signal-region width, distance of neighbouring centres and width of each sideband [GeV].

    Returns
    -------
    tuple of Window
        In rising order of mass.

    Raises
    ------
    WindowError
        If a width is not positive, no window fits, or there are more than `MOST_WINDOWS`.
    """
    for name, value in (("width", width), ("step", step), ("sideband", sideband)):
        if not value > 0:
            raise WindowError(f"the {name} of a scan must be positive, got {value:g}", value=value)
    low, high = m_range
    room = (high - low - width - 2 * sideband) / step
    if room > MOST_WINDOWS:
        raise WindowError(
            f"a scan of {low:g}-{high:g} GeV in steps of {step:g} GeV has more than {MOST_WINDOWS} "
            "windows",
            value=step,
        )
    count = math.floor(room + 1e-9) + 1
    if count < 1:
        raise WindowError(
            f"no window of {width:g} GeV with {sideband:g} GeV sidebands fits into "
            f"{low:g}-{high:g} GeV",
            value=m_range,
        )
    starts = [low + sideband + i * step for i in range(count)]
    return tuple(Window.around(s, s + width, sideband) for s in starts)


def scan_windows_relative(m_range: Interval, relative_width: float) -> tuple[Window, ...]:
    """Half-overlapping windows of constant relative width, as resonances at fixed Γ/m need.

    In log m every window spans one `relative_width`, steps by half of it, and has sidebands of
    half of it on each side, so that all edges of all windows lie on one geometric grid.

    Parameters
    ----------
    m_range : (low, high)
        Range that holds every window with its sidebands [GeV].
    relative_width : float
        Width of the signal region over its centre.

    Returns
    -------
    tuple of Window
        In rising order of mass.

    Raises
    ------
    WindowError
        If the relative width is not in (0, 1), no window fits, or there are more than
        `MOST_WINDOWS`.
    """
    low, high = m_range
    if not 0 < relative_width < 1:
        raise WindowError(
            f"the relative width must be between 0 and 1, got {relative_width:g}",
            value=relative_width,
        )
    if not 0 < low < high:
        raise WindowError(f"a relative scan needs 0 < low < high, got {m_range}", value=m_range)
    half = math.log((1 + relative_width / 2) / (1 - relative_width / 2)) / 2
    if math.log(high / low) > MOST_WINDOWS * half:
        raise WindowError(
            f"a scan of {low:g}-{high:g} GeV in windows of relative width {relative_width:g} has "
            f"more than {MOST_WINDOWS} windows",
            value=relative_width,
        )
    halves = math.floor(math.log(high / low) / half + 1e-9)
    if halves < 4:
        raise WindowError(
            f"no window of relative width {relative_width:g} fits with its sidebands into "
            f"{low:g}-{high:g} GeV",
            value=m_range,
        )
    grid = [low * math.exp(i * half) for i in range(halves + 1)]
    return tuple(
        Window(grid[i + 1], grid[i + 3], ((grid[i], grid[i + 1]), (grid[i + 3], grid[i + 4])))
        for i in range(halves - 3)
    )
