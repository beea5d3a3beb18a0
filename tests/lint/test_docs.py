"""The lint of what is written for people finds what it is there for."""

import pytest

import docs

PAGE = "# A page\n\nSee [it](other.md#a-heading).\n"

BAD = {
    "a long line": ("README.md", "word " * 25 + "\n", "125 characters"),
    "a link that leads nowhere": ("README.md", "See [it](nowhere.md).\n", "nowhere.md leads nowhere"),
    "a heading that is not there": ("README.md", "See [it](other.md#b).\n", "no heading #b"),
    "a path that is not there": (".github/CONTRIBUTING.md", "See `acme/nothing.c`.\n", "there is no acme/nothing.c"),
}

GOOD = {
    "a page": PAGE,
    "a long row of a table": "| " + "word " * 30 + "|\n",
    "long code": "    " + "word " * 30 + "\n\n```\n" + "word " * 30 + "\n```\n",
    "an address": "See [it](https://www.example.org/a).\n",
    "a command": "Say `a/b c`.\n",
}


def _findings(root, path, text, monkeypatch, capsys, searches=()):
    monkeypatch.setattr(docs, "SEARCHES", dict(searches))
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    (root / "other.md").write_text("# Other\n\n## A heading\n")
    wrong = docs.main(str(root))
    out = capsys.readouterr().out.splitlines()
    assert wrong == (not out[0].endswith("nothing found"))
    return out if wrong else []


@pytest.mark.parametrize("what", BAD)
def test_finds(tmp_path, monkeypatch, capsys, what):
    path, text, word = BAD[what]
    finding, = _findings(tmp_path, path, text, monkeypatch, capsys)
    assert finding.startswith(path + ":1: ") and word in finding


@pytest.mark.parametrize("what", GOOD)
def test_lets_pass(tmp_path, monkeypatch, capsys, what):
    assert _findings(tmp_path, "README.md", GOOD[what], monkeypatch, capsys) == []


UNRELEASED, FIRST, SECOND = "## [Unreleased]\n", "## [0.1.0] - 2026-01-02\n", "## [0.2.0] - 2026-02-03\n"


@pytest.mark.parametrize("text, line", [
    (UNRELEASED + "### Added\n" + SECOND + FIRST, 0), (FIRST, 0), (UNRELEASED + "### New\n", 2), (FIRST + SECOND, 2),
    ("## [0.3.0] - 2026-03-04\n", 1), (FIRST + UNRELEASED, 2), ("## 0.1.0\n", 1), ("## [0.1.0]\n", 1), (FIRST + FIRST, 2)])
def test_the_changelog(tmp_path, text, line):
    (tmp_path / "CMakeLists.txt").write_text("project(acmegate VERSION 0.2.0 LANGUAGES C)\n")
    found = []
    docs.check_changelog(text, docs.version_of(str(tmp_path)), lambda path, number, what: found.append(number))
    assert found == ([line] if line else [])


def test_a_search(tmp_path, monkeypatch, capsys):
    searches = [("Rate limit", "acme/a.h")]
    said = "/* a: the rate\n * limit. */\n"
    assert _findings(tmp_path, "acme/a.h", said, monkeypatch, capsys, searches) == []
    finding, = _findings(tmp_path, "acme/a.h", "/* a */\nint b; /* the rate limit */\n", monkeypatch, capsys, searches)
    assert "does not say" in finding
    for name in range(docs.FOUND_MAX):
        (tmp_path / f"acme/{name}.h").write_text(said)
    finding, = _findings(tmp_path, "acme/a.h", said, monkeypatch, capsys, searches)
    assert "head of 5 files" in finding
