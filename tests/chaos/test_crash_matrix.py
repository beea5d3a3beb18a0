"""kill -9 of the gateway before and after every commit of every state: an acknowledged order becomes what it would
have become without, and is paid once."""

import contextlib
import copy
import os
import re

import dns.query
import dns.zone
import pytest
import requests

from chaos_world import WAIT_S, ZONE, ChaosWorld, Order, check_agreement, revoke, wait_for
from lanes import SLOW, Lanes, chosen, thinned

BOTH = ("", ":before")
DEADLINE_S = 10 if SLOW else 3  # of an order that nobody issues
NOT_YET_MS = 3600 * 1000

# What Sectigo does with the first request of an order, so that the issuance takes this way.
LOST = {"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1}
REPLACEMENT_LOST = {**LOST, "endpoint": "AutoReplaceSSL"}
NOT_TAKEN = {"endpoint": "AutoApplyOrder", "action": "status-503", "times": 1}
PAYMENT_LOST = {"endpoint": "AutoAuthorize", "action": "lose-reply-after-accept", "times": 1}
NO_CREDIT = {"endpoint": "AutoApplyOrder", "action": "code:-15", "times": 1}
BAD_CSR = {"endpoint": "AutoApplyOrder", "action": "code:-9", "times": 1}

# The way of an order, and the points at which it may be struck: a state right after its commit, with ":before" inside
# the transaction; "-again" is a commit that stays in the state; "submitting-sent": Sectigo has answered, nothing is
# stored. "acknowledged" is a kill from outside once the client has its answer.
WAYS = {
    "purchase": ["acknowledged"]
    + [state + when for state in ("published", "submitting", "submitted", "collected") for when in BOTH]
    + ["submitting-sent", "submitted-again", "submitted-again:before"],
    "lost": ["unknown" + when for when in BOTH] + ["submitted", "submitted:before"],
    "resent": ["unknown", "unknown-again", "unknown-again:before", "resubmitting", "resubmitting:before",
               "resubmitting-sent", "submitted:before"],
    "queued": ["queued:before", "acknowledged", "collected", "collected:before"],
    "held": ["held" + when for when in BOTH],
    "refused": ["refused" + when for when in BOTH],
    "blocked": [point + when for point in ("blocked", "blocked-again") for when in BOTH],
    "dead": ["dead" + when for when in BOTH],
    "overdue": [point + when for point in ("cancelling", "dead") for when in BOTH],
    "unpaid": [point + when for point in ("authorizing", "authorized") for when in BOTH] + ["authorizing-sent"],
    "unheard": ["unauthorized" + when for when in BOTH],
    "revocation": ["revocation-asked:before", "revocation-asked", "revocation-sent", "revocation-done:before",
                   "revocation-done"],
}
CNAME_POINTS = ["prepared:before", "prepared", "prepared-again:before", "prepared-again", "records-removed:before", "records-removed"]


def _cases():
    """(domain control, kind, way, point, numbers). Where numbers are unchecked, Sectigo takes one twice, and what is sent
    twice is bought twice. The kind "family" is a replacement with an account that takes no
    foreignOrderNumber on AutoReplaceSSL: what was lost is settled by the numbers of the family."""
    cases = []
    for dcv in ("http", "cname"):
        more = CNAME_POINTS if dcv == "cname" else []
        for kind in ("purchase", "replacement"):
            cases += [(dcv, kind, "purchase", point) for point in WAYS["purchase"] + more]
            cases += [(dcv, kind, "lost", point) for point in WAYS["lost"]]
    for way in ("purchase", "lost"):
        cases += [("http", "family", way, point) for point in WAYS[way]]
    for way in ("resent", "queued", "held", "refused", "blocked", "dead", "overdue", "unpaid", "unheard", "revocation"):
        cases += [("http", "purchase", way, point) for point in WAYS[way]]
    return [(*case, numbers) for case in cases for numbers in ("checked", "unchecked")]


CASES = thinned(_cases(), lambda case: case[:3] + case[4:])


def _names(case):
    return ["-".join(case).replace(":", "-") + "." + ZONE]


def _records(world):
    transfer = dns.query.xfr("127.0.0.1", ZONE, port=world.dns.port, timeout=10, relativize=False)
    return [str(name) for name, _, _ in dns.zone.from_xfr(transfer, relativize=False).iterate_rdatas("CNAME")]


class Strike:
    """One case in the world of its lane. The gateway is down before and after."""

    def __init__(self, world, case, order, second):
        self.world, self.order, self.second = world, order, second
        self.dcv, self.kind, self.way, self.point, self.numbers = case
        self.stop_at = self.point.replace("resubmitting", "submitting")

    def start(self, stop_at=None):
        self.world.start_gateway(stop_at=stop_at)
        self.order.client.reconnect()

    def faults(self):
        replaces = self.kind != "purchase"
        return {"lost": [REPLACEMENT_LOST if replaces else LOST], "resent": [NOT_TAKEN], "held": [NO_CREDIT],
                "refused": [BAD_CSR], "unheard": [PAYMENT_LOST]}.get(self.way, [])

    def finalize(self, order):
        with contextlib.suppress(requests.exceptions.ConnectionError):
            order.finalize()

    # ---- each way to the point ----

    def reach(self):
        """Until the gateway is dead at the point."""
        world = self.world
        world.settings(issueDelayMs=0 if self.is_after_issuance() else NOT_YET_MS,
                       paymentRequired=self.way in ("blocked", "dead", "overdue", "unpaid", "unheard"),
                       authorizeAgain="charge",
                       checkNumbers=self.numbers == "checked")
        world.set_faults(*self.faults())
        getattr(self, "reach_" + self.way, self.reach_plainly)()
        if self.point != "acknowledged":
            world.wait_gateway_killed()
        world.clear_faults()
        world.settings(paymentRequired=False)
        world.issue_at_once()

    def is_after_issuance(self):
        """Else no certificate comes before the point, which it would overtake."""
        return self.way != "queued" and self.point.startswith(("collected", "records-removed", "revocation"))

    def reach_plainly(self):
        self.start(None if self.point == "acknowledged" else self.stop_at)
        self.finalize(self.order)
        if self.point == "acknowledged":
            self.world.kill_gateway()

    def reach_resent(self):
        if not self.point.startswith("resubmitting"):
            self.reach_plainly()
            return
        self.start("unknown")
        self.finalize(self.order)
        self.world.wait_gateway_killed()
        self.start(self.stop_at)

    def reach_queued(self):
        """A second order for the same names waits for the first."""
        last = self.point.startswith("collected")
        self.start(None if self.point == "acknowledged" else self.stop_at)
        self.finalize(self.order)
        self.finalize(self.second)
        if last:
            self.world.issue_at_once()
        elif self.point == "acknowledged":
            self.world.kill_gateway()

    def reach_blocked(self):
        self.start(self.stop_at)
        self.finalize(self.order)
        number = self.placed()
        owner = self.order.names[0].removesuffix("." + ZONE)
        self.world.dns.update(lambda update: update.add(owner, 60, "A", "127.0.0.1"))
        self.world.dns.update(lambda update: update.add(owner, 60, "CAA", '0 issue ";"'))
        self.world.advance(number, "payment")

    reach_overdue = reach_blocked

    def reach_unpaid(self):
        """The order waits for its payment, and the operator has it paid; Sectigo would charge twice if asked twice."""
        self.start(self.stop_at)
        self.finalize(self.order)
        self.placed()
        with contextlib.suppress(AssertionError, ValueError):  # the gateway may be dead before it has answered
            self.world.ctl("order", "authorize", self.order.id)

    reach_unheard = reach_unpaid

    def reach_dead(self):
        self.start(self.stop_at)
        self.finalize(self.order)
        self.world.advance(self.placed(), "reject")

    def placed(self):
        """Sectigo's number of the order, once the gateway has stored it."""
        return self.world.wait_log(lambda line: line.get("msg") == "issuance is submitted", WAIT_S)["order_number"]

    def reach_revocation(self):
        self.start()
        self.order.finalize()
        self.leaf = self.order.wait_valid()
        self.world.kill_gateway()
        self.start(self.stop_at)
        with contextlib.suppress(requests.exceptions.ConnectionError):
            revoke(self.order.client, self.leaf)

    # ---- what must have become of it ----

    def end(self):
        self.start()
        getattr(self, "end_" + self.way, self.end_valid)()
        self.check_paid()
        if self.dcv == "cname":
            wait_for("no record is left", lambda: not _records(self.world))
        self.world.kill_gateway()

    def check_paid(self):
        names, paid = self.order.names, 0 if (self.way, self.point) == ("refused", "refused") else 1
        assert len(self.world.bought(names)) == paid, self.world.sold(names)
        again = 1 if self.kind != "purchase" or self.way == "queued" else 0
        assert self.world.kinds(names).count("replacement") == again, self.world.sold(names)

    def end_valid(self):
        """The same CSR once more is answered with the same order, whether the first answer came or not."""
        assert self.order.finalize()["status"] in ("processing", "valid")
        self.order.wait_valid()

    def end_unpaid(self):
        self.end_valid()
        [sold] = self.world.sold(self.order.names)
        assert sold["debited"] == "35.00", "paid once"

    end_unheard = end_unpaid

    def end_queued(self):
        self.end_valid()
        assert self.second.finalize()["status"] in ("processing", "valid")
        self.second.wait_valid()

    def end_held(self):
        if self.point == "held":
            assert self.order.object()["status"] == "processing"
        wait_for("the operator", self.resumed)
        self.end_valid()

    def resumed(self):
        """The operator pays in."""
        self.world.ctl("upstream", "resume", "main")
        return self.order.object()["status"] == "valid"

    def end_refused(self):
        if self.point == "refused":
            assert self.order.wait_invalid()["type"].endswith(":badCSR")
        else:
            self.end_valid()

    def end_blocked(self):
        self.world.wait_log(lambda line: "cannot go on with a paid order" in line.get("msg", ""), WAIT_S)
        assert self.order.object()["status"] == "processing"
        owner = self.order.names[0].removesuffix("." + ZONE)
        self.world.dns.update(lambda update: update.delete(owner))
        self.world.sectigo("RetryCAACheck", orderNumber=self.world.bought(self.order.names)[0]["orderNumber"])
        self.end_valid()

    def end_dead(self):
        assert "Sectigo has ended the order" in self.order.wait_invalid()["detail"]

    def end_overdue(self):
        """Cancelled and refunded, once."""
        assert "in the time" in self.order.wait_invalid()["detail"]
        def refunded():
            [sold] = self.world.sold(self.order.names)
            return sold["state"] == "rejected" and sold.get("refundedCents", 0) > 0
        wait_for("the refund", refunded)
        wait_for("the refund in the store", lambda: all(sub["state"] != "dead" for sub in self.world.all("subscription")
                                                       if sub["names"] == self.order.names))

    def end_revocation(self):
        if self.point == "revocation-asked:before":
            assert revoke(self.order.client, self.leaf).status_code == 200
        def revoked():
            [sold] = self.world.sold(self.order.names)
            return sold["certificates"][0].get("revoked")
        wait_for("revoked", revoked)
        def stored():
            asked = [line["what"] for line in self.world.pages("audit")
                     if line.get("names") == self.order.names]
            return asked.count("revocation") == 1 and asked.count("revocation-asked") == 1
        wait_for("the revocation in the audit table", stored)


def _prepare(world, cases):
    """{case: (order, second order)}, ready for their CSR; what is to be replaced has been bought."""
    client, orders = world.client(), {}
    with world.responder() as responder:
        bought = [Order(client, _names(case), responder) for case in cases if case[1] != "purchase"]
        for order in bought:
            order.finalize()
        for case in cases:
            second = Order(client, _names(case), responder) if case[2] == "queued" else None
            profile = "short" if case[2] == "overdue" else "dv"
            orders[case] = (Order(client, _names(case), responder, profile=profile), second)
    for order in bought:
        order.wait_valid()
    return orders


@pytest.fixture(scope="module")
def matrix(request, tmp_path_factory):
    lanes = Lanes()
    tmp_path_factory.getbasetemp()  # made at the first call, which the lanes must not race for
    cases = chosen(request, "test_killed")

    def work(number, cases):
        family = cases[0][1] == "family"

        def change(config):
            config["logins"][0]["replace_foreign_order_number"] = not family
            config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "short",
                                       "deadline": f"{DEADLINE_S}s"})

        world = ChaosWorld(tmp_path_factory.mktemp(f"lane{number}"), cname=cases[0][0] == "cname", change=change)
        try:
            world.settings(foreignOrderNumberOnReplace="refuse" if family else "accept")
            orders = _prepare(world, cases)
            world.stop_gateway()
            for case in cases:
                with lanes.trying(case):
                    strike = Strike(world, case, *orders[case])
                    try:
                        strike.reach()
                        strike.end()
                    except BaseException:
                        if world.gateway:
                            world.kill_gateway()
                        world.clear_faults()
                        raise
            world.start_gateway()
            check_agreement(world)
            wait_for("no job is left", lambda: world.ctl("status")["jobs"]["due"] == 0)
        finally:
            world.close()

    family = [case for case in cases if case[1] == "family"]
    plain, cname = ([case for case in cases if case[0] == dcv and case[1] != "family"] for dcv in ("http", "cname"))
    lanes.run([plain[0::3], plain[1::3], plain[2::3], cname[0::2], cname[1::2], family], work)
    return lanes


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_killed(matrix, case):
    outcome = matrix.outcome(case)
    assert outcome is None, outcome


def test_ledger_and_store_agree_afterwards(matrix):
    assert not matrix.problems, "\n".join(matrix.problems)


def test_there_are_cases_enough():
    """At least forty, and every state of the table, struck before and after its commit."""
    assert len(_cases()) >= 40
    table = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "gateway", "issue", "record",
                         "issuance.c")
    with open(table, encoding="ascii") as source:
        states = re.findall(r'\[ISSUANCE_\w+\] = \{"(\w+)"', source.read())
    assert len(states) >= 11, states
    points = {case[3] for case in _cases()} | {"queued"}  # "acknowledged", of what was queued
    assert {state + when for state in states for when in BOTH} <= points
