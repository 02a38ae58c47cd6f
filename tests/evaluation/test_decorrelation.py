"""How far scores follow a mass: nothing where they know nothing of it, all where they are it."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from novum.errors import InputError
from novum.evaluation import Comparison, Masses, Method, auc, decorrelation, evaluate, over_seeds

N = 20_000


def samples(n=N, seed=0, d=1.0):
    """Masses of background and signal, and scores that know nothing of them."""
    rng = np.random.default_rng(seed)
    masses = Masses("m", rng.gamma(3, 40, n), rng.normal(172, 15, n))
    return masses, rng.normal(0, 1, n), rng.normal(d, 1, n)


def test_a_score_that_is_the_mass_knows_nothing_beside_it():
    masses, _, _ = samples()
    found = decorrelation(masses.background, masses.signal, masses)
    assert auc(masses.background, masses.signal) > 0.75
    # The spectra differ inside the bins still.
    assert found.auc_planed.value == pytest.approx(0.5, abs=0.02)
    assert found.distance_correlation.value == pytest.approx(1)
    assert all(cut.jensen_shannon.value > 0.7 for cut in found.cuts)
    assert 1 < found.effective_background < N


def test_a_score_that_knows_nothing_of_the_mass_keeps_all_it_knows():
    masses, b, s = samples()
    found = decorrelation(b, s, masses)
    planed = found.auc_planed
    error = planed.high - planed.value
    assert planed.value == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=4 * error)
    assert planed.low == pytest.approx(2 * planed.value - planed.high)
    assert found.distance_correlation.value < 2 * found.random
    for cut, n in zip(found.cuts, (2000, 200), strict=True):
        assert cut.n_background == n
        assert cut.jensen_shannon.value < 3 * cut.random
        assert sum(cut.spectrum.inclusive) == pytest.approx(0.998 * N, abs=2)
        assert sum(cut.spectrum.selected) <= n


def test_the_error_of_the_planed_auc_is_as_large_as_its_spread():
    """Of 200 pulls; a Kolmogorov-Smirnov p below 1e-3 is a false alarm of 0.1 %."""
    truth = norm.cdf(1 / np.sqrt(2))
    pulls = []
    for seed in range(200):
        masses, b, s = samples(1000, seed)
        planed = decorrelation(b, s, masses).auc_planed
        pulls.append((planed.value - truth) / (planed.high - planed.value))
    assert kstest(pulls, "norm").pvalue > 1e-3
    assert np.std(pulls) == pytest.approx(1, abs=0.2)


def test_the_divergence_to_expect_by_chance_is_that_of_random_scores():
    masses, b, _ = samples()
    cuts = [decorrelation(np.random.default_rng(i).random(N), b, masses).cuts for i in range(40)]
    for column in zip(*cuts, strict=True):
        measured = np.mean([cut.jensen_shannon.value for cut in column])
        assert measured == pytest.approx(column[0].random, rel=0.25)


def test_ties_pass_together_and_never_more_than_may():
    masses, b, s = samples()
    cuts = decorrelation(np.round(b), np.round(s), masses).cuts
    assert cuts[0].n_background == (np.round(b) >= 2).sum() <= 0.1 * N
    assert cuts[1].n_background == (np.round(b) >= 3).sum() <= 0.01 * N
    constant = decorrelation(np.zeros(N), s, masses)
    assert [c.n_background for c in constant.cuts] == [0, 0]
    assert constant.distance_correlation is constant.random is None


def test_what_cannot_be_measured_is_none():
    masses, b, s = samples(1000)
    apart = Masses("m", masses.background, masses.signal + 1e4)
    found = decorrelation(b, s, apart)
    assert found.auc_planed is found.effective_background is None
    masses, b, s = samples(100)
    found = decorrelation(b, s, masses)
    assert [c.jensen_shannon for c in found.cuts] == [None, None]
    assert [c.n_background for c in found.cuts] == [10, 1]


def test_one_finite_mass_for_each_score():
    masses, b, s = samples(100)
    with pytest.raises(InputError, match="100 scores need as many masses, got 99") as caught:
        decorrelation(b, s, masses._replace(background=masses.background[1:]))
    assert caught.value.column == "m"
    broken = masses.signal.copy()
    broken[3] = np.nan
    with pytest.raises(InputError, match="row 3"):
        decorrelation(b, s, masses._replace(signal=broken))


def test_seeds_give_the_median_and_records_go_to_json_and_back():
    performances = []
    for seed in range(3):
        masses, b, s = samples(3000, seed)
        performances.append(evaluate(b, s, masses=masses, replicas=2))
    each = [p.figures.decorrelation for p in performances]
    figures = over_seeds(performances)
    found = figures.decorrelation
    assert found.auc_planed.value == np.median([d.auc_planed.value for d in each])
    assert found.distance_correlation.low < found.distance_correlation.value
    assert found.cuts[0].spectrum == each[0].cuts[0].spectrum
    assert found.cuts[1].jensen_shannon is None  # 30 pass, two bins of 25 are needed
    comparison = Comparison((Method("a", ("x",) * 3, tuple(performances), figures),), None, (), "0")
    assert Comparison.from_json(comparison.to_json()) == comparison
    without = over_seeds([*performances[:2], evaluate(b, s, replicas=2)])
    assert without.decorrelation is None
