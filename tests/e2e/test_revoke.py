"""revokeCert: who may, what is refused, faults on the way to Sectigo, kill -9, real clients."""

import datetime
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acme_client import AcmeClient, EcKey, RsaKey, b64, http_responder, make_csr, problem
from clients import CLIENTS
from dns_server import ZONE
from pki import chain_of


def _der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _issue(world, client, names, key=None):
    """The certificate of a new order."""
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    assert client.finalize(order, make_csr(names, key.private if key else None)).status_code == 200
    return chain_of(client.certificate(url))[0]


def _revoke(client, certificate, reason=None, **more):
    payload = {"certificate": b64(_der(certificate))}
    if reason is not None:
        payload["reason"] = reason
    return client.post(client.directory["revokeCert"], payload, **more)


def _at_sectigo(world, certificate):
    """(order, certificate) as the stand-in's ledger has them."""
    serial = format(certificate.serial_number, "x")
    return next((o, c) for o in world.ledger() for c in o["certificates"] if c["serial"].lstrip("0") == serial)


def _is_revoked(world, certificate):
    return bool(_at_sectigo(world, certificate)[1].get("revoked"))


def _wait_revoked(world, certificate, timeout=30):
    deadline = time.monotonic() + timeout
    while not _is_revoked(world, certificate):
        assert time.monotonic() < deadline, f"a revocation: not within {timeout} s"
        time.sleep(0.1)  # the stand-in tells nobody


# ---- who may ----

@pytest.mark.parametrize("reason", [None, 0, 1, 3, 4, 5])
def test_by_the_certificates_account(world, reason):
    client = _client(world)
    names = [f"account-{reason}." + ZONE]
    certificate = _issue(world, client, names)
    answer = _revoke(client, certificate, reason)
    assert answer.status_code == 200 and answer.content == b"", answer.text
    assert _at_sectigo(world, certificate)[1]["revocationReasonCode"] == (reason or 0)
    assert _is_revoked(world, certificate)
    problem(_revoke(client, certificate, reason), "alreadyRevoked", 400)


@pytest.mark.parametrize("make", [EcKey, RsaKey])
def test_by_the_certificates_own_key(world, make):
    key = make()
    certificate = _issue(world, _client(world), [f"own-{make.__name__.lower()}." + ZONE], key)
    stranger = AcmeClient(world.directory, world.pki.ca)
    problem(_revoke(stranger, certificate, key=make(), use_jwk=True), "unauthorized", 403)
    assert not _is_revoked(world, certificate)
    assert _revoke(stranger, certificate, 1, key=key, use_jwk=True).status_code == 200
    assert _at_sectigo(world, certificate)[1]["revocationReasonCode"] == 1
    problem(_revoke(stranger, certificate, 1, key=key, use_jwk=True), "alreadyRevoked", 400)


def test_by_an_account_that_has_proved_all_names(world):
    names = ["all-a." + ZONE, "all-b." + ZONE]
    certificate = _issue(world, _client(world), names)
    other = _client(world)
    problem(_revoke(other, certificate), "unauthorized", 403)
    with http_responder(world.ports["http01"]) as responder:
        other.ready_order(names[:1], responder)
        problem(_revoke(other, certificate), "unauthorized", 403)
        _, order = other.ready_order(names[1:], responder)
    # What is given up counts no more.
    lent = order["authorizations"][0]
    assert _revoke(other, certificate, 4).status_code == 200
    assert _is_revoked(world, certificate)
    assert other.post(lent, {"status": "deactivated"}).status_code == 200
    problem(_revoke(other, certificate), "unauthorized", 403)


def test_the_key_of_another_account_is_no_key_of_the_certificate(world):
    client = _client(world)
    certificate = _issue(world, client, ["jwk." + ZONE])
    problem(_revoke(client, certificate, use_jwk=True), "unauthorized", 403)
    client.post(client.kid, {"status": "deactivated"})
    problem(_revoke(client, certificate), "unauthorized", 401)
    assert not _is_revoked(world, certificate)


# ---- what is refused ----

def _foreign(key, names=("foreign." + ZONE,)):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.private.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=9)).sign(key.private, hashes.SHA256()))


def test_what_cannot_be_revoked(world):
    client, key = _client(world), EcKey()
    certificate = _issue(world, client, ["kept." + ZONE])
    url, der = client.directory["revokeCert"], _der(certificate)
    for reason in (2, 6, 7, 8, 9, 10, 11, -1, 257, 10 ** 18):
        problem(_revoke(client, certificate, reason), "badRevocationReason", 400)
    for reason in ("1", 1.0, True, [], {}):
        payload = {"certificate": b64(der), "reason": reason}
        problem(client.post(url, payload), "malformed", 400)
    for text in ("", "=", b64(der)[:-4], b64(der + b"\0"), b64(b"\x30\x00"), b64(der) + "==", 7, None, [b64(der)],
                 certificate.public_bytes(serialization.Encoding.PEM).decode()):
        problem(client.post(url, {"certificate": text}), "malformed", 400)
    for payload in ({}, b"", b"[]", b"{", None):
        problem(client.post(url, payload), "malformed", 400)
    foreign = _foreign(key)
    problem(_revoke(client, foreign), "malformed", 404)
    problem(_revoke(client, foreign, key=key, use_jwk=True), "malformed", 404)
    # The serial number alone proves nothing.
    changed = bytearray(der)
    changed[-1] ^= 1
    problem(client.post(url, {"certificate": b64(bytes(changed))}), "malformed", 404)
    assert client.get(url).status_code == 405
    assert not _is_revoked(world, certificate)


