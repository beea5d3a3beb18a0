"""A clock that is wrong by minutes to years, in either direction, while the gateway runs and across its restarts, with an
order in every state: nothing is bought twice, no order is lost or ended by it, and all goes on soon after. What was
bought is counted at Sectigo."""

import time

import pytest

from chaos_world import ZONE, Order, check_agreement, wait_for
from clocks import DAY_S, HOUR_S, WRONG_FOR_S, YEAR_S, ClockWorld, buy, wait_state
from lanes import FULL, SLOW

# How far the clock is off.
AHEAD = {"minutes": 5 * 60, "hours": 5 * HOUR_S, "days": 2 * DAY_S, "months": 100 * DAY_S, "years": 3 * YEAR_S}
OFFS = {**{f"{name}-ahead": by for name, by in AHEAD.items()}, **{f"{name}-behind": -by for name, by in AHEAD.items()}}


class States:
    """An order in each state in which one may wait for long, and one for names that are owned."""

    def __init__(self, world, responder):
        self.world, self.responder, self.client = world, responder, world.client()
        self.live = [f"owned.{ZONE}"]
        buy(self.client, self.live, responder)
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
        wait_state(self.world, self.add("unknown"), "unknown")

    def submitted(self):
        self.world.settings(paymentRequired=True)
        self.number = wait_state(self.world, self.add("submitted"), "submitted")["order_number"]
        wait_state(self.world, self.add("queued", of="submitted"), "queued")

    def caa(self, name, record):
        """Kept by no resolver."""
        self.world.dns.update(lambda update: (update.add(name, 60, "A", "127.0.0.1"),
                                              update.add(name, 0, "CAA", record)))

    def blocked(self):
        number = wait_state(self.world, self.add("blocked"), "submitted")["order_number"]
        self.caa("blocked", '0 issue ";"')
        self.world.advance(number, "payment")
        wait_state(self.world, self.orders["blocked"], "blocked")
        self.world.settings(paymentRequired=False)

    def published(self):
        self.caa("published", '0 issue ";"')
        wait_state(self.world, self.add("published"), "published")

    def submitting(self):
        self.world.set_faults({"endpoint": "WebHostReport", "action": "code:-14", "times": -1},
                              {"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 2 * WRONG_FOR_S, "times": 1})
        wait_state(self.world, self.add("submitting"), "submitting")

    def held(self):
        self.world.settings(creditCents=0)
        wait_state(self.world, self.add("held"), "held")

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
    _at_a_start(world, off_s, order_again)
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
