"""RFC 8555 section 8 and RFC 8737: what a proof of control has to look like."""

import contextlib
import hashlib
import http.server
import re
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import b64, thumbprint
from dns_server import ZONE
from pki import _builder as certificate_builder

ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
WELL_KNOWN = "/.well-known/acme-challenge/"


class Attempt:
    """One challenge of a new order for one name."""

    def __init__(self, client, name, kind):
        self.client, self.name = client, name
        _, order = client.new_order([name])
        self.authz_url = order["authorizations"][0]
        self.challenge = self._of(client.fetch(self.authz_url).json(), kind)
        self.kind, self.token = kind, self.challenge["token"]
        self.authorization = self.token + "." + thumbprint(client.key)

    @staticmethod
    def _of(authz, kind):
        return next(c for c in authz["challenges"] if c["type"] == kind)

    @property
    def digest(self):
        return hashlib.sha256(self.authorization.encode()).digest()

    def outcome(self):
        """Lets the server look: (status of the authorization, the challenge)."""
        assert self.client.post(self.challenge["url"], {}).status_code == 200
        authz = self.client.wait(self.authz_url, ("pending",))
        return authz["status"], self._of(authz, self.kind)


# ---- 8 and 8.1 ----

def test_8555_8_token(client, expect):
    tokens = set()
    for i in range(2):
        _, order = client.new_order([f"token{i}." + ZONE])
        for challenge in client.fetch(order["authorizations"][0]).json()["challenges"]:
            tokens.add(challenge["token"])
            expect.that("form", bool(re.fullmatch("[A-Za-z0-9_-]{22,}", challenge["token"])), True)
    expect.that("new for every order", len(tokens) >= 2, True)


def test_8555_8_1_key_authorization_of_another_key(server, client, responder, expect):
    attempt = Attempt(client, "foreignkey." + ZONE, "http-01")
    responder.answers[WELL_KNOWN + attempt.token] = attempt.token + "." + thumbprint(server.client().key)
    expect.that("status", attempt.outcome()[0], "invalid")


# ---- 8.3 http-01 ----

BODIES = {"as it is": ("{0}", "valid"), "with blanks after it": ("{0} \r\n", "valid"), "with more after it": ("{0}x", "invalid"),
          "with text before it": ("x{0}", "invalid"), "the token alone": ("{1}", "invalid"), "nothing": ("", "invalid"),
          "nothing there": (None, "invalid")}


@pytest.mark.parametrize("what", BODIES)
def test_8555_8_3_http_01(client, responder, expect, what):
    body, wanted = BODIES[what]
    name = f"http{list(BODIES).index(what)}." + ZONE
    attempt = Attempt(client, name, "http-01")
    if body is not None:
        responder.answers[WELL_KNOWN + attempt.token] = body.format(attempt.authorization, attempt.token)
    status, challenge = attempt.outcome()
    expect.that(what, status, wanted, challenge)
    expect.that(what + " challenge", challenge["status"], wanted)
    if wanted == "valid":
        expect.that(what + " validated", "validated" in challenge, True)
    else:
        expect.that(what + " error", challenge["error"]["type"].startswith("urn:ietf:params:acme:error:"), True)
    host, path = responder.seen[0]
    expect.that(what + " host", host.split(":")[0], name)
    expect.that(what + " path", path, WELL_KNOWN + attempt.token)


class _Redirect(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b""
        if self.path.startswith("/moved/"):
            body = self.server.body
            self.send_response(200)
        else:
            self.send_response(302)
            self.send_header("Location", "/moved" + self.path)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def test_8555_8_3_redirect_is_followed(server, client, expect):
    attempt = Attempt(client, "redirect." + ZONE, "http-01")
    web = http.server.ThreadingHTTPServer(("127.0.0.1", server.http_port), _Redirect)
    web.body = attempt.authorization.encode()
    threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        expect.that("status", attempt.outcome()[0], "valid")
    finally:
        web.shutdown()
        web.server_close()


# ---- 8.4 dns-01 ----

RECORDS = {"right": (["{0}"], "valid"), "right among others": (["other", "{0}", "another"], "valid"),
           "wrong": (["wrong"], "invalid"), "not hashed": (["{1}"], "invalid"), "none": ([], "invalid")}


@pytest.mark.parametrize("what", RECORDS)
def test_8555_8_4_dns_01(server, client, expect, what):
    records, wanted = RECORDS[what]
    name = f"record{list(RECORDS).index(what)}." + ZONE
    attempt = Attempt(client, name, "dns-01")
    for record in records:
        text = record.format(b64(attempt.digest), attempt.authorization)
        server.dns.update(lambda update: update.add("_acme-challenge." + name + ".", 60, "TXT", f'"{text}"'))
    status, challenge = attempt.outcome()
    expect.that(what, status, wanted, challenge)


# ---- RFC 8737: tls-alpn-01 ----

@contextlib.contextmanager
def alpn_responder(server, folder, names, digest, protocols=("acme-tls/1",), critical=True, extension=True,
                   host="127.0.0.1"):
    """A TLS server with a self-signed certificate; .seen are the names that it was asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = certificate_builder("acme", "acme", key).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) if isinstance(name, str) else name for name in names]),
        critical=False)
    if extension:
        value = b"\x04" + bytes([len(digest)]) + digest
        builder = builder.add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, value), critical=critical)
    path = folder / "alpn.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context, seen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(path)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.sni_callback = lambda tls, name, ctx: seen.append(name)
    listener = socket.create_server((host, server.alpn_port))
    listener.settimeout(60)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                plain.settimeout(20)
                with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as tls:
                    tls.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(30)


PROOFS = {
    "right": ({}, "valid"), "another digest": ({"digest": b"\1" * 32}, "invalid"),
    "a short digest": ({"digest": b"\1" * 31}, "invalid"), "no extension": ({"extension": False}, "invalid"),
    "extension not critical": ({"critical": False}, "invalid"), "another name": ({"names": ["other." + ZONE]}, "invalid"),
    "a name too many": ({"names": ["{}", "other." + ZONE]}, "invalid"), "no ALPN": ({"protocols": ()}, "invalid"),
    "another protocol": ({"protocols": ("http/1.1",)}, "invalid"),
}


@pytest.mark.parametrize("what", PROOFS)
def test_8737_3_tls_alpn_01(server, client, tmp_path, expect, what):
    change, wanted = PROOFS[what]
    name = f"alpn{list(PROOFS).index(what)}." + ZONE
    attempt = Attempt(client, name, "tls-alpn-01")
    options = {"names": [name], "digest": attempt.digest, **change}
    options["names"] = [one.format(name) for one in options["names"]]
    with alpn_responder(server, tmp_path, **options) as seen:
        status, challenge = attempt.outcome()
    expect.that(what, status, wanted, challenge)
    expect.that(what + " server name", seen[0], name)
