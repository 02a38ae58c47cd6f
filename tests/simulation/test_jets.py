"""Jets as in the top-tagging reference set: cuts, masses, prongs, sums."""

import numpy as np
import pytest

from novum.evaluation import auc
from novum.simulation.blocks import Sample, make_block
from novum.simulation.processes import QcdJets, TopJets

pytest.importorskip("pythia8mc")

N = 150


@pytest.fixture(scope="module")
def jets():
    return {p.name: make_block(Sample.of(p, 5, False), 0, N) for p in (TopJets(), QcdJets())}


def test_the_cuts_of_the_reference_set(jets):
    for events in jets.values():
        assert ((events.features["jet_pt"] > 550) & (events.features["jet_pt"] < 650)).all()
        assert (np.abs(events.features["jet_eta"]) < 2).all()
        assert len(events.features) == 27


def test_constituents_add_up_to_the_jet(jets):
    for events in jets.values():
        f, cloud = events.features, events.clouds["jet"].values
        pt, eta, phi = np.moveaxis(cloud, -1, 0)
        assert (np.diff(pt, axis=1) <= 0).all()
        np.testing.assert_array_equal((pt > 0).sum(axis=1), np.minimum(f["n_constituents"], 200))
        px, py = (pt * np.cos(phi)).sum(axis=1), (pt * np.sin(phi)).sum(axis=1)
        np.testing.assert_allclose(np.hypot(px, py), f["jet_pt"], rtol=1e-4)
        np.testing.assert_allclose(
            (pt * np.sinh(eta)).sum(axis=1),
            np.sinh(f["jet_eta"]) * f["jet_pt"],
            rtol=1e-3,
            atol=0.5,
        )
        np.testing.assert_allclose(pt[:, 0] / pt.sum(axis=1), f["leading_share"], rtol=1e-6)


def test_tops_are_heavy_and_have_three_prongs(jets):
    top, qcd = jets["top_jets"], jets["qcd_jets"]
    assert (top.label == 1).all()
    assert (qcd.label == 0).all()
    assert np.median(top.features["jet_mass"]) == pytest.approx(170, abs=8)
    assert auc(qcd.features["jet_mass"], top.features["jet_mass"]) > 0.8
    assert auc(-qcd.features["tau32"], -top.features["tau32"]) > 0.75


def test_shapes_are_shares(jets):
    for events in jets.values():
        f = events.features
        assert (f["leading5_share"] >= f["leading_share"]).all()
        for name in ("leading_share", "leading5_share", "pt_dispersion"):
            assert ((f[name] > 0) & (f[name] <= 1 + 1e-9)).all()
        # Σ pT ΔR over Σ pT R, with one axis, is the width but for where the axis is.
        assert np.corrcoef(f["width"], f["tau1"])[0, 1] > 0.95
