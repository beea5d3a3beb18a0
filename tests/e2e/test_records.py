"""Accounts, certificates, limits and refusals as an operator reads and ends them, by acmegatectl against a real daemon."""

import csv
import io
import json
import struct
import subprocess

import pytest
from cryptography import x509

from acme_client import AcmeClient, http_responder, make_csr, problem
from dns_server import ZONE
from process import clean_environment
from sandbox_client import wait_for
from test_ctl import FAILED, MISUSED, NOT_FOUND, ctl, ctl_json
from test_money import _buy, bound_client
from world import World, program


def _config(config):
    config["spending"] = {"currency": "CHF", "purchases_per_day": 50}
    config["profiles"][0]["prices"] = {"single": "35", "wildcard": "120", "multi": "80"}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two certificates of one name, the older replaced, one of another, and a policy with a key of its own."""
    world = World(tmp_path_factory.mktemp("world"), change=_config)
    world.client = AcmeClient(world.directory, world.pki.ca)
    assert world.client.new_account(contact=["mailto:fleet@acme.example"]).status_code == 201
    world.chains = [_buy(world, world.client, ["www." + ZONE]) for _ in range(2)]
    ctl(world, "policy", "create", "shop", "names=." + ZONE, "purchases_per_day=5", "orders_per_day=7")
    world.eab = ctl_json(world, "eab", "create", "shop")
    world.shop = bound_client(world, world.eab)
    world.shop_chain = _buy(world, world.shop, ["shop." + ZONE])
    yield world
    world.close()


def _serial(chain):
    text = f"{x509.load_pem_x509_certificate(chain.encode()).serial_number:X}"
    return text.zfill(len(text) + 1 & ~1)


def _rows(world, *words):
    return ctl_json(world, *words)["items"]


# ---- certificates ----

def test_certificates_are_listed_shown_and_exported(records):
    rows = {row["serial_number"]: row for row in _rows(records, "certificate", "list")}
    assert set(rows) == {_serial(chain) for chain in [*records.chains, records.shop_chain]}
    assert [rows[_serial(chain)]["state"] for chain in records.chains] == ["replaced", "valid"]
    assert rows[_serial(records.shop_chain)]["names"] == ["shop." + ZONE]
    assert [row["policy"] for row in _rows(records, "certificate", "list", "--policy", "shop")] == ["shop"]
    assert len(_rows(records, "certificate", "list", "--name", "www." + ZONE, "--status", "valid")) == 1
    one = rows[_serial(records.chains[1])]
    colons = ":".join(one["serial_number"][i:i + 2].lower() for i in range(0, len(one["serial_number"]), 2))
    for name in (one["id"], one["serial_number"], colons):
        shown = ctl_json(records, "certificate", "show", name)
        assert shown["id"] == one["id"] and shown["chain"] == records.chains[1]
        assert ctl(records, "certificate", "export", name).stdout == records.chains[1]
    assert ctl_json(records, "order", "show", shown["order"])["certificate"] == one["id"]
    ctl(records, "certificate", "show", "00FF", status=NOT_FOUND)


def test_what_expires_is_what_nothing_newer_stands_for(records):
    """The stand-in's certificates live for 199 days."""
    assert _rows(records, "expiring", "--days", "30") == [] == _rows(records, "expiring")
    soon = {row["serial_number"] for row in _rows(records, "expiring", "--days", "366")}
    assert soon == {_serial(records.chains[1]), _serial(records.shop_chain)}, "the one that was replaced is left out"
    assert "wants a number" in ctl(records, "expiring", "--days", "none", status=FAILED).stderr


