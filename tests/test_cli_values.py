"""Words of a command line that are no value of their option."""

from pathlib import Path

import numpy as np
import pytest

from novum.cli.app import run
from novum.events import Events
from novum.io import write_events


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("--seed 1.7", 2, "--seed: must be a whole number, got 1.7"),
        ("--image.size 8.5", 2, "--image.size: must be a whole number, got 8.5"),
        ("--image.sise 20", 2, "--image.sise: there is no 'sise'; did you mean 'size'?"),
        ("--points.sise 20", 2, "--points.sise: there is no 'sise'; there are particles, pt-power"),
        ("--imag.size 20", 2, "--imag.size: there is no 'imag.'; did you mean 'image'?"),
        ("--a.b.c 20", 2, "--a.b.c: there is no 'a.'"),
        ("--features x,x", 1, "features: a column is named twice in x, x"),
        ("--score-by mea", 1, "pca: score_by: must be one of mse, mae"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, status: int, message: str
) -> None:
    x = np.random.default_rng(0).standard_normal((2, 50))
    write_events(Events.from_arrays({"x": x[0], "y": x[1]}), tmp_path / "b.parquet")
    fit = ["fit", "pca", str(tmp_path / "b.parquet"), "-o", str(tmp_path / "m")]
    assert run([*fit, *words.split()]) == status
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "m").exists()


def test_whole_numbers_may_be_written_with_a_point(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((2, 50))
    write_events(Events.from_arrays({"x": x[0], "y": x[1]}), tmp_path / "b.parquet")
    fit = ["fit", "pca", str(tmp_path / "b.parquet"), "-o", str(tmp_path / "m"), "--seed", "3.0"]
    assert run(fit) == 0
