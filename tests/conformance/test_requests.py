"""RFC 8555 section 6: how requests are authenticated, and how errors are told."""

import json
import re

import pytest
import requests

from acme_client import URN, RsaKey, b64, make_key
from dns_server import ZONE
from expect import CLIENT_ERROR

ORDER = {"identifiers": [{"type": "dns", "value": "x." + ZONE}]}


@pytest.fixture
def new_order(client):
    return client.directory["newOrder"]


def test_8555_6_1_https_only(server, expect):
    try:
        answer = requests.get(server.directory.replace("https:", "http:"), timeout=30)
        expect.that("answer", answer.status_code, CLIENT_ERROR)
    except requests.ConnectionError:
        pass


def test_8555_6_1_base64url_padding(client, expect, new_order):
    for member in ("protected", "payload", "signature"):
        jws = client.jws(new_order, ORDER)
        jws[member] += "=" * (-len(jws[member]) % 4 or 4)
        expect.problem(member, client.send(new_order, jws), "malformed")


# ---- 6.2 request authentication ----

def test_8555_6_2_flattened_serialization_alone(client, expect, new_order):
    jws = client.jws(new_order, ORDER)
    signature = {"protected": jws["protected"], "signature": jws["signature"]}
    forms = {"general": json.dumps({"payload": jws["payload"], "signatures": [signature]}).encode(),
             "compact": ".".join((jws["protected"], jws["payload"], jws["signature"])).encode(),
             "both": json.dumps({**jws, "signatures": [signature, signature]}).encode(),
             "unprotected header": json.dumps({**jws, "header": {"kid": client.kid}}).encode()}
    for what, body in forms.items():
        expect.problem(what, client.send(new_order, body), "malformed")


def test_8555_6_2_detached_payload(client, expect, new_order):
    jws = client.jws(new_order, ORDER)
    del jws["payload"]
    expect.problem("answer", client.send(new_order, jws), "malformed")


def test_8555_6_2_unencoded_payload(client, expect, new_order):
    answer = client.post(new_order, ORDER, protected={"b64": False, "crit": ["b64"]})
    expect.problem("answer", answer, "malformed")


MEMBERS = {"alg": {"malformed", "badSignatureAlgorithm"}, "nonce": {"badNonce", "malformed"},
           "url": {"malformed", "unauthorized"}, "kid": {"malformed"}}


@pytest.mark.parametrize("member", MEMBERS)
def test_8555_6_2_protected_members(client, expect, new_order, member):
    answer = client.send(new_order, client.jws(new_order, ORDER, protected={member: None}))
    expect.problem(member, answer, MEMBERS[member], CLIENT_ERROR)


@pytest.mark.parametrize("alg", ["none", "HS256", "RS1", "ES257"])
def test_8555_6_2_algorithm(client, expect, new_order, alg):
    answer = client.post(new_order, ORDER, protected={"alg": alg})
    expect.problem(alg, answer, "badSignatureAlgorithm")
    expect.that(alg + " algorithms", isinstance(answer.json().get("algorithms"), list), True, answer.text)


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_8555_6_2_supported_algorithms(server, expect, alg):
    expect.that(alg, server.client(alg).new_account().status_code, 201)


def test_8555_6_2_both_jwk_and_kid(client, expect, new_order):
    answer = client.post(new_order, ORDER, protected={"jwk": client.key.jwk(), "kid": client.kid})
    expect.problem("answer", answer, "malformed")


def test_8555_6_2_new_account_needs_jwk(client, expect):
    answer = client.post(client.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=False)
    expect.problem("answer", answer, "malformed")


@pytest.mark.parametrize("resource", ["newOrder", "keyChange"])
def test_8555_6_2_other_resources_need_kid(client, expect, resource):
    answer = client.post(client.directory[resource], ORDER, use_jwk=True)
    expect.problem(resource, answer, "malformed")


def test_8555_6_2_kid_of_no_account(client, expect, new_order):
    unknown = client.kid[:-4] + ("AAAA" if not client.kid[-4:].isdigit() else "9999999")
    answer = client.post(new_order, ORDER, protected={"kid": unknown})
    expect.problem("unknown", answer, "accountDoesNotExist", CLIENT_ERROR)
    answer = client.post(new_order, ORDER, protected={"kid": "https://elsewhere.example/acct/1"})
    expect.problem("elsewhere", answer, {"malformed", "accountDoesNotExist"}, CLIENT_ERROR)


def test_8555_6_2_signature(client, server, expect, new_order):
    other = make_key("ES256")
    answer = client.post(new_order, ORDER, key=other)
    expect.problem("another key", answer, {"malformed", "unauthorized"}, CLIENT_ERROR)
    jws = client.jws(new_order, ORDER)
    jws["payload"] = b64(json.dumps({"identifiers": [{"type": "dns", "value": "y." + ZONE}]}).encode())
    expect.problem("another payload", client.send(new_order, jws), {"malformed", "unauthorized"}, CLIENT_ERROR)


