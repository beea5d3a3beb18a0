#!/usr/bin/env python3
"""Writes the seeds of fuzz_acme_payload, fuzz_http01, fuzz_admin_query and fuzz_http: requests and replies of every
kind. Run by hand when a kind is added (each run makes a new key)."""
import base64
import datetime
import pathlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CORPUS = pathlib.Path(__file__).parent / "corpus"
BASE = "https://acme.test"


def write(target, name, octets):
    folder = CORPUS / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(octets if isinstance(octets, bytes) else octets.encode("latin-1"))


# ---- fuzz_acme_payload: as its file has them ----

BY_KEY, BY_CERTIFICATE_KEY, BY_NEW_KEY, BY_OTHER, LATE, BY_GET = 1, 2, 4, 8, 16, 32
OWN, OTHERS, REVOKED, ACCOUNT, ACCOUNT_KEY, NEW_KEY, OWN_NAME = "\x01\x02\x03\x04\x05\x06\x07"


def encoded(text):
    return f"\x0e{text}\x0f"


def request(name, path, who, payload=""):
    write("fuzz_acme_payload", name, f"{path}\n{chr(who)}{payload}")


def unknown_certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    begin = datetime.datetime(2026, 1, 1)
    certificate = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([]))
                   .public_key(key.public_key()).serial_number(77).not_valid_before(begin)
                   .not_valid_after(begin + datetime.timedelta(90)).sign(key, hashes.SHA256()))
    return base64.urlsafe_b64encode(certificate.public_bytes(serialization.Encoding.DER)).rstrip(b"=").decode()


def revocations():
    path = "/acme/revoke-cert"
    request("revoke_own", path, 0, f'{{"certificate":"{OWN}","reason":1}}')
    request("revoke_others", path, 0, f'{{"certificate":"{OTHERS}"}}')
    request("revoke_by_owner", path, BY_OTHER, f'{{"certificate":"{OTHERS}","reason":4}}')
    request("revoke_revoked", path, 0, f'{{"certificate":"{REVOKED}"}}')
    request("revoke_by_its_key", path, BY_KEY | BY_CERTIFICATE_KEY, f'{{"certificate":"{OWN}","reason":5}}')
    request("revoke_by_a_key", path, BY_KEY, f'{{"certificate":"{OWN}"}}')
    request("revoke_late", path, LATE, f'{{"certificate":"{OWN}"}}')
    request("revoke_reason", path, 0, f'{{"certificate":"{OWN}","reason":9}}')
    request("revoke_reason_text", path, 0, f'{{"certificate":"{OWN}","reason":"1"}}')
    request("revoke_nothing", path, 0, "{}")
    request("revoke_rubbish", path, 0, '{"certificate":"AAAA"}')
    request("revoke_more", path, 0, f'{{"certificate":"{OWN}AAAA"}}')
    request("revoke_unknown", path, 0, f'{{"certificate":"{unknown_certificate()}"}}')


def names():
    for name, text in (("own", OWN_NAME), ("revoked", "YXV0aG9yaXR5.EgM"), ("unknown", "YXV0aG9yaXR5.EgQ"),
                       ("other_authority", "b3RoZXI.EgE"), ("no_dot", "YXV0aG9yaXR5"), ("padded", "YXV0aG9yaXR5.EgE="),
                       ("zero", "YXV0aG9yaXR5.ABIB"), ("negative", "YXV0aG9yaXR5.gQ"), ("empty", ".EgE"),
                       ("long", "A" * 100 + ".EgE"), ("leading_zero", "YXV0aG9yaXR5.AIcB")):
        request("name_" + name, "/acme/renewal-info/" + text, BY_GET)
    request("replaces", "/acme/new-order", 0,
            f'{{"identifiers":[{{"type":"dns","value":"a.example"}}],"replaces":"{OWN_NAME}"}}')
    request("replaces_others", "/acme/new-order", 0,
            '{"identifiers":[{"type":"dns","value":"a.example"}],"replaces":"YXV0aG9yaXR5.EgI"}')


