"""Kinds of background-only data, and pseudo-searches on them against the search itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import novum
from novum.calibration.nulls import FEWEST_DATA_SETS, FileNull, SamplerNull, SidebandsNull
from novum.calibration.procedure import make_null
from novum.calibration.pseudo import PseudoSearch, stacked
from novum.calibration.target import Target, find_target
from novum.errors import ConfigError, FitError, InputError
from novum.events import Events, Meta
from novum.io import write_events
from novum.search.inputs import make_sample

from .conftest import FALSE_ALARM, SIZE


@pytest.fixture(scope="module")
def target(config, toy) -> Target:
    return find_target(config, events=toy)


@pytest.fixture(scope="module")
def search(target) -> PseudoSearch:
    return PseudoSearch.of(target.plan, target.config)


def weighted(events: Events, w) -> Events:
    return Events.from_arrays(dict(events.features), weight=w, meta=Meta(origin="weighted"))


# --- pseudo-searches


@pytest.mark.parametrize("seed", [0, 5])
def test_counts_are_those_of_the_search(seed, target, search, toy):
    result = novum.hunt(toy, config=replace(target.config, seed=seed), n_jobs=1)
    found = search.run(target.sample, seed)
    seen = [w.counts.effective() for w in result.windows]
    assert [found.n_on, found.n_off, found.ratio, found.ratio_error] == [
        tuple(column) for column in zip(*seen, strict=True)
    ]
    assert found.quoted == tuple(w.withheld is None for w in result.windows)


def test_counts_are_those_of_a_scan_with_redrawn_cross_fits_and_chosen_orders(config, toy):
    scan = replace(
        config, window=None, width=400.0, centers=(3300.0, 3700.0), repeats=2, n_params=None, seed=3
    )
    found = find_target(scan, events=toy)
    result = novum.hunt(toy, config=scan, n_jobs=1)
    row = PseudoSearch.of(found.plan, found.config).run(found.sample, 3)
    assert len(result.windows) == len(row.n_on) == 3
    for i, w in enumerate(result.windows):
        seen = (row.n_on[i], row.n_off[i], row.ratio[i], row.ratio_error[i])
        assert seen == w.counts.effective()
        assert row.quoted[i] == (w.withheld is None)


@pytest.mark.parametrize("sign", [1, -1])
def test_counts_are_those_of_a_weighted_search(sign, config, toy):
    """The largest weights, and with `sign` -1 some negative ones, lie beside the window too."""
    w = np.random.default_rng(1).uniform(0.5, 1.3, SIZE)
    w[toy.column("mjj") < 2600] *= 3
    w[::20] *= sign
    events = weighted(toy, w)
    found = find_target(config, events=events)
    row = PseudoSearch.of(found.plan, found.config).run(found.sample, config.seed)
    counts = novum.hunt(events, config=config, n_jobs=1).windows[0].counts
    assert (row.n_on, row.n_off, row.ratio, row.ratio_error) == tuple(
        (value,) for value in counts.effective()
    )


def test_a_search_of_part_of_the_events_sees_the_window_alone(target, search):
    """CWoLa is local: events beside the window only enter the spectrum fit."""
    sample = target.sample
    beyond = sample.m > 3900
    X = sample.X.copy()
    X[beyond] += 1000.0
    moved = replace(sample, X=X)
    assert search.run(moved, 0) == search.run(sample, 0)


def test_injected_events_are_counted(target, search):
    signal = make_sample(novum.toy_dijets(0, 150, seed=3), target.config)
    both = replace(
        target.sample,
        **{
            name: np.concatenate([getattr(target.sample, name), getattr(signal, name)])
            for name in ("X", "m", "w")
        },
        ids=np.arange(SIZE + 150, dtype=np.uint64),
    )
    found = search.run(both, 0, n_signal=150)
    assert found.signal_before == (float(((signal.m >= 3300) & (signal.m < 3700)).sum()),)
    assert 0.3 * found.signal_before[0] < found.signal_selected[0] <= found.signal_before[0]
    assert found.signal_selected[0] <= found.n_on[0]
    assert search.run(both, 0).signal_before == (0.0,)


def test_a_search_that_cannot_be_done_quotes_nothing(target, search, monkeypatch):
    def fail(*args, **kwargs):
        raise FitError("no solution")

    monkeypatch.setattr("novum.search.scan.final_fit", fail)
    found = search.run(target.sample, 0)
    assert found.quoted == (False,)
    assert stacked([found]).quoted.tolist() == [[False]]
    assert (found.n_on, found.n_off) == ((0.0,), (0.0,))


def test_other_faults_are_not_swallowed(target, search, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("novum.search.scan.final_fit", fail)
    with pytest.raises(ZeroDivisionError):
        search.run(target.sample, 0)


# --- sampler


def test_sampler_draws_independent_samples_of_the_size(config):
    null = SamplerNull(SIZE, config)
    a, b, again = null.draw((1, 1, 0)), null.draw((1, 1, 1)), null.draw((1, 1, 0))
    assert len(a.m) == SIZE
    np.testing.assert_array_equal(a.X, again.X)
    assert not np.intersect1d(a.m, b.m).size
    assert stats.ks_2samp(a.m, b.m).pvalue > FALSE_ALARM
    with pytest.raises(ConfigError, match=r"draws mjj, mj_low.*not 'met'.*sidebands or a file"):
        SamplerNull(SIZE, replace(config, features=("met", "mj_low")))


def test_sampler_is_refused_for_data_of_another_origin(config, toy, tmp_path):
    """Searches of such data would not find the calibration to apply: say so before the hours."""
    write_events(toy, tmp_path / "events.h5")
    found = find_target(config, events=tmp_path / "events.h5")
    with pytest.raises(
        ConfigError, match=r"sampler says nothing of .*events\.h5.*--null sidebands"
    ):
        make_null(found, "sampler", 1)


# --- sidebands


@pytest.fixture(scope="module")
def sidebands(target) -> SidebandsNull:
    null = make_null(target, "sidebands", 1)
    assert isinstance(null, SidebandsNull)
    return null


def test_sidebands_keep_features_and_identities(sidebands, target):
    low, high = target.plan.fit_range
    inside = (target.sample.m >= low) & (target.sample.m < high)
    a, b, again = (sidebands.draw((1, 1, i)) for i in (0, 1, 0))
    for drawn in (a, b):
        np.testing.assert_array_equal(drawn.X, target.sample.X[inside])
        np.testing.assert_array_equal(drawn.ids, target.sample.ids[inside])
        assert len(np.unique(drawn.ids)) == len(drawn.ids)
        assert drawn.m.min() >= low
        assert drawn.m.max() < high
    np.testing.assert_array_equal(a.m, again.m)
    assert not np.intersect1d(a.m, b.m).size


@pytest.mark.usefixtures("unjudged")
def test_sidebands_hide_the_signal_region(sidebands, target):
    """Masses inside the only window decide nothing; its events take part in the draw."""
    assert target.masked == (3300.0, 3700.0)
    sample = target.sample
    rows = np.flatnonzero((sample.m >= 3300) & (sample.m < 3700))
    m = sample.m.copy()
    m[rows] = np.random.default_rng(1).uniform(3300, 3699, len(rows))
    other = replace(target, sample=replace(sample, m=m), plan=target.plan.of_events(m, sample.w))
    null = make_null(other, "sidebands", 1)
    np.testing.assert_array_equal(null.draw((1, 1, 0)).m, sidebands.draw((1, 1, 0)).m)


@pytest.mark.usefixtures("unjudged")
def test_sidebands_refuse_weights(config, toy):
    w = np.where(np.arange(SIZE) % 2, 1.0, 0.5)
    found = find_target(config, events=weighted(toy, w))
    with pytest.raises(InputError, match=r"weighted, column 'weight'.*--null FILE"):
        make_null(found, "sidebands", 1)
    assert make_null(find_target(config, events=weighted(toy, np.full(SIZE, 0.5))), "sidebands", 1)


@pytest.mark.usefixtures("unjudged")
def test_sidebands_need_the_events(config, toy):
    result = novum.hunt(toy, config=config, n_jobs=1)
    with pytest.raises(ConfigError, match=r"the events of 'toy dijets' are needed.*--events"):
        make_null(find_target(result), "sidebands", 1)
    assert make_null(find_target(result, events=toy), "sidebands", 1).kind == "sidebands"
    with pytest.raises(InputError, match="not hold the events that the result was made from"):
        find_target(result, events=novum.toy_dijets(SIZE, seed=8))


# --- a file


def test_a_file_gives_random_parts_without_repetition(config, target, tmp_path):
    pool = novum.toy_dijets(FEWEST_DATA_SETS * SIZE, 30, seed=9)
    write_events(pool, tmp_path / "simulated.h5")
    null = make_null(target, tmp_path / "simulated.h5", 1)
    assert isinstance(null, FileNull)
    assert (null.kind, null.origin) == ("file", str(tmp_path / "simulated.h5"))
    assert len(null.pool.m) == FEWEST_DATA_SETS * SIZE, "events with label 1 are no background"
    a, b, again = (null.draw((1, 1, i)) for i in (0, 1, 0))
    assert len(a.m) == len(np.unique(a.ids)) == SIZE
    np.testing.assert_array_equal(a.m, again.m)
    assert len(np.intersect1d(a.ids, b.ids)) < 0.15 * SIZE


def test_a_file_that_is_too_small_is_refused(target, tmp_path):
    write_events(novum.toy_dijets(FEWEST_DATA_SETS * SIZE - 1, seed=9), tmp_path / "few.h5")
    with pytest.raises(InputError, match=r"few\.h5: holds 39999 background.*10 times the 4000"):
        make_null(target, tmp_path / "few.h5", 1)
    write_events(novum.toy_dijets(0, 100, seed=9), tmp_path / "signal.h5")
    with pytest.raises(InputError, match="no background events"):
        make_null(target, tmp_path / "signal.h5", 1)


@pytest.mark.parametrize("name", ["sidbands", "samplr", "nowhere.h5"])
def test_what_is_no_null_is_refused(name, target):
    with pytest.raises(ConfigError, match=f"'{name}' is neither sampler nor sidebands nor a file"):
        make_null(target, name, 1)


# --- what is calibrated


def test_a_config_needs_data(config, toy):
    for arguments in ({}, {"events": toy, "size": 100}):
        with pytest.raises(ConfigError, match="give --events FILE, or --size N"):
            find_target(config, **arguments)


def test_a_result_and_its_config_give_the_same_plan(config, toy, target, tmp_path):
    result = novum.hunt(toy, config=config, output=tmp_path / "out", n_jobs=1)
    for source in (result, tmp_path / "out", tmp_path / "out" / "result.json"):
        found = find_target(source, events=toy)
        assert found.plan.windows == target.plan.windows
        assert found.plan.fit_bins == target.plan.fit_bins
        np.testing.assert_array_equal(found.plan.edges, target.plan.edges)
        np.testing.assert_array_equal(found.plan.counts, target.plan.counts)
        assert found.config == target.config
        assert found.masked == target.masked


def test_the_window_with_the_largest_excess_is_masked(config):
    scan = replace(config, window=None, width=400.0, centers=(3100.0, 3900.0))
    events = novum.toy_dijets(SIZE, 150, seed=7)
    result = novum.hunt(events, config=scan, n_jobs=1)
    found = find_target(result, events=events)
    low, high = found.masked
    assert low <= 3500 <= high
    assert find_target(scan, events=events).masked is None
