"""What other documents add: pre-authorization (RFC 8555 section 7.4.1), subdomains (RFC 9444), renewal information
(RFC 9773), profiles
(draft-ietf-acme-profiles), dns-account-01 (draft-ietf-acme-dns-account-label). A server without one says so first."""

import base64
import datetime
import hashlib

import pytest
from cryptography import x509

from acme_client import b64, make_csr, thumbprint
from dns_server import ZONE
from pki import chain_of
from test_challenges import Attempt


@pytest.fixture
def offered(expect):
    """Is the feature there? What is not is listed as a difference, and nothing more is asked."""
    def ask(is_there):
        expect.that("offered", is_there, True)
        return is_there
    return ask


def issue(client, responder, names, **members):
    """The certificate of a new order."""
    answer = client.try_order(names, **members)
    assert answer.status_code == 201, answer.text
    url, order = answer.headers["location"], answer.json()
    client.authorize(order, responder)
    order = client.wait(url, ("pending",))
    assert client.finalize(order, make_csr(names)).status_code == 200
    return chain_of(client.certificate(url))[0]


# ---- RFC 8555 section 7.4.1 ----

def pre_authorize(client, name):
    return client.post(client.directory["newAuthz"], {"identifier": {"type": "dns", "value": name}})


def test_8555_7_4_1_new_authz(client, responder, offered, expect):
    if not offered("newAuthz" in client.directory):
        return
    name = "preauthorized." + ZONE
    answer = pre_authorize(client, name)
    authz = answer.json()
    expect.that("status code", answer.status_code, 201, answer.text)
    expect.that("pending", authz["status"], "pending")
    expect.that("identifier", authz["identifier"], {"type": "dns", "value": name})
    url = answer.headers["location"]
    expect.that("its URL", client.fetch(url).json()["identifier"], authz["identifier"])
    client.answer_challenge(url, authz, responder)
    expect.that("valid", client.wait(url, ("pending",))["status"], "valid")
    _, order = client.new_order([name])
    expect.that("serves an order", (order["status"], order["authorizations"]), ("ready", [url]))


def test_8555_7_4_1_refused(client, offered, expect):
    if not offered("newAuthz" in client.directory):
        return
    expect.problem("wildcard", pre_authorize(client, "*.early." + ZONE), "malformed")
    expect.problem("no identifier", client.post(client.directory["newAuthz"], {}), "malformed")
    answer = client.post(client.directory["newAuthz"], {"identifier": {"type": "email", "value": "a@" + ZONE}})
    expect.problem("another type", answer, {"unsupportedIdentifier", "rejectedIdentifier"}, {400, 403})


# ---- RFC 9444 ----

def test_9444_4_2_subdomains_allowed(client, offered, expect):
    if not offered(client.directory["meta"].get("subdomainAuthAllowed") is True):
        return
    identifier = {"type": "dns", "value": "above." + ZONE, "subdomainAuthAllowed": True}
    answer = client.post(client.directory["newAuthz"], {"identifier": identifier})
    expect.that("pre-authorization", (answer.status_code, answer.json().get("subdomainAuthAllowed")), (201, True))
    expect.that("by DNS alone", [one["type"] for one in answer.json()["challenges"] if not one["type"].startswith("dns-")], [])


def test_9444_4_3_ancestor_domain(server, client, offered, expect):
    if not offered(client.directory["meta"].get("subdomainAuthAllowed") is True):
        return
    above, names = "ancestor." + ZONE, ["one.ancestor." + ZONE, "two.ancestor." + ZONE]
    answer = client.post(client.directory["newOrder"], {"identifiers": [
        {"type": "dns", "value": name, "ancestorDomain": above} for name in names]})
    assert answer.status_code == 201, answer.text
    urls = answer.json()["authorizations"]
    expect.that("one authorization", len(urls), 1)
    authz = client.fetch(urls[0]).json()
    expect.that("of the domain above", authz["identifier"], {"type": "dns", "value": above})
    expect.that("says so", authz.get("subdomainAuthAllowed"), True)
    challenge = next(one for one in authz["challenges"] if one["type"] == "dns-01")
    digest = hashlib.sha256((challenge["token"] + "." + thumbprint(client.key)).encode()).digest()
    server.dns.update(lambda update: update.add(f"_acme-challenge.{above}.", 60, "TXT", f'"{b64(digest)}"'))
    assert client.post(challenge["url"], {}).status_code == 200
    expect.that("valid", client.wait(urls[0], ("pending",))["status"], "valid")
    expect.that("ready", client.wait(answer.headers["location"], ("pending",))["status"], "ready")
    _, order = client.new_order(["three.ancestor." + ZONE])
    expect.that("serves later orders", order["status"], "ready")
    for what, name, ancestor in (("not above", "a." + ZONE, above), ("itself", above, above)):
        answer = client.post(client.directory["newOrder"], {"identifiers": [
            {"type": "dns", "value": name, "ancestorDomain": ancestor}]})
        expect.that(what, refused(answer), True, answer.text)


