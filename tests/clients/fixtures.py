"""Finds the worlds of tests/e2e, and gives each client one where issuance is quick and one where it takes for ever."""

import os
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, folder) for folder in ("e2e", "chaos", "scale", "postgresql")]

import process  # noqa: E402
from scale_world import ScaleWorld  # noqa: E402
from world import World  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in process.running():
            report.sections.append((f"{program.name} (last lines)", program.tail(150)))


def make_world(folder, change=None, **options):
    """ACMEGATE_GATEWAYS (one of scale_world.MODES): three gateways on the database of ACMEGATE_POSTGRESQL, behind HAProxy."""
    mode = os.environ.get("ACMEGATE_GATEWAYS")
    if not mode:
        return World(folder, change=change, **options)
    return ScaleWorld(folder, os.environ["ACMEGATE_POSTGRESQL"], names=("a", "b", "c"), learn="push-certificate",
                      change=change, mode=mode, **options)


def tell_nonces(world, request):
    if isinstance(world, ScaleWorld):
        print(f"\n{request.node.name}: connections {world.balancer.served()}, badNonce {world.bad_nonces()}")


def close_quiet(world, request):
    """Ends a world in which all was as usual: nobody may have been asked to act, but for what the test has marked
    with @pytest.mark.alarms("words of the line", ...)."""
    mark = request.node.get_closest_marker("alarms")
    expected = mark.args if mark else ()
    tell_nonces(world, request)
    world.close()
    alarms = [line for line in world.alarms if not any(words in line["msg"] for words in expected)]
    assert not alarms, alarms


@pytest.fixture
def world(tmp_path, request):
    """Issuance takes about a second."""
    one = make_world(tmp_path)
    yield one
    close_quiet(one, request)


@pytest.fixture
def bound_world(tmp_path, request):
    """Nobody gets an account without an external account key: matrix.external_key makes one."""
    one = make_world(tmp_path, change=lambda config: config["acme"].update(external_account="required"))
    yield one
    close_quiet(one, request)


@pytest.fixture
def slow_world(tmp_path, request):
    """The upstream issues nothing before matrix.hurry, and finalize answers `processing` at once."""
    one = make_world(tmp_path, issue_delay=3600, change=lambda config: config["acme"].update(hold_finalize="0s"))
    yield one
    close_quiet(one, request)