def test_a_certificate_is_revoked(make_world):
    world = make_world(change=_config)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    serial = _serial(_buy(world, client, ["revoked." + ZONE]))
    assert "wants unspecified" in ctl(world, "certificate", "revoke", serial, "--reason", "boredom", status=FAILED).stderr
    answer = ctl_json(world, "certificate", "revoke", serial, "--reason", "keyCompromise")
    assert answer["reason"] == "keyCompromise"
    shown = wait_for("the revocation", lambda: (one := ctl_json(world, "certificate", "show", serial))["state"] == "revoked"
                     and one)
    assert shown["revoked_ms"] >= shown["revocation_asked_ms"] > 0 and shown["revocation_reason"] == "keyCompromise"
    assert [call for call in world.requests() if call == "AutoRevokeSSL"] and world.requests()["AutoRevokeSSL"] == 1
    said, = [line for line in _rows(world, "audit") if line["what"] == "certificate revoked"]
    assert said["subject"] == serial and said["members"] == {"reason": "keyCompromise"} and said["uid"] >= 0
    assert "is revoked" in ctl(world, "certificate", "revoke", serial, status=FAILED).stderr


def test_a_certificate_is_revoked_while_the_clock_is_in_doubt(make_world, monkeypatch, tmp_path):
    """By a clock that is a year ahead it has expired; nobody has said yet what time it is."""
    world = make_world(change=_config)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    serial = _serial(_buy(world, client, ["leaked." + ZONE]))
    world.stop_gateway()
    world.set_settings(noDate=True)
    (tmp_path / "ahead").write_bytes(struct.pack("=q", 366 * 86400 * 1000))
    monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", str(tmp_path / "ahead"))
    world.start_gateway()
    assert ctl_json(world, "status")["clock"]["in_doubt"] is True
    assert ctl_json(world, "certificate", "revoke", serial)["reason"] == "unspecified"
    wait_for("the call", lambda: world.requests().get("AutoRevokeSSL"))


# ---- orders and accounts ----

def test_an_order_that_waits_for_its_client_is_cancelled(records):
    answer = records.client.try_order(["cancelled." + ZONE])
    order = answer.headers["Location"].rsplit("/", 1)[1]
    assert ctl_json(records, "order", "cancel", order)["status"] == "invalid"
    now = records.client.fetch(answer.headers["Location"]).json()
    assert now["status"] == "invalid" and "operator" in now["error"]["detail"]
    assert "has ended" in ctl(records, "order", "cancel", order, status=FAILED).stderr
    ctl(records, "order", "cancel", "A" * 24, status=NOT_FOUND)


