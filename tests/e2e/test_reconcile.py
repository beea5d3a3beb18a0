"""A restored store, drift between Sectigo and the store, and credit that runs low."""

import os
import shutil
import time

import pytest

from acme_client import AcmeClient, http_responder, make_csr, problem
from dns_server import ZONE
from test_ctl import ctl, ctl_json, money_lines


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _order(world, client, names, status="valid"):
    """Orders and finalizes; the order's URL."""
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
    if status == "valid":
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    return url


def _login(world):
    login, = ctl_json(world, "upstream", "status")["items"]
    return login


def _await_login(world, wanted, timeout=60):
    deadline = time.monotonic() + timeout
    while not wanted(_login(world)):
        assert time.monotonic() < deadline, f"{_login(world)}: not within {timeout} s"
        time.sleep(0.05)
    return _login(world)


def _await_state(world, url, state, timeout=60):
    deadline = time.monotonic() + timeout
    order = url.rsplit("/", 1)[1]
    while (shown := ctl_json(world, "order", "show", order)["issuance"])["state"] != state:
        assert time.monotonic() < deadline, f"{shown}: not within {timeout} s"
        time.sleep(0.05)
    return shown


def _restore(world):
    """The store as it was when the backup was written."""
    world.stop_gateway()
    shutil.rmtree(world.path("store"))
    os.rename(world.path("copy"), world.path("store"))
    world.start_gateway()


def _eager(config):
    config["acme"]["hold_finalize"] = "0s"


@pytest.mark.lmdb("restores its backup")
def test_a_restored_store_buys_nothing_anew(make_world):
    """What was bought after the backup, with its account lost too, is found and replaced; what was not is bought after
    the reconciliation, and not before."""
    world = make_world(change=_eager)
    client = _client(world)
    kept, lost, wild, fresh = ["kept." + ZONE], ["a.lost." + ZONE, "b.lost." + ZONE], ["lost." + ZONE], ["fresh." + ZONE]
    _order(world, client, kept)
    ctl(world, "backup", world.path("copy"))
    later = _client(world)
    for names in (lost, wild, kept):
        _order(world, later, names)
    _restore(world)
    client.reconnect()

    assert _login(world)["state"] == "restored" and _login(world)["restored_ms"] > 0
    _order(world, client, kept)  # free
    held = {tuple(names): _order(world, client, names, "held") for names in (lost, fresh)}
    for url in held.values():
        assert "upstream reconcile" in _await_state(world, url, "held")["note"]
    def limit(config):
        _eager(config)
        config["spending"] = {"purchases_per_month": 4}  # that of the backup, two that are imported, and the fresh one
    world.change = limit
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    assert _login(world)["state"] == "restored", "the pause is stored"

    restored_ms = _login(world)["restored_ms"]
    assert ctl_json(world, "upstream", "reconcile", "main")["reconcile_from_ms"] < restored_ms
    login = _await_login(world, lambda login: login["reconciled_ms"])
    assert login["state"] == "open" and login["restored_ms"] is None and login["imported"] == 2
    for url in held.values():
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    ctl(world, "upstream", "pause", "main")
    _order(world, client, wild)  # free, so neither pause nor limit holds it
    problem(client.try_order(["more." + ZONE]), "rateLimited", 429)
    ctl(world, "upstream", "resume", "main")
    for names in (kept, lost, wild, fresh):
        assert len(world.bought(names)) == 1, names
    replaced = [order for order in world.ledger() if order["kind"] == "replacement" and order["names"] == kept]
    family = next(ctl_json(world, "subscription", "show", sub["id"])["certificate_ids"]
                  for sub in ctl_json(world, "subscription", "list")["items"] if sub["names"] == kept)
    assert set(replaced[0]["certificateIDs"]) <= set(family), "made after the backup, and of the family all the same"
    kinds = {line["issuance"]: line["what"] for line in money_lines(world)}
    assert sorted(kinds.values()) == ["import", "import", "purchase", "purchase", "replacement", "replacement", "replacement"]
    assert ctl_json(world, "upstream", "reconcile", "main")
    assert _await_login(world, lambda again: again["reconciled_ms"] > login["reconciled_ms"])["imported"] == 0


