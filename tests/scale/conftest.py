"""Finds the worlds of tests/e2e, and the servers of tests/postgresql; shows all logs when a test fails."""

import os
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, folder) for folder in ("e2e", "chaos", "postgresql")]

import process  # noqa: E402
from scale_world import ScaleWorld  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in process.running():
            report.sections.append((f"{program.name} (last lines)", program.tail(60)))


@pytest.fixture
def make_world(tmp_path):
    """make_world(connection) -> ScaleWorld, closed when the test ends."""
    worlds = []

    def make(connection, **options):
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        worlds.append(ScaleWorld(folder, connection, **options))
        return worlds[-1]

    yield make
    for one in worlds:
        one.close()
