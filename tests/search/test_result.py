"""`SearchResult`: written, read back equal, refused when damaged, readable in a notebook."""

import json
from dataclasses import FrozenInstanceError, replace
from html.parser import HTMLParser

import jsonschema
import pytest

from novum.errors import FileFormatError, InputError, OutputError
from novum.search import SearchResult
from novum.statistics import PValue


@pytest.fixture(scope="module")
def result(toy, quick):
    return quick(toy, width=400, centers=(3300, 3500))


@pytest.fixture(scope="module")
def withheld(result):
    """The same search, every window withheld."""
    windows = tuple(
        replace(w, z=None, p=None, withheld="the masked fit has p = 0.001 < 0.01")
        for w in result.windows
    )
    return replace(result, windows=windows, best_window=None, global_p=None, gross_vitells=None)


@pytest.fixture(params=["quoted", "withheld"])
def either(request, result, withheld):
    return result if request.param == "quoted" else withheld


def test_what_is_saved_is_what_is_loaded(either, tmp_path):
    path = either.save(tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "result.json"
    for place in (path, path.parent, str(path.parent)):
        loaded = SearchResult.load(place)
        assert loaded.to_json() == either.to_json()
        assert replace(loaded, config=either.config) == either


def test_equal_after_loading_in_every_field(result, tmp_path):
    assert SearchResult.load(result.save(tmp_path)) == result


def test_results_are_frozen(result):
    with pytest.raises(FrozenInstanceError):
        result.seed = 3


def test_the_json_fits_its_schema(either):
    schema = SearchResult.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(either.to_json()), schema)


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("windows"),
        lambda d: d.update(seed="none"),
        lambda d: d["windows"][0]["counts"].pop("n_on"),
        lambda d: d["best_window"].update(low="left"),
        lambda d: d["global_p"].update(value=None),
    ],
    ids=["no windows", "word for seed", "no count", "word for edge", "null for p"],
)
def test_the_schema_and_the_reader_refuse_the_same_damage(result, damage, tmp_path):
    document = json.loads(result.to_json())
    damage(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SearchResult.json_schema())
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match="damaged search result") as caught:
        SearchResult.load(path)
    assert caught.value.file == str(path)


def test_numbers_are_numbers(either):
    """NaN and infinities have no place in JSON; a reader would refuse the null they become."""

    def refuse(word):
        raise AssertionError(word)

    json.loads(either.to_json(), parse_constant=refuse)
    for window in either.windows:
        assert all(f.threshold is not None for f in window.folds)
    SearchResult.from_json(either.to_json())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "damaged"),
        ("not json", "damaged"),
        ('{"schema": "novum-search-result", "schema_version": 2', "damaged"),
        ('{"schema": "novum-search-result", "schema_version": 2}', "damaged.*missing"),
        ("[]", "is not a novum search result"),
        ("{}", "is not a novum search result"),
        ('{"schema": "novum-bump-hunt", "schema_version": 1}', "is not a novum search result"),
        ('{"schema": "novum-search-result", "schema_version": 0}', "has schema version 0.*reads 2"),
        ('{"schema": "novum-search-result", "schema_version": 9}', "has schema version 9.*reads 2"),
        ('{"schema": "novum-search-result"}', "has schema version None"),
        (b"\xff\xfe\x00", "damaged"),
    ],
)
def test_other_files_are_refused(text, message, tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFormatError, match=message) as caught:
        SearchResult.load(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [lambda d: d["best_window"].update(low=1.0), lambda d: d.update(windows=[])],
    ids=["best window is none of them", "no windows"],
)
def test_a_result_that_contradicts_itself_is_refused(result, damage):
    document = json.loads(result.to_json())
    damage(document)
    with pytest.raises(FileFormatError):
        SearchResult.from_json(json.dumps(document))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_result_is_refused(result, share, tmp_path):
    text = result.to_json()
    (tmp_path / "result.json").write_text(text[: int(share * len(text))])
    with pytest.raises(FileFormatError, match="damaged"):
        SearchResult.load(tmp_path)


@pytest.mark.parametrize("place", ["", "missing", "missing.json"])
def test_no_result_is_an_input_error(place, tmp_path):
    with pytest.raises(InputError, match="cannot read a result") as caught:
        SearchResult.load(tmp_path / place)
    assert str(tmp_path) in str(caught.value)


def test_a_place_that_cannot_be_written_is_an_output_error(result, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        result.save(tmp_path / "file" / "folder")


# --- what people see


def test_the_headline_says_that_nothing_is_calibrated(result):
    line = result.summary()
    assert "\n" not in line
    assert f"local z = {result.best.z:.2f}" in line
    assert line.startswith("best window 3300-3700 GeV")
    assert line.endswith("(not calibrated)")
    assert repr(result) == f"<SearchResult: 2 windows, {line}>"


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (PValue.from_toys(0, 999, "toys"), "global p ≤ 0.001 (not"),
        (PValue.from_toys(99, 999, "toys"), "global p = 0.1 ± 0.0095 (not"),
    ],
)
def test_the_headline_marks_bounds(result, p, words):
    assert words in replace(result, global_p=p).summary()


def test_the_headline_of_a_withheld_search_quotes_nothing(withheld):
    assert withheld.summary() == "every window is withheld: no p-value can be quoted"
    assert withheld.best is None


class Cells(HTMLParser):
    """Rows of cells of the tables in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "tags close in order"

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def cells(html: str) -> list[list[str]]:
    parser = Cells()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.rows


def test_the_notebook_shows_every_window(result):
    html = result._repr_html_()
    assert result.summary() in html
    rows = cells(html)[1:]
    assert len(rows) == 2
    for row, window in zip(rows, result.windows, strict=True):
        assert row[0] == f"{window.window.low:.0f}–{window.window.high:.0f}"
        assert row[1] == f"{window.counts.n_on:.0f}"
        assert row[3] == f"{window.z:.2f}"
        assert row[4] == str(window.p)


def test_the_notebook_says_why_a_window_is_withheld(withheld):
    row = cells(withheld._repr_html_())[1]
    assert row[3] == "withheld: the masked fit has p = 0.001 < 0.01"


def test_the_notebook_escapes_what_it_shows(withheld):
    assert "0.001 &lt; 0.01" in withheld._repr_html_()


def test_the_best_window_is_one_of_the_windows(result):
    assert result.best in result.windows
    assert result.best.z == max(w.z for w in result.windows)
