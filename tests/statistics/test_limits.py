"""Limits: closed forms, pyhf as the judge of our own fits, and what must not change a limit."""

import builtins
import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special, stats

from novum.errors import InputError, MissingDependencyError
from novum.statistics.cls import asymptotic_cls
from novum.statistics.histfactory import BatchLikelihood
from novum.statistics.limits import ASYMPTOTIC, TOYS, Limit, upper_limit
from novum.statistics.onoff import on_off_z
from novum.statistics.pyhf_check import validate_workspace
from novum.statistics.workspace import OnOffCounts, on_off_workspace

from .conftest import FALSE_ALARM

pyhf = pytest.importorskip("pyhf")
pytestmark = [
    pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning"),
]

TYPICAL = OnOffCounts(105, 1000, 0.1, 0.001, 10.0, 1.0, 0.2, 0.05)
FEW = OnOffCounts(3, 4, 0.3, 0.05, 2.0, 0.2, 0.4, 0.05, spurious=0.5)
LEAK_FREE = OnOffCounts(160, 1000, 0.1, 0.004, 10.0)


@pytest.fixture(scope="module")
def typical() -> Limit:
    return upper_limit(on_off_workspace(TYPICAL, 0.1))


def cls_of(b: float, n: float, level: float = 0.95) -> float:
    """Limit on s for a known background, from the formulas of arXiv:1007.1727, section 3.7."""

    def q(s: float, seen: float) -> float:
        best = max(seen - b, 0.0)
        if best >= s:
            return 0.0
        return 2 * (s - best - seen * math.log((s + b) / (best + b)))

    def cls(s: float) -> float:
        root, asimov = math.sqrt(q(s, n)), math.sqrt(q(s, b))
        if root > asimov:  # the branch of a downward fluctuation, equation 66
            root = (root**2 + asimov**2) / (2 * asimov)
        return float(special.ndtr(-root) / special.ndtr(asimov - root))

    return float(optimize.brentq(lambda s: cls(s) - (1 - level), 1e-3, 100 * math.sqrt(b)))


@pytest.mark.parametrize("n", [100, 115, 88])
@pytest.mark.parametrize("level", [0.95, 0.9])
def test_a_known_background_has_the_asymptotic_limit(n, level):
    """Sidebands so large that the background is known; 0.3 % is the fineness of the scan."""
    counts = OnOffCounts(n, 1e7, 1e-5, 0.0, 5.0)
    limit = upper_limit(on_off_workspace(counts), level)
    assert limit.method == ASYMPTOTIC
    assert limit.observed * 5 == pytest.approx(cls_of(100, n, level), rel=0.003)
    assert limit.expected[2] * 5 == pytest.approx(cls_of(100, 100, level), rel=0.003)
    assert limit.cls_at_limit == pytest.approx(1 - level, rel=0.01)


def test_expected_bands_of_a_gaussian_measurement():
    """Limits from background alone are σ (Φ⁻¹(1 - α Φ(N)) + N), arXiv:1007.1727 equation 89."""
    b = 1e6
    limit = upper_limit(on_off_workspace(OnOffCounts(b, 1e10, 1e-4, 0.0, 1000.0)))
    n = np.arange(-2, 3)
    expected = np.sqrt(b) / 1000 * (special.ndtri(1 - 0.05 * special.ndtr(n)) + n)
    np.testing.assert_allclose(limit.expected, expected, rtol=0.005)


def test_nothing_seen_and_nothing_expected_excludes_three_events():
    """CLs = exp(-s): s < 2.996. 4000 toys know the limit to 2.3 %; 4σ are allowed."""
    limit = upper_limit(on_off_workspace(OnOffCounts(0, 0, 0.1, 0.0, 1.0)), n_toys=4000)
    assert (limit.method, limit.n_toys) == (TOYS, 4000)
    assert limit.observed == pytest.approx(-math.log(0.05), rel=0.09)
    np.testing.assert_allclose(limit.expected, limit.observed)


def test_background_without_fluctuation_gives_the_expected_limit():
    for counts in (TYPICAL, replace(TYPICAL, spurious=4.0)):
        limit = upper_limit(on_off_workspace(replace(counts, n_on=100.0), 0.1))
        assert limit.observed == pytest.approx(limit.expected[2], rel=0.003)


def test_bands_are_in_order_and_hold_the_scan(typical):
    assert list(typical.expected) == sorted(typical.expected)
    assert list(typical.mu) == sorted(typical.mu)
    assert typical.mu[0] == 0
    assert typical.cls[0] == 1
    assert typical.mu[-1] > max(typical.observed, *typical.expected)
    assert [len(band) for band in typical.cls_expected] == [len(typical.mu)] * 5
    assert typical.cls_at(typical.observed) == pytest.approx(0.05)
    assert typical.cls_at(0) == 1
    with pytest.raises(InputError, match="outside the scan"):
        typical.cls_at(1.01 * typical.mu[-1])


