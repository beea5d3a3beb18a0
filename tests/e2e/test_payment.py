"""Accounts whose orders wait for their payment (status 1): paid by hand or by rule, within the limits, and once."""

import contextlib
import time

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json

NOT_YET_MS = 3600 * 1000


def _account(rule=None, limits=None):
    def change(config):
        if rule:
            config["logins"][0]["authorize"] = rule
        config["spending"] = limits or {}
        config["acme"]["hold_finalize"] = "0s"
        config["profiles"][0]["prices"] = {"single": "30.00", "wildcard": 100, "multi": 70}
    return change


@pytest.fixture
def world(make_world):
    def make(rule=None, limits=None, **settings):
        one = make_world(learn="both", change=_account(rule, limits))
        one.set_settings(paymentRequired=True, **settings)
        return one
    return make


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _order(world, client, name):
    """The URL of an order that is finalized."""
    names = [f"{name}.{ZONE}"]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        with contextlib.suppress(requests.exceptions.ConnectionError):
            assert client.finalize(order, make_csr(names)).status_code == 200
    return url


def _payment(world, url):
    return ctl_json(world, "order", "show", url.rsplit("/", 1)[1])["issuance"].get("payment")


def _wait_payment(world, url, state):
    def look():
        payment = _payment(world, url)
        return payment if payment and payment["state"] == state else None
    return wait_for(f"payment {state}", look)


def _debited(world):
    return [order["debited"] for order in world.ledger()]


def test_unattended_under_a_limit(world):
    """The account's orders answer 1, and its clients get their certificates all the same, within the limit."""
    world = world("auto", {"purchases_per_day": 2, "amount_per_day": "70.00"})
    client = _client(world)
    for name in ("one", "two"):
        assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, name))
    assert client.try_order([f"three.{ZONE}"]).status_code == 429
    assert _debited(world) == ["35.00", "35.00"] and world.requests()["AutoAuthorize"] == 2
    assert not any(order["webProducts"] for order in world.ledger()), "nothing was added to what was ordered"
    spent = ctl_json(world, "status")["spending"]
    assert (spent["purchases_today"], spent["amount_today_cents"]) == (2, 7000), "counted once"
    lines = [(line["what"], line["amount_cents"]) for line in ctl_json(world, "audit")["items"]]
    assert lines == 2 * [("purchase", 3500), ("authorization", 3500)]
    assert ctl_json(world, "cost")["items"][0]["amount_cents"] == 7000


def test_the_limit_stops_what_costs_more_than_was_expected(world):
    """30.00 was expected and is within the limit, 35.00 is asked for and is not: nothing is paid until it is raised."""
    world = world("auto", {"amount_per_day": "34.99"})
    client = _client(world)
    url = _order(world, client, "dear")
    def held():
        payment = _payment(world, url)
        return payment if payment and "34.99" in (payment["note"] or "") else None
    payment = wait_for("held by the limit", held)
    assert payment["state"] == "waiting" and payment["due_ms"] > time.time() * 1000
    assert client.fetch(url).json()["status"] == "processing"
    assert _debited(world) == ["0.00"] and world.requests()["AutoAuthorize"] == 0
    world.change = _account("auto", {"amount_per_day": "35.00"})
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    assert ctl_json(world, "upstream", "resume", "main")["payments_made_due"] in (0, 1), "the start may have been faster"
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _debited(world) == ["35.00"] and world.requests()["AutoAuthorize"] == 1
    assert ctl_json(world, "status")["spending"]["purchases_today"] == 1


def test_by_hand(world):
    """The default: the operator is told, with the command to give."""
    world = world()
    client = _client(world)
    url = _order(world, client, "manual")
    number = url.rsplit("/", 1)[1]
    told = world.wait_log(lambda line: line.get("msg", "").startswith("an order waits for its payment"))
    assert f"acmegatectl order authorize {number}" in told["reason"] and told["level"] == "error"
    wait_for("the note", lambda: f"order authorize {number}" in (_payment(world, url)["note"] or ""))
    assert world.requests()["AutoAuthorize"] == 0 and client.fetch(url).json()["status"] == "processing"
    assert ctl_json(world, "order", "authorize", number)["decided"].startswith("paid")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _debited(world) == ["35.00"] and world.requests()["AutoAuthorize"] == 1
    assert "does not wait" in ctl(world, "order", "authorize", number, status=1).stderr
    assert [line["what"] for line in ctl_json(world, "audit")["items"]] == ["purchase", "payment authorized",
                                                                             "authorization"]


