"""The 40 MHz challenge: leptons, jets and missing momentum in closed form, peaks, and mixtures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from novum.errors import ConfigError
from novum.events import Events
from novum.io import open_events
from novum.io.adc import COLUMNS, FIELDS
from novum.physics.particles import FloatArray, Particles
from novum.progress import NoProgress
from novum.simulation import inject, sampling, simulate
from novum.simulation.blocks import Sample, drawn, make_block
from novum.simulation.challenge import ANALYSIS
from novum.simulation.lepton_analysis import LeptonAnalysis
from novum.simulation.process import Analysis, Mixture, Process
from novum.simulation.processes import (
    AdcA4l,
    AdcBackground,
    AdcQcd,
    AdcWLnu,
    AdcZLl,
)
from novum.simulation.pythia import Generator, full_card

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")

ELECTRON, MUON, PHOTON, PION = 11, 13, 22, 211


def sample(process: Process, seed: int = 1, **options: int) -> Sample:
    return Sample(process, seed, False, {}, **options)


@pytest.fixture(scope="module")
def w() -> Events:
    return make_block(sample(AdcWLnu()), 0, 200)


@pytest.fixture(scope="module")
def z() -> Events:
    return make_block(sample(AdcZLl(), batch_size=100), 0, 50)


@pytest.fixture(scope="module")
def scalar() -> Events:
    return make_block(sample(AdcA4l(), batch_size=100), 0, 100)


def particles(*events: list[tuple[int, float, float, float]]) -> Particles:
    """From (pid, pT, η, φ) of each particle of each event."""
    pid, pt, eta, phi = np.array([p for event in events for p in event]).T
    offsets = np.cumsum([0, *(len(event) for event in events)])
    return replace(Particles.from_cylindrical(pt, eta, phi, offsets), pid=pid.astype(np.int64))


def momentum(e: Events, name: str) -> FloatArray:
    """px, py, pz, E of an object of each event, zero where there is none."""
    pt, eta, phi = (e.column(f"{name}_{c}") for c in ("pt", "eta", "phi"))
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)])


def mass(p: FloatArray) -> FloatArray:
    return np.sqrt(np.maximum(p[3] ** 2 - (p[:3] ** 2).sum(axis=0), 0))


# --- the analysis in closed form ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("pid", "pt", "eta", "kept"),
    [
        (ELECTRON, 23.1, 2.9, True),
        (ELECTRON, 22.9, 0.0, False),
        (ELECTRON, 50.0, 3.1, False),
        (MUON, 23.1, -2.0, True),
        (MUON, 50.0, 2.2, False),
        (PION, 50.0, 0.0, False),
    ],
)
def test_the_lepton_that_selects(pid: int, pt: float, eta: float, kept: bool) -> None:
    seen = LeptonAnalysis()(particles([(PHOTON, 40, 0, 1)], [(pid, pt, eta, 0), (PHOTON, 9, 0, 3)]))
    assert seen.rows.tolist() == ([1] if kept else [])


@pytest.mark.parametrize(("near", "distance", "kept"), [(13, 0.1, 1), (14, 0.1, 0), (14, 0.31, 1)])
def test_isolation(near: float, distance: float, kept: int) -> None:
    """14 of 30 GeV within 0.3 is more than 0.45, and φ wraps around."""
    event = [(MUON, 30.0, 0.0, np.pi - 0.01), (PION, near, 0.0, -np.pi - 0.01 + distance)]
    assert len(LeptonAnalysis()(particles(event)).rows) == kept


def test_every_object_has_its_place() -> None:
    event = [
        (MUON, 5.0, 1.0, 2.0), (MUON, 40.0, 0.5, -1.0), (ELECTRON, 10.0, -2.0, 0.0),
        (PHOTON, 30.0, 0.0, 1.0), (PHOTON, 60.0, 3.9, 3.0), (PHOTON, 99.0, 4.1, -2.5),
        (PHOTON, 14.0, 0.0, -2.0), (ELECTRON, 2.9, 0.0, 3.0),
    ]  # fmt: skip
    p = particles(event)
    seen = LeptonAnalysis()(p)
    values = seen.clouds["objects"].values[0]
    assert values.shape == (19, 4)
    assert values[:, 3].tolist() == [1, 2, 0, 0, 0, 3, 3, 0, 0, 4, 4] + 8 * [0]
    np.testing.assert_allclose(values[5:7, :3], [[40, 0.5, -1], [5, 1, 2]], rtol=1e-6)
    np.testing.assert_allclose(values[9:11, :3], [[60, 3.9, 3], [30, 0, 1]], rtol=1e-6)
    counts = {name: seen.features[name][0] for name in ("n_electrons", "n_muons", "n_jets", "ht")}
    assert counts == pytest.approx({"n_electrons": 1, "n_muons": 2, "n_jets": 2, "ht": 90})
    met, phi = seen.features["met"][0], seen.features["met_phi"][0]
    total = p.sums()[0, :2] + met * np.array([np.cos(phi), np.sin(phi)])
    np.testing.assert_allclose(total, 0, atol=1e-9)  # balances all that is seen, η = 4.1 included


def test_more_than_there_is_room_for() -> None:
    angles = np.linspace(-3, 2.8, 18)  # every other one at another η, so that none are close
    jets = [(PHOTON, 20.0 + i, i % 2, angles[i]) for i in range(12)]
    muons = [(MUON, 25.0 + i, i % 2, angles[12 + i]) for i in range(6)]
    seen = LeptonAnalysis()(particles(muons + jets))
    assert seen.features["n_muons"] == 6
    assert seen.features["n_jets"] == 12
    assert seen.clouds["objects"].values[0, 5:9, 0].tolist() == [30, 29, 28, 27]
    assert seen.clouds["objects"].values[0, 9:, 0].tolist() == [31 - i for i in range(10)]


# --- physics -----------------------------------------------------------------------------------


def test_cuts_and_columns(w: Events, z: Events, scalar: Events) -> None:
    for e in (w, z, scalar):
        assert set(COLUMNS) < set(e.features)
        lepton = np.maximum(e.column("electron1_pt"), e.column("muon1_pt"))
        assert lepton.min() > 23
        values = e.clouds["objects"].values
        for slots, least, most in (
            (range(1, 5), 3, 2.5),
            (range(5, 9), 3, 2.1),
            (range(9, 19), 15, 4),
        ):
            some = values[:, slots][values[:, slots, 0] > 0]
            assert some[:, 0].min() > least
            assert np.abs(some[:, 1]).max() < most
            assert np.all(np.diff(values[:, slots, 0]) <= 0)
        for name, (slot, field) in COLUMNS.items():
            np.testing.assert_allclose(e.column(name), values[:, slot, field], rtol=1e-6)


def test_z_bosons_peak_at_their_mass(z: Events) -> None:
    for flavour in ("electron", "muon"):
        both = z.column(f"{flavour}2_pt") > 20
        m = mass(momentum(z, f"{flavour}1") + momentum(z, f"{flavour}2"))[both]
        assert both.sum() >= 10
        assert np.median(m) == pytest.approx(91, abs=1.5)


def test_four_leptons_have_the_mass_of_the_scalar(scalar: Events) -> None:
    names = [f"{flavour}{i}" for flavour in ("electron", "muon") for i in range(1, 5)]
    m = mass(np.sum([momentum(scalar, name) for name in names], axis=0))
    four = scalar.column("n_electrons") + scalar.column("n_muons") == 4
    assert four.sum() > 20
    assert np.median(m[four]) == pytest.approx(50, abs=0.8)
    assert set(scalar.label.tolist()) == {1}  # type: ignore[union-attr]


def test_transverse_mass_of_w_bosons_ends_at_their_mass(w: Events) -> None:
    electron = w.column("electron1_pt") > w.column("muon1_pt")
    pt, phi = (
        np.where(electron, w.column(f"electron1_{c}"), w.column(f"muon1_{c}"))
        for c in ("pt", "phi")
    )
    m = np.sqrt(2 * pt * w.column("met") * (1 - np.cos(phi - w.column("met_phi"))))
    counts, edges = np.histogram(m, np.arange(0, 160, 10))
    assert edges[counts.argmax()] in (60, 70)  # the Jacobian peak, smeared by the detector
    assert np.mean(m > 100) < 0.03
    assert np.mean(m > 70) > 0.25


def test_hard_scatterings_need_their_flavour() -> None:
    """Every event then has bottom hadrons; without the condition few have."""

    def with_bottom(flavours: tuple[int, ...]) -> float:
        card = ("HardQCD:qg2qg = on", "PhaseSpace:pTHatMin = 30", "HadronLevel:Decay = off")
        generator = Generator(full_card(card, 13000.0, mpi=False), 1, flavours=flavours)
        truth, size = next(generator.batches(60))
        bottom = (truth.pid // 100 % 10 == 5) | (truth.pid // 1000 % 10 == 5)
        return float(np.mean(np.bincount(truth.particles.event[bottom], minlength=size) > 0))

    assert with_bottom((5,)) == 1
    assert with_bottom(()) < 0.3


def test_one_bottom_quark_of_two_decays_to_a_lepton() -> None:
    """More events have one than the 0.73 of natural decays, cascades and pairs from π⁰ counted."""

    def with_lepton(card: tuple[str, ...]) -> float:
        generator = Generator(full_card(card, 13000.0, mpi=False), 1, flavours=AdcQcd.flavours)
        truth, size = next(generator.batches(200))
        lepton = np.isin(truth.pid, (ELECTRON, MUON)) & (truth.particles.pt > 0.3)
        return float(np.mean(np.bincount(truth.particles.event[lepton], minlength=size) > 0))

    card = AdcQcd().card()
    natural = tuple(line for line in card if not line[0].isdigit())
    assert len(card) - len(natural) == 16
    assert with_lepton(natural) < 0.8
    assert with_lepton(card) > 0.86


# --- mixtures ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Quick(Mixture):
    """Two processes that cost little."""

    name: ClassVar[str] = "quick"
    analysis: ClassVar[Analysis] = ANALYSIS
    whole: ClassVar[tuple[str, ...]] = ("objects",)
    components: ClassVar[tuple[tuple[Process, float], ...]] = ((AdcWLnu(), 0.7), (AdcA4l(), 0.3))


def test_shares_of_the_background() -> None:
    some = sample(AdcBackground())
    numbers = np.concatenate([drawn(some, i) for i in range(20)])
    shares = np.array([share for _, share in AdcBackground.components])
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    error = np.sqrt(shares * (1 - shares) / len(numbers))
    found = np.bincount(numbers, minlength=4) / len(numbers)
    assert np.all(np.abs(found - shares) < 4 * error)  # 4 σ: one in 4,000 for the four of them
    assert not np.array_equal(drawn(some, 0), drawn(some, 1))
    assert not np.array_equal(drawn(some, 0), drawn(sample(AdcBackground(), 2), 0))


def mixed(folder: Path, n: int, n_jobs: int) -> list[Events]:
    made = sampling._blocks(
        sample(Quick(), block_size=8, batch_size=40), n, folder, n_jobs, NoProgress()
    )
    return [open_events(path).read().take(np.arange(size)) for path, size in made]


def same(a: Events, b: Events) -> bool:
    return (
        np.array_equal(a.id, b.id)
        and np.array_equal(a.bookkeeping["run"], b.bookkeeping["run"])
        and all(np.array_equal(v, b.features[k]) for k, v in a.features.items())
        and np.array_equal(a.clouds["objects"].values, b.clouds["objects"].values)
    )


def test_mixtures_do_not_depend_on_workers(tmp_path: Path) -> None:
    alone, together = mixed(tmp_path / "one", 13, 1), mixed(tmp_path / "two", 13, 2)
    assert [len(part) for part in alone] == [8, 5]
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    few = mixed(tmp_path / "few", 5, 1)
    assert same(few[0], alone[0].take(np.arange(5)))


def test_events_of_a_mixture_are_those_of_its_components(tmp_path: Path) -> None:
    block = mixed(tmp_path, 8, 1)[0]
    numbers = drawn(sample(Quick(), block_size=8), 0)
    runs = [process.run for process, _ in Quick.components]
    np.testing.assert_array_equal(block.bookkeeping["run"], np.array(runs)[numbers])
    assert len(np.unique(block.id)) == 8
    assert set(block.label.tolist()) == {0}  # type: ignore[union-attr]
    assert not {"run", "component"} & set(block.features)
    for number, (process, _) in enumerate(Quick.components):
        own = block.take(numbers == number)
        alone = make_block(sample(process, block_size=8, batch_size=40), 0, len(own))
        np.testing.assert_array_equal(own.id, alone.id)
        np.testing.assert_array_equal(own.column("met"), alone.column("met"))


def test_a_mixture_has_a_card_and_no_cross_section(tmp_path: Path) -> None:
    e = simulate(Quick(), 12, cache=tmp_path, n_jobs=1, constituents=5)
    assert e.meta.cross_section is None
    assert e.meta.luminosity is None
    assert "! 0.3 AdcA4l(mass=50.0)" in (e.meta.card or "")
    assert e.clouds["objects"].values.shape == (12, 19, 4)  # no jets, whose constituents are cut
    signal = simulate(AdcA4l(), 4, cache=tmp_path, n_jobs=1, seed=9)
    data, _ = inject(e, signal, 3, seed=0)
    assert len(data) == 15
    assert data.clouds["objects"].fields == FIELDS


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (AdcA4l(mass=10), "mass: must be between 20 and 1000 GeV, got 10"),
        (AdcQcd(min_pt_hat=0), "min_pt_hat: must be at least 10 GeV, got 0"),
    ],
)
def test_parameters_that_make_no_sense(process: Process, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate(process, 5, cache=tmp_path)
