#!/usr/bin/env python3
"""Writes the seeds of fuzz_accept, fuzz_key_lists, fuzz_dns_update and fuzz_issue_records: valid inputs of every kind.

Needs python3-cryptography and python3-dnspython; run by hand when a kind is added (each run makes new keys)."""
import datetime
import hashlib
import ipaddress
import pathlib
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CORPUS = pathlib.Path(__file__).parent / "corpus"
BEGIN, END = datetime.datetime(2026, 10, 1), datetime.datetime(2099, 1, 1)


def write(target, name, octets):
    folder = CORPUS / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(octets)


# ---- certificates ----

class Authority:
    def __init__(self, name, issuer=None, key=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.issue(self.name, self.key, [], issuer or self, ca=True)

    @staticmethod
    def issue(subject, key, names, issuer, ca=False, begin=BEGIN):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(END)
                   .add_extension(x509.BasicConstraints(ca, None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer.key, hashes.SHA256())

    def leaf(self, *names, begin=BEGIN):
        key = ec.generate_private_key(ec.SECP256R1())
        return self.issue(x509.Name([]), key, list(names), self, begin=begin)


def pem(*certificates):
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def accept(name, flags, leaf, authorities, anchors, *names):
    leaf = leaf if isinstance(leaf, bytes) else pem(leaf)
    write("fuzz_accept", name, bytes([flags]) + b"\0".join(
        [leaf, pem(*authorities), pem(*anchors), "\n".join(names).encode()]))


def accepts():
    root, other = Authority("root"), Authority("other root")
    middle = Authority("middle", root)
    crossed = Authority("middle", other, middle.key)
    cross = Authority("root", other, root.key)
    one, base = x509.DNSName("a.example"), x509.DNSName("example")
    leaf, path = middle.leaf(one), ([middle.certificate], [root.certificate])
    accept("good", 0, leaf, *path, "a.example")
    accept("remembered", 16, leaf, *path, "a.example")
    accept("other_key", 1, leaf, *path, "a.example")
    accept("late", 4, leaf, *path, "a.example")
    accept("no_authorities", 8, leaf, *path, "a.example")
    accept("names_missing", 0, leaf, *path, "a.example", "b.example")
    accept("other_names", 0, leaf, *path, "b.example")
    accept("upper_case", 0, middle.leaf(x509.DNSName("A.Example")), *path, "a.example")
    accept("base", 2, middle.leaf(x509.DNSName("*.example"), base), *path, "*.example")
    accept("base_unwelcome", 0, middle.leaf(x509.DNSName("*.example"), base), *path, "*.example")
    accept("addresses", 0, middle.leaf(x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
                                       x509.IPAddress(ipaddress.ip_address("2001:db8::1"))), *path, "192.0.2.1")
    accept("mail", 0, middle.leaf(x509.RFC822Name("a@example")), *path, "a.example")
    accept("no_names", 0, middle.leaf(), *path, "a.example")
    accept("untrusted", 0, leaf, [middle.certificate], [other.certificate], "a.example")
    both = [root.certificate, other.certificate]
    accept("two_roots", 16, leaf, [middle.certificate, crossed.certificate], both, "a.example")
    accept("crossed_root", 0, leaf, [middle.certificate, cross.certificate], both, "a.example")
    accept("crossed_unused", 0, leaf, [cross.certificate, middle.certificate, other.certificate], both, "a.example")
    accept("no_certificate", 0, b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", *path, "a.example")


# ---- keys that are refused ----

def key_lists():
    digests = [hashlib.sha256(bytes([i])).hexdigest() for i in range(3)]
    blocked = "# keys\n\n" + "\n".join(digests) + "\n"
    weak = "\n".join(digest[:20].upper() for digest in digests) + "\n"
    write("fuzz_key_lists", "blocked", b"\0" + blocked.encode())
    write("fuzz_key_lists", "blocked_short", b"\0" + blocked[:-3].encode())
    write("fuzz_key_lists", "weak", b"\1" + weak.encode())
    write("fuzz_key_lists", "weak_folder", b"\2" + weak.encode())
    write("fuzz_key_lists", "weak_digit", b"\1" + weak.replace("A", "x").encode())
    write("fuzz_key_lists", "absent", b"\3x")


# ---- answers to DNS updates ----

OWNER = "_0123456789abcdef0123456789abcdef.acme.example."
TARGET = "0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210.abc.sectigo.com."


def answer(name, flags, rcode=dns.rcode.NOERROR, target=None, tsig_error=None, algorithm=b"\x0bhmac-sha256\0"):
    query = dns.message.make_query(OWNER, "CNAME")
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    if target:
        reply.answer.append(dns.rrset.from_text(OWNER, 60, "IN", "CNAME", target))
    wire = bytearray(reply.to_wire())
    if tsig_error is not None:  # as RFC 8945 section 5.2: without a MAC
        rdata = algorithm + struct.pack("!HIHHHHH", 0, 1790000000, 300, 0, 1, tsig_error, 0)
        wire += b"\x08acmegate\0" + struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata
        wire[11] = 1
    write("fuzz_dns_update", name, bytes([flags]) + bytes(wire))


def dns_updates():
    look, ours, sha512, signed, other = 2, 4, 8, 16, 32  # look: a kind; the others: flags
    for kind in range(3):
        for flags in (0, ours, ours | signed, ours | signed | sha512, ours | signed | other):
            value = next(v for v in range(flags, 256, 64) if v % 3 == kind)
            answer(f"kind{kind}_{flags}", value, target=TARGET if kind == look else None)
    value = next(v for v in range(ours | signed, 256, 64) if v % 3 == look)
    answer("other_target", value, target="elsewhere.example.")
    answer("nxdomain", value, dns.rcode.NXDOMAIN)
    for error in (16, 17, 18, 22):
        answer(f"tsig_{error}", ours, dns.rcode.NOTAUTH, tsig_error=error)
    answer("unknown_algorithm", ours, tsig_error=0, algorithm=b"\x08hmac-new\0")
    answer("refused", ours, dns.rcode.REFUSED)
    answer("unusual", ours, 11)
    write("fuzz_dns_update", "no_message", bytes([ours]) + b"\0" * 12 + b"x")


# ---- records of the issuer ----

class Record:
    """As store/record.h writes it; compact: numbers take the octets that they need."""

    def __init__(self, kind, version, compact):
        self.octets, self.compact = bytes([kind, version]), compact

    def u8(self, *values):
        self.octets += bytes(values)
        return self

    def number(self, form, values):
        for value in values:
            if not self.compact:
                self.octets += struct.pack(form, value)
                continue
            while value > 0x7f:
                self.octets += bytes([value & 0x7f | 0x80])
                value >>= 7
            self.octets += bytes([value])
        return self

    def u32(self, *values):
        return self.number("!I", values)

    def u64(self, *values):
        return self.number("!Q", values)

    def fixed(self, octets):
        self.octets += octets
        return self

    def text(self, *texts):
        for text in texts:
            self.u32(len(text)).fixed(text.encode() if isinstance(text, str) else text)
        return self


ID, ISSUANCE = bytes(range(18)), "a0123456789abcdef0123456789abcdef"
NOW = 1790000000000


def issuance(version, state, compact, csr=b"\x30\x00"):
    r = Record(0, version, compact).u32(3).u8(1, state).fixed(ID).fixed(ID).text("dv").u8(1)
    if csr or not compact:
        r.fixed(bytes(32))
    r.text("abc", "1000001", "4711").u64(NOW, NOW, NOW, NOW).u32(1, 0).u64(NOW, 0).u32(0, 0).u8(5).text("a note")
    r.text(csr).u32(2).fixed(ID).fixed(ID)
    if version >= 2:
        r.u8(1)
    if version >= 3:
        r.u64(NOW)
    if version >= 4:
        r.u64(NOW)
    return r.octets


def issue_records():
    def save(name, octets):
        write("fuzz_issue_records", name, octets)

    for version in range(1, 8):
        for compact in (False, True):
            save(f"issuance_{version}{'_compact' if compact else ''}", issuance(version, 3, compact))
    save("issuance_ended", issuance(5, 8, True, b""))
    for version in (1, 2):
        r = Record(1, version, version == 2).u8(2).text("policy", "dv", "main", "https://sectigo.example").u8(0)
        r.u32(488, 365).u64(NOW, 3500).text("1000001").u8(1).fixed(ID).text(ISSUANCE)
        r.u32(2).u8(1).text("a.example").u8(2).text("192.0.2.1").u32(2).text("4711", "4712").u32(1).text(ISSUANCE)
        save(f"subscription_{version}", r.octets)
    save("login_1", Record(2, 1, False).u64(NOW, NOW).octets)
    save("login_2", Record(2, 2, False).u64(NOW, NOW, NOW, NOW).octets)
    save("login_3", Record(2, 3, False).u64(NOW, NOW, 0, 0).u32(2, 3).text(ISSUANCE).u64(NOW).octets)
    for version in (1, 2):
        r = Record(3, version, False).u64(NOW, NOW, NOW).u32(1).u64(NOW, 100, NOW, NOW).u32(1, 2).text("note")
        if version == 2:
            r.u32(1).u64(NOW).u8(1)
        save(f"ledger_{version}", r.octets)
    save("payment", Record(4, 1, False).u8(1, 1).u64(NOW, NOW, NOW).u32(1, 2, 3, 0).u64(3500).text("note").octets)
    for version in (1, 2):
        r = Record(5, version, version == 2).u32(0, 2)
        for first, last in ((NOW, NOW), (NOW, NOW + 5)) if version == 1 else ((NOW, 0), (7, 5)):
            r.u64(first, last).u32(1).u8(3).text("what", "words")
        save(f"story_{version}", r.octets)


accepts()
key_lists()
dns_updates()
issue_records()
