"""Simulated events against physics, and the promises about seeds, workers, caches and kills."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from novum import catalogue
from novum.errors import ConfigError, InputError, MissingDependencyError, OutputError
from novum.evaluation import auc
from novum.events import Events
from novum.io import open_events
from novum.physics.jets import leading_jets
from novum.physics.particles import delta_phi
from novum.progress import NoProgress
from novum.simulation import blocks as blocks_module
from novum.simulation import sampling, simulate, simulate_file
from novum.simulation.blocks import Sample, block, cache_folder, make_block
from novum.simulation.detector import respond
from novum.simulation.processes import QcdDijet, WprimeXy
from novum.simulation.pythia import Generator, full_card

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")

N = 400


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulation")


@pytest.fixture(scope="session")
def qcd(cache: Path) -> Events:
    return simulate(QcdDijet(), N, seed=1, cache=cache, n_jobs=1, extended=True)


@pytest.fixture(scope="session")
def signal(cache: Path) -> Events:
    return simulate(WprimeXy(), N, seed=1, cache=cache, n_jobs=1)


# --- physics -----------------------------------------------------------------------------------


def test_momentum_is_conserved_before_the_detector() -> None:
    generator = Generator(full_card(QcdDijet().card(), 13000.0, mpi=True), 1, invisible=())
    truth, _ = next(generator.batches(100))
    total = truth.particles.sums()
    np.testing.assert_allclose(total[:, 3], 13000, rtol=1e-6)
    np.testing.assert_allclose(total[:, :3], 0, atol=0.05)  # Pythia's own tolerance


def test_jets_keep_their_momentum_and_mass() -> None:
    """Leading jets before and after the detector: 0.983 and 0.923 in the documentation.

    Widths 4 % and 10 %: the medians of some 150 jets are off by less than 1.5 % and 4 %.
    """
    generator = Generator(full_card(QcdDijet().card(), 13000.0, mpi=False), 2)
    truth, _ = next(generator.batches(100))
    before = leading_jets(truth.particles, 1.0, min_pt=500)
    after = leading_jets(respond(truth, np.random.default_rng(0)), 1.0, min_pt=500)
    near = np.hypot(before.eta - after.eta, delta_phi(before.phi, after.phi)) < 0.2
    near &= (np.abs(before.eta) < 2) & (before.pt > 0) & (after.pt > 0)
    assert near.sum() > 100
    pt, mass = after.pt[near] / before.pt[near], after.mass[near] / before.mass[near]
    assert np.median(pt) == pytest.approx(0.983, abs=0.015)
    assert np.median(mass) == pytest.approx(0.923, abs=0.04)
    low, high = np.quantile(pt, [0.16, 0.84])
    assert 0.02 < (high - low) / 2 < 0.06


def test_charges_add_up_to_those_of_the_beams() -> None:
    generator = Generator(full_card(QcdDijet().card(), 13000.0, mpi=False), 1, invisible=())
    truth, size = next(generator.batches(100))
    assert truth.charged.sum() > 20 * size
    even = np.add.reduceat(truth.charged, truth.particles.offsets[:-1]) % 2 == 0
    assert even.all()  # two protons: the number of unit charges is even


def test_cross_section_of_muon_pairs() -> None:
    """e+e- → γ* → µ+µ- is 4πα²/3s, with α(0)."""
    card = (
        "Beams:idA = 11", "Beams:idB = -11", "PDF:lepton = off", "PartonLevel:ISR = off",
        "WeakSingleBoson:ffbar2gmZ = on", "WeakZ0:gmZmode = 1", "SigmaProcess:alphaEMorder = 0",
        "23:onMode = off", "23:onIfAny = 13", "PhaseSpace:mHatMin = 5",
    )  # fmt: skip
    generator = Generator(full_card(card, 20.0, mpi=False), 1)
    for _ in itertools.islice(generator.batches(), 1):
        pass
    alpha, barn = 0.00729735, 0.389379e9  # pb GeV²
    assert generator.cross_section[0] == pytest.approx(
        4 * np.pi * alpha**2 / 3 / 20.0**2 * barn, rel=1e-3
    )


def test_luminosity_cross_section_and_number_agree(qcd: Events) -> None:
    meta = qcd.meta
    assert meta.cross_section is not None
    assert meta.luminosity is not None
    assert meta.cross_section_error is not None
    assert meta.luminosity * meta.cross_section * 1000 == pytest.approx(N)
    assert 0.01 < meta.cross_section_error / meta.cross_section < 0.1  # 400 events


def test_signal_peaks_where_it_should(signal: Events) -> None:
    mjj = np.median(signal.column("mjj"))
    assert mjj == pytest.approx(3500, rel=0.05)
    counts, edges = np.histogram(signal.column("mj_high"), np.arange(0, 900, 40))
    assert edges[counts.argmax()] == pytest.approx(480, abs=41)
    counts, edges = np.histogram(signal.column("mj_low"), np.arange(0, 900, 20))
    assert edges[counts.argmax()] == pytest.approx(100, abs=21)
    assert np.all(signal.label == 1)


def test_other_masses_move_the_peaks(cache: Path) -> None:
    other = WprimeXy(mass=5000, mass_x=300, mass_y=200)
    e = simulate(other, 150, cache=cache, n_jobs=1)
    assert np.median(e.column("mjj")) == pytest.approx(5000, rel=0.05)
    assert np.median(e.column("mj_high")) == pytest.approx(300, rel=0.1)
    assert np.median(e.column("mj_low")) == pytest.approx(200, rel=0.1)


def test_substructure_tells_signal_from_background(qcd: Events, signal: Events) -> None:
    for jet in ("low", "high"):
        one_prong, two_prong = qcd.column(f"tau21_{jet}"), signal.column(f"tau21_{jet}")
        assert auc(-one_prong, -two_prong) > 0.7


def test_three_prongs_need_a_third_axis(cache: Path, signal: Events) -> None:
    three = simulate(WprimeXy(prongs=3), 300, seed=1, cache=cache, n_jobs=1)
    assert auc(signal.column("tau32_high"), three.column("tau32_high")) < 0.45
    assert auc(signal.column("tau21_high"), three.column("tau21_high")) > 0.55


def test_multiparton_interactions_add_particles(qcd: Events) -> None:
    more = make_block(Sample(QcdDijet(), 1, True, {}, batch_size=100), 0, 60)
    name = "n_constituents_high"
    assert more.column(name).mean() > 1.1 * qcd.column(name).mean()
    assert "PartonLevel:MPI = on" in (more.meta.card or "")
    assert "PartonLevel:MPI = off" in (qcd.meta.card or "")


def test_selection(qcd: Events) -> None:
    leading = np.maximum(qcd.column("pt_low"), qcd.column("pt_high"))
    assert leading.min() > 1200
    for jet in ("low", "high"):
        assert np.abs(qcd.column(f"eta_{jet}")).max() < 2.5
    assert np.all(qcd.label == 0)


# --- seeds, workers, caches --------------------------------------------------------------------


def same(a: Events, b: Events) -> bool:
    return (
        np.array_equal(a.id, b.id)
        and all(np.array_equal(v, b.features[k]) for k, v in a.features.items())
        and all(np.array_equal(c.values, b.clouds[k].values) for k, c in a.clouds.items())
    )


def test_first_events_of_a_larger_sample(tmp_path: Path, signal: Events) -> None:
    few = simulate(WprimeXy(), 60, seed=1, cache=tmp_path, n_jobs=1)
    assert same(few, signal.take(np.arange(60)))


def blocks(folder: Path, n: int, n_jobs: int) -> list[Events]:
    sample = Sample(WprimeXy(), 3, False, {}, block_size=30, batch_size=50)
    made = sampling._blocks(sample, n, folder, n_jobs, NoProgress())
    return [open_events(path).read().take(np.arange(size)) for path, size in made]


def test_events_do_not_depend_on_workers_and_survive_a_kill(tmp_path: Path) -> None:
    alone = blocks(tmp_path / "one", 75, 1)
    files = sorted((tmp_path / "one").rglob("block-*.h5"))
    assert [len(part) for part in alone] == [30, 30, 15]
    # As after a kill: one block missing, one half-written.
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:3000])
    untouched = files[2].stat().st_mtime_ns
    for again in (blocks(tmp_path / "one", 75, 2), blocks(tmp_path / "two", 75, 2)):
        assert all(same(a, b) for a, b in zip(alone, again, strict=True))
    assert files[2].stat().st_mtime_ns == untouched
    ids = np.concatenate([part.id for part in alone])
    assert len(np.unique(ids)) == 75


def test_a_larger_run_extends_the_last_block(tmp_path: Path) -> None:
    few, many = blocks(tmp_path, 40, 1), blocks(tmp_path, 60, 1)
    assert len(few[1]) == 10
    assert same(few[1], many[1].take(np.arange(10)))


def test_blocks_of_a_sample_have_seeds_of_their_own() -> None:
    sample = Sample(QcdDijet(), 0, False, {})
    seeds = {sample.block_seed(i) for i in range(5000)}
    assert len(seeds) == 5000
    assert all(1 <= seed <= 900_000_000 for seed in seeds)


def test_what_decides_the_events_decides_the_key() -> None:
    base = Sample(QcdDijet(), 0, False, {"pythia8mc": "1"})
    others = [
        Sample(QcdDijet(min_pt_hat=1000), 0, False, {"pythia8mc": "1"}),
        Sample(WprimeXy(), 0, False, {"pythia8mc": "1"}),
        Sample(QcdDijet(), 1, False, {"pythia8mc": "1"}),
        Sample(QcdDijet(), 0, True, {"pythia8mc": "1"}),
        Sample(QcdDijet(), 0, False, {"pythia8mc": "2"}),
    ]
    assert len({sample.key for sample in [base, *others]}) == 6


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOVUM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "novum" / "simulation"
    monkeypatch.setenv("NOVUM_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")
    assert cache_folder(tmp_path) == tmp_path


def test_what_is_stored(qcd: Events, signal: Events, cache: Path) -> None:
    assert "tau9_b2_low" in qcd.features
    assert "tau9_b2_low" not in signal.features
    assert signal.clouds["jet_low"].values.shape == (N, 100, 3)
    assert signal.clouds["jet_low"].fields == ("pt", "eta", "phi")
    assert not simulate(WprimeXy(), 10, seed=1, cache=cache, constituents=0).clouds
    assert signal.meta.seed == 1
    assert signal.meta.sqrt_s == 13000
    assert set(signal.meta.versions) == {"pythia8mc", "fastjet", "numpy"}


# --- files and faults --------------------------------------------------------------------------


def test_file_keeps_everything(tmp_path: Path, cache: Path, signal: Events) -> None:
    path = tmp_path / "signal.h5"
    simulate_file(WprimeXy(), 20, path, seed=1, cache=cache, n_jobs=1)
    read = open_events(path).read()
    assert same(read, signal.take(np.arange(20)))
    assert read.meta.card == signal.meta.card
    assert read.meta.versions == signal.meta.versions
    assert read.meta.cross_section is not None
    with pytest.raises(OutputError, match="exists already"):
        simulate_file(WprimeXy(), 20, path, cache=cache)


@pytest.mark.parametrize(
    ("process", "options", "message"),
    [
        (WprimeXy(mass=550), {}, "cannot decay to 500 and 100 GeV"),
        (WprimeXy(mass_y=1), {}, "at least 10 GeV"),
        (WprimeXy(prongs=4), {}, "prongs: must be 2 or 3"),  # type: ignore[arg-type]
        (WprimeXy(), {"seed": -1}, "seed"),
        (WprimeXy(), {"n": 0}, "n: must be between"),
        (WprimeXy(), {"constituents": -1}, "constituents"),
    ],
)
def test_parameters_that_make_no_sense(
    process: WprimeXy, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    n = options.pop("n", 10)
    with pytest.raises(ConfigError, match=message):
        simulate(process, n, cache=tmp_path, **options)
    assert not any(tmp_path.iterdir())


def test_pythia_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pythia8mc", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'novum\[simulate\]'"):
        simulate(QcdDijet(), 10)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        simulate(WprimeXy(), 5, cache=tmp_path / "file", n_jobs=1)


@dataclass(frozen=True, kw_only=True)
class Nothing(QcdDijet.__base__):  # type: ignore[name-defined,misc]
    """A process whose events all fail the selection."""

    name: ClassVar[str] = "nothing"
    analysis: ClassVar[Any] = QcdDijet.analysis

    def card(self) -> tuple[str, ...]:
        return ("SoftQCD:elastic = on",)


def test_nothing_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "_MOST_EMPTY", 1000)
    sample = Sample(Nothing(), 0, False, {})
    with pytest.raises(InputError, match="none of 1500 events passes the selection"):
        make_block(sample, 0, 5)
    with pytest.raises(InputError):
        block(sample, 0, 5, tmp_path)
    assert not list(tmp_path.rglob("*.h5"))


def test_unknown_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="does not know 'HardQCD:al = on'"):
        Generator(("HardQCD:al = on",), 1)


# --- laws of every process ---------------------------------------------------------------------


@pytest.mark.parametrize("entry", catalogue.entries("process"), ids=lambda e: e.name)
def test_every_process(entry: catalogue.Entry, cache: Path) -> None:
    """A process is found by its file, takes its defaults, and gives labelled, finite events."""
    process = catalogue.build("process", entry.name)
    assert entry.module.endswith(f".{entry.name}")
    events = simulate(process, 5, cache=cache, n_jobs=1)
    assert len(events) == 5
    assert events.label is not None
    assert set(events.label.tolist()) == {process.label}
    for name, values in events.features.items():
        assert np.isfinite(values).all(), name
    assert set(process.analysis.extended).isdisjoint(events.features)
    assert events.meta.origin == f"novum simulate {entry.name}"
