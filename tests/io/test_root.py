"""ROOT trees: expressions, clouds, several trees, what is refused."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from novum.errors import FileFormatError, InputError
from novum.io import InputWarning, open_events
from novum.io.expression import FUNCTIONS, parse

from .layouts import N, jagged, make_jetclass, padded, put_tree


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Something like NanoAOD: its trees, its names, and the numbers in them."""
    path = tmp_path_factory.mktemp("nano") / "nano.root"
    counts, rng = jagged()
    total = int(counts.sum())
    jets = {name: rng.normal(size=total).astype(np.float32) for name in ("pt", "eta", "phi")}
    jets["pt"] = np.abs(jets["pt"]) + 20
    number = np.arange(N) + 10**12
    met = rng.exponential(50, N).astype(np.float32)
    with uproot.recreate(path) as file:
        put_tree(file, "Runs", {"run": np.arange(200)})
        events = {
            "run": np.full(N, 3, np.uint32),
            "luminosityBlock": np.full(N, 7, np.uint32),
            "event": number.astype(np.uint64),
            "genWeight": np.linspace(-1, 2, N).astype(np.float32),
            "MET_pt": met,
            "Jet": ak.zip({k: ak.unflatten(v, counts) for k, v in jets.items()}),
            "Photon": ak.zip({"pt": ak.unflatten(np.ones(N), np.ones(N, int))}),
        }
        put_tree(file, "Events", events)
    return path, counts, {k: padded(counts, v) for k, v in jets.items()}, met, number


def test_nanoaod_roles(nano: Any) -> None:
    path, counts, _, met, number = nano
    source = open_events(path)
    schema = source.schema
    assert (schema.format, schema.n_events, schema.weight) == ("root", N, "genWeight")
    assert schema.bookkeeping == {"run": "run", "lumi": "luminosityBlock", "event": "event"}
    got = source.read()
    assert list(got.features) == ["MET_pt", "nJet", "nPhoton"]
    np.testing.assert_array_equal(got.features["MET_pt"], met)
    np.testing.assert_array_equal(got.features["nJet"], counts)
    np.testing.assert_array_equal(got.bookkeeping["event"], number)
    assert not got.clouds


def test_the_first_jet_and_nan_where_there_is_none(nano: Any) -> None:
    path, counts, jets, _, _ = nano
    got = open_events(path).read(["Jet_pt[:,0]", "Jet_eta[:,1]"]).features
    for name, key, index in (("Jet_pt[:,0]", "pt", 0), ("Jet_eta[:,1]", "eta", 1)):
        expected = np.where(counts > index, jets[key][:, index], np.nan)
        np.testing.assert_array_equal(got[name], expected)


def test_a_dijet_mass_is_an_expression(nano: Any) -> None:
    path, counts, jets, met, _ = nano
    mass = (
        "sqrt(2 * Jet_pt[:,0] * Jet_pt[:,1] * (cosh(Jet_eta[:,0] - Jet_eta[:,1])"
        " - cos(Jet_phi[:,0] - Jet_phi[:,1])))"
    )
    names = [mass, "sum(Jet_pt) / count(Jet_pt)", "-MET_pt + 2"]
    got = open_events(path).read(names).features
    (p1, p2), (e1, e2), (f1, f2) = (jets[k][:, :2].T for k in ("pt", "eta", "phi"))
    expected = np.sqrt(2 * p1 * p2 * (np.cosh(e1 - e2) - np.cos(f1 - f2)))
    np.testing.assert_allclose(got[mass], np.where(counts > 1, expected, np.nan), rtol=1e-5)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(got[names[1]], jets["pt"].sum(axis=1) / counts, rtol=1e-6)
    np.testing.assert_allclose(got["-MET_pt + 2"], 2 - met.astype(float))


