"""No code hidden in data: novum reads and writes no pickle and evaluates no text."""

import ast
import pickletools
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import novum
from novum.cli.app import run
from novum.io import write_events
from novum.progress import NoProgress
from novum.simulation.toy import FEATURES

SOURCE = Path(novum.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(
    p for folder in (SOURCE, ROOT / "benchmarks", ROOT / "examples") for p in folder.rglob("*.py")
)
MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# Attributes by module: what they take apart may run code.
CALLS = {
    "joblib": {"dump", "load"},
    "torch": {"load", "save"},
    "yaml": {
        "load",
        "load_all",
        "full_load",
        "full_load_all",
        "unsafe_load",
        "unsafe_load_all",
        "Loader",
        "FullLoader",
        "UnsafeLoader",
        "CLoader",
    },
    "numpy": {"fromregex"},
}


def faults(source: str) -> list[str]:
    """What in a source text could read or write a pickle, or run a text."""
    tree = ast.parse(source)
    alias = {
        (name.asname or name.name).partition(".")[0]: name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    return [fault for node in ast.walk(tree) if (fault := fault_of(node, alias))]


def fault_of(node: ast.AST, alias: dict[str, str]) -> str | None:
    match node:
        case ast.Import(names=names):
            bad = [n.name for n in names if n.name.partition(".")[0] in MODULES]
            return f"import {bad[0]}" if bad else None
        case ast.ImportFrom(module=str(module), names=names):
            top = module.partition(".")[0]
            bad = [n.name for n in names if top in MODULES or n.name in CALLS.get(top, ())]
            bad += [n.name for n in names if n.name in MODULES]  # from joblib.externals import ...
            return f"from {module} import {bad[0]}" if bad else None
        case ast.Attribute(attr="read_pickle" | "to_pickle" as attribute):
            return attribute
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            module = alias.get(name, "")
            return f"{module}.{attribute}" if attribute in CALLS.get(module, ()) else None
        case ast.keyword(arg="allow_pickle", value=value):
            safe = isinstance(value, ast.Constant) and value.value is False
            return None if safe else "allow_pickle"
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="load"), keywords=words):
            # The default is safe; said aloud, it stays so.
            silent = alias.get(name) == "numpy" and "allow_pickle" not in {w.arg for w in words}
            return "numpy.load" if silent else None
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_source_reads_or_writes_a_pickle(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


def test_everything_is_looked_at() -> None:
    assert {"numpy.py", "checkpoint.py", "tasks.py", "app.py"} <= {p.name for p in FILES}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import cloudpickle.fast",
        "from joblib.externals import cloudpickle",
        "def f():\n    import dill",
        "import joblib\njoblib.dump(1, 'a')",
        "import joblib as j\nj.load('a')",
        "from joblib import load",
        "import numpy as np\nnp.load('a', allow_pickle=True)",
        "import numpy as np\nnp.load('a', allow_pickle=flag)",
        "import numpy as np\nnp.load('a')",
        "import torch\ntorch.load('a')",
        "import yaml\nyaml.load('a', yaml.SafeLoader)",
        "import yaml\nyaml.unsafe_load('a')",
        "from yaml import full_load",
        "eval('1')",
        "exec('1')",
        "frame.to_pickle('a')",
    ],
)
def test_the_check_itself_sees(source: str) -> None:
    assert len(faults(source)) == 1


def test_what_is_harmless_passes() -> None:
    harmless = """
import numpy as np, yaml, json, joblib, ast, re
np.load('a', allow_pickle=False)
yaml.safe_load('a')
json.load(file)
ast.literal_eval('1')
re.compile('a')
joblib.Parallel(2)
format.load()
"""
    assert faults(harmless) == []


# --- what is written


def pickles_in(data: bytes) -> bool:
    """Whether the bytes, or the members of a zip archive, are a pickle."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other bytes are no ASCII either
            list(pickletools.genops(data))
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError):
        return False
    return len(data) > 0


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> list[Path]:
    """Everything that a search writes: interrupted, finished, and reported by the command line."""
    folder = tmp_path_factory.mktemp("written")
    events = novum.toy_dijets(3000, 40, seed=1)

    class Stop(NoProgress):
        def track(self, items, description, total=None):
            if (folder / "stopped" / ".partial" / "state.json").exists():
                raise KeyboardInterrupt
            yield from items

    options = {"eps_b": 0.3, "folds": 2, "repeats": 1, "n_params": 3, "n_toys": 10, "n_jobs": 1}
    with pytest.raises(KeyboardInterrupt):
        novum.hunt(
            events,
            mass="mjj",
            features=FEATURES,
            classifier=GaussianNB(),
            width=400,
            centers=(3300, 3700),
            output=folder / "stopped",
            progress=Stop(),
            **options,
        )
    write_events(events, folder / "events.h5")
    words = "hunt events.h5 -o out --mass mjj --window 3300,3700 --members 1 --n-params 3 -j 1 "
    words += f"--features {','.join(FEATURES)} --eps-b 0.3 --folds 2 --repeats 1 --n-toys 10"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("novum.report.write.to_bytes", lambda figure, format: b"<svg/>")
        assert run(words.split()) == 0
    return [p for p in folder.rglob("*") if p.is_file()]


def test_nothing_a_search_writes_is_a_pickle(written) -> None:
    suffixes = {p.suffix for p in written}
    assert {".npz", ".json", ".parquet", ".html", ".png", ".h5"} <= suffixes
    for path in written:
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".pt")
        assert not pickles_in(path.read_bytes()), path
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                assert not any(pickles_in(archive.read(name)) for name in archive.namelist())
            with np.load(path, allow_pickle=False) as data:
                assert all(data[name].dtype.kind in "biuf" for name in data.files)


def test_a_pickle_would_be_seen() -> None:
    import pickle

    assert pickles_in(pickle.dumps({"a": np.arange(3)}))
    assert not pickles_in(b"{}")
