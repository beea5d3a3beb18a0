"""Hostile and broken requests over real TLS: a correct problem document each, and no trace."""

import json
import socket
import ssl

import pytest

from acme_client import JOSE, URN, AcmeClient, EcKey, RsaKey, b64, make_key, problem
from dns_server import ZONE

BODY_MAX = 64 * 1024


@pytest.fixture(scope="module")
def client(world):
    one = AcmeClient(world.directory, world.pki.ca)
    assert one.new_account().status_code == 201
    return one


@pytest.fixture(autouse=True)
def the_gateway_lives_on_and_bought_nothing(world):
    yield
    assert AcmeClient(world.directory, world.pki.ca).nonce()
    assert world.ledger() == []


def _raw(world, request):
    """Sends these octets over TLS and returns the head of what comes back; nothing where the gateway just closes."""
    context = ssl.create_default_context(cafile=world.pki.ca)
    with socket.create_connection(("127.0.0.1", world.ports["acme"]), timeout=45) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            tls.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer and (chunk := _receive(tls)):
                answer += chunk
            return answer


def _receive(tls):
    try:
        return tls.recv(65536)
    except (ConnectionResetError, ssl.SSLError):
        return b""


# ---- what is not a JWS at all ----

GOOD = {"protected": "e30", "payload": "e30", "signature": "AA"}

ENVELOPES = {
    "empty": b"", "not JSON": b"hello", "half JSON": b'{"protected": "e30', "a list": b"[]", "a number": b"1",
    "null": b"null", "nothing in it": b"{}", "trailing text": json.dumps(GOOD).encode() + b"x",
    "two objects": json.dumps(GOOD).encode() * 2, "a NUL": b'{"protected":"e30\x00"}',
    "invalid UTF-8": b'{"protected":"\xff\xfe","payload":"","signature":""}',
    "deep nesting": b"[" * 5000 + b"]" * 5000, "deep objects": b'{"a":' * 2000 + b"1" + b"}" * 2000,
    "numbers for strings": json.dumps(dict(GOOD, payload=1)).encode(),
    "no signature": json.dumps({"protected": "e30", "payload": "e30"}).encode(),
    "standard base64": json.dumps(dict(GOOD, protected="e30=")).encode(),
    "base64 with blanks": json.dumps(dict(GOOD, protected="e 30")).encode(),
    "base64 of impossible length": json.dumps(dict(GOOD, protected="e")).encode(),
    "base64 with stray bits": json.dumps(dict(GOOD, protected="e31")).encode(),
    "protected is not JSON": json.dumps(dict(GOOD, protected=b64(b"hello"))).encode(),
    "an unprotected header": json.dumps(dict(GOOD, header={"alg": "none"})).encode(),
    "several signatures": json.dumps({"payload": "e30", "signatures": [GOOD]}).encode(),
    "a member twice": b'{"protected":"e30","protected":"e30","payload":"e30","signature":"AA"}',
    "compact form": b"e30.e30.AA",
}


@pytest.mark.parametrize("what", ENVELOPES)
@pytest.mark.parametrize("resource", ["newAccount", "newOrder"])
def test_envelope(client, resource, what):
    answer = client.send(client.directory[resource], ENVELOPES[what])
    problem(answer, "malformed", 400)
    assert answer.headers["replay-nonce"]


# ---- a JWS whose header or signature is wrong ----

