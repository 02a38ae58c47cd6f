"""Signal injection: counts, reproducibility, ids, and every refusal."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import novum
from novum.errors import ConfigError, InputError, MissingColumnError, OutputError
from novum.events import Cloud, Events, Meta
from novum.io import write_events
from novum.simulation import inject, inject_files


def events(n: int, start: float = 0, *, label: int | None = None, ids=None, **other) -> Events:
    x = np.arange(start, start + n)
    return Events.from_arrays(
        {"x": x, "y": -x},
        id=ids,
        label=None if label is None else np.full(n, label),
        bookkeeping={"run": x.astype(int)},
        **other,
    )


@given(
    n_b=st.integers(1, 40),
    n_s=st.integers(0, 40),
    share=st.floats(0, 1),
    shift=st.integers(0, 60),
    seed=st.integers(0, 2**32),
)
def test_every_event_is_there_once_with_all_its_columns(n_b, n_s, share, shift, seed):
    n = round(share * n_s)
    background = events(n_b)
    signal = events(n_s, 1000, ids=np.arange(shift, shift + n_s))
    data, rest = inject(background, signal, n, seed)
    assert len(data) == n_b + n
    assert int(data.label.sum()) == n
    assert (rest.label == 1).all()
    x = data.features["x"]
    assert np.sort(x[data.label == 0]).tolist() == background.features["x"].tolist()
    drawn, left = x[data.label == 1], rest.features["x"]
    assert np.sort(np.concatenate([drawn, left])).tolist() == signal.features["x"].tolist()
    assert (np.diff(left) > 0).all(), "the rest keeps its order"
    for e in (data, rest):
        np.testing.assert_array_equal(e.features["y"], -e.features["x"])
        np.testing.assert_array_equal(e.bookkeeping["run"], e.features["x"])
    ids = np.concatenate([data.id, rest.id])
    assert len(np.unique(ids)) == len(ids), "no id collides"
    np.testing.assert_array_equal(data.id[data.label == 0], x[data.label == 0])
    if shift >= n_b:
        np.testing.assert_array_equal(data.id[data.label == 1], drawn - 1000 + shift)


def test_the_seed_draws_events_and_order():
    background, signal = events(50), events(50, 100, ids=np.arange(100, 150))
    first, again, other = (inject(background, signal, 10, s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first.id, again.id)
    assert first.id.tolist() != other.id.tolist()
    assert set(first.id[first.label == 1]) != set(other.id[other.label == 1])


def test_positions_and_draws_are_uniform():
    """2000 injections of 3 in 7 + 6: chi-square limits at a false-alarm rate of 1e-4."""
    from scipy.stats import chi2

    background, signal = events(7), events(6, 100, ids=np.arange(100, 106))
    places, drawn = np.zeros(10), np.zeros(6)
    for seed in range(2000):
        data, _ = inject(background, signal, 3, seed)
        places += data.label
        drawn[data.features["x"][data.label == 1].astype(int) - 100] += 1
    for counts, share in ((places, 0.3), (drawn, 0.5)):
        expected = 2000 * share
        # draws without replacement: multinomial variance shrunk to share (1 - share) each
        statistic = ((counts - expected) ** 2).sum() / (expected * (1 - share))
        statistic *= (len(counts) - 1) / len(counts)
        assert statistic < chi2.isf(1e-4, len(counts) - 1)


def test_labels_pick_their_rows():
    both = novum.toy_dijets(300, 40, seed=3)
    data, rest = inject(both, both, 15, seed=1)
    assert (len(data), len(rest)) == (315, 25)
    truth = dict(zip(both.id.tolist(), both.label.tolist(), strict=True))
    assert [truth[i] for i in data.id.tolist()] == data.label.tolist()
    assert not set(data.id.tolist()) & set(rest.id.tolist())


def test_copies_of_one_collision_stay_copies():
    background = events(3)
    signal = events(4, 100, ids=[2, 2, 9, 9])
    data, rest = inject(background, signal, 4, seed=0)
    x, ids = data.features["x"], data.id
    new = [int(ids[x == v][0]) for v in (100, 101, 102, 103)]
    assert new[0] == new[1] != new[2] == new[3]
    assert not set(new) & {0, 1, 2}
    assert len(rest) == 0


def test_no_background_id_is_reused_even_at_the_end_of_the_range():
    last = 2**64 - 1
    background = events(3, ids=np.array([0, 2, last], dtype=np.uint64))
    data, _ = inject(background, events(2, 9, ids=np.array([last, 5], dtype=np.uint64)), 2, 0)
    assert set(data.id[data.label == 1].tolist()) == {1, 3}


def test_nothing_injected_is_the_labelled_background():
    data, rest = inject(events(5), events(3, 10), 0, seed=1)
    assert data.label.tolist() == [0] * 5
    assert len(rest) == 3


def test_clouds_weights_and_origin_come_along():
    def with_cloud(e: Events, particles: int) -> Events:
        values = np.broadcast_to(e.features["x"][:, None, None], (len(e), particles, 2)).copy()
        return replace(e, clouds={"jet": Cloud(values, ("pt", "eta"))})

    meta = Meta(origin="b", sqrt_s=13000.0)
    background = with_cloud(events(4, 1, meta=meta, weight=np.full(4, 2.0)), 2)
    signal = with_cloud(events(3, 10, ids=[7, 8, 9]), 3)
    data, _ = inject(background, signal, 2, seed=1)
    cloud = data.clouds["jet"]
    assert cloud.values.shape == (6, 3, 2)
    np.testing.assert_array_equal(cloud.values[:, 0, 0], data.features["x"])
    assert (cloud.values[data.label == 0, 2] == 0).all()
    np.testing.assert_array_equal(data.weight, np.where(data.label == 1, 1.0, 2.0))
    assert data.meta.sqrt_s == 13000
    assert data.meta.origin == "2 of memory injected into b"


# --- refusals


def test_more_than_there_are_is_refused():
    with pytest.raises(InputError, match="memory: has 3 signal events, too few to inject 4"):
        inject(events(5), events(3, 10), 4, seed=1)
    with pytest.raises(InputError, match="cannot inject -1 events"):
        inject(events(5), events(3, 10), -1, seed=1)
    with pytest.raises(ConfigError, match="seed: must not be negative, got -1"):
        inject(events(9), events(3, 10), 1, seed=-1)
    with pytest.raises(InputError, match="has no background events"):
        inject(events(5, label=1), events(3, 10), 1, seed=1)


def test_columns_must_agree():
    signal = events(3, 10)
    short = replace(signal, features={"x": signal.features["x"]})
    with pytest.raises(MissingColumnError, match="column 'y': no such column"):
        inject(events(5), short, 1, seed=1)
    with pytest.raises(MissingColumnError, match="column 'y': no such column"):
        inject(replace(events(5), features={"x": np.arange(5.0)}), signal, 1, seed=1)
    with pytest.raises(MissingColumnError, match="column 'run': no such column; it has 'x', 'y'"):
        inject(events(5), replace(signal, bookkeeping={}), 1, seed=1)
    clouds = [
        {"jet": Cloud(np.zeros((5, 1, 1)), ("pt",))},
        {"jet": Cloud(np.zeros((3, 1, 2)), ("pt", "eta"))},
    ]
    with pytest.raises(InputError, match=r"column 'jet': has the fields .*'eta'"):
        inject(replace(events(5), clouds=clouds[0]), replace(signal, clouds=clouds[1]), 1, seed=1)


def test_the_same_unlabelled_events_are_refused():
    same = events(5)
    with pytest.raises(InputError, match="both background and signal, and has no labels"):
        inject(same, same, 1, seed=1)


# --- files


def write_csv(path, text: str):
    path.write_text(text)
    return path


def test_files_in_other_units_become_gev(tmp_path):
    b = write_csv(tmp_path / "b.csv", "m [TeV],x\n1,1\n2,2\n")
    s = write_csv(tmp_path / "s.csv", "m [GeV],x\n3500,3\n")
    made = inject_files(b, s, tmp_path / "o.csv", n=1, seed=0)
    assert (made.n_background, made.n_signal, made.renumbered) == (2, 1, True)
    data = novum.open_events(tmp_path / "o.csv").read()
    assert sorted(data.features["m"].tolist()) == [1000, 2000, 3500]
    assert sorted(data.id.tolist()) == [0, 1, 2]


def test_a_unit_that_only_one_file_states_is_refused(tmp_path):
    b = write_csv(tmp_path / "b.csv", "m [TeV],x\n1,1\n")
    s = write_csv(tmp_path / "s.csv", "m,x\n3500,3\n")
    for pair in ((b, s), (s, b)):
        with pytest.raises(InputError, match="is in TeV here while the other file states no unit"):
            inject_files(*pair, tmp_path / "o.csv", n=1, seed=0)


def test_the_output_is_never_overwritten(tmp_path):
    write_events(novum.toy_dijets(20, 5, seed=1), tmp_path / "a.parquet")
    old = (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        inject_files(*[tmp_path / "a.parquet"] * 3, n=1, seed=0)
    assert (tmp_path / "a.parquet").read_bytes() == old
