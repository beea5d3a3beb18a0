"""A store without room left: new work is refused with 503, what was acknowledged stays, and room brings it back."""

import os
import resource
import signal
import time

import pytest

import process
from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl
from test_endings import _client

pytestmark = pytest.mark.lmdb("its map, and its disk")

NAMES = [f"n{i}." + ZONE for i in range(100)]


def _order_until_refused(client, most=2000):
    """(URLs of acknowledged orders, the first refusal)"""
    kept = []
    for _ in range(most):
        answer = client.try_order(NAMES)
        if answer.status_code != 201:
            return kept, answer
        kept.append(answer.headers["location"])
    raise AssertionError(f"{most} orders fit into the store; it is not small")


def _check_refusal(answer):
    assert answer.status_code == 503, answer.text[:1000]
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["replay-nonce"]


def test_full_map(make_world):
    world = make_world(change=lambda c: c["store"].update(map_size="4MiB"))
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    kept, refused = _order_until_refused(client)
    _check_refusal(refused)
    assert kept
    for url in kept:
        assert client.fetch(url).json()["status"] == "pending"
    world.change = None
    world.write_config()
    world.kill_gateway()
    world.start_gateway()
    client.reconnect()
    for url in kept:
        assert client.fetch(url).json()["status"] == "pending"
    assert client.try_order(NAMES).status_code == 201


def _fill_disk(world):
    """Nothing is written beyond the store's first pages, as on a full disk, until _make_room."""
    resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))


def _make_room(world):
    resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.parametrize("how", ["by itself", "retry"])
def test_disk_with_room_again(make_world, monkeypatch, how):
    """An issuance whose look at Sectigo could not be stored goes on within seconds, and at once when it is retried."""
    def prepare_child():
        die_with_parent()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    die_with_parent = process._die_with_parent
    monkeypatch.setattr(process, "_die_with_parent", prepare_child)
    world = make_world(learn="poll", change=lambda config: config["acme"].update(hold_finalize="0s"))
    monkeypatch.undo()
    world.set_settings(paymentRequired=True)
    client = _client(world)
    names = ["room." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    assert client.finalize(order, make_csr(names)).status_code == 200
    number, = wait_for("it is ordered", lambda: [one["orderNumber"] for one in world.ledger()])
    wait_for("a look at it", lambda: world.requests().get("CollectSSL"))
    seen = len(world.gateway.lines)
    _fill_disk(world)
    wait_for("steps that cannot be stored", lambda: sum("a step of an issuance cannot be stored" in line
                                                        for line in world.gateway.lines[seen:]) >= 2, 40)
    world.advance(number)
    wait_for("it is issued", lambda: world.ledger()[0]["state"] == "issued")
    _make_room(world)
    began = time.monotonic()
    if how == "retry":
        ctl(world, "order", "retry", url.rsplit("/", 1)[1])
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert time.monotonic() - began < (5 if how == "retry" else 40)
    assert len(world.bought(names)) == 1
