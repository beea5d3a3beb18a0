"""Years of renewals in a minute, by a clock that gateway and stand-in read from one file: purchases and replacements are
what the arithmetic says, and no client is ever without a valid certificate."""

import copy
import heapq
import time

import pytest

from chaos_world import ZONE, ChaosWorld, Order, check_agreement, wait_for
from clocks import DAY_S, HOUR_S, VARIABLE, Clock
from lanes import FULL, SLOW

LIFETIME_DAYS = 199  # the most that a certificate may live
# Term in days: how long the clients of that term are watched.
WATCHED_DAYS = {30: 100, 365: 400 if SLOW else 760, 1095: 420 if SLOW else 1200}
if FULL:
    WATCHED_DAYS = {30: 400, 365: 1900, 1095: 3500}
# A client with a fixed interval renews this often.
INTERVAL_DAYS = {30: 13, 365: 60, 1095: 89}


class Client:
    """Renews at two thirds of the lifetime (it looks every hour or so), or after a fixed interval."""

    def __init__(self, world, clock, term, fixed):
        self.world, self.clock, self.term, self.fixed = world, clock, term, fixed
        self.names = [f"{'fixed' if fixed else 'thirds'}{term}.{ZONE}"]
        self.acme = world.client()
        self.bought_s = None  # of the subscription that the arithmetic would use
        self.leaf_ends_s = None
        self.expected = []

    def expect(self, now_s):
        """What the next order must be, by the contract: issuance.md section 2."""
        left_s = self.bought_s + self.term * DAY_S - now_s if self.bought_s else 0
        young = self.bought_s and now_s < self.bought_s + 7 * DAY_S
        if left_s > 0 and (young or left_s > min(60 * DAY_S, self.term * DAY_S / 3)):
            self.expected.append("replacement")
        else:
            self.expected.append("purchase")
            self.bought_s = now_s

    def renew(self, responder):
        """When it will renew again."""
        now_s = self.clock.now_s()
        assert self.leaf_ends_s is None or now_s < self.leaf_ends_s, f"{self.names} was without a certificate"
        self.expect(now_s)
        order = Order(self.acme, self.names, responder, profile=f"term{self.term}")
        order.finalize()
        leaf = order.wait_valid()
        starts_s, self.leaf_ends_s = (int(when.replace(tzinfo=None).timestamp()) - time.timezone for when in (
            leaf.not_valid_before, leaf.not_valid_after))
        ends_s = min(now_s + LIFETIME_DAYS * DAY_S, self.bought_s + self.term * DAY_S)
        assert abs(self.leaf_ends_s - ends_s) < HOUR_S, f"{self.names} got {leaf.not_valid_after}"
        if self.fixed:
            return now_s + INTERVAL_DAYS[self.term] * DAY_S
        return starts_s + (self.leaf_ends_s - starts_s) * 2 / 3 + HOUR_S


def _terms(config):
    first = config["profiles"][0]
    config["profiles"] = [{**copy.deepcopy(first), "name": f"term{term}", "days": term} for term in WATCHED_DAYS]
    config["default_profile"] = config["profiles"][0]["name"]


@pytest.fixture
def clock(tmp_path, monkeypatch):
    clock = Clock(tmp_path / "clock")
    monkeypatch.setenv(VARIABLE, clock.path)
    return clock


def test_years_in_a_minute(make_world, clock):
    world = make_world(ChaosWorld, learn="both", change=_terms)
    started_s = clock.now_s()
    clients = [Client(world, clock, term, fixed) for term in WATCHED_DAYS for fixed in (False, True)]
    due = [(started_s, number) for number in range(len(clients))]
    with world.responder() as responder:
        while due:
            when_s, number = heapq.heappop(due)
            client = clients[number]
            if when_s > started_s + WATCHED_DAYS[client.term] * DAY_S:
                continue
            clock.move_to(when_s)
            # A step that Sectigo's time has to agree with first.
            wait_for("the clock is in no doubt", lambda: not world.ctl("status")["clock"]["in_doubt"])
            heapq.heappush(due, (client.renew(responder), number))
    for client in clients:
        assert world.kinds(client.names) == client.expected, client.names
        assert client.expected.count("purchase") >= 1 + (WATCHED_DAYS[client.term] > client.term), client.expected
    check_agreement(world, [client.names for client in clients], forgets=True)
    wait_for("no job is overdue", lambda: world.ctl("status")["jobs"]["overdue"] == 0)
