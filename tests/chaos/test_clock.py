"""A clock that is wrong, by minutes or by years, in either direction, while the gateway runs and across its restarts:
nothing is bought twice, no order is lost or ended by it, and all goes on soon after. What was bought is counted at
Sectigo."""

import os
import signal
import time

import pytest

from chaos_world import ZONE, Order, check_agreement, revoke, wait_for
from clocks import DAY_S, HOUR_S, YEAR_S, ClockWorld

# How far the clock is off.
AHEAD = {"minutes": 5 * 60, "hours": 5 * HOUR_S, "days": 2 * DAY_S, "months": 100 * DAY_S, "years": 3 * YEAR_S}
OFFS = {**{f"{name}-ahead": by for name, by in AHEAD.items()}, **{f"{name}-behind": -by for name, by in AHEAD.items()}}
WRONG_FOR_S = 2  # before it is set right


def _issuance(world, order):
    return world.ctl("order", "show", order.id)["issuance"]


def _wait_state(world, order, *states):
    """The issuance of the order, once it is in one of the states."""
    def found():
        issuance = _issuance(world, order)
        return issuance if issuance["state"] in states else None
    return wait_for(f"{order.names} is {' or '.join(states)}", found)


def _live(world, client, names, responder):
    """A subscription for these names, with its first certificate."""
    order = Order(client, names, responder)
    order.finalize()
    order.wait_valid()


# ---- what the clock did ----

@pytest.mark.parametrize("ahead_s", [2 * DAY_S, YEAR_S], ids=["days", "year"])
def test_an_order_under_way_goes_on(make_world, ahead_s):
    """Two days ahead for two seconds, and the next look at an order that waits for Sectigo is two days away; a year,
    and the time that its profile gives it is over, so that it would be cancelled."""
    world = make_world(ClockWorld, learn="poll")
    world.settings(paymentRequired=True)
    client = world.client()
    with world.responder() as responder:
        order = Order(client, [f"waits.{ZONE}"], responder)
        order.finalize()
        number = _wait_state(world, order, "submitted")["order_number"]
        world.clock.set_s(ahead_s)
        time.sleep(WRONG_FOR_S)  # it is looked at meanwhile
        world.clock.set_s(0)
        world.advance(number, "payment")
        order.wait_valid()
    assert world.kinds(order.names) == ["purchase"]
    check_agreement(world)


def test_a_live_subscription_is_not_bought_again(make_world):
    """Its term of a year looks over for the two seconds in which its names are ordered again."""
    world = make_world(ClockWorld)
    client = world.client()
    names = [f"live.{ZONE}"]
    with world.responder() as responder:
        _live(world, client, names, responder)
        world.clock.set_s(400 * DAY_S)
        again = Order(client, names, responder)
        again.finalize()
        time.sleep(WRONG_FOR_S)
        world.clock.set_s(0)
        again.wait_valid()
    assert world.kinds(names) == ["purchase", "replacement"]
    check_agreement(world)


def test_a_certificate_is_not_older_than_its_order(make_world):
    """Two days ahead while the request was sent: the certificate seems to be from before."""
    world = make_world(ClockWorld)
    client = world.client()
    with world.responder() as responder:
        world.clock.set_s(2 * DAY_S)
        order = Order(client, [f"younger.{ZONE}"], responder)
        order.finalize()
        time.sleep(1)
        world.clock.set_s(0)
        order.wait_valid()
    assert world.kinds(order.names) == ["purchase"]
    check_agreement(world)
