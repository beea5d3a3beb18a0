"""Issuances whose time is over, and purchases that died: what is called, what is not, and who may buy again."""

import contextlib
import json

import requests

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from loopback import take_port
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json, money_lines


def _settings(world, **values):
    import json
    world._ask_sandbox("/sandbox/settings", json.dumps(values).encode())


def _requests(world):
    import json
    return json.loads(world._ask_sandbox("/sandbox/ledger"))["requests"]


def _wait_order(world, state):
    """The number of the one order that is in that state at Sectigo."""
    return wait_for(f"an order that is {state}",
                    lambda: [order["orderNumber"] for order in world.ledger() if order["state"] == state])[0]


def _advance(world, number, **request):
    world._ask_sandbox(f"/sandbox/orders/{number}/advance", json.dumps(request).encode())


def _short(deadline):
    def change(config):
        config["acme"]["hold_finalize"] = "3s" if deadline == "2s" else "0s"
        config["issuance"]["later"] = "200ms"
        config["profiles"][0].update(deadline=deadline, first_poll="500ms", poll_interval="500ms")
    return change


def _hidden(deadline):
    """Sectigo looks for the answer to its domain control where nothing listens, so its orders stay pending."""
    def change(config):
        _short(deadline)(config)
        config["dcv"]["preflight"] = "off"
        config["public"]["listen"] = [f"127.0.0.1:{port}"]
    port = take_port()
    return change


def _reveal(world, client, deadline="1h"):
    world.change = _short(deadline)
    world.write_config()
    world.restart_gateway()
    client.reconnect()


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _order(world, client, names, key=None):
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    answer = client.finalize(order, make_csr(names, key))
    assert answer.status_code == 200, answer.text
    return url


def _wait_invalid(client, url):
    order = client.wait(url, {"ready", "processing"})
    assert order["status"] == "invalid", order
    return order["error"]["detail"]


def _subscription(world, names, state):
    """The newest one of these names, once it is in that state."""
    def look():
        seen[:] = ctl_json(world, "subscription", "list")["items"]
        found = [one for one in seen if one["names"] == names]
        return found[-1] if found and found[-1]["state"] == state else None
    seen = []
    try:
        return wait_for(f"a subscription of {names} that is {state}", look)
    except AssertionError as late:
        raise AssertionError(f"{late}: {seen}") from None


def test_purchase_past_its_deadline_is_cancelled_and_refunded(make_world):
    """The answers of both calls are lost: they are asked again, and the money comes back once."""
    world = make_world(learn="poll", change=_hidden("2s"))
    names = ["late." + ZONE]
    client = _client(world)
    world.set_faults({"endpoint": "AutoReject", "action": "lose-reply-after-accept", "times": 1},
                     {"endpoint": "AutoRefund", "action": "lose-reply-after-accept", "times": 1})
    url = _order(world, client, names)
    detail = _wait_invalid(client, url)
    assert "in the time that the profile gives it" in detail
    _subscription(world, names, "ended")
    order, = world.ledger()
    assert order["state"] == "rejected"
    audit = [(line["what"], line["amount_cents"]) for line in money_lines(world)]
    assert [what for what, _ in audit] == ["purchase", "cancellation", "refund"]
    assert sum(cents for _, cents in audit) == 0 and audit[0][1] > 0
    asked = _requests(world)
    assert asked["AutoReject"] == 2 and asked["AutoRefund"] == 2 and not asked.get("AutoRevokeSSL")
    # The money is back, so the names can be bought again.
    _reveal(world, client)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    assert len(world.bought(names)) == 2


def test_killed_while_a_purchase_is_cancelled_and_refunded(make_world):
    """Each step is stored before the next is taken."""
    world = make_world(learn="poll", change=_hidden("2s"))
    names = ["killed-late." + ZONE]
    client = _client(world)
    world.stop_gateway()
    world.start_gateway(stop_at="cancelling")
    client.reconnect()
    with contextlib.suppress(requests.exceptions.ConnectionError):
        _order(world, client, names)
    world.wait_gateway_killed()
    world.start_gateway(stop_at="dead", wait=False)
    world.wait_gateway_killed()
    world.start_gateway()
    _subscription(world, names, "ended")
    assert [line["what"] for line in money_lines(world)] == ["purchase", "cancellation", "refund"]
    asked = _requests(world)
    assert asked["AutoApplyOrder"] == 1 and asked["AutoReject"] == 1 and asked["AutoRefund"] == 1


def test_certificate_that_comes_while_its_order_is_cancelled_is_delivered(make_world):
    """Sectigo does not cancel what is being signed (-26): the order goes on, past its deadline."""
    world = make_world(learn="poll", issue_delay=4, change=_short("2s"))
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, ["signed." + ZONE]))
    asked = _requests(world)
    assert asked["AutoReject"] >= 1 and not asked.get("AutoRefund")
    assert [order["state"] for order in world.ledger()] == ["issued"]
    audit = money_lines(world)
    assert [line["what"] for line in audit] == ["purchase"], "it goes on, and is not bought a second time"
    shown = ctl_json(world, "issuance", "show", audit[0]["issuance"])
    assert shown["certificate_id"] == audit[0]["certificate_id"] != ""


