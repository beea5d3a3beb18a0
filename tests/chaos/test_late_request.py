"""A process that was frozen between the commit and the request: what is late does not leave."""

import signal
import time

import pytest

from chaos_world import ZONE, Order, check_agreement, wait_for
from clocks import ClockWorld, buy, wait_state

FROZEN_S = 31  # longer than a request may take to leave


def _freeze(world):
    """The gateway stops itself between the commit into submitting and the request; then time passes."""
    wait_for("the gateway is stopped", world.gateway.is_frozen)
    time.sleep(FROZEN_S)


def _wait_decided_anew(world, why):
    """It went back to where it was decided, unsent; by the log, since the next request may leave a moment later."""
    world.wait_log(lambda line: line.get("msg") == "issuance is published" and
                   line["reason"].startswith("not sent: ") and why in line["reason"])


@pytest.mark.parametrize("kind", ["purchase", "replacement"])
def test_a_request_that_is_late_does_not_leave(make_world, kind):
    world = make_world(ClockWorld)
    client = world.client()
    names = [f"late-{kind}.{ZONE}"]
    call = "AutoApplyOrder" if kind == "purchase" else "AutoReplaceSSL"
    with world.responder() as responder:
        if kind == "replacement":
            buy(client, names, responder)
        order = Order(client, names, responder)
        world.stop_gateway()
        before = world.requests()[call]
        world.start_gateway(stop_at="freeze:submitting-leaves")
        world.wait_sure()
        order.finalize()
        _freeze(world)
        world.gateway.signal(signal.SIGCONT)
        _wait_decided_anew(world, "within 30 seconds")
        order.wait_valid()
    assert world.requests()[call] == before + 1
    assert world.kinds(names)[-1] == kind and world.kinds(names).count("purchase") == 1
    check_agreement(world)


def test_a_connection_that_is_late_carries_nothing(make_world):
    """Stopped while the connection is being made: it is there when the gateway goes on, and nothing leaves by it."""
    world = make_world(ClockWorld, learn="poll")
    client = world.client()
    with world.responder() as responder:
        order = Order(client, [f"stalled.{ZONE}"], responder)
        world.sandbox.signal(signal.SIGSTOP)
        try:
            order.finalize()
            wait_state(world, order, "submitting")
            world.gateway.signal(signal.SIGSTOP)
            time.sleep(FROZEN_S)
        finally:
            world.sandbox.signal(signal.SIGCONT)
        time.sleep(1)
        world.gateway.signal(signal.SIGCONT)
        _wait_decided_anew(world, "nothing was sent")
        order.wait_valid()
    assert world.requests()["AutoApplyOrder"] == 1
    assert world.kinds(order.names) == ["purchase"]
