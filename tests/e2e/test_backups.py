"""Backups by a schedule: what is left of a lost machine is enough to go on elsewhere without buying anything twice; and one
that fails is told, and made up for."""

import os
import resource
import shutil
import signal

import process

import pytest

from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_reconcile import _await_login, _await_state, _client, _login, _order

pytestmark = pytest.mark.lmdb("its scheduled backups; a database's are the server's")


def _eager(config):
    config["acme"]["hold_finalize"] = "0s"


def _scheduled(world, every):
    """The configuration with a schedule, for the next start."""
    folder = world.path("backups")
    os.makedirs(folder, exist_ok=True)

    def change(config):
        _eager(config)
        config["backup"] = {"folder": folder, "every": every, "keep": 2}

    world.change = change
    world.write_config()
    return folder


def _backup(world):
    return ctl_json(world, "status")["backup"]


def _lose_machine(world):
    """Its disk with it; what is elsewhere are the backups, the configuration and the key file."""
    world.kill_gateway()
    os.rename(world.path("store.key"), world.path("elsewhere.key"))
    shutil.rmtree(world.path("store"))


def test_a_lost_machine(make_world):
    world = make_world(change=_eager)
    client = _client(world)
    kept, lost = ["kept." + ZONE], ["lost." + ZONE]
    _order(world, client, kept)
    folder = _scheduled(world, "1d")
    world.restart_gateway()
    client.reconnect()
    world.wait_log(lambda line: line.get("msg", "").startswith("a scheduled backup is written"))
    shown = wait_for("the diary", lambda: (now := _backup(world))["written_ms"] and now)
    assert os.listdir(folder) == [shown["name"]] and shown["failures_since"] == 0
    assert shown["next_ms"] == shown["written_ms"] + 86400000
    _order(world, client, lost)
    _lose_machine(world)

    shutil.copytree(os.path.join(folder, shown["name"]), world.path("elsewhere"))
    def elsewhere(config):
        _eager(config)
        config["store"] = world.store("elsewhere")
    world.change = elsewhere
    world.write_config()
    world.start_gateway()
    client.reconnect()
    assert _login(world)["state"] == "restored"
    _order(world, client, kept)  # free
    url = _order(world, client, lost, "held")
    assert "upstream reconcile" in _await_state(world, url, "held")["note"]
    ctl(world, "upstream", "reconcile", "main")
    assert _await_login(world, lambda login: login["state"] == "open")["imported"] == 1
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert [len(world.bought(names)) for names in (kept, lost)] == [1, 1]


def test_a_full_disk(make_world, monkeypatch):
    """No half copy stays, the error says what to do, and room brings the next one."""
    def prepare_child():
        die_with_parent()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    die_with_parent = process._die_with_parent
    world = make_world(change=_eager)
    folder = _scheduled(world, "1s")
    world.stop_gateway()
    monkeypatch.setattr(process, "_die_with_parent", prepare_child)
    world.start_gateway()
    monkeypatch.undo()
    first = wait_for("the first", lambda: _backup(world)["name"])
    resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    world.wait_log(lambda line: line.get("msg", "").startswith("the scheduled backup failed") and folder in line["reason"])
    stopped = set(os.listdir(folder))
    assert stopped and not [name for name in stopped if name.endswith((".new", ".partial"))]
    resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for("a newer one", lambda: max(os.listdir(folder)) > max(stopped) and _backup(world)["name"] > max(stopped))
    wait_for("rotation", lambda: first not in os.listdir(folder))
    shown = _backup(world)
    assert shown["failures_since"] == 0 and shown["why_it_failed"] is None
