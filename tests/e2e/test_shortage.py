"""A machine that is short of descriptors ends nobody's authorization: it is tried again, and goes well with room."""

import contextlib
import os
import resource
import socket

import pytest

import process
from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for

DESCRIPTORS = 256


@contextlib.contextmanager
def _silent_connections(world, count):
    """Connections to both listeners that say nothing."""
    sockets = []
    try:
        for number in range(count):
            one = socket.socket()
            one.setblocking(False)
            port = world.ports["acme" if number % 2 else "public"]
            with contextlib.suppress(BlockingIOError):
                one.connect(("127.0.0.1", port))
            sockets.append(one)
        yield
    finally:
        for one in sockets:
            one.close()


def _limit(pid, soft):
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def _status(client, order):
    return {client.fetch(url).json()["status"] for url in order["authorizations"]}


def test_a_flood_of_silent_connections(make_world, monkeypatch):
    """The gateway has few descriptors from its start, and strangers want more connections than there are."""
    def prepare_child():
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    world = make_world(learn="poll", change=lambda config: config["acme"].update(hold_finalize="0s"))
    die_with_parent = process._die_with_parent
    monkeypatch.setattr(process, "_die_with_parent", prepare_child)
    world.restart_gateway()
    monkeypatch.undo()
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    names = ["flood." + ZONE]
    with _silent_connections(world, 3 * DESCRIPTORS):
        with http_responder(world.ports["http01"]) as responder:
            url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1


@pytest.mark.parametrize("kind", ("http-01", "tls-alpn-01", "dns-01"))
def test_no_descriptor_is_left(make_world, kind):
    """None at all for a while: the authorizations wait, whatever they are proved by."""
    world = make_world()
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    names = ["none." + ZONE]
    answer = client.try_order(names)
    assert answer.status_code == 201
    order = answer.json()
    authz, = [client.fetch(url).json() for url in order["authorizations"]]
    challenge, = [one for one in authz["challenges"] if one["type"] == kind]
    held = len(os.listdir(f"/proc/{world.gateway.pid}/fd"))
    _limit(world.gateway.pid, 3)
    assert client.post(challenge["url"], {}).status_code == 200
    for _ in range(2):
        seen = len(world.gateway.lines)
        wait_for("it comes to nothing", lambda: any("a validation failed for a reason of ours" in line
                                                    for line in world.gateway.lines[seen:]), 30)
        assert _status(client, order) == {"pending"}, held
    _limit(world.gateway.pid, 4096)
    # With room it is judged as it deserves: nobody has put an answer in place.
    wait_for("it ends", lambda: _status(client, order) == {"invalid"}, 60)
