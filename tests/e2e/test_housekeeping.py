"""What has ended long ago is gone, and nothing that anybody needs: clients are told the truth about it, renewals stay free,
and Sectigo's report finds nothing that the store does not know."""

import json
import os
import struct
import time

import pytest
from cryptography.hazmat.primitives import serialization

from acme_client import b64, http_responder, problem
from dns_server import ZONE
from engines import IS_LMDB
from process import run
from sandbox_client import wait_for
from test_ari import issue, name_of
from test_ctl import ctl, ctl_json
from test_reconcile import _await_login, _client, _login
from world import folder_of, program

DAY_S = 86400


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """Gateway and stand-in go by it."""
    path = str(tmp_path / "clock")

    def set_days(days):
        with open(path, "r+b" if days else "wb") as file:
            file.write(struct.pack("=q", int(days * DAY_S * 1000)))

    set_days(0)
    monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", path)
    return set_days


def _quick(config):
    config["housekeeping"] = {"ended_orders": "7d", "unused_accounts": "60d", "audit": "62d",
                              "audit_export": folder_of(config), "every": "1s"}


def _shown(world):
    return ctl_json(world, "status")["housekeeping"]


PASS_S = 120  # of a machine that has much else to do


def _wait_pass(world, days, ended_there=1):
    """One that ended so many days from now; the second of them began there, too."""
    ends, there_ms = set(), (time.time() + days * DAY_S) * 1000

    def ended():
        at_ms = _shown(world)["ended_ms"] or 0
        ends.update([at_ms] if at_ms >= there_ms else [])
        return len(ends) == ended_there

    wait_for("a pass", ended, PASS_S)


def _days_go_by(world, clock, days):
    """A month at most at once, each of which Sectigo's time confirms."""
    for day in range(30, days + 30, 30):
        clock(min(day, days))
        _wait_pass(world, min(day, days), 1 if day < days else 2)


def _issue(world, client, names):
    with http_responder(world.ports["http01"]) as responder:
        return issue(client, responder, names)


def _certificate_of(client, url):
    return client.fetch(url).json()["certificate"]


def test_a_renewed_certificate(make_world, clock):
    world = make_world(change=_quick)
    client, idle = _client(world), _client(world)
    names = ["www." + ZONE]
    bought, _ = _issue(world, client, names)
    replaced, leaf = _issue(world, client, names)
    newest, _ = _issue(world, client, names)
    gone = {"order": replaced, "certificate": _certificate_of(client, replaced),
            "authorization": client.fetch(bought).json()["authorizations"][0]}
    audited = ctl_json(world, "audit")["items"]
    _days_go_by(world, clock, 210)

    for what, url in gone.items():
        if what != "authorization":
            assert "There is no such" in problem(client.post(url, None), "malformed", 404)["detail"], what
    problem(client.get(client.directory["renewalInfo"] + "/" + name_of(leaf)), "malformed", 404)
    der = leaf.public_bytes(serialization.Encoding.DER)
    problem(client.post(client.directory["revokeCert"], {"certificate": b64(der)}), "malformed", 404)
    assert client.fetch(bought).json()["status"] == "valid", "the purchase of a live subscription"
    assert "BEGIN CERTIFICATE" in client.certificate(newest), "its certificate"
    problem(idle.post(idle.kid, None), "accountDoesNotExist", 400)
    assert [line for line in ctl_json(world, "audit")["items"] if "issuance" in line] == []
    exported = [name for name in os.listdir(world.folder) if name.startswith("audit-")]
    lines = [json.loads(line) for name in exported for line in open(world.path(name), encoding="utf-8")]
    assert len(lines) >= len(audited) > 0 and [line for line in audited if line not in lines] == []
    assert ctl_json(world, "status")["counts"] | {"accounts": 1, "orders": 2, "certificates": 2, "issuances": 2} == \
        ctl_json(world, "status")["counts"]
    assert ctl_json(world, "status")["issuances"]["collected"] == 2

    ctl(world, "upstream", "reconcile", "main", "--since", "2020-01-01")
    _await_login(world, lambda login: login["reconciled_ms"])
    assert _login(world)["imported"] == 0, "all that Sectigo knows is known here"
    _, renewed = _issue(world, client, names)
    assert renewed.serial_number != leaf.serial_number
    assert len(world.bought(names)) == 1, "the renewal was free"

    if IS_LMDB:  # a database keeps itself small
        done = ctl_json(world, "store", "compact")
        assert done["after_octets"] < done["before_octets"]
    again, _ = _issue(world, client, names)
    world.kill_gateway()
    world.start_gateway()
    client.reconnect()
    assert {client.fetch(url).json()["status"] for url in (bought, again)} == {"valid"}
    assert _login(world)["state"] in ("open", "asking"), "it is no copy"
    assert len(world.bought(names)) == 1


