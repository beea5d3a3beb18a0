"""A clock that is wrong for a while: nothing is bought twice, no order is lost or ended by it, and all goes on soon after.
What was bought is counted at Sectigo."""

import time

import pytest

from chaos_world import ZONE, Order, check_agreement, revoke, wait_for
from clocks import DAY_S, WRONG_FOR_S, YEAR_S, ClockWorld, buy, issuance_of, wait_state


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
        number = wait_state(world, order, "submitted")["order_number"]
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
        buy(client, names, responder)
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


def test_a_start_does_not_wait_for_the_time_of_a_wrong_clock(make_world):
    """What is to be settled, and what is to be revoked, was put years away by a whole run with a wrong clock, and nobody
    wakes it."""
    world = make_world(ClockWorld, learn="poll")
    client = world.client()
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1, "skip": 1},
                     {"endpoint": "WebHostReport", "action": "code:-14", "times": -1},
                     {"endpoint": "AutoRevokeSSL", "action": "code:-14", "times": -1})
    with world.responder() as responder:
        revoked, order = (Order(client, [f"{name}.{ZONE}"], responder) for name in ("revoked", "unknown"))
        revoked.finalize()
        leaf = revoked.wait_valid()
        order.finalize()
        issuance = wait_state(world, order, "unknown")["id"]
    world.settings(noDate=True)
    world.kill_gateway()
    world.clock.set_s(3 * YEAR_S)
    asked = world.requests()["AutoRevokeSSL"]
    world.start_gateway()
    client.reconnect()
    assert revoke(client, leaf).status_code == 200
    wait_for("it is to be settled years away",
             lambda: world.ctl("issuance", "show", issuance)["due_ms"] > (time.time() + 2 * YEAR_S) * 1000)
    wait_for("it was to be revoked", lambda: world.requests()["AutoRevokeSSL"] > asked)
    world.stop_gateway()
    world.clear_faults()
    world.clock.set_s(0)
    world.settings(noDate=False)
    world.start_gateway()
    client.reconnect()
    order.wait_valid()
    assert world.kinds(order.names) == ["purchase"]
    wait_for("it is revoked", lambda: world.sold(revoked.names)[0]["certificates"][0].get("revoked"))
    check_agreement(world)


# ---- what is said, and what the operator does ----

def test_a_step_is_said_once(make_world):
    world = make_world(ClockWorld)
    world.wait_sure()
    for ahead_s in (DAY_S, -DAY_S):
        world.clock.set_s(ahead_s)
        assert world.wait_doubt()
        assert abs(world.doubt()["system_ahead_seconds"] - ahead_s) < 60
        world.clock.set_s(0)
        world.wait_sure()
    said = [line for line in world.log() if line.get("level") == "error"]
    assert len(said) == 2 and all("clock was set" in line["msg"] for line in said), said
    assert world.doubt()["doubts"] == 3  # with that of the start


def test_a_step_that_sectigo_confirms_is_followed(make_world):
    """A machine that was frozen for a day: soon after, everything goes by the new time."""
    world = make_world(ClockWorld)
    world.wait_sure()
    for clock in (world.clock, world.sectigos_clock):
        clock.set_s(DAY_S)
    wait_for("the step is followed", lambda: world.doubt()["system_ahead_seconds"] == 0 and
             not world.doubt()["in_doubt"])
    client = world.client()
    with world.responder() as responder:
        order = Order(client, [f"tomorrow.{ZONE}"], responder)
        order.finalize()
        order.wait_valid()
    assert world.kinds(order.names) == ["purchase"]


def _assert_waits_for_the_clock(world, order):
    """It is not bought, and says why."""
    wait_for("it waits for the clock, or is bought", lambda: world.bought(order.names) or
             "clock" in (issuance_of(world, order)["note"] or ""))
    assert world.bought(order.names) == []
    assert issuance_of(world, order)["state"] == "published"


