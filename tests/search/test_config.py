"""`HuntConfig` and its files: every field survives YAML, JSON and the hash tells settings apart."""

import json
from dataclasses import FrozenInstanceError, fields, replace

import pytest
import yaml

from novum.errors import ConfigError, InputError
from novum.search import HuntConfig, read_config

# A value of every field that is not its default.
OTHER = {
    "mass": "mjj",
    "features": ("a", "b"),
    "mass_unit": "TeV",
    "method": "cathode",
    "method_options": {"oversampling": 2.0},
    "density": "spline",
    "density_options": {"knots": 24},
    "classifier": "forest",
    "members": 7,
    "classifier_options": {"max_features": 0.5},
    "folds": 4,
    "repeats": 3,
    "eps_b": 0.02,
    "window": (3300.0, 3700.0),
    "relative_width": 0.1,
    "width": 400.0,
    "step": 100.0,
    "sideband": 150.0,
    "centers": (3100.0, 4500.0),
    "fit_range": (2700.0, 7000.0),
    "family": "exp-polynomial",
    "sqrt_s": 14000.0,
    "n_params": 4,
    "n_toys": 123,
    "seed": 9,
}
NEEDS = {"method_options": {"method": "cathode"}}  # keys that a field means nothing without
FIELDS = [f.name for f in fields(HuntConfig)]


def plain(value):
    return list(value) if isinstance(value, tuple) else value


def test_every_field_is_tried_here():
    assert list(OTHER) == FIELDS


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("dashes", [False, True])
def test_every_field_can_be_read_from_a_file(tmp_path, name, suffix, dashes):
    key = name.replace("_", "-") if dashes else name
    path = tmp_path / f"c.{suffix}"
    needs = NEEDS.get(name, {})
    document = {key: plain(OTHER[name]), **needs}
    path.write_text(json.dumps(document) if suffix == "json" else yaml.safe_dump(document))
    config = HuntConfig().with_values(read_config(path), str(path))
    assert getattr(config, name) == OTHER[name]
    default = HuntConfig()
    assert replace(config, **{k: getattr(default, k) for k in (name, *needs)}) == default


@pytest.mark.parametrize("text", ["features: a, b", "features: [a, b]", '{"features": "a,b"}'])
def test_features_may_be_a_list_or_words_with_commas(tmp_path, text):
    (tmp_path / "c").write_text(text)
    assert HuntConfig().with_values(read_config(tmp_path / "c")).features == ("a", "b")


@pytest.mark.parametrize("text", ['{"eps_b": 5e-2}', '{"eps_b": 5E-2}', '{"eps_b": 0.05}'])
def test_every_json_number_is_a_number(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text)
    assert json.loads(text) == {"eps_b": 0.05}
    assert HuntConfig().with_values(read_config(path)).eps_b == 0.05


def test_the_config_of_a_result_is_a_config_file(tmp_path, toy, quick):
    result = quick(toy)
    path = tmp_path / "c.json"
    path.write_text(json.dumps(json.loads(result.to_json())["config"]))
    again = HuntConfig().with_values(read_config(path))
    assert again.hash() == result.config_hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b", "a config is a mapping"),
        ("", "a config is a mapping"),
        ("3: 4", "a config is a mapping"),
        ("a: [1", "not valid YAML or JSON"),
        ('{"a": ', "not valid YAML or JSON"),
        (b"\xff\xfe\x00\x01", "not valid YAML or JSON"),
    ],
)
def test_files_that_are_no_mapping_are_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.yaml", ""])
def test_files_that_cannot_be_read_are_named(tmp_path, name):
    with pytest.raises(InputError, match="cannot read the config") as caught:
        read_config(tmp_path / name)
    assert caught.value.file == str(tmp_path / name)


def test_yaml_never_makes_objects(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("mass: !!python/object/apply:os.getcwd []")
    with pytest.raises(InputError, match="not valid YAML"):
        read_config(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epsb": 1}, r"^c.yaml: unknown key 'epsb'; did you mean 'eps_b'\?$"),
        ({"zzzz": 1}, "c.yaml: unknown key 'zzzz'; known: "),
        ({"folds": "many"}, "c.yaml: Expected `int`, got `str`.*folds"),
        ({"folds": True}, "c.yaml: Expected `int`, got `bool`.*folds"),
        ({"window": [3300]}, "c.yaml: .*window"),
        ({"window": ["a", "b"]}, "c.yaml: .*window"),
        ({"features": [1]}, "c.yaml: .*features"),
        ({"seed": None}, "c.yaml: .*seed"),
    ],
)
def test_wrong_keys_and_values_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        HuntConfig().with_values(values, "c.yaml")


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_part_of_the_hash(name):
    assert replace(HuntConfig(), **{name: OTHER[name]}).hash() != HuntConfig().hash() or (
        OTHER[name] == getattr(HuntConfig(), name)
    )


def test_equal_settings_have_equal_hashes():
    ints = HuntConfig().with_values({"window": [3300, 3700], "features": ["a"]})
    floats = HuntConfig().with_values({"window": (3300.0, 3700.0), "features": ("a",)})
    assert ints == floats
    assert ints.hash() == floats.hash()
    assert len(ints.hash()) == 12


def test_configs_are_frozen_and_checked_on_demand():
    config = HuntConfig(mass="mjj", features=("a",))
    assert config.validated() is config
    with pytest.raises(FrozenInstanceError):
        config.seed = 1
