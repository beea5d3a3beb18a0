"""A clock that is wrong, by minutes or by years, in either direction, while the gateway runs and across its restarts:
nothing is bought twice, no order is lost or ended by it, and all goes on soon after. What was bought is counted at
Sectigo."""

import signal
import time

import pytest

from chaos_world import ZONE, Order, check_agreement, revoke, wait_for
from clocks import DAY_S, HOUR_S, YEAR_S, ClockWorld
from lanes import FULL, SLOW

# How far the clock is off.
AHEAD = {"minutes": 5 * 60, "hours": 5 * HOUR_S, "days": 2 * DAY_S, "months": 100 * DAY_S, "years": 3 * YEAR_S}
OFFS = {**{f"{name}-ahead": by for name, by in AHEAD.items()}, **{f"{name}-behind": -by for name, by in AHEAD.items()}}
WRONG_FOR_S = 1.5  # before it is set right
FROZEN_S = 31  # longer than a request may take to leave


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


# ---- every state, both directions, seconds to years, while it runs and across restarts ----

class States:
    """An order in each state in which one may wait for long, and one for names that are owned."""

    def __init__(self, world, responder):
        self.world, self.responder, self.client = world, responder, world.client()
        self.live = [f"owned.{ZONE}"]
        _live(world, self.client, self.live, responder)
        self.orders = {}
        self.lost()
        self.submitted()
        self.blocked()
        self.published()
        self.submitting()
        self.held()

    def add(self, name, of=None):
        order = Order(self.client, [f"{of or name}.{ZONE}"], self.responder)
        order.finalize()
        self.orders[name] = order
        return order

    def lost(self):
        self.world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1},
                              {"endpoint": "WebHostReport", "action": "code:-14", "times": -1})
        _wait_state(self.world, self.add("unknown"), "unknown")

    def submitted(self):
        self.world.settings(paymentRequired=True)
        self.number = _wait_state(self.world, self.add("submitted"), "submitted")["order_number"]
        _wait_state(self.world, self.add("queued", of="submitted"), "queued")

    def caa(self, name, record):
        """Kept by no resolver."""
        self.world.dns.update(lambda update: (update.add(name, 60, "A", "127.0.0.1"),
                                              update.add(name, 0, "CAA", record)))

    def blocked(self):
        number = _wait_state(self.world, self.add("blocked"), "submitted")["order_number"]
        self.caa("blocked", '0 issue ";"')
        self.world.advance(number, "payment")
        _wait_state(self.world, self.orders["blocked"], "blocked")
        self.world.settings(paymentRequired=False)

    def published(self):
        self.caa("published", '0 issue ";"')
        _wait_state(self.world, self.add("published"), "published")

    def submitting(self):
        self.world.set_faults({"endpoint": "WebHostReport", "action": "code:-14", "times": -1},
                              {"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 2 * WRONG_FOR_S, "times": 1})
        _wait_state(self.world, self.add("submitting"), "submitting")

    def held(self):
        self.world.settings(creditCents=0)
        _wait_state(self.world, self.add("held"), "held")

    def order_again(self):
        """The names that are owned, by whatever clock there is now."""
        self.add("again", of="owned")

    def release(self):
        self.world.clear_faults()
        self.world.settings(creditCents=10 ** 8)
        self.world.ctl("upstream", "resume", "main")
        for name in ("blocked", "published"):
            self.world.dns.update(lambda update, name=name: update.delete(name))
        self.world.advance(self.number, "payment")
        self.world.sectigo("RetryCAACheck", orderNumber=self.world.bought([f"blocked.{ZONE}"])[0]["orderNumber"])

    def check(self):
        for order in self.orders.values():
            order.wait_valid()
        replaced = {"again": ["purchase", "replacement"], "queued": ["purchase", "replacement"]}
        for name, order in self.orders.items():
            if name != "submitted":
                assert self.world.kinds(order.names) == replaced.get(name, ["purchase"]), name
        requests = self.world.requests()
        for call in ("AutoReject", "AutoRefund", "AutoRevokeSSL"):
            assert requests[call] == 0, f"{call}: nothing is given up by the clock"
        check_agreement(self.world)


def _while_it_runs(world, off_s, order_again):
    world.clock.set_s(off_s)
    order_again()
    time.sleep(WRONG_FOR_S)
    world.clock.set_s(0)


def _at_a_start(world, off_s, order_again):
    """Wrong at the start, and right soon after it."""
    world.kill_gateway()
    world.clock.set_s(off_s)
    world.start_gateway()
    order_again()
    time.sleep(WRONG_FOR_S)
    world.clock.set_s(0)


def _across_a_start(world, off_s, order_again):
    """A whole run with the wrong time, and with a Sectigo that never says the right one."""
    world.settings(noDate=True)
    world.kill_gateway()
    world.clock.set_s(off_s)
    world.start_gateway()
    order_again()
    time.sleep(WRONG_FOR_S)
    world.stop_gateway()
    world.clock.set_s(0)
    world.start_gateway()
    world.settings(noDate=False)


def _unheard(world, off_s, order_again):
    """Wrong at the start, and Sectigo's time is heard only after the clock was set right."""
    world.settings(noDate=True)
    world.kill_gateway()
    world.clock.set_s(off_s)
    world.start_gateway()
    order_again()
    time.sleep(WRONG_FOR_S)
    world.clock.set_s(0)
    world.settings(noDate=False)


WAYS = {"running": _while_it_runs, "at-start": _at_a_start, "across": _across_a_start, "unheard": _unheard}
EVERY = 1 if FULL else 5 if SLOW else 2
CASES = [(off, way) for i, off in enumerate(OFFS) for j, way in enumerate(WAYS) if (i + j) % EVERY == 0]


@pytest.mark.parametrize("off,way", CASES, ids=["-".join(case) for case in CASES])
def test_wrong_clock(make_world, off, way):
    world = make_world(ClockWorld, learn="poll")
    with world.responder() as responder:
        states = States(world, responder)
        WAYS[way](world, OFFS[off], states.order_again)
        states.release()
        states.check()
    wait_for("no job is overdue", lambda: world.ctl("status")["jobs"]["overdue"] == 0)


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
        issuance = _wait_state(world, order, "unknown")["id"]
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
             "clock" in (_issuance(world, order)["note"] or ""))
    assert world.bought(order.names) == []
    assert _issuance(world, order)["state"] == "published"


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
        _live(world, client, [f"replaced.{ZONE}"], responder)
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
        _live(world, client, [f"ahead.{ZONE}"], responder)
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
        issuance = _wait_state(world, order, "unknown")["id"]
        wait_for("the first look", lambda: world.ctl("issuance", "show", issuance)["looked_ms"])
        looked_s = time.monotonic()
        for clock in (world.sectigos_clock, world.clock):
            clock.set_s(-90)
        wait_for("the step is followed", lambda: world.doubt()["doubts"] == 2 and not world.doubt()["in_doubt"])
        order.wait_invalid()
    assert time.monotonic() - looked_s > again_s - 0.5
    assert world.kinds(order.names) == []


# ---- the late first send ----

def _state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def _freeze(world):
    """The gateway stops itself between the commit into submitting and the request; then time passes."""
    wait_for("the gateway is stopped", lambda: _state_of(world.gateway.pid) == "T")
    time.sleep(FROZEN_S)


@pytest.mark.parametrize("kind", ["purchase", "replacement"])
def test_a_request_that_is_late_does_not_leave(make_world, kind):
    world = make_world(ClockWorld)
    client = world.client()
    names = [f"late-{kind}.{ZONE}"]
    call = "AutoApplyOrder" if kind == "purchase" else "AutoReplaceSSL"
    with world.responder() as responder:
        if kind == "replacement":
            _live(world, client, names, responder)
        order = Order(client, names, responder)
        world.stop_gateway()
        before = world.requests()[call]
        world.start_gateway(stop_at="freeze:submitting-leaves")
        world.wait_sure()
        order.finalize()
        _freeze(world)
        world.settings(paymentRequired=True)
        world.gateway.signal(signal.SIGCONT)
        note = wait_for("it is decided anew", lambda: _issuance(world, order)["note"])
        assert "within 30 seconds" in note, note
        assert _issuance(world, order)["state"] == "published"
        assert world.requests()[call] == before
        world.settings(paymentRequired=False)
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
            _wait_state(world, order, "submitting")
            world.gateway.signal(signal.SIGSTOP)
            time.sleep(FROZEN_S)
        finally:
            world.sandbox.signal(signal.SIGCONT)
        time.sleep(1)
        world.gateway.signal(signal.SIGCONT)
        _wait_state(world, order, "published")
        assert world.requests()["AutoApplyOrder"] == 0
        order.wait_valid()
    assert world.requests()["AutoApplyOrder"] == 1
    assert world.kinds(order.names) == ["purchase"]
