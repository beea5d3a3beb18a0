"""Bodies that readers disagree about: duplicate members, deep nesting, invalid UTF-8, base64url with stray bits."""

import json

import pytest

from acme_client import b64
from dns_server import ZONE

ORDER = {"identifiers": [{"type": "dns", "value": "json." + ZONE}]}
TEXT = json.dumps(ORDER).encode()

PAYLOADS = {
    "a member twice": TEXT[:-1] + b"," + TEXT[1:],
    "a member twice, deep": TEXT.replace(b'"type": "dns"', b'"type": "dns", "type": "dns"'),
    "invalid UTF-8": TEXT[:-1] + b', "x": "\xff"}', "overlong UTF-8": TEXT[:-1] + b', "x": "\xc0\xaf"}',
    "half a surrogate": TEXT[:-1] + b', "x": "\\ud800"}', "deep lists": TEXT[:-1] + b', "x": ' + b"[" * 99 + b"]" * 99 + b"}",
    "deep objects": TEXT[:-1] + b', "x": ' + b'{"a":' * 99 + b"1" + b"}" * 99 + b"}", "text after it": TEXT + b"x",
    "two of them": TEXT + TEXT, "a NUL after it": TEXT + b"\0", "a list": b"[" + TEXT + b"]", "a comment": b"/**/" + TEXT,
    "a byte order mark": b"\xef\xbb\xbf" + TEXT,
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_8555_6_1_payload(client, expect, what):
    expect.problem(what, client.post(client.directory["newOrder"], PAYLOADS[what]), "malformed")


def test_8555_6_1_protected_header_with_a_member_twice(client, expect):
    url = client.directory["newOrder"]
    header = json.dumps({"alg": "ES256", "kid": client.kid, "nonce": client.nonce(), "url": url})
    start, text = b64((header[:-1] + ', "alg": "none", "alg": "ES256"}').encode()), b64(TEXT)
    signature = b64(client.key.sign(f"{start}.{text}".encode()))
    answer = client.send(url, {"protected": start, "payload": text, "signature": signature})
    expect.problem("answer", answer, "malformed")


def test_8555_6_1_envelope_with_a_member_twice(client, expect):
    url = client.directory["newOrder"]
    jws = json.dumps(client.jws(url, ORDER))
    answer = client.send(url, (jws[:-1] + f', "payload": "{b64(TEXT)}"}}').encode())
    expect.problem("answer", answer, "malformed")


@pytest.mark.parametrize("member", ["payload", "signature"])
def test_8555_6_1_base64url_with_stray_bits(client, expect, member):
    """The last letter of an encoding whose length is no multiple of four has bits that must be zero."""
    url = client.directory["newOrder"]
    for blanks in range(3):  # until the length fits
        payload = TEXT + b" " * blanks
        if len(payload) % 3:
            break
    jws = client.jws(url, payload)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(jws[member]) % 4
    jws[member] = jws[member][:-1] + alphabet[alphabet.index(jws[member][-1]) + 1]
    expect.problem(member, client.send(url, jws), "malformed")


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024])
def test_oversized_body(client, expect, size):
    answer = client.send(client.directory["newOrder"], b'{"payload": "' + b"A" * size + b'"}')
    expect.problem(str(size), answer, "malformed", 413)


def test_8555_6_2_critical_header(client, expect):
    """RFC 7515 section 4.1.11: what is critical and not understood makes the JWS invalid."""
    answer = client.post(client.directory["newOrder"], ORDER, protected={"crit": ["unheard"], "unheard": 1})
    expect.problem("answer", answer, "malformed")