@pytest.mark.lmdb("restores its backup")
def test_a_restored_issuance_that_was_bought_since_is_adopted(make_world):
    world = make_world(learn="both", change=_eager)
    client = _client(world)
    names = ["adopted." + ZONE]
    ctl(world, "upstream", "pause", "main")
    url = _order(world, client, names, "held")
    _await_state(world, url, "held")
    ctl(world, "backup", world.path("copy"))
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    bought, = world.bought(names)
    _restore(world)
    client.reconnect()
    assert client.fetch(url).json()["status"] == "processing"
    ctl(world, "upstream", "reconcile", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert [order["orderNumber"] for order in world.bought(names)] == [bought["orderNumber"]]
    assert ctl_json(world, "order", "show", url.rsplit("/", 1)[1])["issuance"]["order_number"] == bought["orderNumber"]


@pytest.mark.lmdb("restores its backup")
def test_the_operator_may_buy_from_a_restored_store_at_once(make_world):
    world = make_world(change=_eager)
    client = _client(world)
    ctl(world, "backup", world.path("copy"))
    _restore(world)
    client.reconnect()
    url = _order(world, client, ["at-once." + ZONE], "held")
    _await_state(world, url, "held")
    assert ctl_json(world, "upstream", "resume", "main")["held_made_due"] == 1
    assert _login(world)["state"] == "open"
    assert "BEGIN CERTIFICATE" in client.certificate(url)


@pytest.mark.lmdb("restores its backup")
def test_a_reconciliation_waits_for_a_report_that_can_be_read(make_world):
    world = make_world(change=lambda config: config["issuance"].update(later="100ms"))
    client = _client(world)
    ctl(world, "backup", world.path("copy"))
    _order(world, client, ["later." + ZONE])
    _restore(world)
    world.wait_log(lambda line: "orders of this gateway that the store does not know" in line.get("msg", ""))
    world.set_faults({"endpoint": "WebHostReport", "action": "html-after-accept"})
    ctl(world, "upstream", "reconcile", "main")
    world.wait_log(lambda line: "the reconciliation failed and is tried again" in line.get("msg", ""))
    assert _await_login(world, lambda login: login["reconciled_ms"])["imported"] == 1


@pytest.mark.lmdb("restores its backup")
def test_a_report_that_does_not_say_whose_orders_it_has_resumes_nothing(make_world):
    """Orders without any foreignOrderNumber: "none is ours" would be a guess, until one of them has a number."""
    world = make_world(change=lambda config: config["issuance"].update(later="100ms"))
    client = _client(world)
    ctl(world, "backup", world.path("copy"))
    world.order_by_hand("hand." + ZONE, make_csr(["hand." + ZONE]))
    _restore(world)
    client.reconnect()
    ctl(world, "upstream", "reconcile", "main")
    login = _await_login(world, lambda login: login["note"])
    assert "no foreignOrderNumber" in login["note"] and login["restored_ms"] and not login["reconciled_ms"]
    ctl(world, "upstream", "resume", "main")
    _order(world, client, ["numbered." + ZONE])
    assert _await_login(world, lambda login: login["reconciled_ms"])["imported"] == 0


@pytest.mark.lmdb("restores its backup")
def test_drift_both_ways(make_world):
    """An order that the store has lost; then a purchase that Sectigo does not know."""
    def change(config):
        config["issuance"]["check_interval"] = "500ms"
        config["issuance"]["resend"] = "200ms"
    world = make_world(change=change)
    client = _client(world)
    ctl(world, "backup", world.path("copy"))
    _order(world, client, ["drifted." + ZONE])
    since = _login(world)["drift_ms"] or 0
    login = _await_login(world, lambda login: (login["drift_ms"] or 0) > since + 1000)
    assert (login["unknown_orders"], login["missing_orders"], login["note"]) == (0, 0, None)
    bought, = world.bought(["drifted." + ZONE])
    _restore(world)
    login = _await_login(world, lambda login: login["unknown_orders"])
    assert login["unknown_orders"] == 1 and bought["orderNumber"] in login["note"]
    world.wait_log(lambda line: line.get("order_number") == bought["orderNumber"] and line["level"] == "error")
    ctl(world, "upstream", "reconcile", "main")
    done = _await_login(world, lambda login: login["reconciled_ms"])
    _await_login(world, lambda login: login["drift_ms"] > done["reconciled_ms"] and login["unknown_orders"] == 0)

    client = _client(world)
    _order(world, client, ["missing." + ZONE])
    world.sandbox.stop()
    shutil.rmtree(world.path("sandbox"))
    world.start_sandbox()
    world.restart_gateway()
    login = _await_login(world, lambda login: login["missing_orders"])
    assert login["missing_orders"] == 1


def test_low_credit_is_an_alarm_before_purchases_are_refused(make_world):
    def change(config):
        config["issuance"]["check_interval"] = "500ms"
        config["logins"][0]["low_credit"] = "100.00"
    world = make_world(change=change)
    world.set_settings(creditCents=12000)
    login = _await_login(world, lambda login: login["balance_cents"] == 12000)
    assert login["credit_low"] is False
    _order(world, _client(world), ["credit." + ZONE])
    login = _await_login(world, lambda login: login["balance_cents"] == 8500)
    assert login["credit_low"] is True
    world.wait_log(lambda line: "credit of a Sectigo account is low" in line.get("msg", "") and
                   line["balance"] == "85.00")
    assert login["state"] == "open"
