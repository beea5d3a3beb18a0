"""What may go wrong together: a deadline in the middle of an answer, codes that nobody documented, a report that knows
an order long after its number was refused, numbers that two endpoints give alike."""

import copy
import os
import struct

import pytest

from acme_client import http_responder, make_csr
from dns_server import ZONE
from loopback import release_port, take_port
from process import Process
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_endings import _client, _order, _requests, _short, _subscription, _wait_invalid, _withheld
from world import LOGIN, PUSH_PASSWORD, PUSH_USER, folder_of, program

HOUR_MS = 3600 * 1000


def _issuance(world, url):
    return ctl_json(world, "order", "show", url.rsplit("/", 1)[1])["issuance"]


def _await(world, url, *states):
    return wait_for(" or ".join(states), lambda: (one := _issuance(world, url))["state"] in states and one)


# ---- endings ----

def test_a_replacement_whose_deadline_passes_while_it_is_collected(make_world):
    """What comes is withheld, and the subscription, which others are served from, is not refunded for it."""
    world = make_world(learn="poll", change=_short("4s"))
    names = ["shared." + ZONE]
    client = _client(world)
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))
    world.change = _withheld(world.pki.ca)
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    world.set_faults({"endpoint": "CollectSSL", "action": "delay", "seconds": 5})
    _wait_invalid(client, _order(world, client, names))
    assert _subscription(world, names, "live")
    assert not _requests(world).get("AutoRefund")
    assert {order["state"] for order in world.ledger()} == {"replaced", "issued"}


def _settled_soon(test=False, poll=True):
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"].update(settle_again="200ms", resend="400ms", later="200ms")
        if poll:
            config["profiles"][0].update(first_poll="300ms", poll_interval="300ms")
        if test:
            config["logins"][0].update(test=True, trust_anchors=world_file(config, "sandbox/test-root.pem"))
    return change


def world_file(config, name):
    return os.path.join(folder_of(config), name)


def test_a_test_order_that_no_report_agrees_with_is_given_up(make_world):
    """Nothing was reserved for it, and so there is nothing to settle: the operator's word ends it all the same."""
    world = make_world(learn="poll", change=_settled_soon(test=True))
    client = _client(world)
    world.set_settings(reportZoneMinutes=-3 * 24 * 60)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept"})
    url = _order(world, client, ["given-up." + ZONE])
    _await(world, url, "held")
    ctl(world, "order", "drop", url.rsplit("/", 1)[1])
    assert "given the order up" in _wait_invalid(client, url)
    assert _issuance(world, url)["state"] == "dead"


# ---- a payment, and a clock that was wrong at the start ----

def test_a_payment_goes_on_once_the_clock_is_right(make_world, monkeypatch, tmp_path):
    """The start was a day in the future, as it seemed then: what Sectigo says now is not older than the start."""
    def set_clock(ahead_ms):
        with open(clock, "r+b" if os.path.exists(clock) else "wb") as file:
            file.write(struct.pack("=q", ahead_ms))
    clock = tmp_path / "clock"
    set_clock(0)
    world = make_world(learn="poll", change=_settled_soon())
    world.set_settings(paymentRequired=True)
    client = _client(world)
    url = _order(world, client, ["paid." + ZONE])
    wait_for("its payment", lambda: (_issuance(world, url).get("payment") or {}).get("state") == "waiting")
    world.stop_gateway()
    monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", str(clock))
    set_clock(24 * HOUR_MS)
    world.start_gateway()
    client.reconnect()
    world.wait_log(lambda line: line.get("msg", "").startswith("the system clock is wrong"))
    asked = _requests(world).get("GetDetailedOrderStatus", 0)
    set_clock(0)
    ctl(world, "order", "authorize", url.rsplit("/", 1)[1])
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _requests(world)["GetDetailedOrderStatus"] - asked < 10
    assert [order["debited"] for order in world.ledger()] == ["35.00"]


# ---- answers ----

@pytest.mark.parametrize("code", [-999, -222, 7])
def test_an_order_whose_answer_has_a_code_that_nobody_documented(make_world, code):
    """It was placed, whatever the code means: the report knows it, and it is delivered."""
    world = make_world(learn="both", change=_settled_soon())
    client = _client(world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": f"code-after-accept:{code}"})
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, ["odd." + ZONE]))
    assert len(world.ledger()) == 1


def test_a_repeat_refused_by_its_number_before_the_report_knows_it(make_world):
    """Sectigo says itself that it has the order: it is looked for until the report says which, and never ended."""
    world = make_world(learn="both", change=_settled_soon())
    client = _client(world)
    world.set_settings(reportLagLooks=6)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept"})
    url = _order(world, client, ["late." + ZONE])
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _requests(world)["AutoApplyOrder"] == 2
    assert len(world.ledger()) == 1


