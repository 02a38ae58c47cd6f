"""A search with a classifier of the user's is calibrated with that classifier."""

import pytest
from sklearn.linear_model import LogisticRegression

import novum
from novum.calibration import Calibration
from novum.errors import ConfigError

from .conftest import TINY

SETTINGS = {**TINY, "n_jobs": 1}


@pytest.fixture(scope="module")
def found():
    events = novum.toy_dijets(4000, seed=3)
    return events, novum.hunt(events, classifier=LogisticRegression(), **SETTINGS)


def test_it_is_asked_for(found):
    events, result = found
    with pytest.raises(ConfigError, match=r"there is no 'LogisticRegression\(\)'"):
        novum.calibrate(result, events=events, n=20, n_jobs=1)
    with pytest.raises(ConfigError, match=r"the search had LogisticRegression\(\), not Logistic"):
        novum.calibrate(result, classifier=LogisticRegression(C=0.5), events=events, n=20)


def test_it_is_used(found):
    events, result = found
    made = novum.calibrate(
        result, classifier=LogisticRegression(), events=events, null="sampler", n=20, n_jobs=1
    )
    assert isinstance(made, Calibration)
    again = novum.hunt(events, classifier=LogisticRegression(), calibration=made, **SETTINGS)
    assert again.calibration is not None
    assert again.calibration.n_searches == 20
    assert 0.5 < again.calibration.windows[0].kappa < 2