def test_clouds_of_branches(nano: Any) -> None:
    path, counts, jets, _, _ = nano
    source = open_events(path, clouds={"jets": ("Jet_pt", "Jet_eta", "Jet_phi")})
    assert source.schema.clouds == {"jets": ("pt", "eta", "phi")}
    cloud = source.read(["jets"]).clouds["jets"]
    assert cloud.values.dtype == np.float32
    for i, name in enumerate(cloud.fields):
        np.testing.assert_array_equal(cloud.values[:, :, i], jets[name])
    spec = {"pt": "Jet_pt", "px": "Jet_pt * cos(Jet_phi)", "share": "Jet_pt / sum(Jet_pt)"}
    cloud = open_events(path, clouds={"jets": spec}).read().clouds["jets"]
    np.testing.assert_allclose(
        cloud.values[:, :, 1], jets["pt"] * np.cos(jets["phi"]), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(cloud.values[:, :, 2].sum(axis=1), counts > 0, rtol=1e-5)


@pytest.mark.parametrize(
    ("clouds", "message"),
    [
        ({"jets": ("Jet_eta", "Jet_phi")}, "first field of a cloud is 'pt'"),
        ({"jets": ()}, "first field of a cloud is 'pt', got none"),
        ({"jets": ("MET_pt",)}, "no branch has several entries"),
        ({"jets": ("Jet_pt", "Jet_etta")}, "did you mean 'Jet_eta'"),
        ({"jets": {"pt": "Jet_pt", "x": "Jet_eta +"}}, "no expression"),
    ],
)
def test_clouds_that_are_none(nano: Any, clouds: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_events(nano[0], clouds=clouds)


def test_branches_of_other_particles_make_no_cloud(nano: Any) -> None:
    source = open_events(nano[0], clouds={"x": ("Jet_pt", "Photon_pt")})
    with pytest.raises(InputError, match="where 'Jet_pt' has 2; they are no numbers of the same"):
        open_events(nano[0], clouds={"x": {"pt": "Jet_pt", "y": "Photon_pt"}}).read()
    assert source.schema.clouds == {"x": ("pt",)}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("Jet_pt", r"'Jet_pt\[:,0\]' is the first"),
        ("Jet_ptt", "did you mean 'Jet_pt'"),
        ("Jet_ptt[:,0]", "did you mean 'Jet_pt'"),
        ("2 * Jet_pt", r"write 'Jet_pt\[:,0\]'"),
        ("MET_pt[:,0]", "has one entry an event"),
        ("event", "event column, which is never read as a feature"),
    ],
)
def test_columns_that_are_none(nano: Any, column: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_events(nano[0]).read([column])
    assert caught.value.file == str(nano[0])


def test_clouds_are_for_root_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match="'clouds' is for ROOT files, this is csv"):
        open_events(tmp_path / "a.csv", clouds={"jets": ("pt",)})


def test_a_tree_is_named_after_a_colon(nano: Any) -> None:
    assert open_events(f"{nano[0]}:Runs").schema.n_events == 200
    with pytest.raises(FileFormatError, match="no tree 'Run'; did you mean 'Runs'"):
        open_events(f"{nano[0]}:Run")
    with pytest.raises(InputError, match="no such file"):
        open_events(f"{nano[0]}x.root:Runs")


def test_the_tree_with_most_entries_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        put_tree(file, "few", {"x": np.arange(3.0)})
        put_tree(file, "dir/many", {"y": np.arange(9.0)})
    with pytest.warns(InputWarning, match=r"'dir/many' is read, .* as in a\.root:few"):
        source = open_events(path)
    assert (source.schema.columns, source.schema.n_events) == (("y",), 9)
    assert open_events(f"{path}:few").read().features["x"].tolist() == [0, 1, 2]


