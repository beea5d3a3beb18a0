"""Pushes that tell of a revocation: confirmed by Sectigo before anything follows."""

import datetime

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from acme_client import b64
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


def test_a_revocation_that_was_asked_for_is_told_once_and_alarms_nobody(make_world):
    world = make_world()
    client = _client(world)
    leaf = _leaf(world, client, ["asked." + ZONE], _key())
    answer = client.post(client.directory["revokeCert"], {"certificate": b64(leaf.public_bytes(Encoding.DER))})
    assert answer.status_code == 200, answer.text
    world.wait_log(lambda line: "the revocation that was asked for here" in line.get("msg", ""), timeout=10)
    told = [line for line in world.log() if "revo" in line.get("msg", "") and line["level"] != "debug"]
    assert [(line["msg"], line["level"]) for line in told] == [("certificate is revoked", "info")]
    world.stop_gateway()
    assert world.alarms == []


def test_a_revocation_that_nobody_asked_for_says_what_to_do(make_world):
    world = make_world()
    _leaf(world, _client(world), ["unasked." + ZONE], _key())
    _advance(world, world.ledger()[0]["orderNumber"], step="revoke")
    line = world.wait_log(lambda line: line["level"] == "error")
    assert "nobody here asked" in line["msg"] and "see whether its client has renewed" in line["msg"]


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


def test_what_is_older_than_a_reconciliation_proves_nothing(make_world):
    """Found by the simulation: the store, an older copy of itself, had asked for it and has forgotten that."""
    world = make_world()
    names = ["forgotten." + ZONE]
    client = _client(world)
    _leaf(world, client, names, _key())
    ctl(world, "upstream", "reconcile", "main")
    wait_for("the reconciliation", lambda: ctl_json(world, "upstream", "status")["items"][0]["reconciled_ms"])
    _settings(world, replacementRevokes=True)
    _leaf(world, client, names, _key())
    world.wait_log(lambda line: "nobody here asked" in line.get("msg", ""))
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
