"""Every test that takes `server` runs against each server of servers.py."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import process  # noqa: E402
from acme_client import http_responder  # noqa: E402
from expect import Expect  # noqa: E402
from servers import SERVERS  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in process.running():
            report.sections.append((f"{program.name} (last lines)", program.tail(60)))


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request, tmp_path_factory):
    one = SERVERS[request.param](tmp_path_factory.mktemp(request.param))
    yield one
    one.close()


@pytest.fixture
def expect(server, request):
    """What the RFC wants, or what differences.py says that this server does instead."""
    one = Expect(server.name, request.function.__name__)
    yield one
    one.check_all_met()


@pytest.fixture(scope="module")
def client(server):
    """An account for the tests of a file that leave it as it is."""
    one = server.client()
    assert one.new_account().status_code == 201
    return one


@pytest.fixture
def responder(server):
    with http_responder(server.http_port) as one:
        yield one
