"""Model folders that were edited or cut are refused by one error that names the folder."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from novum.catalogue import load_model
from novum.errors import FileFormatError
from novum.events import Events
from novum.search import fit_outlier
from novum.search.stored_model import stored_inputs

NAMES = ("met", "pt", "ht")


@pytest.fixture(scope="module")
def model():
    x = np.random.default_rng(0).standard_normal((3, 200))
    return fit_outlier(Events.from_arrays(dict(zip(NAMES, x, strict=True))), "pca")


@pytest.fixture
def folder(model, tmp_path):
    return model.save(tmp_path / "m")


def edit_spec(folder, *keys, value=None):
    """Set an entry of spec.json, or remove it where there is no value."""
    spec = json.loads((folder / "spec.json").read_text())
    *way, last = keys
    place = spec
    for key in way:
        place = place[key]
    del place[last]
    if value is not None:
        place[last] = value
    (folder / "spec.json").write_text(json.dumps(spec))


def edit_array(folder, name, change):
    path = folder / "tensors.safetensors"
    arrays = load(path.read_bytes())
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    path.write_bytes(save(arrays))


def test_a_whole_model_keeps_its_inputs_and_its_score(folder, model):
    stored = load_model(folder)
    assert stored_inputs(stored, folder) == model.inputs
    assert stored.model.score_by == model.detector.score_by


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("state", "center_"), None, "no attribute 'center_'"),
        (("state",), {}, "no attribute 'n_features_in_'"),
        (("notes", "features"), ["met"], "reads 1 columns, the detector was trained on 3"),
        (("notes", "features"), [*NAMES, "met"], "reads 4 columns"),
        (("notes", "features"), "met", "notes: Expected `array`, got `str`"),
        (("notes", "fields"), {}, "notes: Expected `array`, got `object`"),
        (("notes", "trained_on"), None, "notes: .* missing required field `trained_on`"),
        (("notes", "n_held_out"), 7, "held-out scores of 7 events"),
        (("parameters", "score_by"), "mea", "'mea'"),
        (("name",), "pcb", "there is no 'pcb'; did you mean 'pca'"),
    ],
)
def test_edited_words_are_refused(folder, keys, value, message):
    edit_spec(folder, *keys, value=value)
    with pytest.raises(FileFormatError, match=rf"^{folder}.*: damaged model: .*{message}"):
        stored_inputs(load_model(folder), folder)


@pytest.mark.parametrize("name", ["_score", "anomaly_score", "score_by"])
def test_a_stored_name_does_not_stand_in_for_a_method_or_parameter(folder, name):
    spec = json.loads((folder / "spec.json").read_text())
    spec["state"][name] = {"value": 1}
    (folder / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(FileFormatError, match=f"'{name}' is nothing that pca learns"):
        load_model(folder)


@pytest.mark.parametrize("name", ["center_", "scale_", "notes/held-out mse"])
@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a * np.nan, lambda a: a[:0]])
def test_arrays_that_were_cut_or_spoilt_are_refused(folder, name, change):
    edit_array(folder, name, change)
    with pytest.raises(FileFormatError, match=rf"^{folder}: damaged model: "):
        stored_inputs(load_model(folder), folder)


def test_held_out_scores_rise(folder):
    edit_array(folder, "notes/held-out mse", lambda a: a[::-1])
    with pytest.raises(FileFormatError, match="not numbers that rise"):
        stored_inputs(load_model(folder), folder)
