"""ROC and SIC of several methods: every state is drawn, and names are no mathematics."""

import matplotlib as mpl
import numpy as np
import pytest

from novum.errors import OutputError
from novum.evaluation import Comparison, Method, evaluate, over_seeds
from novum.report.comparison_figure import TOO_FEW, roc, sic, write_comparison
from novum.report.style import to_bytes


def method(name: str, *shifts: float, n_b: int = 3000) -> Method:
    rng = np.random.default_rng(1)
    seeds = tuple(
        evaluate(rng.normal(size=n_b), rng.normal(shift, 1, 200), replicas=20) for shift in shifts
    )
    return Method(name, ("file",) * len(seeds), seeds, over_seeds(seeds))


def compared(*methods: Method) -> Comparison:
    return Comparison(methods=methods, truth=None, notes=(), version="0")


@pytest.fixture(scope="module")
def three() -> Comparison:
    return compared(method("$x_{", 1.0), method("b", 2.0, 2.2), method("few", 1.0, n_b=20))


@pytest.mark.parametrize("draw", [roc, sic])
def test_all_methods_are_in_one_plot_with_literal_names(draw, three):
    before = dict(mpl.rcParams)
    figure = draw(three, "dark")
    assert dict(mpl.rcParams) == before
    (ax,) = figure.axes
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["$x_{", "b (2 seeds)", "few"]
    assert len(ax.collections) == 3, "a band each"
    assert to_bytes(figure, "svg") == to_bytes(draw(three, "dark"), "svg")


def test_what_is_drawn_is_the_record(three):
    curve = three.methods[0].figures.curve
    lines = {line.get_label(): line for line in sic(three).axes[0].lines}
    np.testing.assert_array_equal(lines["$x_{"].get_xdata(), [p.eps_b for p in curve])
    np.testing.assert_array_equal(lines["$x_{"].get_ydata(), [p.sic.value for p in curve])
    lines = {line.get_label(): line for line in roc(three).axes[0].lines}
    np.testing.assert_array_equal(lines["$x_{"].get_xdata(), [p.eps_s.value for p in curve])
    np.testing.assert_allclose(lines["$x_{"].get_ydata(), [1 / p.eps_b for p in curve])


@pytest.mark.parametrize("draw", [roc, sic])
def test_too_little_background_says_so(draw):
    ax = draw(compared(method("few", 1.0, n_b=20))).axes[0]
    assert TOO_FEW in [text.get_text() for text in ax.texts]


def test_the_folder_must_be_new(three, tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        write_comparison(three, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        write_comparison(three, tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
