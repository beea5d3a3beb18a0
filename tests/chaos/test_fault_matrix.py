"""Every fault of Sectigo's stand-in at every call, alone and in random pairs, also where it takes a number twice: each
order ends in one certificate or one truthful error, and is paid once."""

import copy
import os
import random

import pytest

from chaos_world import WAIT_S, ZONE, ChaosWorld, Order, check_agreement, revoke, wait_for
from faults import (REFUSALS, RESEND_S, SETTLE_AGAIN_S, TIMEOUT_S, USUAL, alone, modes, pairs, settled,
                    unchecked)
from lanes import SLOW, Lanes, chosen, share, thinned

SEED = int(os.environ.get("ACMEGATE_CHAOS_SEED", "1"))
ORDERS = 500  # of the full range


def _all():
    def kind(one):
        return (one[0], one[1][-1]["endpoint"] if one[1] else "mode", *one[2])
    singles = thinned(alone() + unchecked() + settled() + modes(), kind)
    count = share(30, ORDERS - len(singles))
    cases = singles + pairs(count, random.Random(SEED))
    return {f"{i}-{_title(case)}": case for i, case in enumerate(cases)}


def _title(case):
    kind, rules, mode = case
    words = [kind] + [f"{rule['endpoint'].replace('*', 'any')}:{rule['action']}:{rule.get('seconds', '')}".strip(":")
                      for rule in rules]
    return "+".join(words + [f"{name}={value}" for name, value in mode.items()])


CASES = _all()
LANES = 6
DEADLINE_S = 12 if SLOW else 4  # of an order that nobody issues


class Trial:
    """One order of one kind, which meets its faults."""

    def __init__(self, world, number, title, case, client, responder):
        self.world, self.client, self.responder = world, client, responder
        self.kind, self.rules, self.mode = case
        self.names = [f"f{number}-{title.split('-', 1)[0]}.{ZONE}"]
        self.may_end = any(rule["action"] in REFUSALS and not rule.get("skip") for rule in self.rules)
        self.order, self.met = None, set()

    def prepare(self):
        if self.kind in ("replacement", "revocation"):
            self.order = Order(self.client, self.names, self.responder)
            self.order.finalize()

    def run(self):
        if self.order:
            self.leaf = self.order.wait_valid()
        if self.kind != "revocation":
            self.order = self.new_order()
        self.world.settings(**{**USUAL, **self.mode}, issueDelayMs=1500 if self.kind in ("doubted", "slow") else 0,
                            paymentRequired=self.kind in ("blocked", "overdue", "unpaid"), authorizeAgain="charge")
        self.world.set_faults(*self.rules)
        getattr(self, "run_" + self.kind, self.run_order)()
        self.check_paid()

    def new_order(self):
        profile = "short" if self.kind == "overdue" else "dv"
        return Order(self.client, self.names, self.responder, common_name=self.names[0], profile=profile)

    def run_order(self):
        self.order.finalize()
        self.settle()

    def settle(self):
        """Until the order has ended. A refusal is told truthfully, and the next order is served."""
        order = self.end_of(self.order)
        if order["status"] == "valid":
            self.order.wait_valid()
            return
        assert self.may_end, order
        assert order["error"]["detail"], order
        self.clear()
        self.order = self.new_order()
        self.order.finalize()
        self.order.wait_valid()

    def end_of(self, one):
        """What is held waits for the operator, who has paid in, or has looked in the account."""
        def ended():
            order = one.object()
            if order["status"] != "processing":
                return order
            issuance = self.world.ctl("order", "show", one.id)["issuance"]
            if issuance["state"] == "held" or self.world.ctl("upstream", "status")["items"][0]["state"] == "refused":
                self.world.ctl("upstream", "resume", "main")
            elif self.is_said_to_be_placed(issuance):
                self.drop(one)
            return None
        return wait_for(f"the end of {self.names[0]}", ended)

    def drop(self, one):
        """Unless it has ended by itself since it was looked at."""
        try:
            self.world.ctl("order", "drop", one.id)
        except AssertionError:
            if self.world.ctl("order", "show", one.id)["issuance"]["state"] not in ("refused", "collected"):
                raise

    def is_said_to_be_placed(self, issuance):
        """Refused by its number at the repeat, and Sectigo has no such order: waited for until somebody says so."""
        return (issuance["state"] == "unknown" and issuance["kind"] == "purchase" and
                "Sectigo refuses the order" in (issuance["note"] or "") and not self.world.bought(self.names))

    def run_doubted(self):
        """Sectigo says that the order has failed, which it has not."""
        self.order.finalize()
        self.world.push(orderNumber=self.placed(), status="failed", statusCode="5")
        self.settle()

    def placed(self):
        """Sectigo's number, once the gateway has stored it."""
        return wait_for("an order number", lambda: self.shown().get("order_number"))

    def shown(self):
        return self.world.ctl("order", "show", self.order.id)["issuance"]

    def block(self):
        """Sectigo was paid, and then CAA forbids it to issue."""
        self.order.finalize()
        number, owner = self.placed(), self.names[0].removesuffix("." + ZONE)
        self.world.dns.update(lambda update: (update.add(owner, 60, "A", "127.0.0.1"),
                                              update.add(owner, 60, "CAA", '0 issue ";"')))
        self.world.advance(number, "payment")

    def unblock(self):
        owner = self.names[0].removesuffix("." + ZONE)
        self.world.dns.update(lambda update: update.delete(owner))

    def run_blocked(self):
        self.block()
        wait_for("blocked", lambda: self.shown()["state"] == "blocked")
        self.unblock()
        self.settle()

    def run_overdue(self):
        """Cancelled and refunded at its deadline; then, and not before, its names are bought again."""
        self.block()
        assert self.order.wait_end()["status"] == "invalid"
        def refunded():
            [sold] = self.world.bought(self.names)
            return sold["state"] == "rejected" and sold.get("refundedCents", 0) > 0
        wait_for(f"the refund for {self.names[0]}", refunded)
        wait_for("the refund in the store", lambda: all(
            sub["state"] != "dead" for sub in self.world.all("subscription") if sub["names"] == self.names))
        self.clear()
        self.unblock()
        self.order = self.new_order()
        self.order.finalize()
        self.order.wait_valid()

    def run_unpaid(self):
        """It waits for its payment, and the operator has it paid; Sectigo would charge twice if asked twice."""
        self.order.finalize()
        self.placed()
        self.world.ctl("order", "authorize", self.order.id)
        self.settle()
        [sold] = self.world.bought(self.names)
        assert sold["debited"] == "35.00", "paid once"

    def run_revocation(self):
        assert revoke(self.client, self.leaf).status_code == 200
        def revoked():
            lines = [line["what"] for line in self.world.pages("audit")
                     if line.get("names") == self.names]
            return "revocation" in lines
        wait_for(f"the revocation of {self.names[0]}", revoked)
        self.clear()
        [sold] = self.world.sold(self.names)
        assert sold["certificates"][0].get("revoked"), sold

    def clear(self):
        self.met |= {one["action"] for one in self.world.ask("faults")["fired"]}
        self.world.clear_faults()
        self.world.settings(**USUAL, issueDelayMs=0, paymentRequired=False)

    def check_paid(self):
        self.clear()
        if len(self.rules) == 1 and self.rules[0]["action"] != "refuse":  # that one may have met this test
            assert self.rules[0]["action"] in self.met, "the fault was not met"
        paid = 2 if self.kind == "overdue" else 1
        assert len(self.world.bought(self.names)) == paid, self.world.sold(self.names)