HEADERS = {
    "no alg": ({"alg": None}, "malformed"), "none": ({"alg": "none"}, "badSignatureAlgorithm"),
    "a MAC": ({"alg": "HS256"}, "badSignatureAlgorithm"), "another alg": ({"alg": "ES384"}, "badSignatureAlgorithm"),
    "alg in lower case": ({"alg": "es256"}, "badSignatureAlgorithm"), "alg is a number": ({"alg": 1}, "malformed"),
    "no nonce": ({"nonce": None}, "badNonce"), "a made-up nonce": ({"nonce": "AAAA"}, "badNonce"),
    "a broken nonce": ({"nonce": "not base64url!"}, "malformed"),
    "no url": ({"url": None}, "malformed"), "another url": ({"url": "https://127.0.0.1/x"}, "unauthorized"),
    "no kid": ({"kid": None}, "malformed"), "both kid and jwk": ({"jwk": {"kty": "EC"}}, "malformed"),
    "an unknown kid": ({"kid": "https://127.0.0.1:1/acme/account/x"}, "malformed"),
    "kid is a list": ({"kid": []}, "malformed"), "crit": ({"crit": ["b64"], "b64": False}, "malformed"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_protected_header(client, what):
    members, kind = HEADERS[what]
    order = {"identifiers": [{"type": "dns", "value": "x." + ZONE}]}
    answer = client.post(client.directory["newOrder"], order, protected=members)
    assert answer.status_code in (400, 401, 403), answer.text
    document = answer.json()
    allowed = {kind, "malformed"} if kind in ("unauthorized", "badSignatureAlgorithm") else {kind}
    if what == "an unknown kid":
        allowed.add("accountDoesNotExist")
    assert document["type"].removeprefix(URN) in allowed, answer.text
    assert answer.headers["replay-nonce"]
    if kind == "badNonce" and members.get("nonce"):
        assert "JWS has an invalid anti-replay nonce" in document["detail"]
    if document["type"].endswith("badSignatureAlgorithm"):
        assert "ES256" in document["algorithms"]


def test_spoilt_signature(client):
    jws = client.jws(client.directory["newOrder"], {"identifiers": []})
    for signature in ("", "AA", b64(b"\0" * 64), b64(b"\xff" * 64), b64(b"\1" * 63), b64(b"\1" * 65)):
        answer = client.send(client.directory["newOrder"], dict(jws, signature=signature))
        assert answer.status_code in (400, 401, 403), answer.text
        jws = client.jws(client.directory["newOrder"], {"identifiers": []})


def test_replayed_request(client):
    jws = client.jws(client.kid, None)
    assert client.send(client.kid, jws).status_code == 200
    problem(client.send(client.kid, jws), "badNonce", 400)


JWKS = {
    "no members": {}, "no such type": {"kty": "oct", "k": "AAAA"}, "no coordinates": {"kty": "EC", "crv": "P-256"},
    "a point off the curve": dict(EcKey().jwk(), y=b64(b"\2" * 32)),
    "the point at infinity": dict(EcKey().jwk(), x=b64(b"\0" * 32), y=b64(b"\0" * 32)),
    "short coordinates": dict(EcKey().jwk(), x=b64(b"\1" * 31)), "another curve": dict(EcKey().jwk(), crv="secp256k1"),
    "a private key": dict(EcKey().jwk(), d=b64(b"\1" * 32)), "not an object": "EC",
}


@pytest.mark.parametrize("what", JWKS)
def test_account_key(world, what):
    client = AcmeClient(world.directory, world.pki.ca)
    answer = client.post(client.directory["newAccount"], {"termsOfServiceAgreed": True},
                         protected={"jwk": JWKS[what]}, use_jwk=True)
    assert answer.status_code in (400, 401, 403), answer.text
    assert answer.json()["type"].startswith(URN), answer.text


def test_rsa_account_key_of_1024_bits(world):
    client = AcmeClient(world.directory, world.pki.ca)
    client.key = RsaKey(1024)
    problem(client.new_account(), "badPublicKey", 400)


def test_rsa_account_key_with_a_huge_exponent(world):
    client = AcmeClient(world.directory, world.pki.ca)
    key = make_key("RS256")
    answer = client.post(client.directory["newAccount"], {}, key=key, use_jwk=True,
                         protected={"jwk": dict(key.jwk(), e=b64(b"\xff" * 256))})
    problem(answer, "badPublicKey", 400)


# ---- a good JWS around a bad payload ----

PAYLOADS = {
    "not JSON": b"hello", "a list": b"[]", "a string": b'"x"', "depth": b'{"a":' * 100 + b"1" + b"}" * 100,
    "identifiers is text": b'{"identifiers": "x"}', "identifier is text": b'{"identifiers": ["x"]}',
    "identifier without value": b'{"identifiers": [{"type": "dns"}]}',
    "value is a number": b'{"identifiers": [{"type": "dns", "value": 1}]}',
    "value with a NUL": b'{"identifiers": [{"type": "dns", "value": "a\\u0000.acme.example"}]}',
    "invalid UTF-8": b'{"identifiers": [{"type": "dns", "value": "\xff"}]}',
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_order_payload(client, what):
    answer = client.post(client.directory["newOrder"], PAYLOADS[what])
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].removeprefix(URN) in ("malformed", "rejectedIdentifier"), answer.text


@pytest.mark.parametrize("csr", [None, 1, "", "!!!!", "AAAA", "MIIB", "A" * 30000])
def test_finalize_payload(client, csr):
    _, order = client.new_order(["unfinished." + ZONE])
    answer = client.post(order["finalize"], {"csr": csr} if csr is not None else {})
    assert answer.status_code in (400, 403), answer.text
    assert answer.json()["type"].removeprefix(URN) in ("malformed", "badCSR", "orderNotReady"), answer.text


# ---- HTTP around it ----

@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "application/jose"])
def test_content_type(client, content_type):
    body = client.jws(client.kid, None)
    problem(client.send(client.kid, body, content_type=content_type), "malformed", 415)