def test_an_order_that_is_finalized_is_not_cancelled_but_dropped(make_world):
    def impatient(config):
        config["acme"]["hold_finalize"] = "0s"
    world = make_world(change=impatient)
    ctl(world, "upstream", "pause", "main")
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    names = ["finalized." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
    assert "order drop" in ctl(world, "order", "cancel", url.rsplit("/", 1)[1], status=FAILED).stderr
    assert client.fetch(url).json()["status"] == "processing"


def test_an_account_is_deactivated(records):
    client = bound_client(records, records.eab)
    pending = client.try_order(["orphan." + ZONE])
    account = ctl_json(records, "order", "show", pending.headers["Location"].rsplit("/", 1)[1])["account"]
    shown = ctl_json(records, "account", "show", account)
    assert shown["policy"] == "shop" and shown["key"] == records.eab["id"] and shown["orders"] == 1
    assert account in [row["id"] for row in _rows(records, "account", "list", "--policy", "shop", "--status", "valid")]
    ctl(records, "account", "deactivate", account)
    problem(client.try_order(["more." + ZONE]), "unauthorized", 401)
    assert ctl_json(records, "order", "list", "--account", account)["items"][0]["status"] == "invalid"
    assert ctl_json(records, "account", "show", account)["status"] == "revoked"
    assert [row["id"] for row in _rows(records, "account", "list", "--status", "revoked")] == [account]
    assert "for good" in ctl(records, "account", "deactivate", account, status=FAILED).stderr
    assert account in [line["subject"] for line in _rows(records, "audit") if line["what"] == "account deactivated"]


# ---- limits and costs ----

def test_limits_say_how_much_is_used(records):
    limits = {(row["policy"], row["limit"]): row for row in _rows(records, "limits")}
    assert limits[None, "purchases a day"]["used"] == 2 and limits[None, "purchases a day"]["most"] == 50
    assert limits[None, "amount a month"]["used_cents"] == 7000 and limits[None, "amount a month"]["most_cents"] is None
    assert limits["shop", "purchases a day"]["used"] == 1 and not limits["shop", "purchases a day"]["reached"]
    assert limits["shop", "orders a day"]["most"] == 7 and limits["shop", "orders a day"]["used"] >= 1
    assert "70.00 CHF" in ctl(records, "limits").stdout


def test_cost_as_csv(records):
    rows = list(csv.DictReader(io.StringIO(ctl(records, "cost", "--csv").stdout)))
    json_rows = _rows(records, "cost")
    assert [(row["policy"], row["purchases"], row["amount"]) for row in rows] == \
           [(row["policy"], str(row["purchases"]), f"{row['amount_cents'] / 100:.2f}") for row in json_rows]
    assert sum(float(row["amount"]) for row in rows) == 70.0


# ---- refusals ----

def _refusals(world, *words):
    return _rows(world, "audit", "--refusals", "--limit", "1000", *words)


def _await_refusal(world, name, times=1):
    """A refusal is written after its answer has left."""
    return wait_for("the refusal", lambda: next((line for line in _refusals(world, "--name", name)
                                                 if line["times"] >= times), None))


def test_a_refusal_says_who_from_where_for_which_names_and_why(records):
    problem(records.shop.try_order(["foreign.example.net"]), "rejectedIdentifier", 400)
    line = _await_refusal(records, "foreign.example.net")
    assert line["address"] == "127.0.0.1" and line["key"] == records.eab["id"] and line["policy"] == "shop"
    assert line["request"] == "newOrder" and line["problem"] == "rejectedIdentifier"
    assert line["names"] == ["foreign.example.net"] and "foreign.example.net" in line["reason"]
    assert line["account"] in [row["id"] for row in _rows(records, "account", "list", "--policy", "shop")]
    text = ctl(records, "audit", "--refusals", "--name", "foreign.example.net").stdout
    assert "rejected" in text or "does not allow" in text
    assert all(other["what"] != "refusal" for other in _rows(records, "audit")), "money and operators have their own"


def test_a_refusal_that_repeats_is_one_line(records):
    for _ in range(9):
        problem(records.shop.try_order(["again.example.net"]), "rejectedIdentifier", 400)
    line = _await_refusal(records, "again.example.net", 8)
    assert len(_refusals(records, "--name", "again.example.net")) == 1 and line["last_ms"] >= line["time_ms"]


def test_who_hammers_fills_nothing(make_world):
    """More different refusals than an address has room for in an hour: those that are beyond are counted, in one line."""
    world = make_world()
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    for i in range(140):
        assert client.try_order([f"-flood{i}.example"]).status_code == 400
    def beyond():
        lines = _refusals(world)
        more = [line for line in lines if line["what"] != "refusal"]
        return lines if more and more[0]["times"] >= 32 else None
    lines = wait_for("the count of what is beyond", beyond)
    assert len([line for line in lines if line["what"] == "refusal"]) <= 100
    assert len(lines) <= 101


# ---- following ----

def test_the_audit_is_followed(records):
    argv = [program("acmegatectl"), "--socket", records.path("admin.sock"), "audit", "--follow", "--json"]
    with subprocess.Popen(argv, text=True, env=clean_environment(), stdout=subprocess.PIPE) as follower:
        try:
            ctl(records, "policy", "create", "followed-0")  # the first may be before it looks
            i = 0
            def another():
                nonlocal i
                i += 1
                ctl(records, "policy", "create", f"followed-{i}")
                while True:  # it begins with the whole second, in which another test may have left lines
                    line = json.loads(follower.stdout.readline())
                    if line.get("subject", "").startswith("followed-"):
                        return line
            first, second = another(), another()
            assert first["what"] == second["what"] == "policy created"
            assert second["time_ms"] >= first["time_ms"] and second["subject"] != first["subject"]
        finally:
            follower.kill()
    assert "for ever" in ctl(records, "audit", "--follow", "--newest", status=MISUSED).stderr
