"""The certificate of the ACME listener, which the gateway orders from itself."""

import datetime
import os
import ssl
import struct
import time

import pytest
from cryptography import x509

from dns_server import ZONE
from pki import check_chain, names_of
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from world import folder_of

NAME = "gateway." + ZONE


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """Gateway and stand-in go by it."""
    path = str(tmp_path / "clock")

    def set_days(days):
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:
            file.write(struct.pack("=q", days * 86400 * 1000))

    set_days(0)
    monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", path)
    return set_days


def _served(world):
    """The certificate that a client is shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", world.ports["acme"]))
    return x509.load_pem_x509_certificate(pem.encode())


def _await_served(world, wanted, timeout=60):
    deadline = time.monotonic() + timeout
    while not wanted(certificate := _served(world)):
        assert time.monotonic() < deadline, f"{certificate}: not within {timeout} s"
        time.sleep(0.1)
    return certificate


def _is_self_signed(certificate):
    return certificate.issuer == certificate.subject


def _world(make_world, **options):
    def change(config):
        config["issuance"]["check_interval"] = "1s"
        config["acme"]["tls"] = {"own": {"file": os.path.join(folder_of(config), "own.pem"),
                                         "policy": "gateway", "names": [NAME]}}
    return make_world(change=change, **options)


def _allow(world, validation="trusted"):
    """The policy, by which a new try orders at once."""
    ctl(world, "policy", "create", "gateway", "validation=" + validation, "names=" + NAME)
    world.restart_gateway()


def _refused(line):
    return "certificate of the ACME listener cannot be ordered" in line.get("msg", "")


def test_it_begins_with_its_own_and_orders_by_its_policy(make_world):
    world = _world(make_world, learn="poll")
    first = _served(world)
    assert _is_self_signed(first) and names_of(first) == [NAME]
    assert "There is no policy \"gateway\"" in world.wait_log(_refused)["reason"]
    _allow(world, "acme")
    assert "is not trusted" in world.wait_log(_refused)["reason"]
    assert _served(world) == first, "kept across a restart"
    assert not world.ledger()
    ctl(world, "policy", "set", "gateway", "validation=trusted")
    world.restart_gateway()
    _await_served(world, lambda certificate: not _is_self_signed(certificate))
    check_chain(world.path("own.pem"), world.root, [NAME])
    assert os.stat(world.path("own.pem")).st_mode & 0o777 == 0o600
    assert not os.path.exists(world.path("own.pem.next"))
    order, = ctl_json(world, "order", "list")["items"]
    assert order["status"] == "valid" and order["names"] == [NAME] and order["policy"] == "gateway"
    world.restart_gateway()
    assert not _is_self_signed(_served(world))
    assert len(world.bought([NAME])) == 1, world.ledger()


@pytest.mark.parametrize("point", ["submitting", "collected"])
def test_killed_while_it_is_ordered(make_world, point):
    """The key was kept before the order was placed: the next start goes on with the same."""
    world = _world(make_world, learn="poll")
    ctl(world, "policy", "create", "gateway", "validation=trusted", "names=" + NAME)
    world.stop_gateway()
    world.start_gateway(stop_at=point, wait=False)
    world.wait_gateway_killed()
    assert os.path.exists(world.path("own.pem.next"))
    world.start_gateway()
    _await_served(world, lambda certificate: not _is_self_signed(certificate))
    assert len(world.ledger()) == 1, world.ledger()


def _kept(world):
    """The certificate of the file."""
    with open(world.path("own.pem"), "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def test_it_is_renewed_within_the_term(make_world, clock):
    """A certificate lives 199 days: after 130 it has more than a third left, after 140 less. TLS goes by the machine's
    clock, which did not move: so the new one is not served yet, and the log says so."""
    world = _world(make_world, learn="poll")
    _allow(world)
    first = _await_served(world, lambda certificate: not _is_self_signed(certificate))
    clock(130)
    wait_for("the time", lambda: ctl_json(world, "status")["clock"]["in_doubt"] is False)
    assert _kept(world) == first
    clock(140)
    second = wait_for("another certificate", lambda: (kept := _kept(world)) != first and kept)
    assert second.not_valid_before - first.not_valid_before > datetime.timedelta(days=139)
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement"], world.ledger()
    line = world.wait_log(lambda line: "is not served yet" in line.get("msg", ""))
    assert "not valid yet" in line["reason"]
    assert _served(world) == first


def test_what_failed_is_not_ordered_in_a_loop(make_world):
    """Sectigo refuses it: nothing is bought, and the listener goes on with what it has."""
    world = _world(make_world, learn="poll")
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-19"})
    _allow(world)
    line = world.wait_log(lambda line: "order for the certificate of the ACME listener has failed" in line.get("msg", ""))
    assert "-19" in line["reason"]
    assert _is_self_signed(_served(world))
    world.restart_gateway()
    assert len(ctl_json(world, "order", "list")["items"]) == 1
    assert world.requests()["AutoApplyOrder"] == 1 and not world.ledger()


def test_the_operator_may_stop_it(make_world):
    """By its key, as with any client; and sees what it is for."""
    world = _world(make_world, learn="poll")
    _allow(world, "acme")
    world.wait_log(_refused)
    ctl(world, "policy", "set", "gateway", "validation=trusted")
    key, = ctl_json(world, "eab", "list")["items"]
    assert key["id"] == "acmegate-own" and "own listener" in key["note"]
    ctl(world, "eab", "disable", "acmegate-own")
    world.restart_gateway()
    assert "has been disabled" in world.wait_log(_refused)["reason"]
    assert _is_self_signed(_served(world)) and not world.ledger()