def test_8555_6_2_bad_public_key(server, expect):
    weak = server.client()
    weak.key = RsaKey(1024)
    expect.problem("RSA 1024", weak.new_account(), "badPublicKey")


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "application/jose"])
def test_8555_6_2_content_type(client, expect, new_order, content_type):
    answer = client.send(new_order, client.jws(new_order, ORDER), content_type=content_type)
    expect.that(str(content_type), answer.status_code, 415, answer.text)


# ---- 6.3 GET and POST-as-GET ----

def test_8555_6_3_get_is_refused(client, expect):
    order_url, order = client.new_order(["get." + ZONE])
    authz_url = order["authorizations"][0]
    challenge = client.fetch(authz_url).json()["challenges"][0]
    for what, url in {"account": client.kid, "order": order_url, "authorization": authz_url,
                      "challenge": challenge["url"], "newOrder": client.directory["newOrder"],
                      "finalize": order["finalize"]}.items():
        expect.problem(what, client.get(url), "malformed", 405)


def test_8555_6_3_post_as_get(client, server, expect):
    for what in ("directory", "newNonce"):
        url = server.directory if what == "directory" else client.directory[what]
        expect.that(what, client.post(url, None).status_code, {200, 204})
    expect.that("account", client.post(client.kid, None).status_code, 200)


def test_8555_6_3_payload_where_none_belongs(client, expect):
    order_url, order = client.new_order(["payload." + ZONE])
    for what, payload in {"an object": {}, "null": b"null"}.items():
        expect.problem(what, client.post(order_url, payload), "malformed")


# ---- 6.4 request URL integrity ----

def test_8555_6_4_url(client, server, expect, new_order):
    for what, url in {"another resource": client.directory["newAccount"], "a query": new_order + "?x=1",
                      "another host": "https://elsewhere.example/new-order", "upper case": new_order.upper(),
                      "a slash": new_order + "/"}.items():
        answer = client.post(new_order, ORDER, protected={"url": url})
        expect.problem(what, answer, "unauthorized", CLIENT_ERROR)


# ---- 6.5 replay protection ----

def test_8555_6_5_nonce_is_used_once(client, expect):
    jws = client.jws(client.kid, None)
    assert client.send(client.kid, jws).status_code == 200
    expect.problem("answer", client.send(client.kid, jws), "badNonce")


@pytest.mark.parametrize("nonce", ["AAAA", b64(b"\1" * 16), b64(b"\xff" * 32), "A" * 500])
def test_8555_6_5_nonce_of_nobody(client, expect, nonce):
    answer = client.post(client.kid, None, protected={"nonce": nonce})
    expect.problem("answer", answer, "badNonce")
    expect.that("a fresh nonce", "replay-nonce" in answer.headers, True)


def test_8555_6_5_1_replay_nonce_header(client, expect, new_order):
    nonces = set()
    for answer in (client.http.head(client.directory["newNonce"]), client.post(client.kid, None),
                   client.post(new_order, ORDER), client.post(new_order, {}),
                   client.post(new_order, ORDER, protected={"nonce": "AAAA"})):
        nonce = answer.headers.get("replay-nonce", "")
        expect.that("base64url", bool(re.fullmatch("[A-Za-z0-9_-]+", nonce)), True)
        nonces.add(nonce)
    expect.that("all different", len(nonces), 5)


def test_8555_6_5_1_error_has_a_nonce(client, expect, new_order):
    answers = {"bad envelope": client.send(new_order, b"{}"),
               "bad signature": client.send(new_order, {**client.jws(new_order, ORDER), "signature": "AAAA"})}
    for what, answer in answers.items():
        expect.that(what, "replay-nonce" in answer.headers, True)


@pytest.mark.parametrize("nonce", ["not base64url!", "AAA=", "AA+A"])
def test_8555_6_5_2_nonce_is_base64url(client, expect, nonce):
    answer = client.send(client.kid, client.jws(client.kid, None, protected={"nonce": nonce}))
    expect.problem(nonce, answer, "malformed")


# ---- 6.7 errors ----

def test_8555_6_7_problem_document(client, expect, new_order):
    answer = client.post(new_order, {"identifiers": []})
    document = answer.json()
    expect.that("content type", answer.headers["content-type"].split(";")[0], "application/problem+json")
    expect.that("type", document["type"], URN + "malformed")
    expect.that("detail", bool(document.get("detail")), True)
    expect.that("status", document.get("status"), answer.status_code)


def test_8555_6_7_unknown_resource(client, server, expect):
    url = server.directory.rsplit("/", 1)[0] + "/nothing"
    expect.that("GET", client.get(url).status_code, 404)
    expect.that("POST", client.post(url, None).status_code, {404, 405})


def test_8555_6_7_1_subproblems_name_identifiers(client, expect, new_order):
    answer = client.try_order(["good." + ZONE, "bad_name." + ZONE, "-worse." + ZONE])
    expect.problem("answer", answer, {"rejectedIdentifier", "malformed", "compound"}, CLIENT_ERROR)
    for sub in answer.json().get("subproblems", []):
        assert sub["type"].startswith(URN) and sub["identifier"]["value"] != "good." + ZONE
    assert "good." + ZONE not in answer.json()["detail"]
