"""acmegatectl: what the operator sees and does, against a real daemon, and how the command ends."""

import json
import os
import re
import subprocess

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from process import clean_environment
from world import program

DONE, FAILED, MISUSED, UNREACHABLE, NOT_FOUND = range(5)


def ctl(world, *arguments, status=DONE):
    done = subprocess.run([program("acmegatectl"), "--socket", world.path("admin.sock"), *arguments], text=True,
                          cwd=world.folder, env=clean_environment(http_proxy="http://127.0.0.1:9"), timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def ctl_json(world, *arguments):
    return json.loads(ctl(world, "--json", *arguments).stdout)


def money_lines(world):
    """What the audit says of money; its other lines are about what operators did."""
    return [line for line in ctl_json(world, "audit")["items"] if "amount_cents" in line]


def _order_id(url):
    return url.rstrip("/").rsplit("/", 1)[1]


@pytest.fixture(scope="module")
def bought(world):
    """(world, order id, issuance id) with one certificate bought."""
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    names = ["ctl." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    order_id = _order_id(url)
    return world, order_id, ctl_json(world, "order", "show", order_id)["issuance"]["id"]


def test_status(bought):
    world = bought[0]
    status = ctl_json(world, "status")
    assert status["counts"]["orders"] == 1 and status["counts"]["certificates"] == 1
    assert status["issuances"]["collected"] == 1
    assert status["jobs"]["overdue"] == 0
    login, = status["logins"]
    assert login["login"] == "main" and login["state"] == "open"
    assert login["last_push_ms"] > 0, "the stand-in pushed the certificate"
    assert "warning" not in login
    assert status["gave_up"] == {"accounts": 0, "certificates": 0}
    assert re.search(r"collected: +1\n", ctl(world, "status").stdout)


def test_orders_and_issuances_and_subscriptions(bought):
    world, order_id, issuance_id = bought
    order = ctl_json(world, "order", "show", order_id)
    assert order["status"] == "valid" and order["names"] == ["ctl." + ZONE]
    assert order["authorizations"][0]["status"] == "valid"
    assert order["issuance"]["state"] == "collected" and order["issuance"]["kind"] == "purchase"
    sub = ctl_json(world, "subscription", "show", order["issuance"]["subscription"])
    assert sub["state"] == "live" and sub["days"] == 365 and sub["order_number"] == order["issuance"]["order_number"]
    assert sub["term_end_ms"] == sub["bought_ms"] + 365 * 86400 * 1000 and sub["queue"] == []
    assert ctl_json(world, "issuance", "show", issuance_id)["orders"] == [order_id]
    for kind, one in (("order", order_id), ("issuance", issuance_id), ("subscription", sub["id"])):
        lines = ctl(world, kind, "list").stdout.splitlines()
        assert len(lines) == 2 and lines[0].split()[0] == kind.upper() and lines[1].split()[0] == one
    assert ctl_json(world, "issuance", "list", "--state", "held")["items"] == []
    assert len(ctl_json(world, "issuance", "list", "--state", "collected")["items"]) == 1


def test_money(bought):
    world = bought[0]
    line, = money_lines(world)
    assert line["what"] == "purchase" and line["names"] == ["ctl." + ZONE]
    assert ctl_json(world, "audit", "--since", str(line["time_ms"] + 1))["items"] == []
    assert line in ctl_json(world, "audit", "--since", "2020-01-01")["items"]
    cost, = ctl_json(world, "cost")["items"]
    assert cost["purchases"] == 1 and cost["replacements"] == 0 and cost["amount_cents"] == line["amount_cents"]
    assert (cost["login"], cost["profile"]) == ("main", "dv")
    assert f"{line['amount_cents'] / 100:.2f}" in ctl(world, "cost").stdout


def test_pages(bought):
    world = bought[0]
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    for i in range(4):
        assert client.try_order([f"page{i}." + ZONE]).status_code == 201
    whole = [row["id"] for row in ctl_json(world, "order", "list")["items"]]
    assert len(whole) == 5 and len(set(whole)) == 5
    paged, after = [], None
    for _ in range(10):
        page = ctl_json(world, "order", "list", "--limit", "2", *(["--after", after] if after else []))
        paged += [row["id"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert paged == whole
    assert "--after" in ctl(world, "order", "list", "--limit", "1").stderr


@pytest.mark.lmdb("its backups")
def test_backup(bought):
    world = bought[0]
    answer = ctl_json(world, "backup", "copy")  # beside the command, not beside the daemon
    assert answer["directory"] == os.path.join(os.path.realpath(world.folder), "copy")
    assert os.listdir(world.path("copy"))
    assert "copy" in ctl(world, "backup", world.path("copy"), status=FAILED).stderr
    ctl(world, "backup", "/nonexistent/a/b", status=FAILED)


def test_retry_is_refused_where_it_makes_no_sense(bought):
    world, order_id, _ = bought
    assert "collected" in ctl(world, "order", "retry", order_id, status=FAILED).stderr
    ctl(world, "order", "retry", "A" * 24, status=NOT_FOUND)
    ctl(world, "order", "retry", "../status", status=NOT_FOUND)


def test_ends(bought, tmp_path):
    world = bought[0]
    for arguments in ([], ["orders"], ["order"], ["order", "show"], ["status", "more"], ["status", "--limit", "1"],
                      ["--limit"], ["order", "list", "--colour"], ["upstream", "pause"]):
        assert "acmegatectl: " in ctl(world, *arguments, status=MISUSED).stderr
    for kind in ("order", "subscription", "issuance"):
        for bad in ("nothing", "A" * 24, "%00", "a/b", "x" * 500):
            assert ctl(world, kind, "show", bad, status=NOT_FOUND).stderr.count("\n") == 1
    for bad in (["--limit", "0"], ["--limit", "1001"], ["--limit", "-1"], ["--limit", "7x"], ["--after", "zz"],
                ["--after", "a" * 512]):
        ctl(world, "order", "list", *bad, status=FAILED)
    ctl(world, "issuance", "list", "--state", "sleeping", status=FAILED)
    ctl(world, "audit", "--since", "tomorrow", status=MISUSED)
    ctl(world, "upstream", "pause", "nobody", status=NOT_FOUND)
    ctl(world, "--socket", str(tmp_path / "none.sock"), "status", status=UNREACHABLE)
    assert ctl(world, "--version").stdout.startswith("acmegatectl ")
    assert "order retry" in ctl(world, "--help").stdout


def _order(world, names):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        answer = client.finalize(order, make_csr(names))
    assert answer.status_code == 200 and answer.json()["status"] == "processing", answer.text
    return client, url


def _impatient(config):
    config["acme"]["hold_finalize"] = "0s"


def test_a_paused_login_buys_nothing_until_resumed(make_world):
    """Also across a restart: the pause is stored."""
    world = make_world(change=_impatient)
    ctl(world, "upstream", "pause", "main")
    names = ["paused." + ZONE]
    client, url = _order(world, names)
    world.wait_log(lambda line: "paused" in line.get("reason", "") or line.get("state") == "held")
    world.restart_gateway()
    client.reconnect()
    login, = ctl_json(world, "upstream", "status")["items"]
    assert login["state"] == "paused" and login["paused_ms"] > 0
    order = ctl_json(world, "order", "show", _order_id(url))
    assert order["issuance"]["state"] == "held" and "paused" in order["issuance"]["note"]
    assert world.bought(names) == []
    assert ctl_json(world, "upstream", "resume", "main") == {"login": "main", "paused": False, "held_made_due": 1,
                                                             "payments_made_due": 0}
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1


def test_retry_takes_the_next_step_now(make_world):
    """A held issuance whose next try is an hour away."""
    world = make_world(change=_impatient)
    ctl(world, "upstream", "pause", "main")
    names = ["retried." + ZONE]
    client, url = _order(world, names)
    world.wait_log(lambda line: "paused" in line.get("reason", "") or line.get("state") == "held")
    before = ctl_json(world, "issuance", "list", "--state", "held")["items"][0]["changed_ms"]
    answer = ctl_json(world, "order", "retry", _order_id(url))
    assert answer["state"] == "held"
    world.wait_log(lambda line: line.get("msg") == "the operator makes an order's next step due")
    deadline = 200
    while ctl_json(world, "order", "show", _order_id(url))["issuance"]["changed_ms"] == before and deadline:
        deadline -= 1
    assert deadline, "the retried issuance took no step"
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
