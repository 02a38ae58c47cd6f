"""What a search accepts as events, and how it refuses what it cannot use."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import novum
from novum.errors import ConfigError, InputError, MissingColumnError, NovumError
from novum.events import Events, Meta
from novum.io import write_events


class Frame:
    """What a data frame offers: ``columns`` and access by name; pandas' index has no truth."""

    def __init__(self, columns):
        self._columns = dict(columns)
        self.columns = np.array(list(columns), dtype=object)

    def __getitem__(self, name):
        return self._columns[name]


@pytest.fixture(scope="module")
def expected(toy, quick):
    return quick(toy.blind())


def same(result, expected) -> bool:
    return replace(result, input=expected.input) == expected and (
        result.input.sha256 == expected.input.sha256
    )


def structured(events):
    array = np.empty(len(events), dtype=[(name, float) for name in events.features])
    for name, values in events.features.items():
        array[name] = values
    return array


def pandas_frame(events):
    return pytest.importorskip("pandas").DataFrame(dict(events.features))


FORMS = {
    "events": lambda e: e.blind(),
    "mapping": lambda e: dict(e.features),
    "lists": lambda e: {k: v.tolist() for k, v in e.features.items()},
    "structured": structured,
    "frame": lambda e: Frame(e.features),
    "pandas": pandas_frame,
    "arrow": lambda e: pa.table(dict(e.features)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_events_is_the_same_search(toy, quick, expected, form):
    assert same(quick(FORMS[form](toy)), expected)


@pytest.mark.parametrize("suffix", ["h5", "parquet", "csv"])
def test_every_file_is_the_same_search(toy, quick, tmp_path, suffix):
    path = tmp_path / f"events.{suffix}"
    write_events(toy, path)
    from_file = quick(path)
    assert same(from_file, quick(toy))
    assert quick(str(path)) == from_file


def test_weights_in_a_table_count_as_they_do_in_its_file(toy, quick, tmp_path):
    weight = np.random.default_rng(0).choice([0.5, 1.5], len(toy))
    columns = {**toy.features, "weight": weight}
    pq.write_table(pa.table(columns), tmp_path / "events.parquet")
    from_file, from_memory = quick(tmp_path / "events.parquet"), quick(columns)
    assert from_file.input.weighted
    assert from_memory.input.weighted
    assert same(from_memory, from_file)


def test_a_file_that_states_its_unit_decides(toy, quick, expected, tmp_path):
    columns = {f"{k} [TeV]" if k == "mjj" else k: v for k, v in toy.features.items()}
    columns["mjj [TeV]"] = toy.column("mjj") / 1000
    names = ",".join(columns)
    table = np.column_stack(list(columns.values()))
    np.savetxt(tmp_path / "tev.csv", table, delimiter=",", header=names, comments="", fmt="%.17g")
    result = quick(tmp_path / "tev.csv")
    assert result.windows[0].z == pytest.approx(expected.windows[0].z)
    assert result.config["mass_unit"] == "TeV"


def test_the_probe_may_state_another_unit(toy, quick, tmp_path):
    probe = novum.toy_dijets(50, 500, seed=8)
    header = "mjj [TeV],mj_low,delta_mj,tau21_low,tau21_high,label"
    columns = [probe.column("mjj") / 1000, *(probe.column(n) for n in header.split(",")[1:-1])]
    table = np.column_stack([*columns, probe.label])
    path = tmp_path / "probe.csv"
    np.savetxt(path, table, delimiter=",", header=header, comments="", fmt="%.17g")
    record = quick(toy, probe=path).evaluation[0]
    assert record.signal_sample == "never injected"
    assert record.auc == pytest.approx(quick(toy, probe=probe).evaluation[0].auc, abs=1e-6)


@pytest.mark.parametrize("data", [None, 3, ["mjj"], np.zeros((4, 2))], ids=repr)
def test_other_things_are_refused(quick, data):
    with pytest.raises(InputError, match=r"events are given as a path.*not as"):
        quick(data)


# --- columns


def changed(toy, name, values) -> Events:
    return replace(
        toy, features={**toy.features, name: np.asarray(values, float)}, meta=Meta(origin="a.h5")
    )


@pytest.mark.parametrize(
    ("settings", "column", "near"),
    [
        ({"features": ["mj_low", "delta_m"]}, "delta_m", "delta_mj"),
        ({"features": ["MJ_LOW"]}, "MJ_LOW", "mj_low"),
        ({"mass": "mj"}, "mj", "mjj"),
    ],
)
def test_missing_columns_suggest_the_nearest(toy, quick, settings, column, near):
    with pytest.raises(MissingColumnError, match=f"column '{column}': no such column") as caught:
        quick(toy, **settings)
    assert caught.value.suggestions[0] == near


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["mjj", "tau21_low"])
def test_numbers_that_are_not_finite(toy, quick, column, bad):
    values = toy.column(column).copy()
    values[[7, 9]] = bad
    with pytest.raises(InputError, match=f"2 of 6060 values are not finite.*{bad} in row 7") as c:
        quick(changed(toy, column, values))
    assert (c.value.file, c.value.column) == ("a.h5", column)
    assert str(c.value.value) == str(bad)


def test_columns_that_are_not_used_may_hold_anything(toy, quick):
    quick(changed(toy, "unused", np.full(len(toy), np.nan)))


def test_a_constant_feature(toy, quick):
    with pytest.raises(InputError, match=r"a.h5, column 'tau21_low': is constant \(0.5\)") as c:
        quick(changed(toy, "tau21_low", np.full(len(toy), 0.5)))
    assert c.value.value == 0.5


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (-1e6, r"weights add up to -993941"),
        (np.nan, "not finite"),
        (np.inf, "not finite"),
    ],
)
def test_weights_that_a_likelihood_cannot_take(toy, quick, bad, message):
    weight = np.ones(len(toy))
    weight[3] = bad
    with pytest.raises(InputError, match=message) as caught:
        quick(replace(toy, weight=weight, meta=Meta(origin="a.h5")))
    assert (caught.value.file, caught.value.column) == ("a.h5", "weight")


