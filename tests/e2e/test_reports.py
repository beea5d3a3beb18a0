"""Sectigo's reports as they may come: late, in many pages, with names and dates written otherwise. What is ours is found
in them, and nothing is bought anew."""

import pytest

from dns_server import ZONE
from test_ctl import ctl, ctl_json
from test_endings import _client, _requests
from test_reconcile import _await_login, _await_state, _login, _order, _restore

NAMES = ["one." + ZONE, "two." + ZONE, "www.two." + ZONE]
LOST = {"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1}
MODES = {
    "late-by-looks": {"reportLagLooks": 1},
    "late-by-time": {"reportLagMs": 700},
    "names": {"reportNames": "shuffled"},
    "west": {"reportZoneMinutes": -720},
    "east": {"reportZoneMinutes": 840},
    "pages": {"reportStrangers": 2500, "reportPageMax": 1000},
}
ALL = {name: value for mode in MODES.values() for name, value in mode.items() if "Lag" not in name}


def _eager(config):
    config["acme"]["hold_finalize"] = "0s"
    config["issuance"].update(settle_again="500ms", resend="2s", later="300ms")


@pytest.mark.parametrize("mode", MODES)
def test_a_lost_order_is_adopted(make_world, mode):
    """Where Sectigo would take the number twice, too."""
    world = make_world(learn="both", change=_eager)
    client = _client(world)
    world.set_settings(checkNumbers=False, **MODES[mode])
    world.set_faults(LOST)
    _order(world, client, NAMES)
    assert _requests(world)["AutoApplyOrder"] == 1
    sold, = world.ledger()
    subscription, = ctl_json(world, "subscription", "list")["items"]
    assert ctl_json(world, "subscription", "show", subscription["id"])["order_number"] == sold["orderNumber"]


@pytest.mark.lmdb("restores its backup")
def test_a_reconciliation_finds_ours_among_thousands(make_world):
    world = make_world(change=_eager)
    client = _client(world)
    _order(world, client, ["kept." + ZONE])
    ctl(world, "backup", world.path("copy"))
    lost = [NAMES, ["single." + ZONE]]
    for names in lost:
        _order(world, _client(world), names)
    _restore(world)
    client.reconnect()
    world.set_settings(**ALL)
    held = [_order(world, client, names, "held") for names in lost]
    for url in held:
        _await_state(world, url, "held")
    ctl(world, "upstream", "reconcile", "main")
    assert _await_login(world, lambda login: login["reconciled_ms"])["imported"] == 2
    assert _login(world)["state"] == "open"
    for url in held:
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert all(len(world.bought(names)) == 1 for names in lost), world.ledger()
