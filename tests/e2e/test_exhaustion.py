"""What strangers send costs a bounded amount of memory, and guessing a password costs time. A file of the store that
loses its pages ends the gateway with a line, and the programs are built with what the compiler has against attacks."""

import contextlib
import os
import re
import socket
import ssl
import subprocess

import pytest
import requests

from acme_client import AcmeClient
from process import TESTS
from sandbox_client import wait_for
from world import PUSH_PASSWORD, PUSH_USER, program

SANITIZED = any(word in open(program("acmegate"), "rb").read() for word in (b"__asan_init", b"__tsan_init"))

BODIES = 1000
BODY = 240 * 1024  # what is announced; nearly all of it is sent
# 32 MiB of bodies, as much again for buffers that grow by doubling, and for what a connection itself takes.
GROWTH_KIB = {"plain": 80 * 1024, "tls": 140 * 1024}


def _memory_kib(world):
    with open(f"/proc/{world.gateway.pid}/status", encoding="ascii") as file:
        return int(re.search(r"^RssAnon:\s+(\d+) kB", file.read(), re.M).group(1))


def _connect(world, listener):
    plain = socket.create_connection(("127.0.0.1", world.ports[listener]), timeout=30)
    if listener == "public":
        return plain
    context = ssl.create_default_context(cafile=world.pki.ca)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def _send_unfinished(one, path, announced, sent):
    one.settimeout(5)
    with contextlib.suppress(OSError):
        one.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose+json\r\nContent-Length: %d\r\n\r\n"
                    % (path.encode(), announced) + b"x" * sent)


def _answer(one):
    one.settimeout(10)
    try:
        return one.recv(4096).decode("latin-1")
    except OSError:
        return ""


@pytest.mark.parametrize("listener, path, announced", [
    ("public", "/push/sectigo", BODY), ("acme", "/acme/new-order", 60 * 1024)])
def test_a_thousand_unfinished_bodies(world, listener, path, announced):
    """Over the budget who has been idle longest is told 503; others, and who finishes, are served as ever."""
    before = _memory_kib(world)
    with contextlib.ExitStack() as opened:
        sockets = []
        for _ in range(BODIES):
            sockets.append(opened.enter_context(_connect(world, listener)))
            _send_unfinished(sockets[-1], path, announced, announced - 1)
        grown = _memory_kib(world) - before
        print(f"{BODIES} unfinished bodies of {announced} octets on {listener}: {grown} KiB more")
        assert SANITIZED or grown < GROWTH_KIB["plain" if listener == "public" else "tls"], f"{grown} KiB"
        assert " 503 " in _answer(sockets[0]) and "Retry-After" in _answer(sockets[1])
        assert AcmeClient(world.directory, world.pki.ca).nonce()
        sockets[-1].sendall(b"x")  # the newest is whole now
        assert re.match(r"HTTP/1.1 4(01|00) ", _answer(sockets[-1]))
        world.wait_log(lambda line: "bodies that do not come to their end" in line.get("msg", ""))


@pytest.mark.parametrize("listener, path, limit", [
    ("public", "/nothing", 4), ("public", "/.well-known/pki-validation/x", 4), ("public", "/push/sectigo", 256),
    ("acme", "/nothing", 4), ("acme", "/acme/new-authz", 16), ("acme", "/acme/new-order", 64)])
def test_a_body_is_bounded_by_its_route_before_it_is_read(world, listener, path, limit):
    """By what is announced, before it comes; and by what comes, where nothing is announced."""
    with _connect(world, listener) as one:
        _send_unfinished(one, path, limit * 1024 * 5 // 4 + 1, 1)
        answer = _answer(one)
        head, _, body = answer.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 413 "), answer
        assert len(body) == int(re.search(r"Content-Length: (\d+)", head).group(1))
        assert _answer(one) == "", "the connection is over"
    with _connect(world, listener) as one:
        size = limit * 1024 * 5 // 4 + 4096
        one.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n"
                    % (path.encode(), 2 * size) + b"x" * size)
        assert " 413 " in _answer(one)
    with _connect(world, listener) as one:
        _send_unfinished(one, path, limit * 1024, limit * 1024)
        assert not re.match(r"HTTP/1.1 (413|5)", _answer(one)), "as much as it may"