# ---- RFC 9773 ----

def name_of(certificate):
    authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    number = certificate.serial_number
    return b64(authority) + "." + b64(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def moment(text):
    return datetime.datetime.strptime(text.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")


def test_9773_4_renewal_info(client, responder, offered, expect):
    if not offered("renewalInfo" in client.directory):
        return
    leaf = issue(client, responder, ["renewal." + ZONE])
    answer = client.get(client.directory["renewalInfo"] + "/" + name_of(leaf))
    expect.that("without a signature", answer.status_code, 200, answer.text)
    window = answer.json()["suggestedWindow"]
    start, end = moment(window["start"]), moment(window["end"])
    expect.that("the window is one", start < end, True)
    expect.that("within its life", leaf.not_valid_before <= start and end <= leaf.not_valid_after, True)
    expect.that("retry-after", answer.headers.get("retry-after", "").isdigit(), True)


def test_9773_4_unknown_certificates(client, offered, expect):
    if not offered("renewalInfo" in client.directory):
        return
    nobody = client.get(client.directory["renewalInfo"] + "/" + b64(b"n" * 20) + "." + b64(b"\1"))
    expect.problem("nobody's", nobody, "malformed", 404)
    expect.problem("no name", client.get(client.directory["renewalInfo"] + "/nothing"), "malformed", {400, 404})


def refused(answer):
    return answer.status_code in range(400, 500)


def test_9773_5_replaces(server, client, responder, offered, expect):
    if not offered("renewalInfo" in client.directory):
        return
    names, others = ["replaced." + ZONE], ["replaced2." + ZONE]
    leaf = issue(client, responder, names)
    first = client.try_order(names, replaces=name_of(leaf))
    expect.that("taken", (first.status_code, first.json().get("replaces")), (201, name_of(leaf)), first.text)
    issue(client, responder, names, replaces=name_of(leaf))
    expect.problem("replaced already", client.try_order(names, replaces=name_of(leaf)), "alreadyReplaced", 409)
    other = issue(client, responder, others)
    expect.that("no name in common", refused(client.try_order(names, replaces=name_of(other))), True)
    stranger = server.client()
    assert stranger.new_account().status_code == 201
    expect.that("another account's", refused(stranger.try_order(others, replaces=name_of(other))), True)
    expect.that("no name", refused(client.try_order(names, replaces="nothing")), True)


def test_9773_5_certificate_of_another_authority(client, offered, expect):
    if not offered("renewalInfo" in client.directory):
        return
    foreign = b64(b"n" * 20) + "." + b64(b"\1")
    answer = client.try_order(["moved." + ZONE], replaces=foreign)
    expect.that("taken", (answer.status_code, answer.json().get("replaces")), (201, foreign), answer.text)


# ---- draft-ietf-acme-profiles ----

def test_profiles_3_directory(client, offered, expect):
    profiles = client.directory["meta"].get("profiles")
    if not offered(profiles is not None):
        return
    expect.that("descriptions", all(isinstance(text, str) for text in profiles.values()), True)


def test_profiles_4_new_order(client, offered, expect):
    profiles = client.directory["meta"].get("profiles")
    if not offered(profiles is not None):
        return
    names, profile = ["profile." + ZONE], sorted(profiles)[0]
    answer = client.try_order(names, profile=profile)
    expect.that("the one asked for", (answer.status_code, answer.json().get("profile")), (201, profile), answer.text)
    expect.that("chosen", client.try_order(names).json().get("profile") in profiles, True)
    expect.problem("unknown", client.try_order(names, profile="no-such-profile"), "invalidProfile")
    expect.that("no text", refused(client.try_order(names, profile=5)), True)


# ---- draft-ietf-acme-dns-account-label-03 ----

def account_label(url):
    """Section 3.2."""
    return "_" + base64.b32encode(hashlib.sha256(url.encode()).digest()[:10]).decode().lower()


def types_of(client, names):
    _, order = client.new_order(names)
    return {one["type"] for one in client.fetch(order["authorizations"][0]).json()["challenges"]}


LABELS = {"its own": "valid", "another account's": "invalid", "no label": "invalid"}


@pytest.mark.parametrize("whose", LABELS)
def test_dns_account_label_3_2_dns_account_01(server, client, offered, expect, whose):
    assert account_label("https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye"
    name = f"label{list(LABELS).index(whose)}." + ZONE
    if not offered("dns-account-01" in types_of(client, [name])):
        return
    attempt = Attempt(client, name, "dns-account-01")
    labels = {"its own": account_label(client.kid) + ".", "another account's": account_label(client.kid + "x") + "."}
    at = labels.get(whose, "") + f"_acme-challenge.{name}."
    server.dns.update(lambda update: update.add(at, 60, "TXT", f'"{b64(attempt.digest)}"'))
    status, challenge = attempt.outcome()
    expect.that(whose, status, LABELS[whose], challenge)