def key_changes():
    path = "/acme/key-change"

    def change(name, payload, jwk=NEW_KEY, url=BASE + path):
        inner = encoded(f'{{"alg":"ES256","url":"{url}","jwk":{jwk}}}')
        request("key_change_" + name, path, 0,
                f'{{"protected":"{inner}","payload":"{encoded(payload)}","signature":"AAAA"}}')

    change("good", f'{{"account":"{ACCOUNT}","oldKey":{ACCOUNT_KEY}}}')
    change("other_account", f'{{"account":"{BASE}/acme/account/x","oldKey":{ACCOUNT_KEY}}}')
    change("no_old_key", f'{{"account":"{ACCOUNT}"}}')
    change("other_old_key", f'{{"account":"{ACCOUNT}","oldKey":{NEW_KEY}}}')
    change("rubbish", "[")
    change("key_in_use", f'{{"account":"{ACCOUNT}","oldKey":{ACCOUNT_KEY}}}', jwk=ACCOUNT_KEY)
    change("other_url", f'{{"account":"{ACCOUNT}","oldKey":{ACCOUNT_KEY}}}', url=BASE + "/acme/new-order")
    request("key_change_bare", path, 0, "{}")


def bindings():
    path = "/acme/new-account"

    def bind(name, kid="k1", key=NEW_KEY, url=BASE + path, more=""):
        inner = encoded(f'{{"alg":"HS256","kid":"{kid}","url":"{url}"}}')
        request("bind_" + name, path, BY_KEY | BY_NEW_KEY,
                f'{{"termsOfServiceAgreed":true,"externalAccountBinding":{{"protected":"{inner}",'
                f'"payload":"{encoded(key)}","signature":"AAAA"{more}}}}}')

    bind("good")
    bind("disabled", kid="k2")
    bind("unknown", kid="k9")
    bind("other_key", key=ACCOUNT_KEY)
    bind("other_url", url=BASE + "/acme/new-order")
    bind("rubbish", key="[")
    bind("large", more=f',"note":"{"x" * 5000}"')
    request("account_there", path, BY_KEY, '{"onlyReturnExisting":true}')


def others():
    request("new_order", "/acme/new-order", 0, '{"identifiers":[{"type":"dns","value":"*.a.example"}]}')
    request("new_authz", "/acme/new-authz", 0, '{"identifier":{"type":"dns","value":"a.example"}}')
    request("no_resource", "/acme/nothing", 0, "{}")
    request("directory", "/directory", BY_GET)


# ---- fuzz_http01: answers of the network ----

def network(name, *answers):
    lines = [bytes([result, status, flags]) + redirect + b"\t" + body
             for result, status, flags, redirect, body in answers]
    write("fuzz_http01", name, b"\n".join(lines))


def validations():
    good, cut, private = (0, 0, 4, b"", b""), 1, 2
    network("good", good)
    network("spaces", (0, 0, 0, b"", b"token.thumbprint \t "))
    network("other", (0, 0, 0, b"", b"what is within"))
    network("private", (0, 0, private, b"", b"what is within"))
    network("cut", (0, 0, cut, b"", b"token.thumbprint"))
    network("status", (0, 6, 0, b"", b"not here"))
    for result in range(1, 6):
        network(f"result_{result}", (result, 0, 0, b"", b""))
    for name, url in (("plain", b"http://b.example/x"), ("tls", b"https://b.example/x"),
                      ("port", b"http://b.example:22/"),
                      ("address", b"http://192.0.2.9/"), ("scheme", b"ftp://b.example/"), ("nowhere", b""),
                      ("own_port", b"http://b.example:80/"), ("long", b"http://b.example/" + b"x" * 3000)):
        network("redirect_" + name, (0, 1, 0, url, b""), good)
    network("redirect_within", (0, 2, private, b"ftp://within/", b""))
    network("redirect_then", (0, 2, 0, b"http://b.example/", b""), (0, 6, 0, b"", b"what is within"))
    network("redirects", *[(0, 3, 0, b"http://b.example/" + bytes([97 + n]), b"") for n in range(6)])


# ---- fuzz_admin_query ----

def query(name, text, takes=0xffffffff):
    write("fuzz_admin_query", name, struct.pack("=I", takes) + text.encode())