@pytest.mark.parametrize("factor", [1e-6, 1e4])
def test_the_scale_of_the_signal_does_not_matter(typical, factor):
    """Limits on events are the same, whatever signal strength 1 means."""
    names = ("signal_on", "signal_off", "signal_on_error", "signal_off_error")
    scaled = replace(TYPICAL, **{name: factor * getattr(TYPICAL, name) for name in names})
    limit = upper_limit(on_off_workspace(scaled, 0.1))
    assert limit.observed * factor == pytest.approx(typical.observed, rel=0.002)
    np.testing.assert_allclose(np.multiply(limit.expected, factor), typical.expected, rtol=0.002)


def test_more_luminosity_lowers_the_limit(typical):
    names = ("n_on", "n_off", "signal_on", "signal_off", "signal_on_error", "signal_off_error")
    more = replace(TYPICAL, **{name: 4 * getattr(TYPICAL, name) for name in names})
    expected = upper_limit(on_off_workspace(more, 0.1)).expected
    assert 0.45 < expected[2] / typical.expected[2] < 0.6  # 1/2 without systematic uncertainties


def test_what_is_uncertain_weakens_the_limit(typical):
    for changes, systematic in (
        ({"ratio_error": 0.03}, 0.1),
        ({"signal_on_error": 1.5}, 0.1),
        ({"spurious": 20.0}, 0.1),
        ({}, 0.5),
    ):
        limit = upper_limit(on_off_workspace(replace(TYPICAL, **changes), systematic))
        assert limit.expected[2] > 1.02 * typical.expected[2]


def test_two_windows_exclude_more_than_one(typical):
    pair = [replace(TYPICAL, name="first"), replace(TYPICAL, name="second")]
    both = upper_limit(on_off_workspace(pair, 0.1))
    assert both.expected[2] < 0.8 * typical.expected[2]


@pytest.mark.parametrize("counts", [TYPICAL, LEAK_FREE, FEW, OnOffCounts(0, 0, 0.5, 0.1, 1.0)])
@pytest.mark.parametrize("systematic", [0.0, 0.2])
def test_the_batched_test_statistic_is_that_of_pyhf(counts, systematic):
    """Toys under both hypotheses, one at a time through pyhf; SLSQP stops at about 1e-6."""
    workspace = on_off_workspace(counts, systematic)
    likelihood = BatchLikelihood.of(workspace)
    mu, rng = counts.rough_limit, np.random.default_rng(1)
    toys = [likelihood.toys(value, 3, rng) for value in (0.0, mu)]
    n, aux = (np.concatenate(part) for part in zip(*toys, strict=True))
    model = pyhf.Workspace(workspace).model(clip_bin_data=1e-12)
    config = model.config
    columns = [likelihood.names.index(name) for name in config.auxdata_order]
    bins = [[c["name"] for c in workspace["channels"]].index(c) for c in config.channels]
    theirs = [
        pyhf.infer.test_statistics.qmu_tilde(
            mu,
            [*counts_[bins], *aux_[columns]],
            model,
            config.suggested_init(),
            config.suggested_bounds(),
            config.suggested_fixed(),
        )
        for counts_, aux_ in zip(n, aux, strict=True)
    ]
    np.testing.assert_allclose(likelihood.q_tilde(mu, n, aux), theirs, atol=1e-3)


def test_toys_agree_with_the_asymptotic_formulas_where_much_is_expected(typical):
    """Observed limit: 4 % is some 2σ of 4000 toys; the seed is fixed."""
    workspace = on_off_workspace(TYPICAL, 0.1)
    toys = upper_limit(workspace, method="toys", n_toys=4000)
    assert toys.method == TOYS
    assert toys.observed == pytest.approx(typical.observed, rel=0.04)
    assert toys.expected[2] == pytest.approx(typical.expected[2], rel=0.06)


def test_toys_follow_their_seed_and_decide_where_little_is_expected():
    workspace = on_off_workspace(FEW)
    state = np.random.get_state()[1]  # noqa: NPY002 - the global state is what must not move
    first, again = (upper_limit(workspace, n_toys=100) for _ in range(2))
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert first.method == TOYS
    assert first == again
    assert first != upper_limit(workspace, n_toys=100, seed=1)


