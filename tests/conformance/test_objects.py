"""RFC 8555 sections 7.1 to 7.3: the directory, nonces and accounts."""

import json

import pytest
from requests.utils import parse_header_links

from acme_client import b64, make_key
from dns_server import ZONE
from expect import CLIENT_ERROR


def links(answer, relation):
    """The targets of an answer's Link fields of this relation."""
    found = parse_header_links(answer.headers.get("link", ""))
    return {link["url"] for link in found if link.get("rel") == relation}


@pytest.fixture
def fresh(server):
    """An account for a test that changes it."""
    one = server.client()
    assert one.new_account().status_code == 201
    return one


# ---- 7.1 resources ----

def test_8555_7_1_index_link(client, server, expect):
    order_url, order = client.new_order(["index." + ZONE])
    for what, answer in {"account": client.post(client.kid, None), "order": client.post(order_url, None),
                         "authorization": client.post(order["authorizations"][0], None),
                         "an error": client.post(client.directory["newOrder"], {})}.items():
        expect.that(what, links(answer, "index") == {server.directory}, True, answer.headers)


def test_8555_7_1_1_directory(client, server, expect):
    answer = client.get(server.directory)
    expect.that("status", answer.status_code, 200)
    expect.that("content type", answer.headers["content-type"].split(";")[0], "application/json")
    for name in ("newNonce", "newAccount", "newOrder", "keyChange"):
        expect.that(name, str(answer.json().get(name)).startswith("https://"), True)


def test_8555_7_1_1_what_is_advertised_is_served(client, expect):
    for name in ("newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange"):
        if name in client.directory:
            status = client.post(client.directory[name], {}).status_code
            expect.that(name, status not in (404, 405, 501), True, status)


def test_8555_7_1_2_account_object(client, expect):
    account = client.fetch(client.kid).json()
    expect.that("status", account["status"], "valid")
    expect.that("contact", account["contact"], ["mailto:hostmaster@acme.example"])
    expect.that("orders", str(account.get("orders")).startswith("https://"), True)


def test_8555_7_1_2_1_orders_list(fresh, expect):
    placed = [fresh.new_order([f"list{i}." + ZONE])[0] for i in range(3)]
    gone = fresh.new_order(["listgone." + ZONE])
    fresh.post(gone[1]["authorizations"][0], {"status": "deactivated"})
    url, listed = fresh.fetch(fresh.kid).json()["orders"], []
    while url:
        answer = fresh.fetch(url)
        listed += answer.json()["orders"]
        url = next(iter(links(answer, "next")), None)
    expect.that("pending orders", set(placed) <= set(listed), True, listed)
    expect.that("invalid orders", gone[0] in listed, False, listed)


# ---- 7.2 nonces ----

@pytest.mark.parametrize("method, status", [("HEAD", 200), ("GET", 204)])
def test_8555_7_2_new_nonce(client, expect, method, status):
    answer = client.http.request(method, client.directory["newNonce"], timeout=30)
    expect.that(method, answer.status_code, status)
    expect.that(method + " nonce", "replay-nonce" in answer.headers, True)
    expect.that(method + " cache", "no-store" in answer.headers.get("cache-control", ""), True)
    expect.that(method + " body", answer.content, b"")


# ---- 7.3 accounts ----

def test_8555_7_3_creation(server, expect):
    one = server.client()
    answer = one.new_account()
    expect.that("status", answer.status_code, 201)
    expect.that("location", answer.headers["location"].startswith("https://"), True)
    expect.that("object", answer.json()["status"], "valid")


def test_8555_7_3_members_of_the_server(server, expect):
    one = server.client()
    answer = one.new_account(status="revoked", orders="https://elsewhere.example/", unheard_of={"a": [1]})
    expect.that("status", answer.status_code, 201, answer.text)
    expect.that("object", answer.json()["status"], "valid")
    expect.that("orders", one.fetch(one.kid).json().get("orders") != "https://elsewhere.example/", True)


CONTACTS = {"another scheme": (["tel:+123456789"], {"unsupportedContact", "invalidContact"}),
            "hfields": (["mailto:a@acme.example?subject=x"], {"invalidContact", "unsupportedContact"}),
            "two addresses": (["mailto:a@acme.example,b@acme.example"], {"invalidContact", "unsupportedContact"}),
            "no address": (["mailto:nobody"], {"invalidContact"}),
            "no list": ("mailto:a@acme.example", {"malformed"}), "no strings": ([1], {"malformed", "invalidContact"})}


@pytest.mark.parametrize("what", CONTACTS)
def test_8555_7_3_contact(server, expect, what):
    contact, kinds = CONTACTS[what]
    expect.problem(what, server.client().new_account(contact=contact), kinds)


def test_8555_7_3_1_key_that_has_an_account(fresh, expect):
    answer = fresh.post(fresh.directory["newAccount"], {"termsOfServiceAgreed": True, "contact": []}, use_jwk=True)
    expect.that("status", answer.status_code, 200)
    expect.that("location", answer.headers["location"], fresh.kid)
    account = fresh.fetch(fresh.kid).json()
    expect.that("contact", account["contact"], ["mailto:hostmaster@acme.example"])