def queries():
    query("none", "")
    query("all", "limit=5&after=0600&name=.a.example&account=x&policy=default&target=t&newest=1&since=17&days=30"
                 "&months=12&reason=keyCompromise&refusals=1&skip_preflight=1&accept_orphans=1&preview=1&state=pending")
    query("small_pages", "limit=3")
    query("small_pages_back", "limit=3&newest=1")
    query("behind", "limit=2&after=1203")
    query("before", "limit=2&newest=1&after=ff")
    query("behind_the_last", "after=" + "ff" * 300)
    query("no_cursor", "after=xyz")
    query("reason_number", "reason=4")
    query("reason_wrong", "reason=9")
    query("escaped", "name=%2a.a%2eexample")
    query("badly_escaped", "name=%2")
    query("nul", "name=%00")
    query("long", "name=" + "a" * 300)
    query("long_name", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1")
    query("unknown", "colour=red")
    query("not_here", "limit=1", takes=0)
    query("state_wrong", "state=lost")
    query("limit_wrong", "limit=0")
    query("limit_large", "limit=99999999999999999999999")
    query("days_wrong", "days=x")
    query("months_wrong", "months=61")
    query("since_wrong", "since=-1")
    query("empty_members", "&&limit=1&")
    query("odd_octets", "name=\u00fc\x7f")


# ---- fuzz_http ----

def http(name, text, listener=0):
    write("fuzz_http", name, bytes([listener]) + (text if isinstance(text, bytes) else text.encode("latin-1")))


def octets():
    host = "Host: x\r\n"
    http("get", f"GET /a?b=c HTTP/1.1\r\n{host}\r\n")
    http("two", f"GET /a HTTP/1.1\r\n{host}\r\nGET /teapot HTTP/1.1\r\n{host}Connection: close\r\n\r\n")
    http("post", f"POST /push HTTP/1.1\r\n{host}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
    http("chunked", f"POST /push HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    http("bad_chunk", f"POST /push HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nz\r\nhello\r\n0\r\n\r\n")
    http("unfinished", f"POST /push HTTP/1.1\r\n{host}Content-Length: 500\r\n\r\nhello")
    http("expect", f"POST /push HTTP/1.1\r\n{host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    http("large", f"POST /push HTTP/1.1\r\n{host}Content-Length: 99999999\r\n\r\nhello")
    http("no_host", "GET / HTTP/1.1\r\n\r\n")
    http("two_hosts", f"GET / HTTP/1.1\r\n{host}{host}\r\n")
    http("two_lengths", f"POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
    http("length_and_chunks", f"POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello")
    http("old", "GET /a HTTP/1.0\r\n\r\n")
    http("old_chunks", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    http("absolute", f"GET http://x:80/a?b HTTP/1.1\r\n{host}\r\n")
    http("absolute_bare", f"GET http://x HTTP/1.1\r\n{host}\r\n")
    http("empty_lines", f"\r\n\r\nGET /a HTTP/1.1\r\n{host}\r\n")
    http("options", f"OPTIONS * HTTP/1.1\r\n{host}\r\n")
    http("connect", f"CONNECT x:1 HTTP/1.1\r\n{host}\r\n")
    http("head", f"HEAD /a HTTP/1.1\r\n{host}\r\n")
    http("long_head", f"GET /a HTTP/1.1\r\n{host}X: {'y' * 9000}\r\n\r\n")
    http("escapes", f"GET /%2e%2e/%00/%zz?%41 HTTP/1.1\r\n{host}\r\n")
    http("fields", f"GET /a HTTP/1.1\r\n{host}Authorization: Basic eDp5\r\nCookie: a=b\r\nIf-None-Match: \"x\"\r\n"
                   "X-Forwarded-For: 192.0.2.1\r\nX-CSRF-Token: t\r\n\r\n")
    http("health", f"GET /healthz HTTP/1.1\r\n{host}\r\n")
    http("ready", f"GET /readyz HTTP/1.1\r\n{host}\r\n", 2)
    http("metrics", f"GET /metrics HTTP/1.1\r\n{host}\r\n", 2)
    http("proxy", f"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /a HTTP/1.1\r\n{host}\r\n", 1)
    http("proxy_binary", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(range(12)) +
         b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 1)
    http("proxy_none", f"GET /a HTTP/1.1\r\n{host}\r\n", 1)
    http("tls", b"\x16\x03\x01\x00\x05hello")
    http("http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    http("upgrade", f"GET /a HTTP/1.1\r\n{host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")


def main():
    for seeds in (revocations, names, key_changes, bindings, others, validations, queries, octets):
        seeds()


if __name__ == "__main__":
    main()
