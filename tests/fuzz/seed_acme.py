#!/usr/bin/env python3
"""Writes the seeds of fuzz_jws, fuzz_jwk, fuzz_csr, fuzz_identifier and fuzz_json: valid inputs of every kind.

A fuzzer that starts from valid input reaches the code behind the first checks. Needs python3-cryptography; run by hand
when a kind is added (each run makes new keys).
"""
import base64
import hmac
import ipaddress
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CORPUS = pathlib.Path(__file__).parent / "corpus"
BASE = "https://acme.example"
NONCE = "gw1Qm9vRt3oFvnlFP1wIhRlYS2jTaXbA"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def save(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


class Ec:
    def __init__(self, curve, crv, alg, digest):
        self.key, self.crv, self.alg, self.digest = ec.generate_private_key(curve), crv, alg, digest
        self.size = (curve.key_size + 7) // 8

    def jwk(self):
        point = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": self.crv, "x": number(point.x, self.size), "y": number(point.y, self.size)}

    def sign(self, data):
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(self.digest)))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")


class Rsa:
    alg = "RS256"

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class Ed25519:
    alg = "EdDSA"

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()

    def jwk(self):
        raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}

    def sign(self, data):
        return self.key.sign(data)


class Mac:
    def __init__(self, alg, digest):
        self.alg, self.digest = alg, digest

    def sign(self, data):
        return hmac.new(b"key", data, self.digest).digest()


def jws(key, payload, path, nonce=True, **header):
    protected = {"alg": key.alg, "url": BASE + path, **header}
    if nonce:
        protected["nonce"] = NONCE
    head = b64(json.dumps(protected).encode())
    tail = "" if payload is None else b64(json.dumps(payload).encode())
    return {"protected": head, "payload": tail, "signature": b64(key.sign(f"{head}.{tail}".encode()))}


def seed_keys(keys):
    account = BASE + "/account/AAAAAAAAAAAAAAAAAAAAAAAA"
    for name, key in keys.items():
        save("fuzz_jwk", name, json.dumps(key.jwk()))
        save("fuzz_jws", f"new_account_{name}",
             json.dumps(jws(key, {"termsOfServiceAgreed": True, "contact": ["mailto:admin@example.com"]},
                            "/new-account", jwk=key.jwk())))
        save("fuzz_jws", f"post_as_get_{name}", json.dumps(jws(key, None, "/order/x", kid=account)))
        save("fuzz_jws", f"inner_{name}",
             json.dumps(jws(key, {"account": account, "oldKey": key.jwk()}, "/key-change", nonce=False, jwk=key.jwk())))
    header = {"alg": "ES256", "url": BASE + "/new-order", "nonce": NONCE}
    save("fuzz_jws", "header_kid", json.dumps({**header, "kid": account}))
    save("fuzz_jws", "header_jwk", json.dumps({**header, "jwk": keys["p256"].jwk()}))
    save("fuzz_jws", "header_binding", json.dumps({"alg": "HS256", "url": BASE + "/new-account", "kid": "key-1"}))
    for alg, digest in ("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"):
        binding = jws(Mac(alg, digest), keys["p256"].jwk(), "/new-account", nonce=False, kid="key-1")
        save("fuzz_jws", f"binding_{alg}", json.dumps(binding))


def request(key, names, cn=None, digest=hashes.SHA256(), wishes=()):
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not cn)
    for wish in wishes:
        builder = builder.add_extension(wish, critical=False)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def seed_requests(keys):
    names = [x509.DNSName("a.example"), x509.DNSName("*.b.example"),
             x509.IPAddress(ipaddress.ip_address("192.0.2.1")), x509.IPAddress(ipaddress.ip_address("2001:db8::1"))]
    for name in "p256", "p384", "p521", "rsa":
        save("fuzz_csr", name, request(keys[name].key, names))
    save("fuzz_csr", "cn_alone", request(keys["p256"].key, [], "a.example"))
    save("fuzz_csr", "cn_and_names", request(keys["p256"].key, names, "a.example", hashes.SHA384()))
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                           "key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
    save("fuzz_csr", "wishes", request(keys["p256"].key, names, wishes=[
        x509.TLSFeature([x509.TLSFeatureType.status_request]), x509.BasicConstraints(True, None),
        x509.KeyUsage(key_cert_sign=True, **usage), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
        x509.NameConstraints([x509.DNSName(".a.example")], None)]))
    save("fuzz_csr", "refused_email", request(keys["p256"].key, [x509.RFC822Name("a@b.example")]))


def seed_names():
    names = ["example.com", "*.example.com", "xn--mnchen-3ya.example", "xn--11b6iy14e.example", "WWW.Example.COM",
             "1.2.3.4.in-addr.arpa", "192.0.2.1", "2001:db8::1", "2001:DB8:0:0:1:0:0:1"]
    for i, name in enumerate(names):
        save("fuzz_identifier", f"name_{i}", name)


def seed_json():
    documents = {
        "new_order": {"identifiers": [{"type": "dns", "value": "a.example"}], "profile": "default", "replaces": None},
        "nested": [[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]],
        "values": [1, -1, 1.5e10, True, False, None, "", "\u00fc\u20ac\U0001f642", "\\\"[{", {"a": {}}],
    }
    for name, document in documents.items():
        save("fuzz_json", name, json.dumps(document))
        save("fuzz_json", name + "_utf8", json.dumps(document, ensure_ascii=False, indent=1))


def main():
    keys = {"p256": Ec(ec.SECP256R1(), "P-256", "ES256", hashes.SHA256()),
            "p384": Ec(ec.SECP384R1(), "P-384", "ES384", hashes.SHA384()),
            "p521": Ec(ec.SECP521R1(), "P-521", "ES512", hashes.SHA512()),
            "rsa": Rsa(), "ed25519": Ed25519()}
    seed_keys(keys)
    seed_requests(keys)
    seed_names()
    seed_json()


if __name__ == "__main__":
    main()
