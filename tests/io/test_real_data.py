"""Real files of other groups, read as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from novum.errors import FileFormatError, InputError
from novum.io import InputWarning, open_events, summarise

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def lhco(shared_data: Path) -> Any:
    folder = shared_data / "lhco_rnd_v1"
    with pytest.warns(InputWarning, match="tau21_1, tau21_2 are not tau2/tau1"):
        table = open_events(folder / "lhco_rnd_v1_first100k.h5")
    return table, open_events(folder / "cathode_format_v1.npy")


def test_lhco_counts(lhco: Any) -> None:
    for source in lhco:
        assert source.schema.n_events == 100_000
        label = source.read(["mjj"]).label
        assert np.bincount(label).tolist() == [90_941, 9_059]
    table, plain = lhco
    np.testing.assert_array_equal(table.read([]).label, plain.read([]).label)
    np.testing.assert_array_equal(table.read([]).bookkeeping["event"], np.arange(100_000))


def test_lhco_masses_agree(lhco: Any) -> None:
    masses = ("mjj", "mj_low", "delta_mj")
    table, plain = (s.read(masses) for s in lhco)
    for name in masses:
        assert lhco[0].schema.units[name] == lhco[1].schema.units[name] == "GeV"
        # float32 TeV on one side
        np.testing.assert_allclose(
            table.features[name], plain.features[name], rtol=2e-6, atol=2e-4, err_msg=name
        )


def test_lhco_recomputed_tau21_agrees(lhco: Any) -> None:
    """The file made by others divides by tau1 + 1e-5."""
    table = lhco[0].read(["tau21_low", "tau21_high", "mass_1", "mass_2", "tau1_1", "tau1_2"])
    plain = lhco[1].read(["tau21_low", "tau21_high"])
    f = table.features
    first_is_lighter = f["mass_1"] < f["mass_2"]
    tau1 = {
        "tau21_low": np.where(first_is_lighter, f["tau1_1"], f["tau1_2"]),
        "tau21_high": np.where(first_is_lighter, f["tau1_2"], f["tau1_1"]),
    }
    for name, below in tau1.items():
        guarded = f[name] * below / (below + 1e-5)
        np.testing.assert_allclose(guarded, plain.features[name], atol=1e-6)


def test_lhco_mass_is_found(lhco: Any) -> None:
    for source in lhco:
        assert summarise(source).suggested_mass == "mjj"


@pytest.mark.parametrize(
    ("name", "n", "mass"),
    [("Zmumu_Run2011A_masses", 10_851, "M"), ("Zee_Run2011A", 18_885, None),
     ("peakdata3", 19_519, "M")],
)  # fmt: skip
def test_cms_open_data(shared_data: Path, name: str, n: int, mass: str | None) -> None:
    source = open_events(shared_data / "cms_open_data" / f"{name}.csv")
    assert source.schema.bookkeeping == {"run": "Run", "event": "Event"}
    assert not {"Run", "Event", "Type1", "type1"} & set(source.schema.columns)
    got = source.read()
    assert len(got) == n
    assert 160_000 < got.bookkeeping["run"].min() < got.bookkeeping["run"].max() < 180_000
    if mass:
        assert summarise(source).suggested_mass == mass


def test_cms_invariant_mass_is_that_of_the_muons(shared_data: Path) -> None:
    f = open_events(shared_data / "cms_open_data" / "Zmumu_Run2011A_masses.csv").read().features
    e, *p = (f[f"{v}1"] + f[f"{v}2"] for v in ("E", "px", "py", "pz"))
    m = np.sqrt(e**2 - sum(q**2 for q in p))
    assert np.mean(np.isclose(m, f["M"], rtol=1e-3)) > 0.99


def test_higgsml(shared_data: Path) -> None:
    source = open_events(shared_data / "higgsml" / "higgsml_first12000.csv")
    schema = source.schema
    assert (schema.weight, schema.label) == ("Weight", "Label")
    assert schema.bookkeeping == {"event": "EventId"}
    got = source.read(["DER_mass_MMC"])
    assert len(got) == 12_000
    assert set(np.asarray(got.label)) == {0, 1}
    with pytest.raises(InputError, match="'KaggleSet': is not numeric"):
        source.read(["KaggleSet"])


def test_saved_pandas_index(shared_data: Path) -> None:
    source = open_events(shared_data / "qae_tth" / "sample_bg_morestat.csv")
    assert len(source.schema.columns) == 9


def test_layouts_that_are_not_tables(shared_data: Path) -> None:
    for name in ("btag_tracks/gjj_Variables_mid_100.hdf5", "published/jetclr_lhco_results.npz"):
        with pytest.raises(FileFormatError, match=name.rsplit("/", 1)[1]):
            open_events(shared_data / name)


# -- ROOT -------------------------------------------------------------------------------------


def test_nanoaod_of_cms_open_data(shared_data: Path) -> None:
    path = shared_data / "root" / "nanoAOD_2015_CMS_Open_Data_ttbar.root"
    jets = {"jets": ("Jet_pt", "Jet_eta", "Jet_phi", "Jet_mass")}
    source = open_events(path, clouds=jets)
    schema = source.schema
    assert (schema.n_events, schema.weight) == (200, "genWeight")
    assert schema.bookkeeping == {"run": "run", "lumi": "luminosityBlock", "event": "event"}
    got = source.read(["nJet", "Jet_pt[:,0]", "sum(Jet_pt)", "jets"])
    cloud = got.clouds["jets"].values
    np.testing.assert_array_equal((cloud[:, :, 0] > 0).sum(axis=1), got.features["nJet"])
    np.testing.assert_allclose(cloud[:, :, 0].sum(axis=1), got.features["sum(Jet_pt)"], rtol=1e-6)
    leading = got.features["Jet_pt[:,0]"]
    np.testing.assert_array_equal(np.isnan(leading), got.features["nJet"] == 0)
    np.testing.assert_array_equal(np.nan_to_num(leading), cloud[:, :, 0].max(axis=1))
    assert np.abs(cloud[:, :, 2]).max() <= np.float32(np.pi)
    assert len(np.unique(got.bookkeeping["event"])) == 200
    with pytest.raises(InputError, match="did you mean 'Jet_pt'"):
        source.read(["Jet_ptt"])


def test_pfnano_takes_the_events_among_its_trees(shared_data: Path) -> None:
    """ParameterSets has a thousand times the entries."""
    path = shared_data / "root" / "coffea_pfnano.root"
    candidates = {"candidates": ("PFCands_pt", "PFCands_eta", "PFCands_phi", "PFCands_pdgId")}
    source = open_events(path, clouds=candidates)
    assert source.schema.n_events == 10
    got = source.read(["nPFCands", "candidates"])
    present = got.clouds["candidates"].values[:, :, 0] > 0
    np.testing.assert_array_equal(present.sum(axis=1), got.features["nPFCands"])
    assert open_events(f"{path}:Runs").schema.n_events == 1


def test_zmumu_mass_of_an_expression(shared_data: Path) -> None:
    source = open_events(shared_data / "root" / "uproot-Zmumu.root")
    assert source.schema.bookkeeping == {"run": "Run", "event": "Event"}
    mass = "sqrt((E1 + E2)**2 - (px1 + px2)**2 - (py1 + py2)**2 - (pz1 + pz2)**2)"
    got = source.read([mass, "M"]).features
    np.testing.assert_allclose(got[mass], got["M"], rtol=1e-2)
    assert summarise(source).suggested_mass == "M"


def test_hzz_weights_and_muons(shared_data: Path) -> None:
    spec = {"muons": {"pt": "hypot(Muon_Px, Muon_Py)", "pz": "Muon_Pz", "E": "Muon_E"}}
    source = open_events(shared_data / "root" / "uproot-HZZ.root", clouds=spec)
    assert source.schema.weight == "EventWeight"
    got = source.read(["NMuon", "muons"])
    pt, pz, e = got.clouds["muons"].values.T
    np.testing.assert_array_equal((pt > 0).sum(axis=0), got.features["NMuon"])
    mass2 = (e**2 - pt**2 - pz**2)[pt > 0]
    assert np.mean(np.abs(mass2 - 0.10566**2) < 1e-3 * e[pt > 0] ** 2) > 0.99


# -- text -------------------------------------------------------------------------------------


def test_higgsml_undefined_values_are_missing(shared_data: Path) -> None:
    source = open_events(shared_data / "higgsml" / "higgsml_first12000.csv")
    schema = source.schema
    assert schema.format == "higgsml"
    assert len(schema.columns) == 30
    assert schema.on_request == ("KaggleWeight",)
    got = source.read()
    np.testing.assert_array_equal(got.id, 100_000 + np.arange(12_000) + (got.id[0] - 100_000))
    jets = got.features["PRI_jet_num"]
    for name, least in (("PRI_jet_leading_pt", 1), ("PRI_jet_subleading_pt", 2)):
        np.testing.assert_array_equal(np.isnan(got.features[name]), jets < least)
    assert not any((v == -999).any() for v in got.features.values())
    # 12,000 of 22,889 events, whose signal weights add up to 19.83.
    assert got.weight[got.label == 1].sum() == pytest.approx(19.83 * 12_000 / 22_889, rel=0.03)


def test_trackml(shared_data: Path) -> None:
    source = open_events(shared_data / "trackml" / "event000000001-hits.csv.gz")
    assert source.schema.format == "trackml"
    got = source.read(["x", "volume_id", "particle", "truth_weight", "tx"])
    assert len(got) == 5527
    assert set(got.bookkeeping["event"]) == {1}
    assert len(np.unique(got.features["volume_id"])) == 9
    # Measured and true positions are those of the same hits.
    assert np.median(np.abs(got.features["x"] - got.features["tx"])) < 0.1
    assert got.features["truth_weight"].sum() == pytest.approx(0.051, abs=0.001)
    assert np.mean(got.features["particle"] == 0) == pytest.approx(0.15, abs=0.01)
