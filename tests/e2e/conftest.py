"""Worlds for tests, and the logs of everything that ran when one of them fails."""

import os

import pytest

import process
from engines import pytest_collection_modifyitems, pytest_configure  # noqa: F401
from mistakes import Files
from world import World


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in process.running():
            report.sections.append((f"{program.name} (last lines)", program.tail(150)))


@pytest.fixture
def make_world(tmp_path):
    """make_world(**options) -> World, closed when the test ends."""
    worlds = []

    def make(**options):
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        worlds.append(World(folder, **options))
        return worlds[-1]

    yield make
    for one in worlds:
        one.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One world for the tests of a file that do not disturb each other."""
    one = World(tmp_path_factory.mktemp("world"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A world whose gateway has run once and is down, and a folder for files that are wrong."""
    one = World(tmp_path_factory.mktemp("world"))
    one.stop_gateway()
    one.files = Files(one.path("wrong"))
    os.mkdir(one.files.folder)
    yield one
    one.close()