# ---- faults ----

FAULTS = ("refuse", "code:-26", "code:-42", "code:-14", "code:-3", "status-503", "lose-reply-after-accept",
          "close-without-reply", "code-after-accept:-14", "status-500-after-accept", "html-after-accept", "truncate",
          "reset-mid-body", "short-body")


@pytest.mark.parametrize("fault", FAULTS)
def test_is_asked_again_until_sectigo_confirms_it(world, fault):
    client = _client(world)
    certificate = _issue(world, client, [f"fault-{FAULTS.index(fault)}." + ZONE])
    world.set_faults({"endpoint": "*" if fault == "refuse" else "AutoRevokeSSL", "action": fault, "times": 1})
    assert _revoke(client, certificate, 4).status_code == 200
    _wait_revoked(world, certificate)
    problem(_revoke(client, certificate), "alreadyRevoked", 400)


def test_another_order_of_the_names_is_served_after_a_revocation(world):
    client, names = _client(world), ["again." + ZONE]
    first = _issue(world, client, names)
    assert _revoke(client, first).status_code == 200
    second = _issue(world, client, names)
    assert second.serial_number != first.serial_number
    assert not _is_revoked(world, second)
    named = [call for call in world.calls() if call["call"] == "AutoRevokeSSL"]
    assert named and all(call.get("serialNumber") and not call.get("orderNumber") for call in named), named


def _answer_at_once(config):
    config["acme"]["hold_finalize"] = "0s"


def test_acknowledged_before_sectigo_answers_and_killed(make_world):
    """The reply is 200 once it is durable; the gateway dies before Sectigo has taken it."""
    world = make_world(learn="both", change=_answer_at_once)
    client = _client(world)
    certificate = _issue(world, client, ["killed." + ZONE])
    other = _issue(world, client, ["spared." + ZONE])
    world.set_faults({"endpoint": "AutoRevokeSSL", "action": "status-503", "times": 2})
    assert _revoke(client, certificate, 1).status_code == 200
    assert _revoke(client, certificate, 1).status_code == 200  # not confirmed yet: the same answer
    world.kill_gateway()
    assert not _is_revoked(world, certificate)
    world.start_gateway()
    client.reconnect()
    _wait_revoked(world, certificate)
    assert _at_sectigo(world, certificate)[1]["revocationReasonCode"] == 1
    assert not _is_revoked(world, other)
    world.wait_log(lambda line: line.get("msg") == "certificate is revoked")
    problem(_revoke(client, certificate), "alreadyRevoked", 400)


def test_killed_between_sectigos_answer_and_its_commit(make_world):
    world = make_world(learn="both")
    client = _client(world)
    certificate = _issue(world, client, ["answered." + ZONE])
    world.stop_gateway()
    world.start_gateway(stop_at="revocation-sent")
    client.reconnect()
    with pytest.raises(requests.exceptions.ConnectionError):
        _revoke(client, certificate)
    world.wait_gateway_killed()
    assert _is_revoked(world, certificate)
    world.start_gateway()
    client.reconnect()
    world.wait_log(lambda line: line.get("msg") == "certificate is revoked")  # -21, which is a success
    problem(_revoke(client, certificate), "alreadyRevoked", 400)


# ---- real clients ----

@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_client_revokes_what_it_got(world, client):
    names = [f"{client}-revokes." + ZONE]
    one = CLIENTS[client](world)
    result = one.order(names)
    assert result.status == 0, result.output
    with open(result.path, "rb") as file:
        certificate = chain_of(file.read())[0]
    revoked = one.revoke(names, 1)
    assert revoked.returncode == 0, revoked.output
    assert _at_sectigo(world, certificate)[1]["revocationReasonCode"] == 1
    assert _is_revoked(world, certificate)
    assert one.revoke(names, 1).returncode != 0  # alreadyRevoked


def test_certbot_revokes_by_the_certificates_key(world):
    names = ["certbot-by-key." + ZONE]
    one = CLIENTS["certbot"](world)
    result = one.order(names)
    assert result.status == 0, result.output
    with open(result.path, "rb") as file:
        certificate = chain_of(file.read())[0]
    revoked = one.revoke(names, 4, by_key=True)
    assert revoked.returncode == 0, revoked.output
    assert _at_sectigo(world, certificate)[1]["revocationReasonCode"] == 4
