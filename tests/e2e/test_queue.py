"""Who waits for a subscription, for how long, and who goes first."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_client import http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl_json
from test_endings import _client, _settings, _wait_invalid


def _world(make_world, issue_delay, **issuance):
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"].update(issuance)
        config["profiles"][0].update(first_poll="200ms", poll_interval="500ms")
    return make_world(learn="poll", issue_delay=issue_delay, change=change)


def _finalize(world, client, *csrs):
    """The URLs of orders finalized one after another, one for each CSR."""
    urls = []
    with http_responder(world.ports["http01"]) as responder:
        ready = [client.ready_order(names, responder) for names, _ in csrs]
    for (url, order), (_, csr) in zip(ready, csrs):
        assert client.finalize(order, csr).status_code == 200
        urls.append(url)
    return urls


def _csr(names):
    return names, make_csr(names)


def test_waiting_order_that_nobody_reads_is_superseded(make_world):
    world = _world(make_world, 600, superseded_after="2s", queue=1)
    names = ["gone." + ZONE]
    client = _client(world)
    first, waiting = _finalize(world, client, _csr(names), _csr(names))
    answer = client.try_order(names)  # as many as may wait
    assert answer.status_code == 429 and "too many" in answer.json()["detail"], answer.text
    wait_for("the waiting one to end",
             lambda: [one for one in ctl_json(world, "issuance", "list", "--state", "refused")["items"]])
    assert "superseded" in _wait_invalid(client, waiting)
    assert ctl_json(world, "subscription", "list")["items"][0]["state"] == "live"
    assert client.try_order(names).status_code == 201  # its place is free
    assert client.fetch(first).json()["status"] == "processing"
    assert len(world.ledger()) == 1


def test_newest_of_an_account_goes_first(make_world):
    world = _world(make_world, 0.7)
    names = ["newest-first." + ZONE]
    buyer, other = _client(world), _client(world)
    csrs = [_csr(names) for _ in range(2)]
    first, = _finalize(world, buyer, _csr(names))
    older, newer = _finalize(world, other, *csrs)
    for client, url in ((buyer, first), (other, newer), (other, older)):
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    bought = [order["csrSHA256"] for order in world.ledger()]
    assert bought[1:] == [hashlib.sha256(csr).hexdigest() for _, csr in reversed(csrs)]
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement", "replacement"]


def test_purchase_refused_before_it_was_placed_hands_on(make_world):
    """The next waiter buys."""
    world = _world(make_world, 0)
    names = ["handed." + ZONE]
    client = _client(world)
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    _settings(world, compromisedKeys=hashlib.sha256(spki).hexdigest())
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 1, "times": 1})
    refused, waiting = _finalize(world, client, (names, make_csr(names, key)), _csr(names))
    assert "Sectigo refuses" in _wait_invalid(client, refused)
    assert "BEGIN CERTIFICATE" in client.certificate(waiting)
    assert len(world.bought(names)) == 1