def test_nothing_is_bought_before_sectigo_has_said_the_time(make_world):
    """Replies without a time: the operator has to say that the clock is right."""
    world = make_world(ClockWorld)
    world.settings(noDate=True)
    world.restart_gateway()
    client = world.client()
    with world.responder() as responder:
        order = Order(client, [f"dateless.{ZONE}"], responder)
        order.finalize()
        world.wait_log(lambda line: line.get("level") == "error" and "clock trust" in line.get("msg", ""))
        _assert_waits_for_the_clock(world, order)
        assert not world.ctl("clock", "trust")["in_doubt"]
        order.wait_valid()
    assert world.kinds(order.names) == ["purchase"]


def test_no_report_is_read_by_a_clock_in_doubt(make_world):
    """It would be of other days than those in which orders may be unknown, and purchases would go on after it."""
    world = make_world(ClockWorld)
    world.wait_sure()
    world.settings(noDate=True)
    world.restart_gateway()
    before = world.requests()["WebHostReport"]
    world.ctl("upstream", "reconcile", "main")
    time.sleep(1)
    assert world.requests()["WebHostReport"] == before
    world.ctl("clock", "trust")
    wait_for("the report", lambda: world.requests()["WebHostReport"] > before)


def test_sectigo_says_another_time(make_world):
    """Nothing is bought until the two agree; what is bought is replaced meanwhile."""
    world = make_world(ClockWorld, learn="poll")
    client = world.client()
    with world.responder() as responder:
        buy(client, [f"replaced.{ZONE}"], responder)
        world.settings(dateAheadMs=10 * 60 * 1000)
        again = Order(client, [f"replaced.{ZONE}"], responder)
        again.finalize()
        again.wait_valid()
        assert world.doubt()["in_doubt"] and abs(world.doubt()["sectigo_ahead_seconds"] - 600) < 30
        order = Order(client, [f"doubted.{ZONE}"], responder)
        order.finalize()
        _assert_waits_for_the_clock(world, order)
        world.settings(dateAheadMs=0)
        order.wait_valid()
    assert world.kinds(order.names) == ["purchase"]
    assert world.kinds(again.names) == ["purchase", "replacement"]


def test_the_store_is_ahead_of_the_clock(make_world):
    """A start with a clock that has lost its time says so, and loses nothing."""
    world = make_world(ClockWorld)
    client = world.client()
    with world.responder() as responder:
        buy(client, [f"ahead.{ZONE}"], responder)
        world.stop_gateway()
        world.clock.set_s(-YEAR_S)
        world.start_gateway()
        world.wait_log(lambda line: line.get("level") == "error" and "store knows a time" in line.get("msg", ""))
        again = Order(client, [f"ahead.{ZONE}"], responder)
        again.finalize()
        again.wait_valid()
        # Sectigo's time is the gateway's own, though the system clock is wrong.
        assert world.doubt()["in_doubt"] and world.doubt()["system_ahead_seconds"] < -300 * DAY_S
        assert abs(world.doubt()["sectigo_ahead_seconds"]) < 60
    assert world.kinds(again.names) == ["purchase", "replacement"]


def test_a_second_look_is_not_hastened(make_world):
    """All jobs come due when the time jumps; a refusal that may mean "placed earlier" still waits for its second look."""
    again_s = 4
    world = make_world(ClockWorld, learn="poll",
                       change=lambda config: config["issuance"].update(settle_again=f"{again_s}s"))
    client = world.client()
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-55", "times": 1})
    with world.responder() as responder:
        order = Order(client, [f"perhaps.{ZONE}"], responder)
        order.finalize()
        issuance = wait_state(world, order, "unknown")["id"]
        wait_for("the first look", lambda: world.ctl("issuance", "show", issuance)["looked_ms"])
        looked_s = time.monotonic()
        for clock in (world.sectigos_clock, world.clock):
            clock.set_s(-90)
        wait_for("the step is followed", lambda: world.doubt()["doubts"] == 2 and not world.doubt()["in_doubt"])
        order.wait_invalid()
    assert time.monotonic() - looked_s > again_s - 0.5
    assert world.kinds(order.names) == []
