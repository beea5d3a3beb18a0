"""The throw-away CA under which the gateway's listener speaks TLS, and looks at certificates that came back."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from process import run


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject, issuer, key):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=7)))


def _write_key(path, key):
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(pem)


def _write_certificate(path, certificate):
    with open(path, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))


# Python 3.13 verifies strictly: an authority says so.
_SIGNS_CERTIFICATES = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False,
                                    data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                                    encipher_only=False, decipher_only=False)


class ListenerPki:
    """DIR/listener-ca.pem signs DIR/listener.pem for localhost and the loopback addresses."""

    def __init__(self, folder):
        self.ca = os.path.join(folder, "listener-ca.pem")
        self.certificate = os.path.join(folder, "listener.pem")
        self.key = os.path.join(folder, "listener-key.pem")
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = (_builder("acmegate test CA", "acmegate test CA", ca_key)
              .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
              .add_extension(_SIGNS_CERTIFICATES, critical=True)
              .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
              .sign(ca_key, hashes.SHA256()))
        names = [x509.DNSName("localhost")] + [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
        certificate = (_builder("localhost", "acmegate test CA", key)
                       .add_extension(x509.SubjectAlternativeName(names), critical=False)
                       .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                                      critical=False)
                       .sign(ca_key, hashes.SHA256()))
        _write_certificate(self.ca, ca)
        _write_certificate(self.certificate, certificate)
        _write_key(self.key, key)


def chain_of(pem):
    """The certificates of a PEM text, in its order."""
    end = b"-----END CERTIFICATE-----"
    data = pem.encode() if isinstance(pem, str) else pem
    return [x509.load_pem_x509_certificate(part + end) for part in data.split(end) if b"BEGIN" in part]


def names_of(certificate):
    names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    return sorted(names.get_values_for_type(x509.DNSName))


def check_chain(pem_path, root_path, names):
    """What every client must have got: leaf first, no root, exactly the names, and openssl agrees to the chain."""
    with open(pem_path, "rb") as file:
        chain = chain_of(file.read())
    assert len(chain) >= 2, f"{pem_path} holds {len(chain)} certificate(s); the intermediate is missing"
    assert names_of(chain[0]) == sorted(names)
    assert all(c.subject != c.issuer for c in chain), "the root is in the chain"
    for lower, upper in zip(chain, chain[1:]):
        assert lower.issuer == upper.subject
    done = run(["openssl", "verify", "-CAfile", root_path, "-untrusted", pem_path, pem_path], "/")
    assert done.returncode == 0, done.output
