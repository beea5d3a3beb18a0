"""dns-persist-01 (draft-ietf-acme-dns-persist-02): a TXT record that stays, for one account, also under its next key."""

import base64
import datetime
import hashlib
import json
import time

import pytest

from acme_client import AcmeClient, EcKey, b64, make_csr, problem, thumbprint
from dns_server import ZONE
from world import World

ISSUER = "sectigo.com"


def _change(config):
    config["validation"]["challenges"] = ["http-01", "dns-persist-01"]
    config["acme"]["caa_identities"] = [ISSUER]
    config["acme"]["authorization_lifetime"] = "30d"
    # Wildcards may be ordered; none is finalized here.
    config["dcv"].update(zones=[{"zone": ZONE}], hook={"program": "/bin/true"})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("world"), change=_change)
    yield one
    one.close()


@pytest.fixture
def client(world):
    one = AcmeClient(world.directory, world.pki.ca)
    assert one.new_account().status_code == 201
    return one


def _uri(client, domain):
    message = bytes([len(domain)]) + (domain + thumbprint(client.key) + client.kid).encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(message).digest()).rstrip(b"=").decode()
    return client.directory["meta"]["accountHashPrefix"] + "sha-256/" + digest


def _publish(world, name, *texts):
    host = name.removesuffix("." + ZONE)
    owner = "_validation-persist." + host
    quoted = [" ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200)) for text in texts]

    def change(update):
        update.replace(host, 60, "A", "127.0.0.1")  # the zone's wildcard ends where there is something below
        update.delete(owner)
        for text in quoted:
            update.add(owner, 60, "TXT", text)
    world.dns.update(change)


def _try(client, name):
    """(authorization after the challenge, order URL, order)"""
    url, order = client.new_order([name])
    authz = client.fetch(order["authorizations"][0]).json()
    challenge = next(c for c in authz["challenges"] if c["type"] == "dns-persist-01")
    assert challenge["issuerDomainNames"] == [ISSUER] and "token" not in challenge
    assert client.post(challenge["url"], {}).status_code == 200
    return client.wait(order["authorizations"][0], ("pending",)), url, client.fetch(url).json()


def _json(value):
    return json.dumps(value).encode()


def _error(authz):
    return authz["challenges"][0]["error"]["detail"]


def test_directory(client):
    meta = client.directory["meta"]
    assert meta["issuerDomainNames"] == [ISSUER] and meta["accountHashPrefix"].endswith("/account-hash/")


@pytest.mark.parametrize("of", ["name", "*"])
def test_certificate(world, client, of):
    name = ("own." if of == "name" else "any.") + ZONE
    _publish(world, name, "other.example; accounturi=https://other.example/1",
             f"{ISSUER}; accounturi={_uri(client, name if of == 'name' else '*')}; later=x")
    authz, url, order = _try(client, name)
    assert authz["status"] == "valid", authz
    assert client.finalize(order, make_csr([name])).status_code == 200
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought([name])) == 1


def test_wildcards_need_the_policy(world, client):
    name = "wild." + ZONE
    _publish(world, name, f"{ISSUER}; accounturi={_uri(client, name)}")
    authz, _, _ = _try(client, "*." + name)
    assert authz["status"] == "invalid" and "policy=wildcard" in _error(authz)
    _publish(world, name, f"{ISSUER}; accounturi={_uri(client, name)}; policy=wildcard")
    authz, _, _ = _try(client, "*." + name)
    assert authz["status"] == "valid" and authz["wildcard"] is True


def test_a_record_lasts_as_long_as_it_says(world, client):
    name = "until." + ZONE
    until = int(time.time()) + 3600
    _publish(world, name, f"{ISSUER}; accounturi={_uri(client, name)}; persistUntil={int(time.time()) - 60}")
    authz, _, _ = _try(client, name)
    assert authz["status"] == "invalid" and "persistUntil is over" in _error(authz)
    _publish(world, name, f"{ISSUER}; accounturi={_uri(client, name)}; persistUntil={until}")
    authz, _, _ = _try(client, name)
    assert authz["status"] == "valid"
    expires = datetime.datetime.fromisoformat(authz["expires"].replace("Z", "+00:00")).timestamp()
    assert int(expires) == until


def test_other_accounts_and_names_prove_nothing(world, client):
    other = AcmeClient(world.directory, world.pki.ca)
    assert other.new_account().status_code == 201
    name = "theirs." + ZONE
    for uri in (_uri(other, name), _uri(client, "else." + ZONE), client.kid):
        _publish(world, name, f"{ISSUER}; accounturi={uri}")
        authz, _, _ = _try(client, name)
        assert authz["status"] == "invalid" and "not that of this account" in _error(authz)
        assert _uri(client, name) in _error(authz), "what to publish is said"
    _publish(world, name)
    authz, _, _ = _try(client, name)
    assert "there is none" in _error(authz)


def test_a_record_of_a_former_key_still_counts(world, client):
    name = "rolled." + ZONE
    _publish(world, name, f"{ISSUER}; accounturi={_uri(client, name)}")
    for _ in range(2):
        new = EcKey()
        url = client.directory["keyChange"]
        start = b64(b'{"alg":"%s","jwk":%s,"url":"%s"}' % (new.alg.encode(), _json(new.jwk()), url.encode()))
        text = b64(b'{"account":"%s","oldKey":%s}' % (client.kid.encode(), _json(client.key.jwk())))
        inner = {"protected": start, "payload": text, "signature": b64(new.sign(f"{start}.{text}".encode()))}
        assert client.post(url, inner).status_code == 200
        client.key = new
    authz, _, _ = _try(client, name)
    assert authz["status"] == "valid", authz
    assert client.post(client.kid, {"status": "deactivated"}).status_code == 200
    problem(client.try_order([name]), "unauthorized", 401)
