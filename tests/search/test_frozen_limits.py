"""Limits of frozen cuts: from files to counts, workspace and limit, and every refusal."""

import json
from dataclasses import replace

import numpy as np
import pytest

import novum
from novum.cli.app import run
from novum.errors import ConfigError, FitError, InputError, MissingColumnError, WindowError
from novum.events import Events
from novum.io import write_events
from novum.search.frozen_limits import FrozenLimit, frozen_limit
from novum.search.limit_config import Cut, LimitConfig
from novum.statistics import OnOffCounts, on_off_workspace, upper_limit

pytest.importorskip("pyhf")

CONFIG = LimitConfig(
    mass="mjj", cut=("tau21_low<0.5", "delta_mj > 100"), window=(3300, 3700), luminosity=139.0
)


@pytest.fixture(scope="module")
def data() -> Events:
    return novum.toy_dijets(20_000, 0, seed=3)


@pytest.fixture(scope="module")
def signal() -> Events:
    """Labelled: 40 background events that must not count."""
    return novum.toy_dijets(40, 3000, seed=4)


@pytest.fixture(scope="module")
def found(data, signal) -> FrozenLimit:
    return frozen_limit(data, signal, CONFIG)


def passing(events: Events) -> np.ndarray:
    return (events.column("tau21_low") < 0.5) & (events.column("delta_mj") > 100)


def test_counts_and_acceptance_are_those_of_the_events(found, data, signal):
    m, chosen = data.column("mjj"), passing(data)
    assert found.counts.n_on == ((m >= 3300) & (m < 3700) & chosen).sum()
    off = ((m >= 3100) & (m < 3300)) | ((m >= 3700) & (m < 3900))
    assert found.counts.n_off == (off & chosen).sum()
    assert found.counts.expected == pytest.approx(found.counts.n_off * found.counts.ratio)
    m, chosen = signal.column("mjj"), passing(signal) & (signal.label == 1)
    a = found.acceptance
    assert a.n_events == 3000
    assert a.on == pytest.approx(((m >= 3300) & (m < 3700) & chosen).sum() / 3000)
    assert a.on_error == pytest.approx(np.sqrt(a.on * (1 - a.on) / 3000))
    assert a.off > 0


def test_the_limit_is_that_of_the_counting_experiment(found):
    c, a = found.counts, found.acceptance
    counts = OnOffCounts(
        c.n_on, c.n_off, c.ratio, c.ratio_error, a.on, a.off, a.on_error, a.off_error
    )
    assert found.workspace == on_off_workspace(counts)
    assert found.limit == upper_limit(on_off_workspace(counts), n_toys=CONFIG.n_toys)
    assert found.events.observed == found.limit.observed
    assert found.cross_section.expected[2] == pytest.approx(found.limit.expected[2] / 139)


def test_signal_events_only_change_the_meaning_of_mu(found, data, signal):
    scaled = frozen_limit(data, signal, replace(CONFIG, signal_events=250.0, luminosity=None))
    assert scaled.limit.observed * 250 == pytest.approx(found.limit.observed, rel=0.003)
    assert scaled.events.observed == pytest.approx(found.events.observed, rel=0.003)
    assert scaled.cross_section is None


def test_weights_of_one_half_halve_the_limit(signal):
    """The same events in another unit: a unit of weight is two effective events."""
    data = novum.toy_dijets(40_000, 0, seed=5)
    halved = Events.from_arrays(dict(data.features), weight=np.full(len(data), 0.5))
    plain = frozen_limit(data, signal, CONFIG)
    weighted = frozen_limit(halved, signal, CONFIG)
    assert weighted.counts.n_on == plain.counts.n_on / 2
    assert weighted.limit.observed == pytest.approx(plain.limit.observed / 2, rel=0.005)


def test_truth_labels_of_the_data_are_not_looked_at(found, data, signal):
    flipped = Events.from_arrays(dict(data.features), label=1 - data.label, meta=data.meta)
    assert frozen_limit(flipped, signal, CONFIG).limit == found.limit


def test_background_systematics_weaken_the_limit(found, data, signal):
    worse = replace(CONFIG, background_systematic=0.2, signal_systematic=0.2, spurious=3.0)
    limit = frozen_limit(data, signal, worse).limit
    assert limit.expected[2] > 1.05 * found.limit.expected[2]


def test_without_a_signal_there_is_no_limit(data):
    with pytest.raises(ConfigError, match=r"no limit independent.*2005\.02983.*2412\.03747"):
        frozen_limit(data, None, CONFIG)


