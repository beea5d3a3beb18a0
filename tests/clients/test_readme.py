"""The tables of clients say what the tests do: here, and the short one in the README at the top."""

import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")


def _read(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def _rows(text, first):
    """The rows of the table whose header begins so, as lists of cells."""
    lines = text[text.index("| " + first):].splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:end]]


def _table():
    """File of the test to (client, packages with versions, revoked, EAB)."""
    rows = {}
    for client, packages, _, _, revoked, eab in _rows(_read(HERE, "README.md"), "client | Debian package"):
        name, file = re.fullmatch(r"\[(.+)\]\((test_\w+\.py)\)", client).groups()
        rows[file] = (name, packages, revoked, eab)
    return rows


def test_names_every_client():
    files = {os.path.basename(path) for path in glob.glob(os.path.join(HERE, "test_*.py"))}
    assert set(_table()) == files - {os.path.basename(__file__)}


def test_says_what_is_tested():
    for file, (_, _, revoked, eab) in _table().items():
        source = _read(HERE, file)
        assert "def test_slow_upstream" in source and "check_new_and_renewed(" in source, file
        assert (revoked, eab) == tuple("yes" if "def " + name in source else "no"
                                       for name in ("test_revoke", "test_external_account")), file


def test_packages_are_those_of_the_list():
    listed = _read(TOP, "deploy", "packages.txt").split()
    for _, packages, _, _ in _table().values():
        for package in packages.split(", "):
            assert package.split(" ")[0] in listed, package


def test_short_table_agrees():
    short = [tuple(row[:2]) for row in _rows(_read(TOP, "README.md"), "client | version")]
    assert short == [(name, packages.split(",")[0].split(" ")[1]) for name, packages, _, _ in _table().values()]
