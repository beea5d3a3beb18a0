"""RFC 8555 section 7.3.4: accounts that are bound to an external account key, at servers that require it."""

import base64
import hashlib
import hmac
import json

import pytest

from acme_client import EcKey, b64
from expect import CLIENT_ERROR
from servers import SERVERS

# The RFC leaves open as what a binding is refused.
REFUSED = {"malformed", "unauthorized", "badSignatureAlgorithm", "badPublicKey"}


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request, tmp_path_factory):
    one = SERVERS[request.param](tmp_path_factory.mktemp(request.param), external_account=True)
    yield one
    one.close()


def binding(server, client, payload=None, mac_key=None, digest=hashlib.sha256, **header):
    """An externalAccountBinding as it should be, but for what is given. header: members to change; None drops one."""
    kid, secret = server.external_key
    protected = {"alg": "HS256", "kid": kid, "url": client.directory["newAccount"], **header}
    start = b64(json.dumps({name: value for name, value in protected.items() if value is not None}).encode())
    text = b64(json.dumps(client.key.jwk() if payload is None else payload).encode())
    key = base64.urlsafe_b64decode(secret + "==") if mac_key is None else mac_key
    return {"protected": start, "payload": text,
            "signature": b64(hmac.new(key, f"{start}.{text}".encode(), digest).digest())}


def test_8555_7_3_4_required(server, expect):
    client = server.client()
    expect.that("meta", client.directory["meta"].get("externalAccountRequired"), True)
    expect.problem("without a binding", client.new_account(), "externalAccountRequired", CLIENT_ERROR)


def test_8555_7_3_4_null_is_none(server, expect):
    answer = server.client().new_account(externalAccountBinding=None)
    expect.problem("a binding that is null", answer, "externalAccountRequired", CLIENT_ERROR)


def test_8555_7_3_4_binding_is_reflected(server, expect):
    client = server.client()
    one = binding(server, client)
    created = client.new_account(externalAccountBinding=one)
    again = client.post(client.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True)
    read = client.post(client.kid, None)
    updated = client.post(client.kid, {"contact": ["mailto:new@acme.example"]})
    for what, answer in (("created", created), ("found", again), ("read", read), ("updated", updated)):
        expect.that(what, answer.json().get("externalAccountBinding"), one, answer.text)


def test_8555_7_3_4_binding(server, expect):
    first, second = server.client(), server.client()
    for name, client in (("first", first), ("second", second)):
        answer = client.new_account(externalAccountBinding=binding(server, client))
        expect.that(name + " account of a key", answer.status_code, 201, answer.text)
    answer = first.new_account()
    expect.that("the account again, without a binding", (answer.status_code, answer.headers.get("location")),
                (200, first.kid), answer.text)


@pytest.mark.parametrize("name", ["sha384", "sha512"])
def test_8555_7_3_4_algorithms(server, expect, name):
    client = server.client()
    one = binding(server, client, digest=getattr(hashlib, name), alg="HS" + name[3:])
    expect.that(name, client.new_account(externalAccountBinding=one).status_code, 201)


FLAWS = {
    "another MAC key": {"mac_key": bytes(32)},
    "another alg than its MAC": {"alg": "HS512"},
    "alg none": {"alg": "none"},
    "an asymmetric alg": {"alg": "ES256"},
    "no alg": {"alg": None},
    "no kid": {"kid": None},
    "an unknown kid": {"kid": "nobody"},
    "no url": {"url": None},
    "another url": {"url": "https://elsewhere.example/new-account"},
    "a nonce": {"nonce": "AAAA"},
    "a jwk besides the kid": {"jwk": {"kty": "oct"}},
    "another account's key": {"payload": EcKey().jwk()},
    "no key": {"payload": {}},
    "a list for a key": {"payload": []},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_8555_7_3_4_binding_is_checked(server, expect, flaw):
    client = server.client()
    answer = client.new_account(externalAccountBinding=binding(server, client, **FLAWS[flaw]))
    expect.problem(flaw, answer, REFUSED, CLIENT_ERROR)
    again = client.new_account(onlyReturnExisting=True)
    expect.problem(flaw + ": the account", again, "accountDoesNotExist", CLIENT_ERROR)


@pytest.mark.parametrize("shape", ["text", [], {}, {"protected": "e30", "payload": "e30"}], ids=str)
def test_8555_7_3_4_binding_is_a_jws(server, expect, shape):
    client = server.client()
    answer = client.new_account(externalAccountBinding=shape)
    expect.problem(str(shape), answer, REFUSED, CLIENT_ERROR)


@pytest.mark.parametrize("part", ["protected", "payload", "signature"])
def test_8555_7_3_4_binding_that_was_cut(server, expect, part):
    client = server.client()
    one = binding(server, client)
    one[part] = one[part][:-4]
    expect.problem(part, client.new_account(externalAccountBinding=one), REFUSED, CLIENT_ERROR)