def test_multi_domain_purchase_past_its_deadline_stays(make_world):
    """AutoRefund does not serve it: the ACME order ends, nothing is cancelled, and the next CSR is a replacement."""
    world = make_world(learn="poll", change=_short("2s"))
    _settings(world, paymentRequired=True)
    names = sorted(["m1." + ZONE, "m2." + ZONE])
    client = _client(world)
    _wait_invalid(client, _order(world, client, names))
    assert _subscription(world, names, "live")
    asked = _requests(world)
    assert not asked.get("AutoReject") and not asked.get("AutoRefund")
    assert "never delivered a push" in ctl_json(world, "status")["logins"][0]["warning"]
    _advance(world, _wait_order(world, "unpaid"), step="all")
    wait_for("the order is issued", lambda: world.ledger()[0]["state"] == "issued")
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement"]


def _withheld(anchors):
    """What comes chains to another root than the login's trust_anchors say, so it is not delivered."""
    def change(config):
        _short("4s")(config)
        config["acme"]["hold_finalize"] = "0s"
        config["logins"][0]["trust_anchors"] = anchors
    return change


def _withheld_world(make_world):
    world = make_world(learn="poll", change=_short("4s"))
    world.change = _withheld(world.pki.ca)
    world.write_config()
    world.restart_gateway()
    return world


def test_withheld_purchase_past_its_deadline_is_refunded(make_world):
    """It is issued, so there is nothing to reject: its certificate is not ours to deliver, and its money comes back."""
    world = _withheld_world(make_world)
    names = ["withheld." + ZONE]
    client = _client(world)
    detail = _wait_invalid(client, _order(world, client, names))
    assert "does not chain to the login's trust_anchors" in detail
    _subscription(world, names, "ended")
    asked = _requests(world)
    assert [asked.get(call, 0) for call in ("AutoApplyOrder", "AutoReject", "AutoRefund", "AutoRevokeSSL")] == \
        [1, 0, 1, 0]
    audit = [(line["what"], line["amount_cents"]) for line in money_lines(world)]
    assert [what for what, _ in audit] == ["purchase", "refund"] and sum(cents for _, cents in audit) == 0


def test_withheld_purchase_of_several_names_stays(make_world):
    world = _withheld_world(make_world)
    names = sorted(["w1." + ZONE, "w2." + ZONE])
    client = _client(world)
    assert "does not chain" in _wait_invalid(client, _order(world, client, names))
    assert _subscription(world, names, "live")
    world.change = _short("1h")
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    assert len(world.bought(names)) == 1 and not _requests(world).get("AutoRefund")


def _settled_soon():
    def change(config):
        _short("4s")(config)
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"].update(settle_again="200ms", resend="400ms", settle_give_up="1s")
    return change


def test_unknown_purchase_that_no_report_knows_ends_at_its_deadline(make_world):
    """Held for the operator until then; nothing was bought, so the names are free."""
    world = make_world(learn="poll", change=_settled_soon())
    names = ["nobodys." + ZONE]
    client = _client(world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "status-503", "times": -1})
    url = _order(world, client, names)
    world.wait_log(lambda line: line.get("msg") == "issuance is held")
    assert "nothing was bought" in _wait_invalid(client, url)
    assert world.ledger() == [] and ctl_json(world, "subscription", "list")["items"] == []
    assert ctl_json(world, "status")["spending"]["purchases_today"] == 0
    assert client.try_order(names).status_code == 201


def test_replacement_past_its_deadline_is_dropped_and_nothing_is_called(make_world):
    world = make_world(learn="poll", change=_short("2s"))
    names = ["dropped." + ZONE]
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    _settings(world, issueDelayMs=600000)
    _wait_invalid(client, _order(world, client, names))
    assert _subscription(world, names, "live").get("under_way") is None
    asked = _requests(world)
    assert not asked.get("AutoReject") and not asked.get("AutoRefund") and not asked.get("AutoRevokeSSL")


def test_rejected_purchase_blocks_its_names_until_the_operator_decides(make_world):
    world = make_world(learn="poll", change=_hidden("1h"))
    names = ["rejected." + ZONE]
    client = _client(world)

    def reject():
        url = _order(world, client, names)
        _advance(world, _wait_order(world, "pending"), step="reject", reason="high risk")
        assert "rejected" in _wait_invalid(client, url)
        return _subscription(world, names, "dead")["id"]

    first = reject()
    answer = client.try_order(names)
    assert answer.status_code == 429 and "rejected" in answer.json()["detail"], answer.text
    ctl(world, "subscription", "refund", first)
    _subscription(world, names, "ended")
    second = reject()
    assert second != first
    ctl(world, "subscription", "release", second)
    _subscription(world, names, "ended")
    assert "not dead" in ctl(world, "subscription", "release", second, status=1).stderr
    _reveal(world, client)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    assert len(world.bought(names)) == 3
