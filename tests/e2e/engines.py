"""Which engine keeps the stores of the worlds (ACMEGATE_STORE), and the tests that are about LMDB alone.

Where the store is in a database, a test that is marked @pytest.mark.lmdb("why") is left out: it damages, moves or fills
files that only that engine has, or its backups, which are the server's business otherwise."""

import os

import pytest

IS_LMDB = os.environ.get("ACMEGATE_STORE", "lmdb") == "lmdb"


def pytest_configure(config):
    config.addinivalue_line("markers", "lmdb(why): about what only the engine LMDB has")


def pytest_collection_modifyitems(config, items):
    marks = {item: item.get_closest_marker("lmdb") for item in items}
    for mark in filter(None, marks.values()):
        assert len(mark.args) == 1 and mark.args[0], "the mark lmdb says why"
    if IS_LMDB:
        return
    left_out = [item for item in items if marks[item]]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not marks[item]]


def cases(names, of_lmdb, why):
    """For parametrize: all names, of which those in of_lmdb are marked."""
    assert set(of_lmdb) <= set(names), sorted(set(of_lmdb) - set(names))
    return [pytest.param(name, marks=pytest.mark.lmdb(why)) if name in of_lmdb else name for name in names]
