"""Finds the worlds of tests/e2e, and shows the logs of everything that ran when a test fails."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import process  # noqa: E402
from engines import pytest_collection_modifyitems, pytest_configure  # noqa: E402, F401
from world import World  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in process.running():
            report.sections.append((f"{program.name} (last lines)", program.tail(60)))


def pytest_terminal_summary(terminalreporter):
    """What repeats this run."""
    terminalreporter.write_line("ACMEGATE_CHAOS=" + os.environ.get("ACMEGATE_CHAOS", "1") + " ACMEGATE_CHAOS_SEED=" +
                                os.environ.get("ACMEGATE_CHAOS_SEED", "1"))


@pytest.fixture
def make_world(tmp_path):
    """make_world(**options) -> World, closed when the test ends."""
    worlds = []

    def make(cls=World, **options):
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        worlds.append(cls(folder, **options))
        return worlds[-1]

    yield make
    for one in worlds:
        one.close()
