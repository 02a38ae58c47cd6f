"""The catalogue by discovery: no member is forgotten, and a new one costs one file and one line."""

import inspect
import pkgutil
import re
import sys
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression

import novum
from novum import catalogue
from novum.density.base import Density
from novum.errors import ConfigError
from novum.outlier.base import Detector
from novum.resonant.base import ResonantMethod
from novum.simulation.process import Process

ROLES = {
    "method": ResonantMethod,
    "detector": Detector,
    "density": Density,
    "classifier": ClassifierMixin,
    "process": Process,
}
ENTRIES = catalogue.entries()
ARXIV = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7}")


def members(kind: str) -> dict[str, str]:
    return import_module(catalogue.KINDS[kind]).MEMBERS


def concrete(kind: str) -> dict[str, str]:
    """Concrete classes of the role that the modules of its package define, by class name."""
    package = import_module(catalogue.KINDS[kind])
    found = {}
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        for name, cls in inspect.getmembers(import_module(info.name), inspect.isclass):
            own = cls.__module__ == info.name and not name.startswith("_")
            bound = getattr(cls, "needs_truth", False)  # these have no name on the command line
            if own and issubclass(cls, ROLES[kind]) and not (inspect.isabstract(cls) or bound):
                found[name] = info.name
    return found


def test_every_kind_has_a_role_here():
    assert set(catalogue.KINDS) == set(ROLES)


@pytest.mark.parametrize("kind", ROLES)
def test_every_concrete_class_is_listed(kind):
    assert concrete(kind) == members(kind)
    assert members(kind), "there is something to list"


@pytest.mark.parametrize("kind", ROLES)
def test_members_are_public_names_of_their_package(kind):
    package = import_module(catalogue.KINDS[kind])
    for name, module in members(kind).items():
        assert name in package.__all__
        assert getattr(package, name) is getattr(import_module(module), name)


@pytest.mark.parametrize("kind", ROLES)
def test_names_are_unique(kind):
    names = [e.name for e in catalogue.entries(kind)]
    assert len(set(names)) == len(names) == len(members(kind))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_descriptions_agree_with_the_class(entry):
    cls = getattr(import_module(entry.module), entry.class_name)
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", entry.name)
    assert entry.name == cls.name
    assert entry.summary
    assert inspect.getdoc(cls).startswith(entry.summary)
    assert entry.references == getattr(cls, "reference", ())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_references_are_arxiv_ids_with_titles(entry):
    if entry.kind == "method":
        assert entry.references, "a method names the paper it comes from"
    for arxiv, title in entry.references:
        assert ARXIV.fullmatch(arxiv)
        assert len(title) > 10


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_constructors_are_typed_and_only_store(entry):
    cls = getattr(import_module(entry.module), entry.class_name)
    parameters = list(inspect.signature(cls).parameters.values())
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters)
    made = catalogue.build(entry.kind, entry.name)
    assert isinstance(made, ROLES[entry.kind])
    if entry.kind == "process":
        return
    assert isinstance(made, BaseEstimator)
    for p in parameters:
        assert getattr(made, p.name) is p.default
    assert clone(made).get_params() == made.get_params()


def test_parameters_reach_the_constructor():
    assert catalogue.build("classifier", "trees", members=3).members == 3


def test_every_option_of_a_detector_is_described():
    for entry in catalogue.entries("detector"):
        assert [o.name for o in entry.options if not o.summary] == []
    wnae = catalogue.find("detector", "wnae")
    found = {o.name: o.summary for o in wnae.options}
    assert found["latent_steps"] == found["steps"]


def test_other_words_are_answered_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"rule: must be one of .*min-p.*, got 'xx'"):
        catalogue.build("detector", "combined", rule="xx")


def test_a_near_miss_is_named():
    with pytest.raises(ConfigError, match="there is no 'cwla'; did you mean 'cwola'"):
        catalogue.build("method", "cwla")


def test_other_names_are_answered_with_the_list():
    with pytest.raises(ConfigError, match="there is no 'xyzzy'; there are mlp, trees"):
        catalogue.build("classifier", "xyzzy")


NEW_METHOD = '''
"""A method in one file."""
from typing import ClassVar
import numpy as np
from novum.resonant.base import ResonantMethod, Task

class Plain(ResonantMethod):
    """Signal region against everything else.

    More words.
    """

    name: ClassVar[str] = "plain"
    reference: ClassVar[tuple[tuple[str, str], ...]] = (("2401.00001", "A plain method"),)

    def prepare(self, X, m, window, sample_weight, ids, seed):
        return Task(X, window.in_signal_region(m).astype(np.int8), np.ones(len(m)))

    def anomaly_score(self, X, m, model=None):
        return model.decision_function(X)
'''


def test_a_new_method_costs_one_file_and_one_line(tmp_path, monkeypatch):
    (tmp_path / "plain_method.py").write_text(NEW_METHOD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(novum.resonant.MEMBERS, "Plain", "plain_method")
    try:
        entry = next(e for e in catalogue.entries("method") if e.name == "plain")
        assert entry.summary == "Signal region against everything else"
        assert entry.references == (("2401.00001", "A plain method"),)
        result = novum.hunt(
            novum.toy_dijets(4000, 100, seed=2),
            mass="mjj",
            features=["mj_low", "delta_mj"],
            method="plain",
            classifier=LogisticRegression(),
            window=(3300, 3700),
            repeats=1,
            folds=2,
            eps_b=0.05,
            n_toys=100,
            n_jobs=1,
        )
        assert result.config["method"] == "plain"
        assert result.references[0] == "2401.00001"
        assert np.isfinite(result.windows[0].counts.n_on)
    finally:
        sys.modules.pop("plain_method", None)
