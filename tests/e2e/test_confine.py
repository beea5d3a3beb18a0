"""A gateway that serves has given up what it does not need: capabilities, and system calls of all threads."""

import contextlib
import os
import sys

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from process import Process, clean_environment
from test_ctl import ctl
from test_reload import _refused
from world import log_of, program

NET_BIND_SERVICE = 1 << 10


def _sanitized():
    """In such a build the calls are not confined, and the log says so."""
    with open(program("acmegate"), "rb") as file:
        octets = file.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def _threads(world):
    """The status of each thread that does not end meanwhile."""
    folder = f"/proc/{world.gateway.pid}/task"
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                open(f"{folder}/{name}/status", encoding="ascii", errors="replace") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def test_every_thread(world):
    threads = list(_threads(world))
    assert len(threads) > 4, threads
    for thread in threads:
        assert thread["NoNewPrivs"] == "1", thread
        assert thread["Seccomp"] == ("0" if _sanitized() else "2"), thread
        for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(thread[name], 16) & ~NET_BIND_SERVICE == 0, (name, thread)
        if os.getuid() == 0:
            assert int(thread["CapBnd"], 16) & ~NET_BIND_SERVICE == 0, thread
    world.wait_log(lambda line: line.get("msg", "").startswith("system calls are "))


def test_it_starts_with_what_the_unit_leaves_it(world):
    """systemd takes system calls first; what the gateway takes then needs some of them."""
    if _sanitized():
        return
    world.stop_gateway()
    wrapped = [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "under_unit.py"),
               program("acmegate"), "--config", world.path("acmegate.yaml")]
    world.gateway = Process("acmegate", wrapped, world.folder, clean_environment())
    world.gateway.wait_line(lambda line: log_of(line).get("msg") == "ready")
    world.wait_log(lambda line: line.get("msg") == "system calls are confined")
    for thread in _threads(world):
        assert thread["Seccomp_filters"] == "2" and int(thread["CapAmb"], 16) == 0, thread
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        names = ["unit." + ZONE]
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
    assert "BEGIN CERTIFICATE" in client.certificate(url)


def test_switched_off(make_world):
    world = make_world(change=lambda config: config.update(confine=False))
    assert {(thread["NoNewPrivs"], thread["Seccomp"]) for thread in _threads(world)} == {("0", "0")}


@pytest.mark.parametrize("part", ["hook", "notify"])
def test_first_program_wants_a_restart(make_world, part):
    def add_program(config):
        if part == "hook":
            config["dcv"].update(zones=[{"zone": "acme.example"}], hook={"program": "/bin/true"})
        else:
            config["notify"] = {"targets": [{"name": "told", "program": "/bin/true"}]}

    world = make_world()
    config = world.config()
    add_program(config)
    if _sanitized():
        ctl(world, "config", "reload")
        return
    said = _refused(world, config)
    assert "no program can be run (confine)" in said and "restart the gateway" in said, said
    world.restart_gateway()
    ctl(world, "config", "reload")
