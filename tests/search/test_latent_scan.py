"""Sizes of the latent space: what is lost falls with the size, to nothing where all fits."""

from contextlib import suppress

import numpy as np
import pytest

from novum.cli.app import run
from novum.errors import ConfigError, FileFormatError, InputError
from novum.events import Events
from novum.io import write_events
from novum.search import LatentScan, scan_latent


def plane(n=800, seed=0, width=0.0):
    """Five features that two numbers decide, but for a third of the given width."""
    rng = np.random.default_rng(seed)
    inside = rng.standard_normal((n, 3)) * [1.0, 0.8, width]
    mixed = inside @ np.random.default_rng(1).standard_normal((3, 5))
    return Events.from_arrays({f"x{i}": column for i, column in enumerate(mixed.T)})


def test_pca_keeps_all_of_a_plane_from_two_variables_on():
    scan = scan_latent(plane(), "pca", latent=[3, 1, 2], signal=plane(seed=2, width=1.0), seeds=2)
    lost = {p.latent: max(p.residual) for p in scan.points}
    assert list(lost) == [1, 2, 3]
    assert lost[1] > 0.05
    assert lost[2] < 1e-20
    assert all(len(p.residual) == len(p.auc) == 2 for p in scan.points)
    found = {p.latent: min(p.auc) for p in scan.points}
    assert found[2] > 0.95 > found[1]  # what leaves the plane is seen when the plane is known
    assert scan.n_events + scan.n_held_out == 800
    assert LatentScan.from_json(scan.to_json()) == scan
    with pytest.raises(FileFormatError, match="damaged latent scan"):
        LatentScan.from_json(scan.to_json().replace("residual", "other"))


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("kmeans", {}, "kmeans has no latent space"),
        ("pca", {"latent": [0, 1]}, "sizes must be at least 1"),
        ("pca", {"seeds": 0}, "seeds: must be at least 1"),
    ],
)
def test_what_makes_no_sense_is_named(method, options, message):
    with pytest.raises(ConfigError, match=message):
        scan_latent(plane(), method, **options)


def test_default_sizes_are_those_that_the_detector_takes():
    assert [p.latent for p in scan_latent(plane(), "pca", seeds=1).points] == [1, 2, 3, 4]
    options = {"epochs": 1, "members": 1}
    scan = scan_latent(plane(200), "dirichlet-vae", seeds=1, options=options)
    assert [p.latent for p in scan.points] == [2, 3, 4]
    one = Events.from_arrays({"x": np.arange(100.0)})
    with pytest.raises(ConfigError, match="1 columns are too few for pca"):
        scan_latent(one, "pca")


def test_sizes_are_looked_at_before_anything_is_trained(monkeypatch):
    fitted = []
    monkeypatch.setattr(
        "novum.search.latent_scan.fit_outlier",
        lambda *_, options, **__: fitted.append(options["latent"]),
    )
    with pytest.raises(ConfigError, match="latent: must be at least 2, got 1"):
        scan_latent(plane(), "nae", latent=[4, 1])
    assert not fitted
    monkeypatch.undo()
    with pytest.raises(InputError, match="5 principal components need more features"):
        scan_latent(plane(), "pca", latent=[1, 5])


def test_the_command_line(tmp_path, capsys):
    write_events(plane(), tmp_path / "b.parquet")
    write_events(plane(seed=2, width=1.0), tmp_path / "s.parquet")
    words = ["scan-latent", "pca", str(tmp_path / "b.parquet"), "-o", str(tmp_path / "scan")]
    assert (
        run([*words, "--latent", "1,2", "--signal", str(tmp_path / "s.parquet"), "--seeds", "1"])
        == 0
    )
    assert "AUC of mse" in capsys.readouterr().out
    scan = LatentScan.from_json((tmp_path / "scan/latent_scan.json").read_bytes())
    assert [p.latent for p in scan.points] == [1, 2]
    assert (tmp_path / "scan/figures/latent_scan.png").stat().st_size > 5000
    assert run(words) == 1
    assert "exists already" in capsys.readouterr().err
    assert run([*words[:-1], str(tmp_path / "x"), "--latent", "1,b"]) == 1
    assert "whole numbers A,B,C" in capsys.readouterr().err


def test_a_scan_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, capsys):
    write_events(plane(), tmp_path / "b.parquet")
    words = ["scan-latent", "pca", str(tmp_path / "b.parquet"), "--latent", "1", "--seeds", "1"]

    def interrupted(figure, kind):
        raise KeyboardInterrupt

    monkeypatch.setattr("novum.report.latent_figure.to_bytes", interrupted)
    with suppress(KeyboardInterrupt, SystemExit):
        run([*words, "-o", str(tmp_path / "scan")])
    assert [path.name for path in tmp_path.iterdir()] == ["b.parquet"]
    monkeypatch.setattr("novum.search.latent_scan.fit_outlier", None)  # it is not come to
    assert run([*words, "-o", str(tmp_path / "b.parquet/scan")]) == 1
    assert "b.parquet/scan: cannot be written: not a directory" in capsys.readouterr().err