def _refused_by_number(world, client, names):
    """The first was not placed, as the test knows, and Sectigo refuses the second as if it were."""
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "status-503"},
                     {"endpoint": "AutoApplyOrder", "action": "code:-55"})
    url = _order(world, client, names)
    world.wait_log(lambda line: line.get("msg") == "issuance is held" and "foreignOrderNumber" in line["reason"])
    return url


def _given_up_soon(config):
    _settled_soon()(config)
    config["issuance"]["settle_give_up"] = "1s"


def test_a_purchase_refused_by_its_number_waits_for_the_operator(make_world):
    """No report knows it: nothing is sent again, and its names are not free before somebody has looked at Sectigo."""
    world = make_world(learn="both", change=_given_up_soon)
    client = _client(world)
    url = _refused_by_number(world, client, names := ["numbered." + ZONE])
    assert client.fetch(url).json()["status"] == "processing"
    ctl(world, "order", "drop", url.rsplit("/", 1)[1])
    _wait_invalid(client, url)
    assert _issuance(world, url)["state"] == "dead"
    assert client.try_order(names).status_code == 429
    assert _requests(world)["AutoApplyOrder"] == 2 and world.ledger() == []
    ctl(world, "subscription", "release", _subscription(world, names, "dead")["id"])
    assert "BEGIN CERTIFICATE" in client.certificate(_order(world, client, names))


def test_a_purchase_refused_by_its_number_blocks_its_names_at_its_deadline(make_world):
    def change(config):
        _given_up_soon(config)
        config["profiles"][0]["deadline"] = "5s"
    world = make_world(learn="both", change=change)
    client = _client(world)
    url = _refused_by_number(world, client, names := ["blocking." + ZONE])
    _wait_invalid(client, url)
    assert _issuance(world, url)["state"] == "dead"
    assert client.try_order(names).status_code == 429
    assert ctl_json(world, "status")["spending"]["purchases_today"] == 1, "perhaps it was bought"
    ctl(world, "subscription", "release", _subscription(world, names, "dead")["id"])
    assert client.try_order(names).status_code == 201


# ---- two endpoints ----

class Second:
    """Another stand-in, which begins to number its orders as the first did."""

    def __init__(self, world):
        self.folder = world.path("second")
        os.makedirs(self.folder)
        self.port = take_port()
        self.process = Process("sectigo-sandbox", [
            program("sectigo-sandbox"), "--listen", f"127.0.0.1:{self.port}", "--data", self.folder,
            "--resolver", f"127.0.0.1:{world.dns.port}", "--http-port", str(world.looked_at), "--login", LOGIN,
            "--password-file", world.path("sandbox-password"), "--issue-delay", "0.5",
            "--push-url", f"http://{PUSH_USER}:{PUSH_PASSWORD}@127.0.0.1:{world.ports['public']}/push/sectigo"],
            world.folder)
        self.process.wait_line(lambda line: line.startswith("ready "))

    def close(self):
        assert self.process.stop() == 0
        release_port(self.port)

    def add_to(self, config):
        main, dv = config["logins"][0], config["profiles"][0]
        config["logins"].append({**main, "name": "second", "url": f"https://127.0.0.1:{self.port}",
                                 "ca_file": self.folder + "/tls-ca.pem", "trust_anchors": self.folder + "/root.pem"})
        config["profiles"].append({**copy.deepcopy(dv), "name": "trial", "login": "second"})


@pytest.fixture
def second(make_world):
    """make(learn) -> a world with two endpoints."""
    others = []

    def make(learn):
        world = make_world(learn=learn, issue_delay=0.5, change=_settled_soon(poll=learn == "poll"))
        others.append(Second(world))
        world.change = lambda config: (_settled_soon(poll=learn == "poll")(config), others[0].add_to(config))
        world.write_config()
        world.restart_gateway()
        return world

    yield make
    for other in others:
        other.close()


def _certificate(world, client, names, profile):
    with http_responder(world.ports["http01"]) as responder:
        answer = client.try_order(names, profile=profile)
        assert answer.status_code == 201, answer.text
        url = answer.headers["location"]
        client.authorize(answer.json(), responder)
    order = client.fetch(url).json()
    assert client.finalize(order, make_csr(names)).status_code == 200
    return url, client.certificate(url)


@pytest.mark.parametrize("learn", ["poll", "push"])
def test_two_endpoints_that_give_the_same_numbers(second, learn):
    """A number belongs to one order of one endpoint: neither takes the other's, whoever comes first."""
    world = second(learn)
    client = _client(world)
    for word, profile in (("live", "dv"), ("trial", "trial"), ("trial", "trial"), ("live", "dv")):
        url, chain = _certificate(world, client, [f"{word}.{ZONE}"], profile)
        assert "BEGIN CERTIFICATE" in chain
        shown = _issuance(world, url)
        assert shown["order_number"].startswith("1000001"), "both begin so"
    subs = [ctl_json(world, "subscription", "show", sub["id"])
            for sub in ctl_json(world, "subscription", "list")["items"]]
    assert [sub["order_number"] for sub in subs] == 2 * ["1000001"]
    assert len(world.bought([f"live.{ZONE}"])) == 1
