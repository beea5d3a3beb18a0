"""RFC 8555 sections 7.4 and 7.5: orders, certificates, authorizations."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from acme_client import b64, make_csr, spoil_signature
from dns_server import ZONE
from expect import CLIENT_ERROR
from pki import chain_of, names_of
from test_objects import links

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def test_8555_7_1_3_order_object(client, expect):
    names = ["object." + ZONE, "object2." + ZONE]
    answer = client.try_order(names)
    order = answer.json()
    expect.that("status", answer.status_code, 201)
    expect.that("location", answer.headers["location"].startswith("https://"), True)
    expect.that("state", order["status"], "pending")
    expect.that("expires", bool(TIME.fullmatch(order["expires"])), True)
    expect.that("identifiers", sorted(i["value"] for i in order["identifiers"]), sorted(names))
    expect.that("authorizations", len(set(order["authorizations"])), 2)
    expect.that("finalize", order["finalize"].startswith("https://"), True)
    expect.that("certificate", "certificate" in order, False)
    read = client.fetch(answer.headers["location"]).json()
    expect.that("same when read", [read[m] for m in ("status", "expires", "finalize")],
                [order[m] for m in ("status", "expires", "finalize")])


def test_8555_7_1_4_authorization_object(client, expect):
    _, order = client.new_order(["authz." + ZONE])
    authz = client.fetch(order["authorizations"][0]).json()
    expect.that("identifier", authz["identifier"], {"type": "dns", "value": "authz." + ZONE})
    expect.that("status", authz["status"], "pending")
    expect.that("expires", bool(TIME.fullmatch(authz["expires"])), True)
    expect.that("wildcard", authz.get("wildcard", False), False)
    kinds = {challenge["type"] for challenge in authz["challenges"]}
    expect.that("challenges", kinds >= {"http-01", "dns-01", "tls-alpn-01"}, True)


def test_8555_7_1_6_states(client, responder, expect):
    url, order = client.ready_order(["states." + ZONE], responder)
    answer = client.finalize(order, make_csr(["states." + ZONE]))
    expect.that("finalize", (answer.status_code, answer.json()["status"]), (200, {"processing", "valid"}))
    done = client.wait(url, ("processing",))
    expect.that("end", (done["status"], "certificate" in done), ("valid", True))
    authz = client.fetch(order["authorizations"][0]).json()
    expect.that("authorization", (authz["status"], "expires" in authz), ("valid", True))


# ---- 7.4 applying for a certificate ----

IDENTIFIERS = {
    "none": ([], {"malformed"}), "no list": ("x", {"malformed"}), "text": (["x"], {"malformed"}),
    "another type": ([{"type": "email", "value": "a@acme.example"}],
                     {"unsupportedIdentifier", "malformed", "rejectedIdentifier"}),
    "no value": ([{"type": "dns"}], {"malformed", "rejectedIdentifier"}),
    "not a name": ([{"type": "dns", "value": "not a name"}], {"malformed", "rejectedIdentifier"}),
    "an address": ([{"type": "dns", "value": "127.0.0.1"}], {"malformed", "rejectedIdentifier"}),
    "two stars": ([{"type": "dns", "value": "*.*." + ZONE}], {"malformed", "rejectedIdentifier"}),
    "a star inside": ([{"type": "dns", "value": "a.*." + ZONE}], {"malformed", "rejectedIdentifier"}),
}


@pytest.mark.parametrize("what", IDENTIFIERS)
def test_8555_7_4_identifiers(client, expect, what):
    identifiers, kinds = IDENTIFIERS[what]
    answer = client.post(client.directory["newOrder"], {"identifiers": identifiers})
    expect.problem(what, answer, kinds, CLIENT_ERROR)


def test_8555_7_4_dates_are_kept_or_refused(client, expect):
    answer = client.try_order(["dates." + ZONE], notAfter="2040-01-01T00:00:00Z")
    kept = answer.status_code == 201 and answer.json().get("notAfter") == "2040-01-01T00:00:00Z"
    expect.that("answer", kept or answer.status_code in CLIENT_ERROR, True, answer.text)


@pytest.mark.parametrize("member", ["notBefore", "notAfter", "replaces", "profile"])
def test_8555_7_4_null_is_absent(client, expect, member):
    answer = client.try_order(["null." + ZONE], **{member: None})
    expect.that(member, answer.status_code, 201, answer.text)


def test_8555_7_4_finalize_before_ready(client, expect):
    url, order = client.new_order(["early." + ZONE])
    expect.problem("answer", client.finalize(order, make_csr(["early." + ZONE])), "orderNotReady", 403)
    expect.that("order", client.fetch(url).json()["status"], "pending")


NAME = "csr." + ZONE
CSRS = {"another name": lambda: make_csr(["other." + ZONE]), "a name too many": lambda: make_csr([NAME, "o." + ZONE]),
        "no name": lambda: make_csr([]), "no CSR": lambda: b"\x30\x00", "octets after it": lambda: make_csr([NAME]) + b"x",
        "a spoilt signature": lambda: spoil_signature(make_csr([NAME])),
        "a foreign CN": lambda: make_csr([NAME], common_name="other." + ZONE),
        "a weak curve": lambda: make_csr([NAME], ec.generate_private_key(ec.SECP192R1()))}


@pytest.fixture
def ready(client, responder):
    """(order URL, order) of a ready order for NAME."""
    return client.ready_order([NAME], responder)


@pytest.mark.parametrize("what", CSRS)
def test_8555_7_4_csr(client, ready, expect, what):
    answer = client.finalize(ready[1], CSRS[what]())
    expect.problem(what, answer, {"badCSR", "malformed", "unauthorized"}, CLIENT_ERROR)
    expect.that(what + ": the order", client.fetch(ready[0]).json()["status"], "ready")


ASKED = {"must staple": x509.TLSFeature([x509.TLSFeatureType.status_request]),
         "an authority": x509.BasicConstraints(ca=True, path_length=0),
         "code signing": x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CODE_SIGNING])}


@pytest.mark.parametrize("what", ASKED)
def test_8555_7_4_extensions_that_are_not_granted(client, ready, expect, what):
    """Granted, or said no to: the certificate must not lack in silence what the CSR asked for."""
    answer = client.finalize(ready[1], make_csr([NAME], extensions=[ASKED[what]]))
    expect.problem(what, answer, "badCSR")


WEAK = {"RSA 1024": lambda: rsa.generate_private_key(65537, 1024), "P-224": lambda: ec.generate_private_key(ec.SECP224R1()),
        "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1())}


@pytest.mark.parametrize("what", WEAK)
def test_8555_6_7_key_of_a_csr(client, ready, expect, what):
    expect.problem(what, client.finalize(ready[1], make_csr([NAME], WEAK[what]())), "badCSR")


def test_8555_7_4_csr_with_the_account_key(client, ready, expect):
    answer = client.finalize(ready[1], make_csr([NAME], client.key.private))
    expect.problem("answer", answer, {"badCSR", "malformed"})


@pytest.mark.parametrize("encoding", ["padded", "standard alphabet", "PEM"])
def test_8555_7_4_csr_encoding(client, ready, expect, encoding):
    csr = make_csr([NAME])
    text = {"padded": b64(csr) + "==", "standard alphabet": b64(csr).replace("-", "+").replace("_", "/") + "+/",
            "PEM": "-----BEGIN CERTIFICATE REQUEST-----\n"}[encoding]
    expect.problem(encoding, client.post(ready[1]["finalize"], {"csr": text}), {"malformed", "badCSR"})


# ---- 7.4.2 downloading the certificate ----

def test_8555_7_4_2_certificate(client, responder, expect):
    names = ["download." + ZONE]
    url, order = client.ready_order(names, responder)
    assert client.finalize(order, make_csr(names)).status_code == 200
    done = client.wait(url, ("processing",))
    answer = client.fetch(done["certificate"])
    chain = chain_of(answer.text)
    expect.that("content type", answer.headers["content-type"].split(";")[0], "application/pem-certificate-chain")
    expect.that("end entity first", names_of(chain[0]), names)
    expect.that("each issued by the next", all(a.issuer == b.subject for a, b in zip(chain, chain[1:])), True)
    expect.that("no explanatory text", answer.text.startswith("-----BEGIN CERTIFICATE-----\n"), True)
    expect.problem("GET", client.get(done["certificate"]), "malformed", 405)
    expect.that("same again", client.fetch(done["certificate"]).text, answer.text)


# ---- 7.5 authorizations ----

def test_8555_7_5_1_challenge_answer(client, expect):
    _, order = client.new_order(["answer." + ZONE])
    authz_url = order["authorizations"][0]
    challenge = next(c for c in client.fetch(authz_url).json()["challenges"] if c["type"] == "http-01")
    answer = client.post(challenge["url"], {})
    expect.that("status", answer.status_code, 200)
    expect.that("object", (answer.json()["type"], answer.json()["token"]), ("http-01", challenge["token"]))
    expect.that("state", answer.json()["status"], {"pending", "processing", "invalid"})
    expect.that("up", authz_url in links(answer, "up"), True)


def test_8555_7_5_1_retry_after(client, expect):
    """While a validation is under way, the server says when to ask again."""
    _, order = client.new_order(["slow." + ZONE])
    authz_url = order["authorizations"][0]
    challenge = next(c for c in client.fetch(authz_url).json()["challenges"] if c["type"] == "dns-01")
    answers = [client.post(challenge["url"], {}), client.post(authz_url, None)]
    waiting = [a for a in answers if a.json()["status"] in ("pending", "processing")]
    expect.that("answer", all("retry-after" in a.headers for a in waiting), True)


def test_8555_7_5_2_deactivation(client, responder, expect):
    url, order = client.ready_order(["gone." + ZONE], responder)
    answer = client.post(order["authorizations"][0], {"status": "deactivated"})
    expect.that("status", (answer.status_code, answer.json()["status"]), (200, "deactivated"))
    expect.that("kept", client.fetch(order["authorizations"][0]).json()["status"], "deactivated")
    refused = client.finalize(order, make_csr(["gone." + ZONE]))
    expect.that("finalize", refused.status_code, CLIENT_ERROR, refused.text)


@pytest.mark.parametrize("status", ["valid", "revoked", "pending"])
def test_8555_7_5_2_no_other_status(client, expect, status):
    _, order = client.new_order(["status." + ZONE])
    answer = client.post(order["authorizations"][0], {"status": status})
    expect.problem(status, answer, "malformed")
    expect.that(status + " after", client.fetch(order["authorizations"][0]).json()["status"], "pending")
