"""kill -9 of the gateway at every step: an acknowledged order becomes valid, and is bought once."""

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE

# ACMEGATE_DEBUG_STOP_AT: each state right after it was committed; submitting-sent is the moment at which Sectigo's
# answer has come and is not yet committed.
STATES = ("published", "submitting", "submitting-sent", "submitted", "collected")


def _ready(world, names):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        return (client, *client.ready_order(names, responder))


def _check_one_certificate(world, client, url, names):
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 1, world.ledger()


def test_killed_right_after_finalize_was_acknowledged(make_world):
    # Held for no time, so that the acknowledgement leaves at once.
    world = make_world(learn="both", issue_delay=1, change=lambda c: c["acme"].update(hold_finalize="0s"))
    names = ["finalized." + ZONE]
    client, url, order = _ready(world, names)
    answer = client.finalize(order, make_csr(names))
    world.kill_gateway()
    assert answer.status_code == 200 and answer.json()["status"] in ("processing", "valid"), answer.text
    world.start_gateway()
    client.reconnect()
    _check_one_certificate(world, client, url, names)


@pytest.mark.parametrize("state", STATES)
def test_killed_between_upstream_states(make_world, state):
    world = make_world(learn="both")
    names = [f"{state}." + ZONE]
    client, url, order = _ready(world, names)
    world.stop_gateway()
    world.start_gateway(stop_at=state)
    client.reconnect()
    try:
        client.finalize(order, make_csr(names))
    except requests.exceptions.ConnectionError:
        pass  # it died while it held the reply
    world.wait_gateway_killed()
    world.start_gateway()
    client.reconnect()
    _check_one_certificate(world, client, url, names)


def test_everything_acknowledged_before_finalize_survives(make_world):
    world = make_world(learn="both")
    names = ["kept." + ZONE]
    client, url, order = _ready(world, names)
    world.kill_gateway()
    world.start_gateway()
    client.reconnect()
    assert client.fetch(url).json()["status"] == "ready"
    assert client.new_account(onlyReturnExisting=True).status_code == 200
    assert client.finalize(order, make_csr(names)).status_code == 200
    _check_one_certificate(world, client, url, names)


def test_two_finalize_calls_for_the_same_names_buy_once(make_world):
    world = make_world(learn="both", issue_delay=1, change=lambda c: c["acme"].update(hold_finalize="0s"))
    names = ["twice." + ZONE]
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    csr = make_csr(names)
    # The second one comes while the purchase is on the wire.
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 1, "times": 1})
    with http_responder(world.ports["http01"]) as responder:
        orders = [client.ready_order(names, responder) for _ in range(2)]
    for _, order in orders:
        assert client.finalize(order, csr).status_code == 200
    for url, _ in orders:
        assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 1, world.ledger()


def test_two_keys_for_the_same_names_never_buy_twice(make_world):
    """The second CSR waits for the subscription that the first one is buying, and gets a free replacement."""
    world = make_world(learn="both", issue_delay=1, change=lambda c: c["acme"].update(hold_finalize="0s"))
    names = ["rivals." + ZONE]
    clients = [AcmeClient(world.directory, world.pki.ca) for _ in range(2)]
    orders = []
    with http_responder(world.ports["http01"]) as responder:
        for client in clients:
            assert client.new_account().status_code == 201
            orders.append(client.ready_order(names, responder))
    for client, (_, order) in zip(clients, orders):
        answer = client.finalize(order, make_csr(names))
        assert answer.status_code == 200 and answer.json()["status"] == "processing", answer.text
    for client, (url, _) in zip(clients, orders):
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1, world.ledger()
