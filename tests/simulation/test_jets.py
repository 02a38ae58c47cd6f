"""Top, QCD and dark-shower jets against physics, and the matching of jets to what was generated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from novum.errors import ConfigError
from novum.evaluation import auc
from novum.events import Events
from novum.io import open_events
from novum.physics.particles import Particles, mass
from novum.progress import NoProgress
from novum.simulation import sampling
from novum.simulation.blocks import Sample, make_block
from novum.simulation.jet_analysis import JetAnalysis, charged_fraction
from novum.simulation.matching import MergedTop
from novum.simulation.partons import NO_PARTONS, Partons
from novum.simulation.process import Observed, Process
from novum.simulation.processes import (
    DarkShowers,
    QcdDijet,
    QcdJets,
    QcdSoftJets,
    TopJets,
    WprimeXy,
)
from novum.simulation.pythia import Generator, full_card

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")

# Harder scatterings than by default: more of them pass, so that tests are quick.
TOP, QCD = TopJets(min_pt_hat=550), QcdJets(min_pt_hat=550)
N = 100


def made(process: Process, n: int = N) -> Events:
    return make_block(Sample(process, 1, False, {}, batch_size=250), 0, n)


@pytest.fixture(scope="module")
def tops() -> Events:
    return made(TOP)


@pytest.fixture(scope="module")
def qcd() -> Events:
    return made(QCD)


# --- top jets ----------------------------------------------------------------------------------


def test_top_jets_peak_at_the_mass_of_the_top(tops: Events) -> None:
    counts, edges = np.histogram(tops.column("mass"), np.arange(0, 320, 20))
    assert edges[counts.argmax()] == 160
    assert np.median(tops.column("mass")) == pytest.approx(170, abs=8)


def test_mass_and_substructure_tell_tops_from_qcd(tops: Events, qcd: Events) -> None:
    assert auc(qcd.column("mass"), tops.column("mass")) > 0.8
    assert auc(qcd.column("softdrop_mass"), tops.column("softdrop_mass")) > 0.8
    assert auc(-qcd.column("tau32"), -tops.column("tau32")) > 0.75
    assert auc(-qcd.column("d2"), -tops.column("d2")) > 0.75
    assert auc(qcd.column("n_constituents"), tops.column("n_constituents")) > 0.65


@pytest.mark.parametrize("sample", ["tops", "qcd"])
def test_selection_and_constituents(sample: str, request: pytest.FixtureRequest) -> None:
    events: Events = request.getfixturevalue(sample)
    pt = events.column("pt")
    assert pt.min() > 550
    assert pt.max() < 650
    assert np.abs(events.column("eta")).max() < 2
    assert set(events.label.tolist() if events.label is not None else []) == {int(sample == "tops")}
    jet = events.clouds["jet"]
    assert jet.fields == ("pt", "eta", "phi")
    assert jet.values.shape == (N, 200, 3)
    assert (np.diff(jet.values[..., 0], axis=1) <= 0).all()
    kept = (jet.values[..., 0] > 0).sum(axis=1)
    np.testing.assert_array_equal(kept, np.minimum(events.column("n_constituents"), 200))


def test_constituents_add_up_to_the_jet(tops: Events) -> None:
    """Momenta do; energies up to the masses of pions, which the cloud does not hold."""
    assert tops.column("n_constituents").max() <= 200
    pt, eta, phi = np.moveaxis(tops.clouds["jet"].values.astype(np.float64), -1, 0)
    momenta = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta)}
    for name, values in momenta.items():
        np.testing.assert_allclose(values.sum(axis=1), tops.column(name), atol=1e-3)
    energy = tops.column("energy")
    missing = 1 - (pt * np.cosh(eta)).sum(axis=1) / energy
    assert (missing > 0).all()
    assert missing.max() < 0.01
    m = mass(*(tops.column(c) for c in ("px", "py", "pz", "energy")))
    np.testing.assert_allclose(m, tops.column("mass"), rtol=1e-6)


def test_tracks_carry_more_than_half_of_a_jet(qcd: Events) -> None:
    """Charged hadrons have 60 to 65 % of its energy, of which tracking finds most."""
    assert 0.5 < qcd.column("charged_fraction").mean() < 0.65
    massive = Particles.from_cylindrical(
        np.array([30.0, 20.0, 900.0]), np.array([0.1, 2.0, 1.9]), np.zeros(3),
        np.array([0, 2, 3]), np.array([0.000511, 0.0, 0.0]),
    )  # fmt: skip
    assert charged_fraction(massive).tolist() == pytest.approx([0.6, 0.0])


def test_few_observables_by_default_and_many_on_demand(tops: Events) -> None:
    hidden = set(TopJets.analysis.extended)
    assert len(tops.features) >= 27
    assert set(tops.features) - hidden == {
        "pt", "eta", "phi", "mass", "softdrop_mass", "tau1", "tau2", "tau3", "tau21", "tau32",
        "n_constituents",
    }  # fmt: skip


# --- matching ----------------------------------------------------------------------------------


def test_partons_of_top_decays_have_its_mass() -> None:
    generator = Generator(full_card(TOP.card(), 14000.0, mpi=False), 1)
    truth, size = next(generator.batches(50))
    partons = truth.partons
    assert len(partons.particles) == size
    for sign in (1, -1):
        own = np.isin(partons.mother, (6 * sign, 24 * sign)) & (np.abs(partons.pid) < 6)
        quarks = partons.particles.take(own)
        assert set(np.diff(quarks.offsets)) == {3}
        # Before they radiate; the bottom quark's own radiation recoils against the W.
        assert np.median(mass(*quarks.sums().T)) == pytest.approx(172.5, abs=3)


def decay(*quarks: tuple[int, int, float, float]) -> Partons:
    """Partons of one event: PDG code, that of the mother, η and φ; all of 200 GeV."""
    pid, mother, eta, phi = np.array(quarks).T
    p = Particles.from_cylindrical(np.full(len(pid), 200.0), eta, phi, np.array([0, len(pid)]))
    return Partons(p, pid.astype(np.int64), mother.astype(np.int64))


def jet_at(eta: float, phi: float) -> Observed:
    return Observed(np.array([0]), {"eta": np.array([eta]), "phi": np.array([phi])}, {})


WHOLE = ((5, 6, 0.3, 3.1), (2, 24, -0.3, -3.1), (-1, 24, 0.1, 2.9))
ANTI = tuple((-pid, -mother, eta, phi) for pid, mother, eta, phi in WHOLE)


@pytest.mark.parametrize(
    ("quarks", "axis", "held"),
    [
        (WHOLE, (0.0, 3.1), True),
        (WHOLE, (0.0, -3.1), True),  # the jet and the quarks on both sides of φ = π
        (ANTI, (0.0, 3.1), True),
        (WHOLE, (0.0, 0.0), False),
        (WHOLE, (-0.6, 3.1), False),  # the bottom quark is 0.9 away
        (WHOLE[:2], (0.0, 3.1), False),
        ((WHOLE[0], (-11, 24, 0.0, 3.1), (12, 24, 0.0, 3.1)), (0.0, 3.1), False),  # to leptons
        ((WHOLE[0], *ANTI[1:]), (0.0, 3.1), False),  # one quark of the top, two of the other
        ((*WHOLE, *((p, m, -e, f + np.pi) for p, m, e, f in ANTI)), (0.0, 3.1), True),
        ((*ANTI, *((p, m, -e, f + np.pi) for p, m, e, f in WHOLE)), (0.0, 0.0), True),
        (((21, 21, 0.0, 3.1), (1, 2212, 0.0, 3.1), (2, 2212, 0.0, 3.1)), (0.0, 3.1), False),
    ],
)
def test_a_jet_holds_all_of_a_top(
    quarks: tuple[tuple[int, int, float, float], ...], axis: tuple[float, float], held: bool
) -> None:
    assert MergedTop()(jet_at(*axis), decay(*quarks)).tolist() == [held]


def test_rows_of_the_batch_find_their_partons() -> None:
    one, none = decay(*WHOLE), decay((21, 21, 0.0, 0.0))
    both = Particles(
        *(
            np.concatenate([getattr(p.particles, c) for p in (none, one, none)])
            for c in ("px", "py", "pz", "e")
        ),
        offsets=np.array([0, 1, 4, 5]),
    )
    pid = np.concatenate([p.pid for p in (none, one, none)])
    mother = np.concatenate([p.mother for p in (none, one, none)])
    seen = Observed(np.array([1, 2]), {"eta": np.zeros(2), "phi": np.full(2, 3.1)}, {})
    assert MergedTop()(seen, Partons(both, pid, mother)).tolist() == [True, False]
    assert MergedTop()(seen.take(slice(0)), NO_PARTONS).tolist() == []


def test_matching_removes_tops_that_are_not_merged(tops: Events) -> None:
    """Jets of b W alone, or of one quark less, have lower masses; few of them are left."""
    generator = Generator(Sample(TOP, 1, False, {}).card, 5)
    truth, size = next(generator.batches(200))
    seen = TOP.analysis(truth.particles)
    assert TOP.matching is not None
    kept = TOP.matching(seen, truth.partons)
    assert 0.4 < kept.mean() < 0.85
    light = seen.features["mass"] < 130
    assert light[kept].mean() < 0.1 < light[~kept].mean()
    cross_section, generated = tops.meta.cross_section, generator.cross_section[0]
    assert cross_section is not None
    assert cross_section / generated == pytest.approx(kept.sum() / size, rel=0.3)


def blocks(folder: Path, n_jobs: int) -> list[Events]:
    sample = Sample(TOP, 3, False, {}, block_size=8, batch_size=30)
    done = sampling._blocks(sample, 20, folder, n_jobs, NoProgress())
    return [open_events(path).read().take(np.arange(size)) for path, size in done]


def test_matched_events_do_not_depend_on_workers(tmp_path: Path) -> None:
    for a, b in zip(blocks(tmp_path / "1", 1), blocks(tmp_path / "2", 2), strict=True):
        np.testing.assert_array_equal(a.id, b.id)
        np.testing.assert_array_equal(a.clouds["jet"].values, b.clouds["jet"].values)
        for name, values in a.features.items():
            np.testing.assert_array_equal(values, b.features[name])


def test_first_matched_events_are_those_of_more(tops: Events) -> None:
    np.testing.assert_array_equal(made(TOP, 20).column("mass"), tops.column("mass")[:20])


def test_matching_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample(TOP, 0, False, {})
    before = sample.key
    monkeypatch.setattr(TopJets, "matching", MergedTop(radius=1.0))
    assert sample.key != before


def test_keys_of_dijets_stay() -> None:
    """Keys name events and finished blocks; processes without a matching have none in theirs."""
    given = {"pythia8mc": "1"}
    assert Sample(QcdDijet(), 0, False, given).key == "3b1fcb77dff20782d1d7"
    assert Sample(WprimeXy(), 0, False, given).key == "8db4702c26023281c577"


# --- dark showers ------------------------------------------------------------------------------


@pytest.mark.parametrize("r_inv", [0.0, 0.3, 0.6])
def test_share_that_leaves_no_trace(r_inv: float) -> None:
    process = DarkShowers(r_inv=r_inv)
    generator = Generator(full_card(process.card(), 13000.0, mpi=False), 1, invisible=())
    truth, _ = next(generator.batches(250))
    partons = truth.partons
    dark = partons.particles.take((np.abs(partons.pid) == 4900101) & (partons.mother == 4900023))
    assert np.median(mass(*dark.sums().T)) == pytest.approx(2000, rel=0.02)
    lost = truth.particles.take(np.isin(truth.pid, process.invisible))
    assert lost.e.sum() / dark.e.sum() == pytest.approx(r_inv, abs=0.03)
    assert not (truth.pid > 4_000_000).any()  # nothing else of the hidden sector is left


def test_dark_jets_and_their_qcd(showers: dict[str, Events]) -> None:
    dark, qcd = showers["dark"], showers["qcd"]
    for events in (dark, qcd):
        pt = events.column("pt")
        assert pt.min() > 150
        assert pt.max() < 300
        assert np.abs(events.column("eta")).max() < 2
        assert events.meta.sqrt_s == 13000
    # Most of the mesons are lost: fewer particles, in a narrower jet.
    assert auc(-qcd.column("n_constituents"), -dark.column("n_constituents")) > 0.55
    assert auc(-qcd.column("tau1"), -dark.column("tau1")) > 0.55
    assert set(dark.label.tolist() if dark.label is not None else []) == {1}
    assert set(qcd.label.tolist() if qcd.label is not None else []) == {0}


@pytest.fixture(scope="module")
def showers() -> dict[str, Events]:
    return {"dark": made(DarkShowers()), "qcd": made(QcdSoftJets())}


def test_more_mesons_that_decay_make_more_constituents(showers: dict[str, Events]) -> None:
    visible = made(DarkShowers(r_inv=0.3, mass_mediator=700), 60)
    n = visible.column("n_constituents").mean()
    assert n > 1.2 * showers["dark"].column("n_constituents").mean()


def test_flavours_open_with_the_mass_of_the_meson() -> None:
    def quarks(mass_meson: float) -> set[str]:
        card = DarkShowers(mass_meson=mass_meson).card()
        return {line.split()[-1] for line in card if line.startswith("4900111:addChannel")}

    assert quarks(1.0) == {"-1", "-2"}
    assert quarks(3.0) == {"-1", "-2", "-3"}
    assert quarks(5.0) == {"-1", "-2", "-3", "-4"}
    assert quarks(20.0) == {"-1", "-2", "-3", "-4", "-5"}


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (DarkShowers(r_inv=1.0), "r_inv: must be at least 0 and below 1, got 1"),
        (DarkShowers(r_inv=-0.1), "r_inv"),
        (DarkShowers(r_inv=float("nan")), "r_inv"),
        (DarkShowers(mass_meson=0.5), "mass_meson: must be at least 1 GeV, got 0.5"),
        (DarkShowers(mass_mediator=90), "mass_mediator: must be at least 20 times"),
        (DarkShowers(mass_mediator=13000), "below 13000 GeV"),
    ],
)
def test_parameters_that_make_no_sense(process: DarkShowers, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        process.card()


def test_windows_select_by_their_own_numbers() -> None:
    """A jet on the edge is out: the window is open."""
    p = Particles.from_cylindrical(
        np.array([150.5, 149.5, 299.5, 300.5, 200.0]),
        np.array([0.0, 0.0, 1.99, 0.0, 2.01]), np.zeros(5), np.arange(6),
    )  # fmt: skip
    analysis = JetAnalysis(min_pt=150, max_pt=300)
    assert analysis(p).rows.tolist() == [0, 2]
    assert replace(analysis, max_eta=2.1)(p).rows.tolist() == [0, 2, 4]
