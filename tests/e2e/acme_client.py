"""A raw ACME client: does what RFC 8555 says, and whatever else a test wants to send."""

import base64
import contextlib
import hashlib
import http.server
import ipaddress
import json
import threading
import time

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID

from process import patience

JOSE = "application/jose+json"
URN = "urn:ietf:params:acme:error:"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64_number(number, length):
    return b64(number.to_bytes(length, "big"))


class EcKey:
    """ES256, ES384 or ES512, by curve."""

    CURVES = {"ES256": (ec.SECP256R1, "P-256", 32, hashes.SHA256), "ES384": (ec.SECP384R1, "P-384", 48, hashes.SHA384),
              "ES512": (ec.SECP521R1, "P-521", 66, hashes.SHA512)}

    def __init__(self, alg="ES256"):
        self.alg = alg
        curve, self.crv, self.size, self.hash = self.CURVES[alg]
        self.private = ec.generate_private_key(curve())

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        return {"crv": self.crv, "kty": "EC", "x": b64_number(numbers.x, self.size),
                "y": b64_number(numbers.y, self.size)}

    def sign(self, data):
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(self.hash())))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")


class RsaKey:
    alg = "RS256"

    def __init__(self, bits=2048):
        self.private = rsa.generate_private_key(65537, bits)

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        return {"e": b64_number(numbers.e, 3), "kty": "RSA", "n": b64_number(numbers.n, self.private.key_size // 8)}

    def sign(self, data):
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())


class Ed25519Key:
    alg = "EdDSA"

    def __init__(self):
        self.private = ed25519.Ed25519PrivateKey.generate()

    def jwk(self):
        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(raw)}

    def sign(self, data):
        return self.private.sign(data)


def make_key(alg):
    if alg == "RS256":
        return RsaKey()
    return Ed25519Key() if alg == "EdDSA" else EcKey(alg)