def test_a_cut_that_follows_the_mass_is_refused_unless_an_uncertainty_is_stated(data, signal):
    """Passes near the middle of the window only: the sidebands say nothing of the signal region."""

    def with_bump(events: Events) -> Events:
        near = np.abs(events.column("mjj") - 3500) < 330
        x = np.random.default_rng(1).random(len(events)) + 0.25 * near
        return Events.from_arrays({**events.features, "x": x}, meta=events.meta)

    config = replace(CONFIG, cut=("x>0.7",))
    with pytest.raises(FitError, match=r"follow the mass.*--background-systematic"):
        frozen_limit(with_bump(data), with_bump(signal), config)
    stated = replace(config, background_systematic=0.5)
    assert frozen_limit(with_bump(data), with_bump(signal), stated).limit.observed > 0


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"cut": ("tau21_lo<0.5",)}, MissingColumnError, "tau21_low"),
        ({"cut": ("mjj > 3",)}, ConfigError, "resonant variable"),
        ({"mass": ""}, ConfigError, "mass"),
        ({"window": None}, ConfigError, "window"),
        ({"window": (3700, 3300)}, ConfigError, "window"),
        ({"window": (3.3, 3.7)}, WindowError, "TeV"),
        ({"luminosity": -1.0}, ConfigError, "luminosity"),
        ({"signal_events": 0.0}, ConfigError, "signal_events"),
        ({"spurious": -1.0}, ConfigError, "spurious"),
        ({"level": 95.0}, ConfigError, "level"),
        ({"n_toys": 1}, ConfigError, "n_toys"),
        ({"family": "dijett"}, (ConfigError, InputError), "dijet"),
        ({"cut": ("tau21_low<-1",)}, InputError, "no signal event passes"),
    ],
)
def test_refusals_name_what_is_wrong(data, signal, changes, error, message):
    with pytest.raises(error, match=message):
        frozen_limit(data, signal, replace(CONFIG, **changes))


def test_a_signal_file_with_background_only_is_refused(data):
    with pytest.raises(InputError, match="no event is labelled as signal"):
        frozen_limit(data, novum.toy_dijets(100, 0, seed=1), CONFIG)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score > 0.9", Cut("score", ">", 0.9)),
        ("score>=0.9", Cut("score", ">=", 0.9)),
        (" tau 21 <= -1e3 ", Cut("tau 21", "<=", -1000.0)),
        ("x<.5", Cut("x", "<", 0.5)),
    ],
)
def test_cuts_are_parsed(text, expected):
    assert Cut.parse(text) == expected
    assert Cut.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["score", "> 3", "score == 3", "score > ", "a > b", "0 < x < 1", "x > nan", "x => 3",
     "__import__('os').system('true') > x"],
)  # fmt: skip
def test_cuts_that_are_none(text):
    with pytest.raises(ConfigError, match="cut: "):
        Cut.parse(text)


def test_cuts_compare_as_they_say():
    values = np.array([0.0, 1.0, 2.0])
    for sign, passed in ((">", [2]), (">=", [1, 2]), ("<", [0]), ("<=", [0, 1])):
        assert np.flatnonzero(Cut("x", sign, 1.0).passes(values)).tolist() == passed


@pytest.fixture(scope="module")
def files(data, signal, tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    write_events(data, folder / "data.parquet")
    write_events(signal, folder / "signal.parquet")
    return folder


def words(files, *more: str) -> list[str]:
    return ["limits", str(files / "data.parquet"), "--signal", str(files / "signal.parquet"),
            "--mass", "mjj", "--window", "3300,3700", *more]  # fmt: skip


def test_the_command_writes_limit_workspace_and_figure(files, tmp_path, capsys, found):
    out = tmp_path / "out"
    cut = ["--cut", "tau21_low<0.5,delta_mj > 100"]
    assert run(words(files, *cut, "--luminosity", "139", "-o", str(out))) == 0
    printed = capsys.readouterr().out
    assert "fixed on independent data" in printed
    assert "[fb]" in printed
    written = json.loads((out / "limits.json").read_text())
    assert (written["schema"], written["schema_version"]) == ("novum-limit", 1)
    assert written["limit"]["observed"] == found.limit.observed
    assert written["cuts"] == ["tau21_low < 0.5", "delta_mj > 100"]
    assert json.loads((out / "histfactory.json").read_text()) == found.workspace
    assert {p.name for p in (out / "figures").iterdir()} == {"limit.png", "limit.pdf"}
    assert run(words(files, *cut, "-o", str(out))) == 1
    assert "not overwritten" in capsys.readouterr().err


def test_repeated_cuts_are_one_list(files, capsys):
    cuts = ["--cut", "tau21_low<0.5", "--cut", "delta_mj > 100"]
    assert run(words(files, *cuts)) == 0
    assert "tau21_low < 0.5 and delta_mj > 100" in " ".join(capsys.readouterr().out.split())


def test_the_command_refuses(files, tmp_path, capsys):
    plain = ["limits", str(files / "data.parquet"), "--mass", "mjj", "--window", "3300,3700"]
    assert run(plain) == 1
    assert "no limit independent of a model" in capsys.readouterr().err
    assert run(["limits", str(tmp_path)]) == 1
    assert "no limit independent of a model" in capsys.readouterr().err
    trained = ["limits", str(tmp_path), "--signal", str(files / "signal.parquet")]
    assert run(trained) == 1
    assert "cannot read a result" in capsys.readouterr().err
    assert run([*trained, "--mass", "mjj"]) == 1
    assert "everything else is that of the hunt" in capsys.readouterr().err
