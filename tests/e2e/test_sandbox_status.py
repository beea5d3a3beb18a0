"""What the stand-in's authorities say of a certificate before and after its revocation, to programs of others."""

import os

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.hazmat.primitives.serialization import Encoding

from acme_client import AcmeClient, b64, http_responder, make_csr
from dns_server import ZONE
from pki import chain_of
from process import run


@pytest.fixture(scope="module")
def issued(world):
    """(client, leaf) and their files in the world's folder."""
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    names = ["status." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
        leaf, intermediate = chain_of(client.certificate(url))[:2]
    for name, certificate in (("leaf.pem", leaf), ("issuer.pem", intermediate)):
        with open(world.path(name), "wb") as file:
            file.write(certificate.public_bytes(Encoding.PEM))
    return client, leaf


def openssl(world, *arguments, status=0):
    done = run(["openssl", *arguments], world.folder)
    assert done.returncode == status, done.output
    return done.output


def ocsp_url(leaf):
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    return next(one.access_location.value for one in access
                if one.access_method == x509.oid.AuthorityInformationAccessOID.OCSP)


def crl_url(leaf):
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return points[0].full_name[0].value


def ask_ocsp(world, leaf):
    return openssl(world, "ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-url", ocsp_url(leaf), "-CAfile",
                   world.root, "-verify_other", "issuer.pem")


def check_by_crl(world, client, leaf, status):
    crl = client.http.get(crl_url(leaf), timeout=30).content
    with open(world.path("status.crl"), "wb") as file:
        file.write(crl)
    openssl(world, "crl", "-inform", "DER", "-in", "status.crl", "-out", "crl.pem")
    return openssl(world, "verify", "-crl_check", "-CAfile", world.root, "-untrusted", "issuer.pem", "-CRLfile",
                   "crl.pem", "leaf.pem", status=status)


def test_good_then_revoked(world, issued):
    client, leaf = issued
    answer = ask_ocsp(world, leaf)
    assert "Response verify OK" in answer and "leaf.pem: good" in answer
    check_by_crl(world, client, leaf, status=0)
    payload = {"certificate": b64(leaf.public_bytes(Encoding.DER)), "reason": 4}
    assert client.post(client.directory["revokeCert"], payload).status_code == 200
    answer = ask_ocsp(world, leaf)
    assert "Response verify OK" in answer and "leaf.pem: revoked" in answer and "superseded" in answer
    assert "certificate revoked" in check_by_crl(world, client, leaf, status=2)


def test_what_was_not_issued_there(world, issued):
    client, leaf = issued
    unknown = openssl(world, "ocsp", "-issuer", "issuer.pem", "-serial", "4711", "-url", ocsp_url(leaf), "-CAfile",
                      world.root, "-verify_other", "issuer.pem")
    assert "4711: unknown" in unknown
    foreign = openssl(world, "ocsp", "-issuer", world.pki.ca, "-serial", "1", "-url", ocsp_url(leaf), status=1)
    assert "unauthorized" in foreign
    answer = client.http.post(ocsp_url(leaf), data=b"nonsense", timeout=30)
    assert answer.content == bytes.fromhex("30030a0101")  # malformedRequest


def test_by_get(world, issued):
    client, leaf = issued
    openssl(world, "ocsp", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-no_nonce", "-reqout", "request.der")
    with open(os.path.join(world.folder, "request.der"), "rb") as file:
        request = openssl(world, "base64", "-A", "-in", "request.der") if file.read() else ""
    escaped = request.strip().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    answer = client.http.get(ocsp_url(leaf) + "/" + escaped, timeout=30)
    assert answer.headers["content-type"] == "application/ocsp-response"
    assert ocsp.load_der_ocsp_response(answer.content).serial_number == leaf.serial_number
