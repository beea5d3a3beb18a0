"""Pushes that tell of a revocation: confirmed by Sectigo before anything follows."""

import datetime

import requests
from cryptography.hazmat.primitives.asymmetric import ec

from dns_server import ZONE
from pki import chain_of
from sandbox_client import wait_for
from test_ari import name_of
from test_ctl import ctl, ctl_json
from test_endings import _advance, _client, _order, _requests, _settings
from world import PUSH_PASSWORD, PUSH_USER


def _window(client, leaf):
    info = client.get(client.directory["renewalInfo"] + "/" + name_of(leaf)).json()["suggestedWindow"]
    return [datetime.datetime.fromisoformat(info[end].replace("Z", "+00:00")) for end in ("start", "end")]


def _leaf(world, client, names, key):
    return chain_of(client.certificate(_order(world, client, names, key)))[0]


def _key():
    return ec.generate_private_key(ec.SECP256R1())


def _soon(when):
    return when < datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)


def test_revocation_of_a_replaced_certificate_stops_sharing(make_world):
    world = make_world()
    names = ["shared." + ZONE]
    one, other = _client(world), _client(world)
    keys = [_key() for _ in range(3)]
    _settings(world, replacementRevokes=True)
    first = _leaf(world, one, names, keys[0])
    _leaf(world, other, names, keys[1])
    world.wait_log(lambda line: "revoked a certificate that was replaced" in line.get("msg", ""))
    assert _soon(_window(one, first)[1])
    assert ctl_json(world, "upstream", "status")["items"][0]["unshared_ms"] > 0
    world.restart_gateway()
    one.reconnect()
    other.reconnect()
    _leaf(world, other, names, keys[1])  # its own key: a replacement as before
    _leaf(world, one, names, keys[2])  # another key gets a subscription of its own
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement", "replacement", "purchase"]
    ctl(world, "upstream", "resume", "main")
    assert ctl_json(world, "upstream", "status")["items"][0]["unshared_ms"] in (0, None)


def test_announced_revocation_moves_the_window_to_now(make_world):
    world = make_world()
    client = _client(world)
    leaf = _leaf(world, client, ["announced." + ZONE], _key())
    assert not _soon(_window(client, leaf)[0])
    _advance(world, world.ledger()[0]["orderNumber"], step="pre-revocation")
    world.wait_log(lambda line: "its renewal is due now" in line.get("msg", ""))
    start, end = _window(client, leaf)
    assert _soon(start) and end > start


def test_forged_revocation_changes_nothing(make_world):
    world = make_world()
    client = _client(world)
    leaf = _leaf(world, client, ["forged." + ZONE], _key())
    before = _window(client, leaf)
    order, = world.ledger()
    push = {"orderNumber": order["orderNumber"], "certificateID": order["certificateIDs"][0], "status": "revoked",
            "statusCode": "8"}
    for _ in range(3):
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(world.public_url + "/push/sectigo", params=push, timeout=30,
                               auth=(PUSH_USER, PUSH_PASSWORD)).status_code == 200
    world.wait_log(lambda line: "does not confirm" in line.get("msg", ""))
    assert _window(client, leaf) == before
    wait_for("one question", lambda: _requests(world)["GetDetailedOrderStatus"] == 1)
