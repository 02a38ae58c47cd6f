"""Windows: closed forms of single windows and invariants of scans."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novum.errors import WindowError
from novum.windows import Window, scan_windows, scan_windows_relative

MASSES = st.floats(500, 5000, allow_nan=False)


def test_around_gives_half_the_region_to_each_sideband():
    window = Window.around(3300, 3700)
    assert window.sidebands == ((3100, 3300), (3700, 3900))
    assert window.span == (3100, 3900)
    assert window.center == 3500
    assert str(window) == "3300-3700 GeV"


def test_around_takes_another_sideband():
    assert Window.around(3300, 3700, 50).span == (3250, 3750)


def test_intervals_are_half_open():
    window = Window.around(3300, 3700)
    m = np.array([3099.999, 3100, 3299.999, 3300, 3699.999, 3700, 3899.999, 3900])
    assert window.in_lower_sideband(m).tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
    assert window.in_signal_region(m).tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert window.in_upper_sideband(m).tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
    assert window.in_sidebands(m).tolist() == [0, 1, 1, 0, 0, 1, 1, 0]
    assert window.contains(m).tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


@given(MASSES, st.floats(1, 500), st.floats(1, 500), st.lists(st.floats(0, 7000), max_size=30))
def test_regions_split_the_window_without_overlap(low, width, side, masses):
    window = Window.around(low, low + width, side)
    edges = [low, low + width, *window.span]
    m = np.array([*masses, *edges])
    parts = np.stack(
        [window.in_lower_sideband(m), window.in_signal_region(m), window.in_upper_sideband(m)]
    )
    np.testing.assert_array_equal(parts.sum(axis=0), window.contains(m).astype(int))
    np.testing.assert_array_equal(window.in_sidebands(m), parts[0] | parts[2])


def test_nan_is_in_no_region():
    assert not Window.around(3300, 3700).contains(np.array([np.nan])).any()


@pytest.mark.parametrize(
    ("low", "high", "sidebands", "message"),
    [
        (3700, 3300, ((3100, 3700), (3300, 3900)), "signal region is empty.*3700.*3300"),
        (3300, 3300, ((3100, 3300), (3300, 3900)), "signal region is empty"),
        (3300, 3700, ((3300, 3300), (3700, 3900)), "sideband on both sides"),
        (3300, 3700, ((3100, 3300), (3700, 3700)), "sideband on both sides"),
        (3300, 3700, ((3300, 3100), (3700, 3900)), "sideband on both sides"),
        (3300, 3700, ((3000, 3200), (3700, 3900)), "do not touch"),
        (3300, 3700, ((3100, 3300), (3800, 3900)), "do not touch"),
        (math.nan, 3700, ((3100, 3300), (3700, 3900)), "finite"),
        (3300, math.inf, ((3100, 3300), (math.inf, math.inf)), "finite"),
    ],
)
def test_impossible_windows_are_refused(low, high, sidebands, message):
    with pytest.raises(WindowError, match=message) as caught:
        Window(low, high, sidebands)
    assert caught.value.value is not None


def test_the_lhc_olympics_scan():
    windows = scan_windows((2700, 4900), 400, 200, 200)
    assert [w.center for w in windows] == [3100, 3300, 3500, 3700, 3900, 4100, 4300, 4500]
    assert windows[2] == Window(3300, 3700, ((3100, 3300), (3700, 3900)))


@given(
    low=MASSES,
    length=st.floats(10, 5000),
    width=st.floats(5, 1000),
    step=st.floats(5, 1000),
    side=st.floats(5, 1000),
)
def test_a_linear_scan_fills_its_range(low, length, width, step, side):
    high = low + length
    if length < width + 2 * side:
        with pytest.raises(WindowError, match="no window of"):
            scan_windows((low, high), width, step, side)
        return
    windows = scan_windows((low, high), width, step, side)
    slack = 1e-6
    assert windows[0].span[0] == pytest.approx(low)
    assert windows[-1].span[1] <= high + slack
    assert windows[-1].span[1] + step > high - slack  # the next one would not fit
    for i, w in enumerate(windows):
        assert w.high - w.low == pytest.approx(width)
        assert w.low - w.span[0] == pytest.approx(side)
        assert w.span[1] - w.high == pytest.approx(side)
        assert w.center == pytest.approx(windows[0].center + i * step)


@pytest.mark.parametrize("bad", [0, -1, math.nan])
@pytest.mark.parametrize("name", ["width", "step", "sideband"])
def test_a_linear_scan_refuses_lengths_that_are_not_positive(name, bad):
    lengths = {"width": 400, "step": 200, "sideband": 200, name: bad}
    with pytest.raises(WindowError, match=f"the {name} of a scan must be positive"):
        scan_windows((2000, 6000), **lengths)


RELATIVE = st.floats(0.02, 0.5)


@given(low=MASSES, factor=st.floats(1.05, 5), width=RELATIVE)
def test_a_relative_scan_lies_on_one_geometric_grid(low, factor, width):
    high = low * factor
    half = math.log((1 + width / 2) / (1 - width / 2)) / 2
    fits = math.log(factor) / half
    if fits < 4 - 1e-6:
        with pytest.raises(WindowError, match="no window of relative width"):
            scan_windows_relative((low, high), width)
        return
    if fits < 4 + 1e-6:
        return  # within rounding of one window
    windows = scan_windows_relative((low, high), width)
    slack = 1e-9 * high
    # stays inside, and one more would not
    assert windows[0].span[0] == pytest.approx(low, rel=1e-12)
    assert windows[-1].span[1] <= high + slack
    assert windows[-1].span[1] * math.exp(half) > high - slack
    for w in windows:
        assert (w.high - w.low) / w.center == pytest.approx(width)
        assert w.span[0] < w.low < w.high < w.span[1]
        for edge in (*w.span, w.low, w.high):
            steps = math.log(edge / low) / half
            assert steps == pytest.approx(round(steps), abs=1e-6)
    for left, right in itertools.pairwise(windows):
        # half overlap in log m; shared edges are the same number, not merely close
        assert right.low == pytest.approx(math.sqrt(left.low * left.high))
        assert right.span[0] == left.low
        assert right.sidebands[1][0] == right.high
        assert left.sidebands[1][1] == right.high


@given(width=RELATIVE, seed=st.integers(0, 1000))
def test_every_mass_in_the_middle_of_a_relative_scan_is_in_two_signal_regions(width, seed):
    windows = scan_windows_relative((500, 9000), width)
    if len(windows) < 3:
        return
    m = np.random.default_rng(seed).uniform(windows[1].low, windows[-2].high, 50)
    counts = sum(w.in_signal_region(m).astype(int) for w in windows)
    assert set(counts.tolist()) == {2}


@pytest.mark.parametrize("width", [0, 1, -0.1, 2, math.nan])
def test_a_relative_scan_refuses_other_widths(width):
    with pytest.raises(WindowError, match="relative width must be between 0 and 1"):
        scan_windows_relative((1000, 5000), width)


@pytest.mark.parametrize("m_range", [(0, 5000), (-10, 5000), (5000, 1000), (1000, 1000)])
def test_a_relative_scan_needs_a_positive_rising_range(m_range):
    with pytest.raises(WindowError, match="0 < low < high"):
        scan_windows_relative(m_range, 0.1)