def _run_lane(world, number, titles, lanes):
    client = world.client()
    with world.responder() as responder:
        trials = {title: Trial(world, number, title, CASES[title], client, responder) for title in titles}
        for trial in trials.values():
            trial.prepare()
        for title, trial in trials.items():
            with lanes.trying(title):
                try:
                    trial.run()
                finally:
                    trial.clear()
    check_agreement(world, [trial.names for trial in trials.values() if trial.kind == "overdue"])
    left = [row for row in world.all("issuance") if row["state"] not in ("collected", "refused", "dead")]
    assert not left, left
    wait_for("no job is left", lambda: world.ctl("status")["jobs"]["overdue"] == 0)


def _is_bare(number):
    """Every third lane's account takes no foreignOrderNumber on AutoReplaceSSL: what was lost there is settled by the
    family."""
    return number % 3 == 2


def _config(config, bare):
    config["logins"][0]["replace_foreign_order_number"] = not bare
    config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "short", "deadline": f"{DEADLINE_S}s"})
    config["logins"][0]["timeout"] = f"{TIMEOUT_S * 1000:.0f}ms"
    config["issuance"].update(settle_again=f"{SETTLE_AGAIN_S * 1000:.0f}ms", resend=f"{RESEND_S * 1000:.0f}ms")


@pytest.fixture(scope="module")
def matrix(request, tmp_path_factory):
    tmp_path_factory.getbasetemp()  # made at the first call, which the lanes must not race for
    lanes = Lanes()
    titles = chosen(request, "test_faults")

    def work(number, cases):
        bare = _is_bare(number)
        world = ChaosWorld(tmp_path_factory.mktemp(f"lane{number}"), change=lambda config: _config(config, bare))
        try:
            world.settings(foreignOrderNumberOnReplace="refuse" if bare else "accept")
            _run_lane(world, number, cases, lanes)
        finally:
            world.close()

    print(f"seed {SEED}")
    lanes.run([titles[i::LANES] for i in range(LANES)], work)
    return lanes


@pytest.mark.parametrize("case", CASES)
def test_faults(matrix, case):
    outcome = matrix.outcome(case)
    assert outcome is None, f"seed {SEED}\n{outcome}"


def test_ledger_and_store_agree_afterwards(matrix):
    assert not matrix.problems, f"seed {SEED}\n" + "\n".join(matrix.problems)
