"""The owner loses the database without a word: nothing that it sends arrives, nothing comes back, and no connection ends.
Another one owns the store within ten seconds; from then on nothing that costs money leaves the first one, though it had
orders to go on with, and when it reaches the database again it hears that it was replaced."""

import contextlib
import time

import pytest

from acme_client import http_responder
from balancer import is_ready
from chaos_world import wait_for
from dns_server import ZONE
from fault_world import Customer, FaultWorld, check_sent, sent
from process import patience
from scale_world import MODES, REPLACED

CLIENTS = 10
LEFT_S = 2        # within which what was decided before has left
ALONE_S = 5       # nobody else owns it yet
REPLACED_S = 10
SILENT_S = 25     # longer than any change waits for the database
SERVED_S = 150    # with the minute after which it is sent again


def _others_owner(world):
    return next((name for name in "bc" if is_ready(world.own[name]["metrics"]) and world.owns(name)), None)


def _lose(world):
    """Returns when."""
    wait_for("a request to Sectigo", lambda: sent(world))
    world.wires["a"].hold()
    return time.monotonic()


def _sleep_until(end):
    time.sleep(max(0, end - time.monotonic()))


def _sends_nothing(world, began):
    _sleep_until(began + ALONE_S)
    late = sent(world, began + LEFT_S, began + ALONE_S)
    assert not late, f"it has sent what it could not store: {late}"


def _replaced(world, began):
    """By whom."""
    owner = wait_for("another owner", lambda: _others_owner(world))
    took = time.monotonic() - began
    assert took < REPLACED_S, f"another owner: not within {REPLACED_S} s, but {took}"
    return owner


def _served(customers):
    for customer in customers:
        customer.thread.join()
    left = [(customer.names[0], repr(customer.last)) for customer in customers if not customer.served]
    assert not left, left


@pytest.mark.parametrize("mode", MODES)
def test_owner_that_loses_the_database(tmp_path, mode):
    names = [f"{mode}{n}.{ZONE}" for n in range(CLIENTS)]
    with contextlib.closing(FaultWorld(tmp_path, mode)) as world, http_responder(world.ports["http01"]) as responder:
        until = time.monotonic() + patience(SERVED_S)
        customers = [Customer(world, responder, name, lambda point: None, until) for name in names]
        began = _lose(world)
        _sends_nothing(world, began)
        world.gateway = world.gateways[_replaced(world, began)]
        _served(customers)
        _sleep_until(began + SILENT_S)
        check_sent(world, names)
        assert not is_ready(world.own["a"]["metrics"])
        world.wires["a"].go_on()
        world.ended("a", REPLACED)
        world.start_waiting("a")
        check_sent(world, names)
