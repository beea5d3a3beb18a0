"""RFC 8738: IP addresses as identifiers."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import make_csr
from dns_server import ZONE
from expect import CLIENT_ERROR
from pki import chain_of
from test_challenges import Attempt, alpn_responder

HERE = "127.0.0.1"


def try_identifier(client, kind, value):
    return client.post(client.directory["newOrder"], {"identifiers": [{"type": kind, "value": value}]})


def authz_of(client, names):
    _, order = client.new_order(names)
    return order, client.fetch(order["authorizations"][0]).json()


def test_8738_3_identifier(client, expect):
    for address in ("127.0.0.2", "2001:db8::2"):
        order, authz = authz_of(client, [address])
        expect.that(f"{address} order", order["identifiers"], [{"type": "ip", "value": address}])
        expect.that(f"{address} authorization", authz["identifier"], {"type": "ip", "value": address})


@pytest.mark.parametrize("value", ["127.1", "127.0.0.01", "0x7f000001", "2130706433", "[::1]", "fe80::1%lo", "10.0.0.0/8", "",
                                   "2001:db8::1::1", ZONE])
def test_8738_3_no_address(client, expect, value):
    expect.that(value, try_identifier(client, "ip", value).status_code, CLIENT_ERROR)


def test_8738_3_address_as_a_dns_name(client, expect):
    for value in ("127.0.0.1", "2001:db8::1"):
        expect.that(value, try_identifier(client, "dns", value).status_code, CLIENT_ERROR)


@pytest.mark.parametrize("value", ["2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:0db8::1"])
def test_8738_3_canonical_form(client, expect, value):
    """What RFC 5952 would write otherwise is refused, or is the same identifier."""
    answer = try_identifier(client, "ip", value)
    shown = answer.json()["identifiers"][0]["value"] if answer.status_code == 201 else None
    expect.that(value, shown, {None, "2001:db8::1"})


def test_8738_7_no_dns_01(client, expect):
    for address in ("127.0.0.3", "2001:db8::3"):
        _, authz = authz_of(client, [address])
        types = {challenge["type"] for challenge in authz["challenges"]}
        expect.that(address, types, {frozenset({"http-01", "tls-alpn-01"}), frozenset({"http-01"})})


def test_8738_4_certificate_by_http_01(client, responder, expect):
    url, order = client.new_order([HERE])
    client.authorize(order, responder)
    client.wait(url, ("pending",))
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(HERE)]), critical=False).sign(key, hashes.SHA256())
    refused = client.finalize(order, named.public_bytes(serialization.Encoding.DER))
    expect.that("dNSName", refused.status_code, CLIENT_ERROR, refused.text)
    answer = client.finalize(order, make_csr([HERE]))
    assert answer.status_code == 200, answer.text
    leaf = chain_of(client.certificate(url))[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expect.that("iPAddress", names.get_values_for_type(x509.IPAddress), [ipaddress.ip_address(HERE)])
    expect.that("nothing else", len(list(names)), 1)


@pytest.mark.parametrize("names, wanted", [("its own", "valid"), ("as a DNS name", "invalid"), ("another", "invalid")])
def test_8738_6_tls_alpn_01(server, client, expect, tmp_path, names, wanted):
    address = f"127.0.1.{1 + ['its own', 'as a DNS name', 'another'].index(names)}"
    attempt = Attempt(client, address, "tls-alpn-01")
    shown = {"its own": x509.IPAddress(ipaddress.ip_address(address)), "as a DNS name": x509.DNSName(address),
             "another": x509.IPAddress(ipaddress.ip_address("127.0.1.9"))}[names]
    with alpn_responder(server, tmp_path, [shown], attempt.digest, host=address) as seen:
        status, challenge = attempt.outcome()
    reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    expect.that(f"{names}: asked for", set(seen), {frozenset({reverse})}, challenge)
    expect.that(names, status, wanted, challenge)
