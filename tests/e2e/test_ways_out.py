"""In every state of an issuance the operator has a command that ends it, and what the command says is true."""

import pytest

from acme_client import http_responder, make_csr
from dns_server import ZONE
from loopback import take_port
from sandbox_client import wait_for
from test_ctl import FAILED, ctl, ctl_json, money_lines
from test_endings import _advance, _client, _settings, _wait_invalid, _wait_order

NAMES = ["out." + ZONE]
MULTI = sorted(["out." + ZONE, "other." + ZONE])


def _change(hidden=False, unseen=False, poll="500ms"):
    """hidden: Sectigo looks where nothing listens, so its orders stay pending; unseen: preflight does as well."""
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"].update(settle_again="200ms", resend="400ms", later="200ms", settle_give_up="1s")
        config["profiles"][0].update(first_poll=poll, poll_interval=poll)
        if hidden or unseen:
            config["public"]["listen"] = [f"127.0.0.1:{port}"]
        if hidden:
            config["dcv"]["preflight"] = "off"
        config["dcv"]["preflight_retry"] = "300ms"
    port = take_port()
    return change


class Out:
    """An order on its way, and what the operator does to it."""

    def __init__(self, make_world, names=NAMES, **change):
        self.world = make_world(learn="poll", change=_change(**change))
        self.client = _client(self.world)
        self.names = names

    def order(self, names=None):
        names = names or self.names
        with http_responder(self.world.ports["http01"]) as responder:
            self.url, order = self.client.ready_order(names, responder)
        assert self.client.finalize(order, make_csr(names)).status_code == 200
        return self

    @property
    def id(self):
        return self.url.rsplit("/", 1)[1]

    def issuance(self):
        return ctl_json(self.world, "order", "show", self.id)["issuance"]

    def await_state(self, state):
        wait_for(f"an issuance that is {state}", lambda: self.issuance()["state"] == state)
        return self

    def drop(self):
        return ctl_json(self.world, "order", "drop", self.id)["decided"]

    def refused(self, command):
        return ctl(self.world, "order", command, self.id, status=FAILED).stderr

    def retry(self):
        return ctl_json(self.world, "order", "retry", self.id)["state"]

    def subscription(self, names=None):
        return [sub for sub in ctl_json(self.world, "subscription", "list")["items"]
                if sub["names"] == (names or self.names)][-1]

    def calls(self, *names):
        asked = self.world.requests()
        return [asked.get(name, 0) for name in names]

    def ends(self, state):
        """The issuance has ended so, its client is told, and nothing can be done to it any more."""
        detail = _wait_invalid(self.client, self.url)
        assert self.issuance()["state"] == state
        assert "ended" in self.refused("drop") and "nothing is left to do" in self.refused("retry")
        return detail


def test_not_finalized(make_world):
    out = Out(make_world)
    out.url = out.client.try_order(NAMES).headers["location"]
    assert "expires by itself" in out.refused("drop") and "waits for its client" in out.refused("retry")


def test_published(make_world):
    """Nothing was sent, and nothing is."""
    out = Out(make_world, unseen=True).order().await_state("published")
    assert out.retry() == "published"
    assert "nothing was sent" in out.drop()
    assert "given up by the operator" in out.ends("refused")
    assert out.calls("AutoApplyOrder") == [0]


def test_prepared(make_world):
    """A record that cannot be published."""
    out = Out(make_world)
    change = out.world.change

    def hook(config):
        change(config)
        config["dcv"].update(methods=["cname"], hook={"program": "/bin/false"}, zones=[{"zone": ZONE}])
    out.world.change = hook
    out.world.write_config()
    out.world.restart_gateway()
    out.client.reconnect()
    out.order()
    wait_for("a note", lambda: (one := out.issuance())["state"] == "prepared" and "hook" in (one["note"] or ""))
    assert out.retry() == "prepared"
    assert "nothing was sent" in out.drop()
    assert "given up by the operator" in out.ends("refused")
    assert out.calls("AutoApplyOrder") == [0]


def test_queued(make_world):
    out = Out(make_world, unseen=True).order().await_state("published")
    first = out.url
    second = Out.__new__(Out)
    second.__dict__.update(out.__dict__)
    second.order().await_state("queued")
    assert second.url != first
    assert "has the turn" in second.refused("retry")
    assert "nothing was sent" in second.drop()
    assert "given up by the operator" in second.ends("refused")
    assert out.issuance()["state"] == "published", "the one before goes on"


def test_submitting(make_world):
    """On the wire nothing can be said yet; when that has ended, it can."""
    out = Out(make_world)
    out.world.set_faults({"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 4, "times": 1})
    out.order().await_state("submitting")
    assert "on its way" in out.refused("drop") and "on its way" in out.refused("retry")
    assert "BEGIN CERTIFICATE" in out.client.certificate(out.url)
    assert len(out.world.bought(NAMES)) == 1


def test_unknown_that_was_bought(make_world):
    """Found in the report, so it is cancelled and refunded: what was said."""
    out = Out(make_world, hidden=True)
    out.world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1},
                         {"endpoint": "WebHostReport", "action": "status-503", "times": 8})
    out.order().await_state("unknown")
    assert "at its times" in out.refused("retry")
    said = out.drop()
    assert "cancelled" in said and "refunded" in said
    out.ends("dead")
    wait_for("the refund", lambda: out.subscription()["state"] == "ended")
    assert out.calls("AutoApplyOrder", "AutoReject", "AutoRefund", "AutoRevokeSSL") == [1, 1, 1, 0]
    assert [order["state"] for order in out.world.ledger()] == ["rejected"]


