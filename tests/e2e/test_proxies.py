"""Behind a proxy: limits, logs and the push's addresses are about who really asks, and nobody else is believed."""

import contextlib
import socket

import pytest
import requests

from acme_client import AcmeClient
from dns_server import ZONE
from loopback import release_port, take_port
from process import Process
from sandbox_client import wait_for
from world import PUSH_PASSWORD, PUSH_USER, World

HAPROXY = "/usr/sbin/haproxy"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def _listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


@contextlib.contextmanager
def haproxy(world, mode, server):
    """HAProxy in front of a server of the world; yields the port that it listens on."""
    port, file = take_port(), world.path("haproxy.cfg")
    more = "option forwardfor" if mode == "http" else ""
    with open(file, "w", encoding="ascii") as out:
        out.write(f"defaults\n  mode {mode}\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
                  f"frontend front\n  bind 127.0.0.1:{port}\n  {more}\n  default_backend back\n"
                  f"backend back\n  server gateway {server}\n")
    proxy = Process("haproxy", [HAPROXY, "-db", "-f", file], world.folder)
    try:
        wait_for("HAProxy", lambda: _listens(port))
        yield port
    finally:
        proxy.stop()
        release_port(port)


def _behind(acme=None, public=None):
    def change(config):
        config["log_requests"] = True
        config["acme"].update(acme or {})
        config["public"].update(public or {})
        config["public"]["push"]["allow"] = ["192.0.2.7", "2001:db8::7"]
    return change


def _session():
    session = requests.Session()
    session.trust_env = False
    return session


def _push(url, **headers):
    return _session().get(url + "/push/sectigo", params={"orderNumber": "1", "statusCode": "6"}, timeout=30,
                          auth=(PUSH_USER, PUSH_PASSWORD), headers=headers)


def _peer(world, path):
    return world.wait_log(lambda line: line.get("msg") == "request" and line.get("path", "").startswith(path))["peer"]


@pytest.mark.parametrize("field, status", [
    ("192.0.2.7", 200),
    ("198.51.100.1, 192.0.2.7", 200),
    ("198.51.100.1, 192.0.2.7, 127.0.0.1", 200),
    ("[2001:db8::7]:4711", 200),
    ("192.0.2.7:4711", 200),
    ("192.0.2.7, 198.51.100.1", 403),     # the last that is no proxy is who asks
    ("192.0.2.7, nonsense", 403),         # what stands before that cannot be believed
    ("192.0.2.7, ", 403),
    ("192.0.2.7, 300.1.1.1", 403),
    ("", 403),
    (None, 403),
])
def test_forwarded_for(trusting, field, status):
    headers = {} if field is None else {"X-Forwarded-For": field}
    assert _push(trusting.public_url, **headers).status_code == status


@pytest.fixture(scope="module")
def trusting(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("world"), learn="poll",
                change=_behind(public={"trusted_proxies": ["127.0.0.0/8"]}))
    yield one
    one.close()


def test_two_fields_are_one_list(trusting):
    with socket.create_connection(("127.0.0.1", trusting.ports["public"]), timeout=30) as raw:
        raw.sendall(b"GET /list HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 127.0.0.2\r\n"
                    b"Connection: close\r\n\r\n")
        assert b"404" in raw.recv(4096)
    assert _peer(trusting, "/list") == "192.0.2.7"


def test_a_stranger_is_not_believed(make_world):
    world = make_world(learn="poll", change=_behind(public={"trusted_proxies": ["192.0.2.99"]}))
    assert _push(world.public_url, **{"X-Forwarded-For": "192.0.2.7"}).status_code == 403
    assert _session().get(world.public_url + "/who", headers={"X-Forwarded-For": "192.0.2.7"}, timeout=30).status_code == 404
    assert _peer(world, "/who") == "127.0.0.1"


def test_limits_are_about_who_asks(make_world):
    """One address has used its requests up, another behind the same proxy has not."""
    def change(config):
        _behind(acme={"trusted_proxies": ["127.0.0.1"]})(config)
        config["acme"]["limits"] = {"address": 2, "account": 0, "external_key": 0}
    world = make_world(learn="poll", change=change)
    client = AcmeClient(world.directory, world.pki.ca)
    client.http.headers["X-Forwarded-For"] = "198.51.100.1"
    assert client.new_account().status_code == 201
    assert client.try_order(["a." + ZONE]).status_code == 201
    refused = client.try_order(["a." + ZONE])
    assert refused.status_code == 429
    line = world.wait_log(lambda line: line.get("msg") == "a request is refused")
    assert line["peer"] == "198.51.100.1" and line["request_id"]
    client.http.headers["X-Forwarded-For"] = "198.51.100.2"
    assert client.try_order(["a." + ZONE]).status_code == 201


