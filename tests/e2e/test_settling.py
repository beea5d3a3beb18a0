"""Replacements whose outcome was not read: found by foreignOrderNumber or by their family, and sent again only where
Sectigo has none."""

import base64
import contextlib
import json
import signal
import threading
import urllib.parse

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_endings import _advance, _client, _order, _requests, _settings
from world import LOGIN, PASSWORD


def _world(make_world, takes_number, **acme):
    def change(config):
        config["acme"].update(acme)
        config["issuance"].update(settle_again="200ms", resend="600ms", later="200ms")
        config["profiles"][0].update(first_poll="200ms", poll_interval="500ms")
        config["logins"][0]["replace_foreign_order_number"] = takes_number
    world = make_world(learn="poll", change=change)
    if not takes_number:
        _settings(world, foreignOrderNumberOnReplace="refuse")
    return world


def _replace_by_hand(world, names):
    """What the operator may do at Sectigo, beside us."""
    csr = base64.b64encode(make_csr(names)).decode()
    fields = {"loginName": LOGIN, "loginPassword": PASSWORD, "orderNumber": world.ledger()[0]["orderNumber"],
              "csr": csr, "dcvMethod": "HTTP_CSR_HASH", "omitAdditionalFQDN": "Y", "responseFormat": 1}
    world._ask_sandbox("/products/!AutoReplaceSSL", urllib.parse.urlencode(fields).encode(),
                       "application/x-www-form-urlencoded")
    number = world.ledger()[1]["orderNumber"]
    _advance(world, urllib.parse.quote(number, safe=""), step="all")
    wait_for("the foreign replacement", lambda: world.ledger()[1]["state"] == "issued")


def test_store_stays_locked_until_the_last_call_has_ended(make_world):
    """An upgrade that overlaps may not settle what the old daemon still has on the wire (section 4, rule 6)."""
    world = _world(make_world, True)
    names = ["overlap." + ZONE]
    client = _client(world)
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 4, "times": 1})
    threading.Thread(target=_finalize_and_forget, args=(client, order, names), daemon=True).start()
    wait_for("the request on the wire", lambda: _fired(world))
    stopping = world.gateway
    stopping.signal(signal.SIGTERM)
    second = world.run_gateway("--config", world.path("acmegate.yaml"))
    assert second.returncode != 0 and "owns this store" in second.stdout, second.stdout
    assert stopping.wait_end() == 0
    assert len(world.bought(names)) == 1  # the call had ended when the lock was given up
    world.start_gateway()
    client.reconnect()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    # a report for each of the two starts, and none to settle anything
    assert _requests(world)["AutoApplyOrder"] == 1 and _requests(world)["WebHostReport"] == 2


def _finalize_and_forget(client, order, names):
    with contextlib.suppress(requests.exceptions.RequestException):
        client.finalize(order, make_csr(names))


def _fired(world):
    return json.loads(world._ask_sandbox("/sandbox/faults"))["fired"]


@pytest.mark.parametrize("takes_number", [True, False])
@pytest.mark.parametrize("fault", ["lose-reply-after-accept", "status-503"])
def test_replacement_is_settled(make_world, takes_number, fault):
    world = _world(make_world, takes_number)
    names = ["settled." + ZONE]
    client = _client(world)
    key = ec.generate_private_key(ec.SECP256R1())  # of both: the old certificate carries it too
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names, key))
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": fault, "times": 1})
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names, key))
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement"]
    asked = _requests(world)
    assert asked["AutoReplaceSSL"] == (2 if fault == "status-503" else 1)
    assert bool(asked.get("GetDetailedOrderStatus")) != takes_number


@pytest.mark.parametrize("fault", ["lose-reply-after-accept", "status-503"])
def test_replacement_is_settled_by_the_newest_certificate(make_world, fault):
    """An account that may not ask for the family."""
    world = _world(make_world, False)
    names = ["newest." + ZONE]
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": fault, "times": 1},
                     {"endpoint": "GetDetailedOrderStatus", "action": "code:-91", "times": -1})
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement"]


def test_replacement_of_somebody_else_is_not_adopted(make_world):
    """The family has a new certificate, of another key: ours was never placed."""
    world = _world(make_world, False)
    names = ["foreign." + ZONE]
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    _replace_by_hand(world, names)
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": "status-503", "times": 1})
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement", "replacement"]


def _restart_with(world, **issuance):
    world.stop_gateway()
    usual = world.change

    def change(config):
        usual(config)
        config["issuance"].update(issuance)
    world.change = change
    world.write_config()
    world.start_gateway()


def test_adopting_leaves_alone_what_is_under_way(make_world):
    """The report has the replacement whose reply was lost; it joins no family before it has been settled."""
    world = _world(make_world, False, hold_finalize="0s")
    names = ["adopted." + ZONE]
    ctl(world, "policy", "create", "default", "names=." + ZONE)
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    _restart_with(world, settle_again="1h", resend="2h")  # after its first look, which is too early, it waits
    client.reconnect()
    _settings(world, reportLagLooks=1)
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": "lose-reply-after-accept", "times": 1})
    url = _order(world, client, names)
    wait_for("its first look", lambda: _requests(world).get("GetDetailedOrderStatus") == 1)
    wait_for("the replacement", lambda: world.ledger()[1]["state"] == "issued")
    replacement = world.ledger()[1]["orderNumber"]
    said = {row["order_number"]: row["outcome"] for row in
            ctl_json(world, "subscription", "adopt", "--name", names[0], "--policy", "default")["items"]}
    _restart_with(world, settle_again="200ms", resend="600ms")
    client.reconnect()
    ctl(world, "upstream", "resume", "main")  # looks at once at what waits
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement"]
    assert _requests(world)["AutoReplaceSSL"] == 1
    assert "under way" in said[replacement]


def test_adopting_leaves_alone_a_purchase_that_may_have_been_placed(make_world):
    """An account whose report says no foreignOrderNumbers: what was bought by hand looks the same."""
    def silent(config):
        config["logins"][0]["report_foreign_order_number"] = False
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"].update(settle_again="1h", resend="2h")
    world = make_world(learn="poll", change=silent)
    _settings(world, reportForeignOrderNumber=False, reportLagLooks=1)
    names = ["unsettled." + ZONE]
    ctl(world, "policy", "create", "default", "names=." + ZONE)
    client = _client(world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1})
    url = _order(world, client, names)
    wait_for("its first look", lambda: _requests(world).get("WebHostReport") == 1)
    wait_for("the purchase", lambda: world.ledger()[0]["state"] == "issued")
    number = world.ledger()[0]["orderNumber"]
    said = {row["order_number"]: row["outcome"] for row in
            ctl_json(world, "subscription", "adopt", number, "--policy", "default")["items"]}
    _restart_with(world, settle_again="200ms", resend="600ms")
    client.reconnect()
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.ledger()) == 1
    assert "under way" in said[number]