def test_a_body_after_continue_is_bounded_too(world):
    with _connect(world, "public") as one:
        one.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
        wait_for("the refusal", lambda: " 413 " in _answer(one))


def test_wrong_push_credentials_are_slowed(make_world):
    world = make_world()
    url = world.public_url + "/push/sectigo"
    push = {"orderNumber": "99", "statusCode": "6"}
    with requests.Session() as session:
        session.trust_env = False
        said = [session.post(url, data=push, auth=(PUSH_USER, f"guess{n}"), timeout=30).status_code for n in range(40)]
        assert said[:20] == [401] * 20 and set(said[20:]) <= {401, 429} and said.count(429) >= 15, said
        right = session.post(url, data=push, auth=(PUSH_USER, PUSH_PASSWORD), timeout=30)
        assert right.status_code == 429 and int(right.headers["Retry-After"]) <= 3, "not told from the wrong ones"
        wait_for("the next try", lambda: session.post(url, data=push, auth=(PUSH_USER, PUSH_PASSWORD),
                                                      timeout=30).status_code == 200)


@pytest.mark.lmdb("cuts its file short")
def test_a_store_that_is_cut_while_it_runs(make_world):
    """One line, and a status after which the unit starts nothing; and the next start says the same."""
    world = make_world()
    gateway, world.gateway = world.gateway, None
    os.truncate(world.path("store/data.mdb"), 4096)
    with contextlib.suppress(requests.RequestException, AssertionError):
        AcmeClient(world.directory, world.pki.ca).new_account()
    status = gateway.wait_end()
    assert status == 74, gateway.tail(20)
    said = [line for line in gateway.lines if "cut short" in line]
    assert len(said) == 1 and world.path("store/data.mdb") in said[0] and "backup" in said[0], gateway.tail(20)
    again = world.run_gateway("--config", world.path("acmegate.yaml"))
    assert again.returncode == 1 and '"ready"' not in again.output, again.output


def test_the_unit_bounds_memory_and_restarts():
    with open(os.path.join(os.path.dirname(TESTS), "deploy/acmegate.service"), encoding="utf-8") as file:
        unit = dict(re.findall(r"^(\w+)=(.*)$", file.read(), re.M))
    assert unit["MemoryMax"] == "2G" and unit["RestartPreventExitStatus"] == "74"
    assert unit["Restart"] == "on-failure" and unit["LimitCORE"] == "0"


@pytest.mark.parametrize("name", ["acmegate", "acmegatectl", "sectigo"])
def test_programs_are_hardened(name):
    def readelf(*options):
        return subprocess.run(["readelf", "-W", *options, program(name)], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    assert re.search(r"Type:\s+DYN", readelf("-h")), "at a random address"
    segments = readelf("-l")
    assert "GNU_RELRO" in segments and not re.search(r"GNU_STACK.*RWE", segments)
    assert SANITIZED or re.search(r"FLAGS.*NOW", readelf("-d")), "no table of calls that can be written to"
    symbols = readelf("--dyn-syms")
    assert SANITIZED or "__stack_chk_fail" in symbols and re.search(r"__\w+_chk@", symbols), "stacks and buffers"
    if os.uname().machine == "x86_64" and not SANITIZED:  # which have flags of their own
        with open(os.path.join(os.environ["ACMEGATE_BUILD"], "compile_commands.json"), encoding="utf-8") as file:
            commands = file.read()
        for flag in ("-fcf-protection", "-fstack-clash-protection", "-D_FORTIFY_SOURCE="):
            assert flag in commands, flag