def test_haproxy_in_front_of_the_public_listener(make_world):
    world = make_world(learn="poll", change=_behind(public={"trusted_proxies": ["127.0.0.1"]}))
    with haproxy(world, "http", f"127.0.0.1:{world.ports['public']}") as port:
        session = _session()
        assert session.get(f"http://127.0.0.1:{port}/through", timeout=30).status_code == 404
        # all are on this machine: HAProxy's own word for its client is a trusted one's, so what it was told counts
        assert _push(f"http://127.0.0.1:{port}", **{"X-Forwarded-For": "192.0.2.7"}).status_code == 200
    assert _peer(world, "/through") == "127.0.0.1"


@pytest.mark.parametrize("version", ("send-proxy", "send-proxy-v2"))
def test_haproxy_forwards_tls(make_world, version):
    """The client speaks TLS with the gateway itself; HAProxy, at 127.0.0.2, says where it comes from."""
    world = make_world(learn="poll", change=_behind(acme={"trusted_proxies": ["127.0.0.2"], "proxy_protocol": True}))
    server = f"127.0.0.1:{world.ports['acme']} source 127.0.0.2 {version}"
    with haproxy(world, "tcp", server) as port:
        session = _session()
        answer = session.get(f"https://127.0.0.1:{port}/directory", verify=world.pki.ca, timeout=30)
        assert answer.status_code == 200 and "newOrder" in answer.json()
    assert _peer(world, "/directory") == "127.0.0.1"
    # who is no proxy speaks TLS at once, as ever
    assert AcmeClient(world.directory, world.pki.ca).new_account().status_code == 201


def _converse(world, *pieces):
    """What the public listener says to these octets, each sent on its own."""
    with socket.create_connection(("127.0.0.1", world.ports["public"]), timeout=30) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                raw.sendall(piece)
            return raw.recv(4096)
    return b""


@pytest.fixture(scope="module")
def speaking(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("world"), learn="poll",
                change=_behind(public={"trusted_proxies": ["127.0.0.1"], "proxy_protocol": True}))
    yield one
    one.close()


@pytest.mark.parametrize("header, peer", [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 80\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 80\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (SIGNATURE + b"\x21\x11\x00\x0c\xc0\x00\x02\x08\xc6\x33\x64\x01\xdc\x04\x00\x50", "192.0.2.8"),
    (SIGNATURE + b"\x20\x00\x00\x00", "127.0.0.1"),
])
def test_headers(speaking, header, peer):
    path = f"/by-{header.hex()[-16:]}-{len(header)}"
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    assert b" 404 " in _converse(speaking, header + request)
    assert _peer(speaking, path) == peer
    pieces = [bytes([octet]) for octet in header]
    assert b" 404 " in _converse(speaking, *pieces, request)


@pytest.mark.parametrize("hostile", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PROXY TCP4 a b c d\r\n", SIGNATURE + b"\x21\x11\xff\xff",
                                     b"PROXY TCP4 " + b"1" * 5000, b"\x16\x03\x01\x00\x05hello"])
def test_what_is_no_header_ends_the_connection(speaking, hostile):
    assert _converse(speaking, hostile) == b""
    assert b" 404 " in _converse(speaking, b"PROXY UNKNOWN\r\nGET /alive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_the_field_counts_behind_the_header(speaking):
    """Of a client that the header names and nobody trusts, X-Forwarded-For is ignored."""
    request = b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.9\r\nConnection: close\r\n\r\n"
    assert b" 404 " in _converse(speaking, b"PROXY TCP4 192.0.2.7 127.0.0.1 1 80\r\n" + request % b"stranger")
    assert _peer(speaking, "/stranger") == "192.0.2.7"
    assert b" 404 " in _converse(speaking, b"PROXY TCP4 127.0.0.1 127.0.0.1 1 80\r\n" + request % b"chained")
    assert _peer(speaking, "/chained") == "198.51.100.9"