def test_a_true_signal_is_excluded_no_more_often_than_stated():
    """Pseudo-data with signal at μ = 1; CLs only ever covers more than its level."""
    rng, n, excluded = np.random.default_rng(7), 400, 0
    b, kappa, ratio, s_on, s_off = 400.0, 0.05, 0.2, 22.0, 2.0
    for _ in range(n):
        measured = ratio * math.exp(kappa * rng.standard_normal())
        n_on, n_off = rng.poisson(ratio * b + s_on), rng.poisson(b + s_off)
        counts = OnOffCounts(n_on, n_off, measured, kappa * measured, s_on, s_off)
        likelihood = BatchLikelihood.of(on_off_workspace(counts))
        asimov = likelihood.without_fluctuation(0.0)
        excluded += asymptotic_cls(likelihood, 1.0, asimov)[0] < 0.05
    assert stats.binomtest(excluded, n, 0.05, alternative="greater").pvalue > FALSE_ALARM
    assert excluded > 0.01 * n  # and not vastly more


@pytest.mark.parametrize("counts", [TYPICAL, LEAK_FREE, OnOffCounts(70, 300, 0.2, 0.02, 5.0)])
def test_discovery_significance_is_that_of_the_on_off_formula(counts):
    """√q0 of the exported workspace against `on_off_z`."""
    clean = replace(counts, signal_off=0.0, signal_on_error=0.0)
    model = pyhf.Workspace(on_off_workspace(clean)).model()
    data = [
        *(v for c in model.config.channels for v in ([clean.n_on] if c == "SR" else [clean.n_off]))
    ]
    pars = (model.config.suggested_init(), model.config.suggested_bounds())
    q0 = pyhf.infer.test_statistics.q0(
        0.0, data + model.config.auxdata, model, *pars, model.config.suggested_fixed()
    )
    z = on_off_z(clean.n_on, clean.n_off, clean.ratio, clean.ratio_error)
    assert math.sqrt(q0) == pytest.approx(float(z), abs=1e-3)


def test_an_exported_workspace_gives_the_same_cls_in_another_program(typical, tmp_path):
    path = tmp_path / "histfactory.json"
    path.write_text(json.dumps(on_off_workspace(TYPICAL, 0.1)))
    loaded = pyhf.Workspace(json.loads(path.read_text()))
    model = loaded.model()
    cls = pyhf.infer.hypotest(typical.observed, loaded.data(model), model, test_stat="qtilde")
    assert float(cls) == pytest.approx(0.05, rel=0.01)
    command = ["cls", str(path), "--test-poi", repr(typical.observed)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from pyhf.cli import cli; cli()", *command],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["CLs_obs"] == pytest.approx(0.05, rel=0.01)
    assert found["CLs_exp"][2] == pytest.approx(
        np.interp(typical.observed, typical.mu, typical.cls_expected[2]), rel=0.05
    )


@pytest.mark.parametrize(
    "windows",
    [TYPICAL, FEW, [replace(TYPICAL, name="a"), replace(FEW, name="b")]],
    ids=["one", "few", "two"],
)
def test_workspaces_follow_the_schema(windows):
    workspace = on_off_workspace(windows, 0.1)
    pyhf.schema.validate(workspace, "workspace.json")
    assert json.loads(json.dumps(workspace)) == workspace
    validate_workspace(workspace)


def test_the_backend_of_the_caller_is_left_alone():
    before = pyhf.get_backend()
    validate_workspace(on_off_workspace(TYPICAL))
    assert pyhf.get_backend() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_on": -1}, "n_on must be finite and not negative, got -1"),
        ({"ratio": 0.0}, "ratio must be finite and positive"),
        ({"signal_on": 0.0}, "signal_on must be finite and positive"),
        ({"spurious": math.nan}, "spurious"),
    ],
)
def test_counts_that_cannot_be(changes, message):
    with pytest.raises(InputError, match=message):
        replace(TYPICAL, **changes)


def test_arguments_that_cannot_be():
    workspace = on_off_workspace(TYPICAL)
    with pytest.raises(InputError, match="at least one window"):
        on_off_workspace([])
    with pytest.raises(InputError, match="names of their own"):
        on_off_workspace([TYPICAL, TYPICAL])
    with pytest.raises(InputError, match="signal_systematic"):
        on_off_workspace(TYPICAL, -0.1)
    for keywords in ({"level": 1.0}, {"method": "bayes"}, {"n_toys": 10}):
        with pytest.raises(InputError):
            upper_limit(workspace, **keywords)
    with pytest.raises(InputError, match="not a valid HistFactory workspace"):
        upper_limit({**workspace, "channels": []})


def test_without_pyhf_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **keywords):
        if name == "pyhf":
            raise ImportError(name)
        return real(name, *rest, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"novum\[limits\]"):
        upper_limit(on_off_workspace(TYPICAL))