def test_paid_at_sectigo(world):
    """Somebody clicks there: nothing is authorized, and what was counted stays counted once."""
    world = world()
    client = _client(world)
    url = _order(world, client, "clicked")
    _wait_payment(world, url, "waiting")
    world.advance(world.ledger()[0]["orderNumber"], "payment")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert world.requests()["AutoAuthorize"] == 0 and ctl_json(world, "status")["spending"]["purchases_today"] == 1


@pytest.mark.parametrize("action", ["lose-reply-after-accept", "html-after-accept", "status-500-after-accept", "truncate",
                                    "code-after-accept:-14", "code-after-accept:-4"])
def test_an_answer_that_was_not_read_is_settled(world, action):
    """Sectigo has charged, and would charge again: asked once, settled by what it says of the order."""
    world = world("auto", authorizeAgain="charge", issueDelayMs=NOT_YET_MS)
    world.set_faults({"endpoint": "AutoAuthorize", "action": action, "times": 1})
    client = _client(world)
    url = _order(world, client, "lost")
    _wait_payment(world, url, "done")
    world.issue_at_once()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _debited(world) == ["35.00"] and world.requests()["AutoAuthorize"] == 1
    assert world.requests()["GetDetailedOrderStatus"] > 0


def test_a_certificate_may_come_before_the_answer(world):
    """Which says that it was charged: nobody has to look."""
    world = world("auto", authorizeAgain="charge")
    world.set_faults({"endpoint": "AutoAuthorize", "action": "slow", "seconds": 2, "times": 1})
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, "early"))
    world.wait_log(lambda line: "came before the answer" in line.get("msg", ""))
    assert [line["what"] for line in ctl_json(world, "audit")["items"]].count("authorization") == 1
    world.stop_gateway()
    assert not [line for line in world.alarms if "authorized" in line["msg"]], world.alarms


@pytest.mark.parametrize("action", ["status-503", "code:-14"])
def test_what_was_not_accepted_is_sent_again_late(world, action):
    world = world("auto", authorizeAgain="charge")
    world.set_faults({"endpoint": "AutoAuthorize", "action": action, "times": 1})
    client = _client(world)
    began = time.monotonic()
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, "late"))
    assert time.monotonic() - began >= 3, "issuance.resend"
    assert _debited(world) == ["35.00"] and world.requests()["AutoAuthorize"] == 2
    assert world.requests()["GetDetailedOrderStatus"] >= 2


def test_refusals(world):
    """No credit: purchases stop until the operator has paid in; a refusal that means nothing to us rests."""
    world = world("auto")
    world.set_faults({"endpoint": "AutoAuthorize", "action": "code:-15", "times": 1})
    client = _client(world)
    url = _order(world, client, "broke")
    assert ctl_json(world, "upstream", "status")["items"]
    wait_for("no credit", lambda: ctl_json(world, "upstream", "status")["items"][0]["state"] == "no credit")
    assert "-15" in _wait_payment(world, url, "waiting")["note"]
    world.set_faults({"endpoint": "AutoAuthorize", "action": "code:-91", "times": 1})
    ctl(world, "upstream", "resume", "main")
    def rests():
        payment = _payment(world, url)
        return payment["state"] == "waiting" and "-91" in payment["note"]
    wait_for("refused", rests)
    assert _debited(world) == ["0.00"]
    ctl(world, "order", "authorize", url.rsplit("/", 1)[1])
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _debited(world) == ["35.00"]


@pytest.mark.parametrize("point", ["authorizing:before", "authorizing", "authorizing-sent", "unauthorized:before",
                                   "unauthorized", "authorized:before", "authorized"])
def test_killed(world, point):
    world = world("auto", authorizeAgain="charge", issueDelayMs=NOT_YET_MS)
    if point.startswith("unauthorized"):
        world.set_faults({"endpoint": "AutoAuthorize", "action": "lose-reply-after-accept", "times": 1})
    client = _client(world)
    world.stop_gateway()
    world.start_gateway(stop_at=point)
    client.reconnect()
    url = _order(world, client, "killed")
    world.wait_gateway_killed()
    world.issue_at_once()
    world.start_gateway()
    client.reconnect()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _debited(world) == ["35.00"] and world.requests()["AutoAuthorize"] == 1
    assert ctl_json(world, "status")["spending"]["purchases_today"] == 1


def test_an_adopted_order_is_paid_too(world):
    """The answer to AutoApplyOrder was lost: that the order waits is learnt from the report, or from CollectSSL."""
    world = world("auto")
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1})
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, "adopted"))
    assert _debited(world) == ["35.00"] and world.requests()["AutoAuthorize"] == 1
