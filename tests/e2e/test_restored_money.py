"""What was bought after a backup is counted when the store knows it again: in its own day and month, once, in limits and
in cost."""

import datetime
import struct

import pytest

from acme_client import problem
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_reconcile import _await_login, _await_state, _client, _login, _order, _restore

pytestmark = pytest.mark.lmdb("restores its backups")

PRICE = 3500  # what the stand-in takes for a DV certificate


def _limited(config):
    config["acme"]["hold_finalize"] = "0s"
    config["spending"] = {"purchases_per_day": 3}
    config["profiles"][0]["prices"] = {"single": "35.00", "wildcard": "99.00", "multi": "70.00"}
    config["issuance"].update(settle_again="200ms", resend="800ms", later="200ms")


def _names(word):
    return [f"{word}.{ZONE}"]


def _spent(world):
    spent = ctl_json(world, "status")["spending"]
    return spent["purchases_today"], spent["amount_today_cents"]


def _cost(world):
    """(purchases, cents) by month, whoever bought."""
    sums = {}
    for row in ctl_json(world, "cost")["items"]:
        count, cents = sums.get(row["month"], (0, 0))
        sums[row["month"]] = count + row["purchases"], cents + row["amount_cents"]
    return sums


def _month(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m")


def _reconcile(world):
    before = _login(world)["reconciled_ms"] or 0
    ctl(world, "upstream", "reconcile", "main")
    return _await_login(world, lambda login: (login["reconciled_ms"] or 0) > before)


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """Gateway and stand-in go by it; noon, so that no midnight comes in between."""
    path = str(tmp_path / "clock")
    now = datetime.datetime.now(datetime.timezone.utc)
    noon_s = (now.replace(hour=12, minute=0, second=0) - now).total_seconds()

    def set_days(days):
        with open(path, "r+b" if days else "wb") as file:
            file.write(struct.pack("=q", int((noon_s + days * 86400) * 1000)))

    set_days(0)
    monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", path)
    return set_days


def test_a_limit_holds_across_a_restore(make_world, clock):
    """Three a day: one bought, a backup, two more, a fourth refused; restored and reconciled, still three."""
    world = make_world(change=_limited)
    client = _client(world)
    _order(world, client, _names("one"))
    ctl(world, "backup", world.path("copy"))
    for word in ("two", "three"):
        _order(world, client, _names(word))
    problem(client.try_order(_names("four")), "rateLimited", 429)
    _restore(world)
    client.reconnect()
    held = _order(world, client, _names("four"), "held")
    _await_state(world, held, "held")
    assert _reconcile(world)["imported"] == 2
    note = wait_for("the limit", lambda: "spending limit" in (shown := _await_state(world, held, "held"))["note"] and shown)
    assert "3 purchases a day" in note["note"]
    problem(client.try_order(_names("five")), "rateLimited", 429)
    assert _spent(world) == (3, 3 * PRICE)
    assert _reconcile(world)["imported"] == 0
    assert _spent(world) == (3, 3 * PRICE), "not counted once more"
    _order(world, client, _names("two"))  # free, and its policy's from now on
    assert _spent(world) == (3, 3 * PRICE)
    assert world.requests()["AutoApplyOrder"] == 3
    assert list(_cost(world).values()) == [(3, 3 * PRICE)]


def test_an_import_counts_in_the_day_in_which_it_was_ordered(make_world, clock):
    world = make_world(change=_limited)
    client = _client(world)
    ctl(world, "backup", world.path("copy"))
    for word in ("one", "two", "three"):
        _order(world, client, _names(word))
    placed = [order["placed"] for order in world.ledger()]
    clock(40)
    _restore(world)
    client = _client(world)
    ctl(world, "upstream", "reconcile", "main")
    assert _await_login(world, lambda login: login["reconciled_ms"])["imported"] == 3
    assert _spent(world) == (0, 0), "forty days later there is room again"
    assert _cost(world) == {_month(placed[0]): (3, 3 * PRICE)}
    bought = [ctl_json(world, "subscription", "show", sub["id"])["bought_ms"]
              for sub in ctl_json(world, "subscription", "list")["items"]]
    assert sorted(ms // 1000 for ms in bought) == sorted(int(at) for at in placed)


def test_an_order_that_is_adopted_after_a_restore_is_counted(make_world, clock):
    """Held in the backup and bought since: adopted, in its own day, and its policy's limit holds."""
    world = make_world(learn="both", change=_limited)
    ctl(world, "policy", "create", "default", "names=." + ZONE, "purchases_per_day=1")
    client = _client(world)
    ctl(world, "upstream", "pause", "main")
    url = _order(world, client, _names("adopted"), "held")
    _await_state(world, url, "held")
    ctl(world, "backup", world.path("copy"))
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    _restore(world)
    client.reconnect()
    assert _spent(world) == (0, 0)
    _reconcile(world)
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _spent(world) == (1, PRICE)
    detail = problem(client.try_order(_names("more")), "rateLimited", 429)["detail"]
    assert 'of the policy "default"' in detail
    assert world.requests()["AutoApplyOrder"] == 1
    assert list(_cost(world).values()) == [(1, PRICE)]


def test_a_reservation_that_was_restored_is_counted_once(make_world, clock):
    """The backup has the purchase on its way, counted already."""
    world = make_world(learn="both", change=_limited)
    client = _client(world)
    _await_login(world, lambda login: login["state"] == "open")  # the report of the start has been read
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept"},
                     {"endpoint": "WebHostReport", "action": "html-after-accept", "times": 2})
    url = _order(world, client, _names("unknown"), "held")
    _await_state(world, url, "unknown")
    ctl(world, "backup", world.path("copy"))
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    _restore(world)
    client.reconnect()
    assert "BEGIN CERTIFICATE" in client.certificate(url), "settled, with or without a reconciliation"
    _reconcile(world)
    assert _spent(world) == (1, PRICE)
    assert world.requests()["AutoApplyOrder"] == 1
    assert list(_cost(world).values()) == [(1, PRICE)]


def test_nothing_of_a_test_login_is_counted(make_world, clock):
    def change(config):
        _limited(config)
        config["logins"][0]["test"] = True
        config["logins"][0]["trust_anchors"] = config["logins"][0]["trust_anchors"].replace("root.pem", "test-root.pem")
    world = make_world(change=change)
    client = _client(world)
    ctl(world, "backup", world.path("copy"))
    _order(world, client, _names("trial"))
    _restore(world)
    client = _client(world)
    assert _reconcile(world)["imported"] == 1
    _order(world, client, _names("trial"))
    assert _spent(world) == (0, 0)
    assert all(cents == 0 for _, cents in _cost(world).values())
