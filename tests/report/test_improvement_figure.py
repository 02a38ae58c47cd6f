"""Total improvements are drawn as they are recorded, and names are no mathematics."""

import matplotlib as mpl
import numpy as np
import pytest

from novum.errors import OutputError
from novum.evaluation import (
    SignalRow,
    TotalImprovements,
    compare_improvements,
    read_signal_rows,
)
from novum.report.improvement_figure import (
    MOST_MODELS,
    NOT_MEASURED,
    improvements,
    write_improvements,
)
from novum.report.style import to_bytes


def rows(model: str, *eps_s: float | None) -> list[SignalRow]:
    return [SignalRow(f"s{i}", model, "1", 0.5, (e, 0.0, 0.0)) for i, e in enumerate(eps_s)]


@pytest.fixture(scope="module")
def three() -> list[SignalRow]:
    last = [SignalRow("s0", "bare", "1", 0.5, (None, None, None))]
    return [*rows("$x_{", 0.5, 0.0, 0.3, 0.2), *rows("ours", 0.4, 0.1, 0.2), *last]


def test_every_signal_is_a_point_and_zero_is_at_the_edge(three):
    before = dict(mpl.rcParams)
    figure = improvements(compare_improvements(three, ["ours"]), "dark")
    assert dict(mpl.rcParams) == before
    (ax,) = figure.axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["$x_{", "ours", "bare"]
    points = {m: [x for x in ax.lines if x.get_marker() == m] for m in ("o", "D", "<")}
    np.testing.assert_allclose(points["o"][0].get_xdata(), [2, 3, 5])
    np.testing.assert_allclose(points["D"][0].get_xdata(), [1, 2, 4])
    edges = np.concatenate([line.get_xdata() for line in points["<"]])
    assert len(edges) == 1
    assert ax.get_xlim()[0] < edges[0] < 1
    medians = [x.get_xdata()[0] for x in ax.lines if len(x.get_xdata()) == 2 and x.get_lw() == 2]
    np.testing.assert_allclose(medians, [2.5, 2])
    assert NOT_MEASURED in [t.get_text() for t in ax.texts]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "from scores",
        "from result rows",
    ]


def test_equal_records_give_equal_bytes_and_one_kind_needs_no_key(three):
    totals = compare_improvements(three)
    assert improvements(totals).axes[0].get_legend() is None
    assert to_bytes(improvements(totals), "svg") == to_bytes(improvements(totals), "svg")


def test_of_very_many_models_the_best_and_ours_are_drawn():
    many = [r for i in range(MOST_MODELS + 5) for r in rows(f"m{i:02}", 0.9 - 0.01 * i)]
    totals = compare_improvements([*many, *rows("ours", 0.01)], ["ours"])
    ax = improvements(totals).axes[0]
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == [*(f"m{i:02}" for i in range(MOST_MODELS - 1)), "ours"]
    assert f"truth level, best {MOST_MODELS} of {MOST_MODELS + 6}" in [
        t.get_text() for t in ax.texts
    ]


def test_the_files(three, tmp_path):
    totals = compare_improvements(three, ["ours"], "1")
    write_improvements(totals, three, tmp_path / "out")
    assert read_signal_rows(tmp_path / "out" / "dark_machines.csv") == tuple(three)
    text = (tmp_path / "out" / "total_improvement.json").read_bytes()
    assert TotalImprovements.from_json(text) == totals
    figures = tmp_path / "out" / "figures"
    assert (figures / "total_improvement.png").read_bytes()[:4] == b"\x89PNG"
    assert (figures / "total_improvement.pdf").read_bytes()[:5] == b"%PDF-"
    with pytest.raises(OutputError, match="exists already"):
        write_improvements(totals, three, tmp_path / "out")