@pytest.mark.parametrize("size", [BODY_MAX + 1, 2 * BODY_MAX, 1024 * 1024])
def test_oversized_body(client, size):
    answer = client.send(client.directory["newOrder"], b"x" * size)
    problem(answer, "malformed", 413)


def test_oversized_chunked_body(client):
    answer = client.http.post(client.directory["newOrder"], data=(b"x" * 4096 for _ in range(40)),
                              headers={"Content-Type": JOSE}, timeout=30)
    problem(answer, "malformed", 413)


@pytest.mark.parametrize("path", ["/nothing", "/acme/order/", "/acme/order/x", "/acme/account/" + "A" * 300,
                                  "/%00", "/..%2f..%2fetc/passwd", "/directory/x"])
def test_unknown_paths(world, client, path):
    for answer in (client.get(world.acme_url + path), client.post(world.acme_url + path, None)):
        assert answer.status_code in (400, 404, 405), f"{answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_methods(client, method):
    answer = client.http.request(method, client.directory["newOrder"], timeout=30)
    problem(answer, "malformed", 405)
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("request_text", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"hello world\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"POST /directory HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /directory HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"y" * 200000 + b"\r\n\r\n", b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01" + b"\0" * 64 + b"\r\n\r\n", b"\xff" * 1000 + b"\r\n\r\n",
], ids=range(12))
def test_broken_http(world, request_text):
    answer = _raw(world, request_text)
    assert answer == b"" or not answer.startswith(b"HTTP/1.1 2"), answer[:300]


# ---- the public listener ----

@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404), ("GET", "/.well-known/pki-validation/", 404),
    ("GET", "/.well-known/pki-validation/" + "0" * 32 + ".txt", 404),
    ("GET", "/.well-known/pki-validation/../../etc/passwd", 404), ("GET", "/push/sectigo", 401),
    ("POST", "/push/sectigo", 401)])
def test_public_listener(world, client, method, path, status):
    answer = client.http.request(method, world.public_url + path, timeout=30)
    assert answer.status_code == status, answer.text


PUSH = "orderNumber=99&certificateID=98&Status=issued&statusCode=6"


@pytest.mark.parametrize("path, body, kind", [
    ("/push/sectigo/", PUSH, "application/x-www-form-urlencoded"), ("/push/sectigo?" + PUSH, "", ""),
    ("/push/sectigo/?orderNumber=99", "statusCode=+6+", "text/plain"),
    ("/push/sectigo", '{"orderNumber": 99, "statusCode": "6"}', "application/json")])
def test_pushes_in_forms_that_people_configure(world, client, path, body, kind):
    """Read where no doubt is possible, and never without the credentials."""
    from world import PUSH_PASSWORD, PUSH_USER
    url, headers = world.public_url + path, {"Content-Type": kind} if kind else {}
    assert client.http.post(url, data=body, headers=headers, timeout=30).status_code == 401
    answer = client.http.post(url, data=body, headers=headers, auth=(PUSH_USER, PUSH_PASSWORD), timeout=30)
    assert answer.status_code == 200, answer.text
    assert client.http.post(world.public_url + "/push/sectigox", data=PUSH, auth=(PUSH_USER, PUSH_PASSWORD),
                            timeout=30).status_code == 404


@pytest.mark.parametrize("body", [b"", b"&&&&", b"orderNumber", b"orderNumber=%zz", b"orderNumber=1&orderNumber=2",
                                  b"\xff\xfe", b"orderNumber=1&statusCode=6&certificate=hello", b"a=" + b"x" * 60000])
def test_forged_pushes_change_nothing(world, client, body):
    from world import PUSH_PASSWORD, PUSH_USER
    answer = client.http.post(world.public_url + "/push/sectigo", data=body, auth=(PUSH_USER, PUSH_PASSWORD),
                              headers={"Content-Type": "application/x-www-form-urlencoded"}, timeout=30)
    assert answer.status_code < 500, answer.text