def thumbprint(key):
    text = json.dumps(key.jwk(), sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


def _address(name):
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _general_name(name):
    return x509.IPAddress(_address(name)) if _address(name) else x509.DNSName(name)


def make_csr(names, key=None, common_name=None, organization=None, extensions=()):
    """DER of a CSR; without a CN, as certbot makes them. extensions: more of x509's, none of them critical."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    subject += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def spoil_signature(csr):
    """The same CSR with one bit of its signature turned over."""
    return csr[:-1] + bytes([csr[-1] ^ 1])


def problem(answer, kind, status):
    """Asserts that the answer is this problem document, and returns it."""
    shown = f"{answer.status_code} {answer.headers}\n{answer.text[:2000]}"
    assert answer.status_code == status, shown
    assert answer.headers["content-type"] == "application/problem+json", shown
    document = answer.json()
    assert document["type"] == URN + kind, shown
    assert document["detail"], shown
    return document


class AcmeClient:
    """One account key at one directory. Answers are requests.Response; what a method does not check, it returns."""

    def __init__(self, directory_url, ca, alg="ES256", timeout=60, keeps_connections=True):
        self.http = requests.Session()
        self.http.verify, self.http.trust_env = ca, False
        if not keeps_connections:
            self.http.headers["Connection"] = "close"
        self.timeout = timeout
        self.directory = self.get(directory_url).json()
        self.key, self.kid = make_key(alg), None
        self._nonces, self.bad_nonces = [], 0

    def get(self, url, **more):
        return self.http.get(url, timeout=self.timeout, **more)

    def reconnect(self):
        """Gives up the connections to a gateway that is no more: a POST on one of them would fail, not be repeated."""
        self.http.close()

    def forget_nonces(self):
        """None that was given is good any more."""
        self._nonces = []

    def nonce(self):
        if self._nonces:
            return self._nonces.pop()
        return self.http.head(self.directory["newNonce"], timeout=self.timeout).headers["replay-nonce"]

    def keep_nonces(self, count):
        """For later, when there may be none."""
        self._nonces += [self.http.head(self.directory["newNonce"], timeout=self.timeout).headers["replay-nonce"]
                         for _ in range(count)]

    def jws(self, url, payload, protected=None, key=None, use_jwk=None):
        """A flattened JWS. payload: dict, bytes, or None for POST-as-GET. protected: members to change (None drops)."""
        key = key or self.key
        header = {"alg": key.alg, "nonce": self.nonce(), "url": url}
        if use_jwk if use_jwk is not None else self.kid is None:
            header["jwk"] = key.jwk()
        else:
            header["kid"] = self.kid
        header.update(protected or {})
        header = {name: value for name, value in header.items() if value is not None}
        body = {} if payload is None else payload
        text = "" if payload is None else b64(body if isinstance(body, bytes) else json.dumps(body).encode())
        start = b64(json.dumps(header).encode())
        return {"protected": start, "payload": text, "signature": b64(key.sign(f"{start}.{text}".encode()))}

    def send(self, url, body, content_type=JOSE):
        """Posts these octets, or this JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content_type} if content_type else {}
        answer = self.http.post(url, data=data, headers=headers, timeout=self.timeout)
        if "replay-nonce" in answer.headers:
            self._nonces.append(answer.headers["replay-nonce"])
        return answer

    def post(self, url, payload, **more):
        """Once more where the nonce is too old (RFC 8555 section 6.5): after a restart all are."""
        nonce_is_ours = "nonce" not in (more.get("protected") or {})
        answer = self.send(url, self.jws(url, payload, **more))
        if answer.status_code == 400 and nonce_is_ours and answer.json().get("type") == URN + "badNonce":
            self._nonces, self.bad_nonces = self._nonces[-1:], self.bad_nonces + 1
            answer = self.send(url, self.jws(url, payload, **more))
        return answer

    def fetch(self, url):
        """POST-as-GET, which must succeed."""
        answer = self.post(url, None)
        assert answer.status_code == 200, answer.text
        return answer

    # ---- the flow ----

    def new_account(self, **members):
        payload = {"termsOfServiceAgreed": True, "contact": ["mailto:hostmaster@acme.example"], **members}
        answer = self.post(self.directory["newAccount"], payload, use_jwk=True)
        if answer.status_code in (200, 201):
            self.kid = answer.headers["location"]
        return answer

    def try_order(self, names, **members):
        identifiers = [{"type": "ip" if _address(name) else "dns", "value": name} for name in names]
        return self.post(self.directory["newOrder"], {"identifiers": identifiers, **members})

    def new_order(self, names):
        """(order URL, order object)"""
        answer = self.try_order(names)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"], answer.json()

    def authorize(self, order, responder):
        """Proves every name by http-01, and waits until each authorization is valid."""
        for url in order["authorizations"]:
            authz = self.fetch(url).json()
            if authz["status"] != "valid":
                self.answer_challenge(url, authz, responder)

    def answer_challenge(self, url, authz, responder):
        challenge = next(c for c in authz["challenges"] if c["type"] == "http-01")
        responder.answers["/.well-known/acme-challenge/" + challenge["token"]] = (
            challenge["token"] + "." + thumbprint(self.key))
        assert self.post(challenge["url"], {}).status_code == 200
        authz = self.wait(url, ("pending",))
        assert authz["status"] == "valid", authz

    def finalize(self, order, csr):
        return self.post(order["finalize"], {"csr": b64(csr)})

    def wait(self, url, passing, timeout=90):
        """Reads an object, as often as Retry-After says, until its status is none of passing."""
        deadline = time.monotonic() + patience(timeout)
        while True:
            answer = self.fetch(url)
            if answer.json()["status"] not in passing or time.monotonic() > deadline:
                return answer.json()
            time.sleep(min(float(answer.headers.get("retry-after", 1)), 1))

    def ready_order(self, names, responder):
        """(order URL, order object) of an order that waits for its CSR."""
        url, order = self.new_order(names)
        self.authorize(order, responder)
        order = self.fetch(url).json()
        assert order["status"] == "ready", order
        return url, order

    def certificate(self, url, timeout=90):
        """Waits for the order and downloads what it got: PEM."""
        order = self.wait(url, ("processing",), timeout)
        assert order["status"] == "valid", order
        return self.fetch(order["certificate"]).text


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.answers.get(self.path)
        self.server.seen.append((self.headers.get("Host"), self.path))
        self.send_response(200 if body is not None else 404)
        data = (body or "").encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        pass


class _Responder(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # of a whole fleet at once: with five, a busy machine drops connections for seconds


@contextlib.contextmanager
def http_responder(port):
    """A web server on 127.0.0.1:port with .answers (path to body) and .seen (Host, path)."""
    server = _Responder(("127.0.0.1", port), _Handler)
    server.answers, server.seen = {}, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
