"""RFC 8555 over real TLS: accounts, orders, challenges and certificates as a raw client sees them."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import AcmeClient, b64, http_responder, make_csr, make_key, problem, spoil_signature
from dns_server import ZONE
from pki import chain_of, names_of


@pytest.fixture(scope="module")
def client(world):
    one = AcmeClient(world.directory, world.pki.ca)
    assert one.new_account().status_code == 201
    return one


@pytest.fixture
def responder(world):
    with http_responder(world.ports["http01"]) as one:
        yield one


def test_directory(client):
    for name in ("newNonce", "newAccount", "newOrder"):
        assert client.directory[name].startswith("https://")
    assert isinstance(client.directory["meta"], dict)


def test_new_nonce(client):
    url = client.directory["newNonce"]
    head, get = client.http.head(url), client.get(url)
    assert (head.status_code, get.status_code) == (200, 204)
    assert head.headers["replay-nonce"] != get.headers["replay-nonce"]
    assert head.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "RS256", "EdDSA"])
def test_whole_order_with_each_algorithm(world, responder, alg):
    client = AcmeClient(world.directory, world.pki.ca, alg)
    assert client.new_account().status_code == 201
    names = [f"{alg.lower()}." + ZONE]
    url, order = client.ready_order(names, responder)
    answer = client.finalize(order, make_csr(names))
    assert answer.status_code == 200 and answer.headers["location"] == url, answer.text
    chain = chain_of(client.certificate(url))
    assert names_of(chain[0]) == names and len(chain) == 2


def test_account_life(world):
    client = AcmeClient(world.directory, world.pki.ca)
    problem(client.new_account(onlyReturnExisting=True), "accountDoesNotExist", 400)
    made = client.new_account()
    assert made.status_code == 201 and made.json()["status"] == "valid"
    again = client.new_account(onlyReturnExisting=True)
    assert again.status_code == 200 and again.headers["location"] == made.headers["location"]
    changed = client.post(client.kid, {"contact": ["mailto:other@acme.example"]})
    assert changed.status_code == 200 and changed.json()["contact"] == ["mailto:other@acme.example"]
    assert client.post(client.kid, {"status": "deactivated"}).json()["status"] == "deactivated"
    problem(client.try_order(["x." + ZONE]), "unauthorized", 401)


@pytest.mark.parametrize("contact, kind", [("tel:+12025551212", "unsupportedContact"),
                                           ("mailto:a@acme.example,b@acme.example", "invalidContact"),
                                           ("mailto:nobody", "invalidContact")])
def test_contacts_are_checked(world, contact, kind):
    problem(AcmeClient(world.directory, world.pki.ca).new_account(contact=[contact]), kind, 400)


def test_same_csr_again_is_answered_and_another_one_is_not(client, responder):
    names = ["repeat." + ZONE]
    url, order = client.ready_order(names, responder)
    csr = make_csr(names)
    assert client.finalize(order, csr).status_code == 200
    assert client.finalize(order, csr).status_code == 200
    problem(client.finalize(order, make_csr(names)), "orderNotReady", 403)
    client.certificate(url)
    assert client.finalize(order, csr).json()["status"] == "valid"


def test_finalize_before_the_challenges_are_done(client):
    names = ["early." + ZONE]
    _, order = client.new_order(names)
    problem(client.finalize(order, make_csr(names)), "orderNotReady", 403)


def test_objects_of_another_account(world, client):
    url, order = client.new_order(["private." + ZONE])
    other = AcmeClient(world.directory, world.pki.ca)
    other.new_account()
    for target in (url, order["authorizations"][0]):
        assert other.post(target, None).status_code in (401, 403, 404)


def test_csr_is_checked(world, client, responder):
    name = "csr." + ZONE
    bad = {"another name": make_csr(["other." + ZONE]), "a name too many": make_csr([name, "other." + ZONE]),
           "no name": make_csr([]), "a foreign CN": make_csr([name], common_name="other." + ZONE),
           "a weak curve": make_csr([name], ec.generate_private_key(ec.SECP224R1())), "no CSR": b"\x30\x00",
           "a spoilt signature": spoil_signature(make_csr([name])),
           "the account's key": make_csr([name], client.key.private)}
    _, order = client.ready_order([name], responder)
    for what, csr in bad.items():
        answer = client.finalize(order, csr)
        assert answer.status_code == 400, f"{what}: {answer.status_code} {answer.text}"
        assert answer.json()["type"].split(":")[-1] == "badCSR", f"{what}: {answer.text}"
    assert client.fetch(order["finalize"].rsplit("/", 1)[0]).json()["status"] == "ready"
    assert not world.bought([name])


@pytest.mark.parametrize("name", ["", "a..b.example", "-x.acme.example", "x_y.acme.example", "xn--a.acme.example",
                                  "UPPER CASE.acme.example", "127.0.0.1", "*.*.acme.example", "a.*.acme.example",
                                  "x" * 64 + ".acme.example", "acme.example:80", "b\u00fccher.acme.example"])
def test_names_are_checked(client, name):
    answer = client.post(client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].split(":")[-1] in ("rejectedIdentifier", "malformed"), answer.text


def test_identifier_types_and_counts(client):
    new_order = client.directory["newOrder"]
    problem(client.post(new_order, {"identifiers": [{"type": "email", "value": "a@acme.example"}]}),
            "unsupportedIdentifier", 400)
    problem(client.post(new_order, {"identifiers": []}), "malformed", 400)
    answer = client.try_order([f"n{i}." + ZONE for i in range(101)])
    assert answer.status_code in (400, 403), answer.text


def test_failed_http_01_says_what_was_found(client, responder):
    url, order = client.new_order(["wrong." + ZONE])
    authz = client.fetch(order["authorizations"][0]).json()
    challenge = next(c for c in authz["challenges"] if c["type"] == "http-01")
    responder.answers["/.well-known/acme-challenge/" + challenge["token"]] = "not the key authorization"
    client.post(challenge["url"], {})
    authz = client.wait(order["authorizations"][0], ("pending",))
    assert authz["status"] == "invalid"
    error = next(c for c in authz["challenges"] if c["type"] == "http-01")["error"]
    assert "127.0.0.1" in error["detail"] and "not the key authorization" in error["detail"], error
    assert client.wait(url, ("pending",))["status"] == "invalid"


def test_name_without_address(client):
    url, order = client.new_order(["x.nowhere." + ZONE])
    authz = client.fetch(order["authorizations"][0]).json()
    challenge = next(c for c in authz["challenges"] if c["type"] == "http-01")
    client.post(challenge["url"], {})
    authz = client.wait(order["authorizations"][0], ("pending",))
    error = next(c for c in authz["challenges"] if c["type"] == "http-01")["error"]
    assert error["type"].endswith(":dns") and "x.nowhere." + ZONE in error["detail"], error


def test_a_foreign_key_cannot_use_an_account(world, client):
    stranger = make_key("ES256")
    problem(client.post(client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "x." + ZONE}]},
                        key=stranger), "malformed", 400)


def test_deactivated_authorization(client, responder):
    url, order = client.ready_order(["gone." + ZONE], responder)
    answer = client.post(order["authorizations"][0], {"status": "deactivated"})
    assert answer.status_code == 200 and answer.json()["status"] == "deactivated"
    refused = client.post(order["finalize"], {"csr": b64(make_csr(["gone." + ZONE]))})
    assert refused.status_code == 403, refused.text