def test_files_without_events(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file["h"] = np.histogram([1.0])
    with pytest.raises(FileFormatError, match=r"no tree; the file has h \(TH1D\)"):
        open_events(tmp_path / "a.root")
    with uproot.recreate(tmp_path / "b.root") as file:
        file.mktree("t", {"x": "f8"})
    with uproot.recreate(tmp_path / "c.root") as file:
        file["Events"] = {"x": np.arange(3.0)}
    with pytest.raises(FileFormatError, match=r"no tree; .* Events \(ROOT::RNTuple\)"):
        open_events(tmp_path / "c.root")
    with pytest.raises(InputError, match="no events"):
        open_events(tmp_path / "b.root")


def test_arrays_and_vectors(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        arrays = {"x": np.arange(12.0).reshape(4, 3), "flag": np.array([True, False] * 2)}
        put_tree(file, "t", arrays)
    got = open_events(tmp_path / "a.root").read(["x[:,2]", "x[:,3]", "flag"]).features
    np.testing.assert_array_equal(got["x[:,2]"], [2, 5, 8, 11])
    assert np.isnan(got["x[:,3]"]).all()
    np.testing.assert_array_equal(got["flag"], [1, 0, 1, 0])


def test_an_event_of_too_many_particles(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        put_tree(file, "t", {"J": ak.zip({"pt": ak.Array([[1.0], np.ones(10_001)])})})
    with pytest.raises(InputError, match="an event has 10001 particles"):
        open_events(tmp_path / "a.root", clouds={"j": ("J_pt",)})


def test_without_uproot(nano: Any) -> None:
    code = (
        "import sys; sys.modules['uproot'] = None\n"
        "from novum.errors import MissingDependencyError\n"
        "from novum.io import open_events\n"
        "try: open_events(sys.argv[1])\n"
        "except MissingDependencyError as e: assert \"pip install 'novum[root]'\" in str(e)\n"
        "else: raise SystemExit('read')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(nano[0])], check=True)


def test_jetclass(tmp_path: Path) -> None:
    put = make_jetclass(tmp_path / "a.root")
    source = open_events(tmp_path / "a.root")
    assert source.schema.columns == ("jet_pt", "jet_sdmass", *(
        n for n in source.schema.columns if n.startswith("n")
    ))  # fmt: skip
    assert source.schema.units["jet_pt"] == "GeV"
    assert set(source.schema.on_request) == {"label_QCD", "label_Hbb", "aux_genpart_pt"}
    got = source.read()
    np.testing.assert_array_equal(got.label, ~put["label_QCD"])
    cloud = got.clouds["constituents"]
    values = dict(zip(cloud.fields, cloud.values.T, strict=True))
    pt = values["pt"].T
    np.testing.assert_allclose(pt, np.hypot(put["part_px"], put["part_py"]), rtol=1e-6)
    here = pt > 0
    np.testing.assert_array_equal(here.sum(axis=1), put["counts"])
    px = (pt * np.cos(values["phi"].T))[here]
    pz = (pt * np.sinh(values["eta"].T))[here]
    np.testing.assert_allclose(px, put["part_px"][here], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(pz, put["part_pz"][here], rtol=1e-4, atol=1e-4)
    for name, branch in (("E", "energy"), ("deta", "deta"), ("charge", "charge")):
        np.testing.assert_array_equal(values[name].T, put[f"part_{branch}"])


# -- expressions ------------------------------------------------------------------------------


class Numbers:
    """Branches a, b and c of one event, c jagged."""

    def values(self, branch: str) -> Any:
        return np.array([{"a": 3.0, "b": -0.5}[branch]])

    def item(self, branch: str, index: int) -> Any:
        return np.array([[1.0, 2.0][index] if index < 2 else np.nan])

    def reduced(self, branch: str, function: str) -> Any:
        return np.array([{"sum": 3.0, "count": 2.0}[function]])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2", 2.0), ("-a ** 2", -9.0), ("(a - b) / 2", 1.75), ("2 ** -1 * a", 1.5),
        ("c[:,1] - c[:, 0]", 1.0), ("sum(c) / count(c)", 1.5), ("hypot(a, 4 * a / a)", 5.0),
        ("sqrt(b)", math.nan), ("a / (b + 0.5)", math.inf), ("c[:,7]", math.nan),
        ("minimum(a, b) + maximum(a, b)", 2.5), ("arctan2(0, a)", 0.0), ("exp(log(a))", 3.0),
    ],
)  # fmt: skip
def test_what_expressions_mean(text: str, value: float) -> None:
    assert parse(text).compute(Numbers()).item() == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "a.__class__()", "(lambda: 1)()", "[a]", "a if b else a", "a < b",
        "a and b", "'a'", "f'{a}'", "True + a", "None", "a := 1", "a; b", "a[0]", "a[:]",
        "a[:,-1]", "a[1:,0]", "a[:,0][:,0]", "a[:,True]", "a[:,0].real", "sum(a + b)",
        "sum(a, b)", "sqrt(a, b)", "sqrt()", "sqrt(x=a)", "sqrt(*a)", "eval(a)", "a @ b", "a % b",
        "~a", "not a", "+a", "1j * a", "a" + "+a" * 600, "(" * 250 + "a" + ")" * 250,
        "-" * 60 + "a", "", "a b", "1e999 * a", "9" * 400, "\0",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is said differs
        parse(text)


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab[]:,0()+*-/. sqrtum'\"_")))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert all(use.how in ("", "item", "sum", "count") for use in found.uses)


leaves = st.sampled_from(["a", "b", "c[:,0]", "sum(c)", "2", "0.5"])
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from([n for n, (_, k) in FUNCTIONS.items() if k == 1]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(trees)
def test_expressions_are_what_python_makes_of_them(text: str) -> None:
    """Against Python's own evaluation, which the package never uses."""
    space = {n: f for n, (f, _) in FUNCTIONS.items()} | {
        "a": np.float64(3), "b": np.float64(-0.5), "S": np.float64(3), "C": np.float64(1)
    }  # fmt: skip
    python = text.replace("c[:,0]", "C").replace("sum(c)", "S")
    python = python.replace("2", "np.float64(2)").replace("0.5", "np.float64(0.5)")
    with np.errstate(all="ignore"):
        expected = eval(python, {"np": np, **space})
    assert parse(text).compute(Numbers()).item() == pytest.approx(float(expected), nan_ok=True)
