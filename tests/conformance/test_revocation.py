"""RFC 8555 section 7.6: who may revoke a certificate, and what is refused."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import EcKey, b64, http_responder, make_csr
from dns_server import ZONE
from expect import CLIENT_ERROR
from pki import chain_of


class Issued:
    """A certificate of a client, and its key."""

    def __init__(self, server, client, name):
        self.key = EcKey()
        self.key.private = ec.generate_private_key(ec.SECP256R1())
        with http_responder(server.http_port) as responder:
            url, order = client.ready_order([name], responder)
        assert client.finalize(order, make_csr([name], self.key.private)).status_code == 200
        leaf = chain_of(client.certificate(url))[0]
        self.text = b64(leaf.public_bytes(serialization.Encoding.DER))


def revoke(client, certificate, **more):
    reason = {"reason": more.pop("reason")} if "reason" in more else {}
    return client.post(client.directory["revokeCert"], {"certificate": certificate, **reason}, **more)


@pytest.fixture(scope="module")
def issued(server, client):
    """A certificate that no test revokes."""
    return Issued(server, client, "kept." + ZONE)


@pytest.mark.parametrize("by", ["account", "certificate key"])
def test_8555_7_6_revocation(server, client, expect, by):
    one = Issued(server, client, f"revoked{len(by)}." + ZONE)
    more = {"key": one.key, "use_jwk": True} if by == "certificate key" else {}
    answer = revoke(client, one.text, reason=1, **more)
    expect.that(by, (answer.status_code, answer.content), (200, b""), answer.text)
    expect.problem(by + " again", revoke(client, one.text, **more), "alreadyRevoked", CLIENT_ERROR)


def test_8555_7_6_another_account(server, issued, expect):
    stranger = server.client()
    assert stranger.new_account().status_code == 201
    expect.problem("account", revoke(stranger, issued.text), "unauthorized", 403)
    expect.problem("key", revoke(stranger, issued.text, key=EcKey(), use_jwk=True), {"unauthorized", "malformed"},
                   CLIENT_ERROR)


@pytest.mark.parametrize("reason", [7, 99, -1])
def test_8555_7_6_reason(client, issued, expect, reason):
    expect.problem(str(reason), revoke(client, issued.text, reason=reason), "badRevocationReason")


@pytest.mark.parametrize("certificate", ["", "AAAA", "!!!!", 1, None], ids=str)
def test_8555_7_6_certificate(client, expect, certificate):
    expect.problem(str(certificate), revoke(client, certificate), "malformed", CLIENT_ERROR)
