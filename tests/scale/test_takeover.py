"""One gateway owns the store, others wait. Whatever becomes of the owner, clients that come back are served, and nothing
is bought twice."""

import contextlib
import signal
import time

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from balancer import is_ready
from chaos_world import wait_for
from dns_server import ZONE
from scale_world import REPLACED, finalize_where_it_stops, has_message, ordering
from server import Server, Standby, running

AT_ONCE_S, DEAD_S = 3, 10  # with what a start takes


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one


@pytest.fixture
def pair():
    with contextlib.ExitStack() as stack:
        primary = Server()
        stack.callback(primary.close)
        standby = Standby(primary)
        stack.callback(standby.close)
        yield primary, standby


def _in_time(took_s, most_s):
    assert took_s < most_s, f"another owner: not within {most_s} s, but {took_s}"


def _check_waits(world, name):
    """Alive, not ready, and nothing of it for clients."""
    wait_for(f"{name} to wait", lambda: world.waits(name))
    assert world.health(name, "public") is None and world.health(name, "acme") is None


def test_owner_that_is_told_to_stop(server, make_world):
    world = make_world(server.connection, names=("a", "b", "c"))
    with ordering(world) as fleet:
        fleet.wait_served(3)
        _check_waits(world, "b")
        _check_waits(world, "c")
        roles = {(row["role"], row["name"].split()[-1]) for row in world.status("a")["gateways"]}
        assert roles == {("owner" if n == "a" else "waits", str(world.gateways[n].pid)) for n in "abc"}
        world.stop_one("a")
        ended = time.monotonic()
        second = wait_for("an owner", lambda: next((n for n in "bc" if is_ready(world.own[n]["metrics"])), None))
        _in_time(time.monotonic() - ended, AT_ONCE_S)
        world.follow(second)
        fleet.wait_served(3)
    world.start_waiting("a")
    world.gateways["a"].signal(signal.SIGHUP)
    world.gateways["a"].wait_line(has_message("has been read anew"))
    _check_waits(world, "a")
    world.stop_one("a")


def test_owner_that_is_killed(server, make_world):
    world = make_world(server.connection)
    with ordering(world) as fleet:
        fleet.wait_served(3)
        world.gateways["a"].signal(signal.SIGKILL)
        _in_time(world.follow("b"), DEAD_S)
        world.ended("a", -signal.SIGKILL)
        fleet.wait_served(3)


def test_owner_that_is_stopped_and_goes_on(server, make_world):
    world = make_world(server.connection)
    with ordering(world) as fleet:
        fleet.wait_served(3)
        world.gateways["a"].signal(signal.SIGSTOP)
        _in_time(world.follow("b"), DEAD_S)
        fleet.wait_served(3)
        world.gateways["a"].signal(signal.SIGCONT)
        lines = world.ended("a", REPLACED)
        assert any("another gateway has taken the store over" in line.get("msg", "") for line in lines), lines[-5:]
        fleet.wait_served(3)
        world.start_waiting("a")


def test_owner_that_dies_with_a_purchase_on_the_wire(server, make_world):
    """One that dies before it has sent it is in test_sending.py."""
    world = make_world(server.connection, stop_first_at="submitting-sent")
    names = ["on-the-wire." + ZONE]
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    finalize_where_it_stops(client, order, make_csr(names))
    world.ended("a", -signal.SIGKILL)
    world.follow("b")
    client.reconnect()
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 1, world.ledger()


def test_database_that_fails_over(pair, make_world):
    primary, standby = pair
    world = make_world(standby.both)
    with ordering(world) as fleet:
        fleet.wait_served(3)
        primary.kill()
        standby.promote()
        fleet.wait_served(3)
        assert not is_ready(world.own["b"]["metrics"]), "its owner lives, and keeps it"