def test_a_year_that_was_skipped(make_world, clock):
    """Sectigo agrees, and yet nothing goes before a day has gone by; then it does."""
    world = make_world(change=_quick)
    client = _client(world)
    _, order = client.new_order(["never." + ZONE])
    wait_for("a pass", lambda: _shown(world)["ended_ms"])
    clock(365)
    wait_for("the hold", lambda: "time has jumped" in (_shown(world)["waits"] or ""))
    assert ctl_json(world, "status")["counts"]["orders"] == 1
    world.restart_gateway()
    client.reconnect()
    wait_for("the clock", lambda: not ctl_json(world, "status")["clock"]["in_doubt"])
    assert "time has jumped" in _shown(world)["waits"], "a restart does not end it"
    assert ctl_json(world, "status")["counts"]["orders"] == 1
    clock(366.1)
    wait_for("its removal", lambda: ctl_json(world, "status")["counts"]["orders"] == 0)


# ---- orders through their whole life ----

class Lives:
    """Rounds of orders, four months each, of a gateway that is years old in the end. What the store has in use after each."""

    ROUND_DAYS = 120

    def __init__(self, world, clock, orders):
        self.world, self.clock, self.orders = world, clock, orders
        self.rounds, self.used, self.counts = 0, [], []

    def place(self):
        """Without the gateway: nobody waits for years of orders."""
        done = run([program("bench/generate"), "--store", self.world.path("store"), "--endpoint", self.world.sandbox_url,
                    "--orders", str(self.orders), "--accounts", "1", "--first", str(1 + self.rounds * self.orders),
                    "--begin", str(self.rounds * self.ROUND_DAYS), "--span", str(self.ROUND_DAYS)], self.world.folder,
                   timeout=1200)
        assert done.returncode == 0, done.stderr
        self.rounds += 1

    def keep_house(self, patience_s):
        """Four months were skipped: a day is left to notice."""
        today = self.rounds * self.ROUND_DAYS
        self.clock(today)
        self.world.start_gateway()
        wait_for("the hold", lambda: "time has jumped" in (_shown(self.world)["waits"] or ""))
        self.clock(today + 1.1)
        there_ms = (time.time() + (today + 1) * DAY_S) * 1000
        wait_for("a pass", lambda: (_shown(self.world)["ended_ms"] or 0) >= there_ms, patience_s)
        status = ctl_json(self.world, "status")
        self.used.append(status["store"]["used_octets"])
        self.counts.append(status["counts"])
        assert status["issuances"]["collected"] == status["counts"]["issuances"]
        self.world.stop_gateway()

    def verify(self):
        """What went left nothing that names it."""
        done = self.world.run_gateway("--config", self.world.path("acmegate.yaml"), "--verify-store")
        assert done.returncode == 0, done.output


def _of_generated(config):
    config["housekeeping"] = {"every": "1h"}
    config["store"]["map_size"] = "4GiB"
    config["logins"][0]["report_foreign_order_number"] = False


def live(make_world, clock, orders, rounds, patience_s=60):
    world = make_world(change=_of_generated)
    wait_for("a first look", lambda: _shown(world)["ended_ms"])
    world.stop_gateway()
    lives = Lives(world, clock, orders)
    for _ in range(rounds):
        lives.place()
        lives.keep_house(patience_s)
    lives.verify()
    return lives


def check_levels(lives, left):
    """A purchase is kept for the year of its term: that of three rounds, and of what came since the last pass. Its subscription
    goes 490 days after that, in the ninth round at the latest; then the file grows no more. left is how much of a round's
    growth the digests of numbers may be, and the pages that came and went."""
    last = lives.counts[-1]
    assert last["subscriptions"] < 9 * lives.orders and last["subscriptions"] <= lives.counts[-2]["subscriptions"], \
        lives.counts
    for name in ("orders", "certificates", "issuances"):
        assert all(count[name] <= 3.2 * lives.orders for count in lives.counts), (name, lives.counts)
    grown = [after - before for before, after in zip(lives.used, lives.used[1:])]
    assert grown[-1] < left * grown[0], lives.used


@pytest.mark.lmdb("the size of its file")
def test_the_file_levels_off(make_world, clock):
    check_levels(live(make_world, clock, 300, 10), 0.1)