def test_unknown_that_was_not_bought(make_world):
    out = Out(make_world, hidden=True)
    out.world.set_faults({"endpoint": "AutoApplyOrder", "action": "status-503", "times": -1},
                         {"endpoint": "WebHostReport", "action": "status-503", "times": 8})
    out.order().await_state("unknown")
    out.drop()
    out.ends("refused")
    assert out.world.ledger() == [] and out.calls("AutoReject", "AutoRefund") == [0, 0]


def test_held(make_world):
    out = Out(make_world)
    ctl(out.world, "upstream", "pause", "main")
    out.order().await_state("held")
    assert out.retry() == "held"
    out.await_state("held")
    assert "nothing was sent" in out.drop()
    assert "given up by the operator" in out.ends("refused")


def test_submitted(make_world):
    """AutoReject and AutoRefund; the names can be bought again."""
    out = Out(make_world, hidden=True).order().await_state("submitted")
    assert out.retry() == "submitted"
    said = out.drop()
    assert "AutoReject" in said and "AutoRefund" in said
    assert "given the order up" in out.ends("dead")
    wait_for("the refund", lambda: out.subscription()["state"] == "ended")
    assert out.calls("AutoApplyOrder", "AutoReject", "AutoRefund", "AutoRevokeSSL") == [1, 1, 1, 0]
    audit = [(line["what"], line["amount_cents"]) for line in money_lines(out.world)]
    assert [what for what, _ in audit] == ["purchase", "cancellation", "refund"]
    assert sum(cents for _, cents in audit) == 0


def test_submitted_and_issued_meanwhile(make_world):
    """It is collected once more, and delivered."""
    out = Out(make_world, poll="1h").order().await_state("submitted")
    wait_for("it is issued", lambda: out.world.ledger()[0]["state"] == "issued")
    out.drop()
    assert "BEGIN CERTIFICATE" in out.client.certificate(out.url)
    assert out.calls("AutoReject", "AutoRefund") == [0, 0]


def test_submitted_of_several_names(make_world):
    """AutoRefund does not serve it: the orders end, and the paid subscription serves the next one."""
    out = Out(make_world, names=MULTI)
    _settings(out.world, paymentRequired=True)
    out.order().await_state("submitted")
    assert "stays for the next order" in out.drop()
    out.ends("dead")
    assert out.subscription()["state"] == "live" and out.calls("AutoReject", "AutoRefund") == [0, 0]
    _settings(out.world, paymentRequired=False)
    _advance(out.world, _wait_order(out.world, "unpaid"), step="all")
    wait_for("the order is issued", lambda: out.world.ledger()[0]["state"] == "issued")
    assert "BEGIN CERTIFICATE" in out.client.certificate(out.order().url)
    assert len(out.world.bought(MULTI)) == 1


def test_submitted_replacement(make_world):
    out = Out(make_world)
    assert "BEGIN CERTIFICATE" in out.client.certificate(out.order().url)
    _settings(out.world, issueDelayMs=600000)
    out.order().await_state("submitted")
    said = out.drop()
    assert "nothing is called" in said and "stays" in said
    out.ends("dead")
    assert out.subscription()["state"] == "live" and out.calls("AutoReject", "AutoRefund") == [0, 0]


def test_blocked(make_world):
    out = Out(make_world, hidden=True).order().await_state("submitted")
    _advance(out.world, _wait_order(out.world, "pending"), step="fail", reason="CAA record of out.acme.example")
    out.await_state("blocked")
    assert out.retry() == "blocked"
    assert "AutoReject" in out.drop()
    out.ends("dead")
    wait_for("the refund", lambda: out.subscription()["state"] == "ended")
    assert out.calls("AutoReject", "AutoRefund") == [1, 1]


def test_cancelling_that_is_never_answered(make_world):
    out = Out(make_world, hidden=True).order().await_state("submitted")
    out.world.set_faults({"endpoint": "AutoReject", "action": "status-503", "times": -1})
    out.drop()
    out.await_state("cancelling")
    assert out.retry() == "cancelling"
    assert "AutoReject is not asked any more" in out.drop()
    out.ends("dead")
    wait_for("the refund", lambda: out.subscription()["state"] == "ended")
    assert out.calls("AutoApplyOrder", "AutoRefund") == [1, 1]


@pytest.mark.parametrize("command", ("refund", "release"))
def test_dead(make_world, command):
    out = Out(make_world, hidden=True).order().await_state("submitted")
    _advance(out.world, _wait_order(out.world, "pending"), step="reject", reason="high risk")
    assert "rejected" in out.ends("dead")
    assert out.client.try_order(NAMES).status_code == 429
    ctl(out.world, "subscription", command, out.subscription()["id"])
    wait_for("it is over", lambda: out.subscription()["state"] == "ended")
    assert out.calls("AutoRefund") == [1 if command == "refund" else 0]
    assert out.client.try_order(NAMES).status_code == 201


def test_collected(make_world):
    out = Out(make_world)
    assert "BEGIN CERTIFICATE" in out.client.certificate(out.order().url)
    assert "collected" in out.refused("drop") and "collected" in out.refused("retry")