def test_weights_that_are_all_zero(toy, quick):
    with pytest.raises(InputError, match="all weights are zero"):
        quick(replace(toy, weight=np.zeros(len(toy))))


def test_no_events(quick, toy):
    with pytest.raises(InputError, match="has no events"):
        quick(toy.take(np.array([], dtype=int)))


@pytest.mark.parametrize("n", [1, 2, 30, 300])
def test_few_events_are_refused_on_purpose(quick, toy, n):
    with pytest.raises(NovumError):
        quick(toy.take(np.arange(n)))
    with pytest.raises(NovumError):
        quick(toy.take(np.arange(n)), width=400)


def test_ids_that_are_all_equal_leave_nothing_to_train_on(toy, quick):
    with pytest.raises(NovumError):
        quick(replace(toy, id=np.zeros(len(toy), dtype=np.uint64)))


# --- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mass": ""}, "mass: name the column"),
        ({"features": []}, "features: name at least one"),
        ({"features": ["mjj", "mj_low"]}, "'mjj' is the resonant variable"),
        ({"features": ["mj_low", "mj_low"]}, "named twice"),
        ({"features": "mj_low"}, "not one string"),
        ({"folds": 1}, "folds: must be at least 2, got 1"),
        ({"repeats": 0}, "repeats: must be at least 1, got 0"),
        ({"members": 0}, "members: must be at least 1, got 0"),
        ({"n_toys": 0}, "n_toys: must be at least 1, got 0"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"eps_b": 0}, "eps_b: must be between 0 and 0.5, got 0"),
        ({"eps_b": 0.5}, "eps_b: must be between"),
        ({"eps_b": float("nan")}, "eps_b: must be between"),
        ({"window": (3300, 3700), "width": 400}, "window and width"),
        ({"window": (3300, 3700), "centers": (3300, 3700)}, "window and centers"),
        ({"centers": (3300, 3700)}, "also needs its width"),
        ({"step": 100}, "also needs its width"),
        ({"width": -1}, "width: must be positive, got -1"),
        ({"width": 400, "step": 0}, "step: must be positive, got 0"),
        ({"sideband": 0}, "sideband: must be positive, got 0"),
        ({"sqrt_s": 0}, "sqrt_s: must be positive"),
        ({"method": "cwolla"}, "did you mean 'cwola'"),
        ({"featurs": ["a"]}, "unknown key 'featurs'; did you mean 'features'"),
        ({"folds": "three"}, r"Expected `int`, got `str` - at `\$.folds`"),
        ({"window": (3300, 3500, 3700)}, "window"),
        ({"mass": 3}, "mass"),
    ],
    ids=str,
)
def test_impossible_settings_are_named(toy, settings, message):
    base = {"mass": "mjj", "features": ["mj_low"], "n_jobs": 1}
    with pytest.raises(ConfigError, match=message):
        novum.hunt(toy, **{**base, **settings})


def test_the_name_of_a_classifier_is_checked(toy):
    settings = novum.HuntConfig(mass="mjj", features=("mj_low",), classifier="tres")
    with pytest.raises(ConfigError, match="did you mean 'trees'"):
        novum.hunt(toy, config=settings)


def test_a_sideband_needs_a_window_or_a_linear_scan():
    # a default scan has sidebands of half a signal region: the option would be ignored in silence
    with pytest.raises(ConfigError, match="sideband"):
        novum.HuntConfig(mass="mjj", features=("a",), sideband=200.0).validated()
