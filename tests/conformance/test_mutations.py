"""Ten thousand spoilt requests, after which nothing in the store has changed and the daemon is well."""

import copy
import http.client
import json
import os
import random
import socket
import ssl
import time

import pytest

from acme_client import JOSE, URN, AcmeClient, b64, make_csr, make_key
from dns_server import ZONE
from world import World

# ACMEGATE_SEED repeats a run. Where the machine is so slow that the time is over first, fewer have to do.
COUNT, SECONDS, AT_LEAST = 10000, 60, 1000


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("world"))
    yield one
    one.close()


def status(world):
    """GET /status of the admin socket."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(30)
        admin.connect(world.path("admin.sock"))
        admin.sendall(b"GET /status HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
        answer = http.client.HTTPResponse(admin)
        answer.begin()
        return json.loads(answer.read())


class Connection:
    """One kept-alive TLS connection, opened again when the daemon has closed it."""

    def __init__(self, world):
        self.context = ssl.create_default_context(cafile=world.pki.ca)
        self.http = http.client.HTTPSConnection("127.0.0.1", world.ports["acme"], timeout=30, context=self.context)

    def send(self, path, body):
        """(status, nonce, document)"""
        self.http.request("POST", path, body, {"Content-Type": JOSE})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.will_close:
            self.http.close()
        return answer.status, answer.headers["replay-nonce"], text


class Requests:
    """Requests of one account that would change state, were they not spoilt."""

    def __init__(self, world):
        self.client = client = AcmeClient(world.directory, world.pki.ca)
        assert client.new_account().status_code == 201
        _, order = client.new_order(["mutations." + ZONE])
        authz_url = order["authorizations"][0]
        challenge = client.fetch(authz_url).json()["challenges"][0]
        name = {"type": "dns", "value": "never." + ZONE}
        stranger = make_key("ES256")
        self.kinds = [
            (client.directory["newOrder"], {"identifiers": [name]}, None),
            (client.directory["newAccount"], {"contact": ["mailto:never@acme.example"]}, stranger),
            (client.directory["keyChange"], self._inner(stranger), None),
            (client.kid, {"contact": ["mailto:never@acme.example"]}, None),
            (client.kid, {"status": "deactivated"}, None),
            (authz_url, {"status": "deactivated"}, None),
            (challenge["url"], {}, None),
            (order["finalize"], {"csr": b64(make_csr(["mutations." + ZONE]))}, None),
        ]

    def _inner(self, new):
        client = self.client
        start = b64(json.dumps({"alg": new.alg, "jwk": new.jwk(), "url": client.directory["keyChange"]}).encode())
        text = b64(json.dumps({"account": client.kid, "oldKey": client.key.jwk()}).encode())
        return {"protected": start, "payload": text, "signature": b64(new.sign(f"{start}.{text}".encode()))}

    def header(self, url, key, nonce):
        signer = key or self.client.key
        by = {"jwk": key.jwk()} if key else {"kid": self.client.kid}
        return {"alg": signer.alg, "nonce": nonce, "url": url, **by}

    def sign(self, header, payload, key):
        start = b64(header if isinstance(header, bytes) else json.dumps(header).encode())
        text = b64(json.dumps(payload).encode())
        signature = b64((key or self.client.key).sign(f"{start}.{text}".encode()))
        return {"protected": start, "payload": text, "signature": signature}


# ---- what is done to a request: each takes (rng, octets or text) ----

def flip(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def cut(rng, data):
    return data[:rng.randrange(len(data))]


def drop(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 9):]


def insert(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(PIECES) + data[at:]


def swap(rng, data):
    a, b = sorted(rng.sample(range(len(data)), 2))
    return data[:a] + data[b:b + 1] + data[a + 1:b] + data[a:a + 1] + data[b + 1:]


def double(rng, data):
    a, b = sorted(rng.sample(range(len(data)), 2))
    return data[:b] + data[a:b] + data[b:]


PIECES = [b"\0", b"\xff\xfe", b'"', b"\\", b"\\u0000", b"{", b"}", b"[" * 40, b"]", b",", b"=", b"+", b"/", b"\xc0\xaf",
          b"\xed\xa0\x80", b"A" * 3000, b'"payload":"",', b"null", b"-1e999", b"\r\n\r\n", "\u202e".encode()]
OCTETS = [flip, cut, drop, insert, swap, double]

VALUES = [None, True, 0, -1, 1e300, "", "A" * 600, [], {}, "none", "\0", "\ud83d\ude00", [[]] * 3, {"a": {"b": {}}}, "AA=="]


def spoil_member(rng, header):
    """One member of the signed header gets another value, another name, or company that it must not have."""
    header = copy.deepcopy(header)
    member = rng.choice(sorted(header))
    what = rng.randrange(4)
    if what == 0:
        del header[member]
    elif what == 1:
        header[member + rng.choice("xX0")] = header.pop(member)
    elif what == 2:
        header[member] = rng.choice([value for value in VALUES if value != header[member]])
    else:
        header.update(rng.choice([{"crit": ["x"], "x": 1}, {"b64": False}, {"jwk": {}, "kid": "x"}]))
    return header


def same_request(body, jws):
    """Whether the mutation says what the request said: blanks between members, members that nobody reads."""
    try:
        read = json.loads(body)
        return all(read[name] == jws[name] for name in jws)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def mutate(rng, requests, nonce):
    """(URL, octets) of one spoilt request."""
    url, payload, key = rng.choice(requests.kinds)
    header = requests.header(url, key, nonce)
    if rng.random() < 0.3:
        return url, json.dumps(requests.sign(spoil_member(rng, header), payload, key)).encode()
    jws = requests.sign(header, payload, key)
    if rng.random() < 0.2:
        return rng.choice([u for u, _, _ in requests.kinds if u != url]), json.dumps(jws).encode()
    body = json.dumps(jws).encode()
    while True:
        spoilt = body
        for _ in range(rng.randrange(1, 4)):
            spoilt = rng.choice(OCTETS)(rng, spoilt) if len(spoilt) > 2 else b"{"
        if not same_request(spoilt, jws):
            return url, spoilt


def test_mutations_change_nothing(world):
    seed = int(os.environ.get("ACMEGATE_SEED") or random.SystemRandom().randrange(2 ** 32))
    print(f"ACMEGATE_SEED={seed}")
    rng, requests, connection = random.Random(seed), Requests(world), Connection(world)
    account = requests.client.fetch(requests.client.kid).json()
    before, nonce, sent = status(world), requests.client.nonce(), 0
    deadline = time.monotonic() + SECONDS
    while sent < COUNT and time.monotonic() < deadline:
        url, body = mutate(rng, requests, nonce)
        code, fresh, text = connection.send(url[len(world.acme_url):], body)
        sent += 1
        shown = f"seed {seed}, request {sent}: {url}\n{body!r}\n{code} {text!r}"
        assert 400 <= code < 500, shown
        document = json.loads(text)
        assert document["type"].startswith(URN) and document["detail"], shown
        nonce = fresh
    print(f"{sent} requests")
    assert sent >= AT_LEAST, f"only {sent} requests in {SECONDS} s"
    after = status(world)
    assert after["counts"] == before["counts"]
    # What is written of refusals is bounded: a hundred lines an hour, each again whenever its count has doubled.
    assert after["store"]["commits"] - before["store"]["commits"] <= 101 * (1 + sent.bit_length()), "too much is written"
    assert requests.client.fetch(requests.client.kid).json() == account
    assert world.ledger() == []
    assert not world.gateway.sanitizer_report()
