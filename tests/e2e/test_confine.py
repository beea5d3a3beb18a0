"""A gateway that serves has given up what it does not need: capabilities, and system calls of all threads."""

import os

import pytest

from test_ctl import ctl
from test_reload import _refused
from world import program

NET_BIND_SERVICE = 1 << 10


def _sanitized():
    """In such a build the calls are not confined, and the log says so."""
    with open(program("acmegate"), "rb") as file:
        octets = file.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def _threads(world):
    """The status of each thread."""
    folder = f"/proc/{world.gateway.pid}/task"
    for name in os.listdir(folder):
        with open(f"{folder}/{name}/status", encoding="ascii", errors="replace") as file:
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
