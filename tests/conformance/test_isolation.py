"""RFC 8555 sections 10.5 and 6.2: what belongs to one account is not there for another, and cannot be guessed."""

import re

import pytest

from acme_client import b64, http_responder, make_csr
from dns_server import ZONE

NAME = "isolated." + ZONE


@pytest.fixture(scope="module")
def objects(server, client):
    """{what: URL} of every kind of object that an account has."""
    order_url, order = client.new_order(["pending." + NAME])
    authz_url = order["authorizations"][0]
    with http_responder(server.http_port) as responder:
        done_url, done = client.ready_order([NAME], responder)
    assert client.finalize(done, make_csr([NAME])).status_code == 200
    done = client.wait(done_url, ("processing",))
    return {"account": client.kid, "orders": client.fetch(client.kid).json()["orders"], "order": order_url,
            "authorization": authz_url, "challenge": client.fetch(authz_url).json()["challenges"][0]["url"],
            "finalize": order["finalize"], "certificate": done["certificate"]}


@pytest.fixture
def stranger(server):
    one = server.client()
    assert one.new_account(contact=["mailto:stranger@acme.example"]).status_code == 201
    return one


KINDS = ("account", "orders", "order", "authorization", "challenge", "finalize", "certificate")
# What the owner could send there.
REQUESTS = {f"read {kind}": (kind, None) for kind in KINDS if kind != "finalize"}
REQUESTS |= {"answer challenge": ("challenge", {}), "finalize": ("finalize", {"csr": b64(make_csr(["pending." + NAME]))}),
             "update account": ("account", {"contact": []}), "deactivate account": ("account", {"status": "deactivated"}),
             "deactivate authorization": ("authorization", {"status": "deactivated"})}


@pytest.mark.parametrize("what", REQUESTS)
def test_8555_6_2_objects_of_another_account(objects, client, stranger, expect, what):
    kind, payload = REQUESTS[what]
    answer = stranger.post(objects[kind], payload)
    expect.that(what, answer.status_code, {401, 403, 404}, answer.text)
    revealed = [text for text in (NAME, "hostmaster", "BEGIN CERTIFICATE") if text in answer.text]
    expect.that(what + " reveals", revealed, [])
    expect.that(what + " account after", client.fetch(client.kid).json()["contact"],
                ["mailto:hostmaster@acme.example"])
    expect.that(what + " authorization after", client.fetch(objects["authorization"]).json()["status"], "pending")


@pytest.mark.parametrize("kind", KINDS)
def test_8555_6_2_objects_that_do_not_exist(objects, client, expect, kind):
    """The answer for an object of nobody: as little is revealed."""
    url = re.sub(r"[A-Za-z0-9_-]{12,}", lambda found: "A" * len(found.group()), objects[kind])
    answer = client.post(url, None if kind != "finalize" else {})
    expect.that(kind, answer.status_code in (401, 403, 404), True, f"{url}: {answer.text}")


@pytest.mark.parametrize("kind", ("order", "authorization", "challenge", "certificate"))
def test_8555_10_5_urls_are_not_guessable(objects, expect, kind):
    """Each has a part of 16 letters or more, which is no number that counts up."""
    letters = max(re.findall(r"[A-Za-z0-9_-]+", objects[kind]), key=len)
    expect.that(kind + " length", len(letters) >= 16, True, objects[kind])
    # Digits alone may be drawn, too: one in two thousand of pebble's hexadecimal ones has no letter.
    expect.that(kind + " number", re.fullmatch(r"\d{1,15}|0{4,}\d+", letters) is not None, False, objects[kind])