def test_8555_7_3_1_only_return_existing(server, expect):
    one = server.client()
    for what in ("first", "second"):
        expect.problem(what, one.new_account(onlyReturnExisting=True), "accountDoesNotExist")
    expect.that("not made", one.new_account().status_code, 201)
    answer = one.post(one.directory["newAccount"], {"onlyReturnExisting": True}, use_jwk=True)
    expect.that("found", (answer.status_code, answer.headers["location"]), (200, one.kid))


def test_8555_7_3_2_update(fresh, expect):
    answer = fresh.post(fresh.kid, {"contact": ["mailto:new@acme.example"]})
    expect.that("status", answer.status_code, 200)
    expect.that("contact", answer.json()["contact"], ["mailto:new@acme.example"])
    expect.that("stored", fresh.fetch(fresh.kid).json()["contact"], ["mailto:new@acme.example"])


@pytest.mark.parametrize("member", [{"orders": "https://elsewhere.example/"}, {"status": "revoked"},
                                    {"termsOfServiceAgreed": False}, {"unheard_of": 1}], ids=lambda m: next(iter(m)))
def test_8555_7_3_2_members_that_are_ignored(fresh, expect, member):
    before = fresh.fetch(fresh.kid).json()
    what = next(iter(member))
    expect.that(what, fresh.post(fresh.kid, member).status_code, 200)
    expect.that(what + " after", fresh.fetch(fresh.kid).json(), before)


# ---- 7.3.5 key rollover ----

def key_change(client, new, inner=None, members=None, key=None, payload=None, outer=None):
    """A keyChange request to the key new; the rest spoils it. inner: members of the inner header (None drops)."""
    url = client.directory["keyChange"]
    header = {"alg": new.alg, "jwk": new.jwk(), "url": url, **(inner or {})}
    header = {name: value for name, value in header.items() if value is not None}
    body = {"account": client.kid, "oldKey": client.key.jwk(), **(members or {})}
    start, text = b64(json.dumps(header).encode()), b64(json.dumps(body).encode())
    signature = b64((key or new).sign(f"{start}.{text}".encode()))
    return client.post(url, payload or {"protected": start, "payload": text, "signature": signature}, **(outer or {}))


@pytest.mark.parametrize("alg", ["ES256", "ES384", "RS256"])
def test_8555_7_3_5_key_change(fresh, expect, alg):
    old, new = fresh.key, make_key(alg)
    expect.that("status", key_change(fresh, new).status_code, 200)
    expect.problem("old key", fresh.post(fresh.kid, None, key=old),
                   {"malformed", "unauthorized", "badSignatureAlgorithm"}, CLIENT_ERROR)
    fresh.key = new
    expect.that("new key", fresh.post(fresh.kid, None).status_code, 200)


KEY_CHANGES = {
    "another url": {"inner": {"url": "https://elsewhere.example/key-change"}},
    "no url": {"inner": {"url": None}},
    "no jwk": {"inner": {"jwk": None}},
    "inner nonce": {"inner": {"nonce": "AAAA"}},
    "another account": {"members": {"account": "https://elsewhere.example/acct/1"}},
    "another old key": {"members": {"oldKey": make_key("ES256").jwk()}},
    "no old key": {"members": {"oldKey": None}},
    "signed by another key": {"key": make_key("ES256")},
    "no inner JWS": {"payload": {"account": "x"}},
}


@pytest.mark.parametrize("what", KEY_CHANGES)
def test_8555_7_3_5_key_change_is_checked(fresh, expect, what):
    answer = key_change(fresh, make_key("ES256"), **KEY_CHANGES[what])
    expect.problem(what, answer, {"malformed", "unauthorized", "badPublicKey"}, CLIENT_ERROR)
    expect.that(what + ": the old key", fresh.post(fresh.kid, None).status_code, 200)


def test_8555_7_3_5_key_in_use(fresh, client, expect):
    answer = key_change(fresh, client.key)
    expect.that("status", answer.status_code, 409, answer.text)
    expect.that("location", answer.headers.get("location"), client.kid)


# ---- 7.3.6 deactivation ----

def test_8555_7_3_6_deactivation(fresh, expect):
    order_url, order = fresh.new_order(["deactivated." + ZONE])
    answer = fresh.post(fresh.kid, {"status": "deactivated"})
    expect.that("status", (answer.status_code, answer.json()["status"]), (200, "deactivated"))
    for what, again in {"account": fresh.post(fresh.kid, None), "order": fresh.post(order_url, None),
                        "authorization": fresh.post(order["authorizations"][0], None),
                        "new order": fresh.try_order(["again." + ZONE])}.items():
        expect.problem(what, again, "unauthorized", 401)
    again = fresh.post(fresh.directory["newAccount"], {"termsOfServiceAgreed": True}, use_jwk=True)
    expect.that("not made anew", again.status_code, CLIENT_ERROR, again.text)
