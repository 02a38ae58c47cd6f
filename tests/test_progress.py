"""The meter that shows nothing."""

from novum.progress import NoProgress


def test_items_pass_unchanged_and_lazily(capsys):
    drawn = []

    def source():
        for i in range(3):
            drawn.append(i)
            yield i

    items = NoProgress().track(source(), "work", total=3)
    assert drawn == []
    assert next(items) == 0
    assert drawn == [0]
    assert list(items) == [1, 2]
    NoProgress().message("hello")
    assert capsys.readouterr() == ("", "")
