"""Orders that were bought by hand come under a policy, and are used as imported ones are: the next order of their names is
a free replacement."""

import json
import threading

import pytest

from acme_client import AcmeClient, make_csr, problem
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import FAILED, NOT_FOUND, ctl, ctl_json
from test_money import _buy, bound_client
from world import World


def _config(config):
    config["spending"] = {"currency": "EUR", "purchases_per_day": 20}
    config["profiles"][0]["prices"] = {"single": "35", "wildcard": "120", "multi": "80"}


def _by_hand(world, name):
    """Its order number."""
    before = {order["orderNumber"] for order in world.ledger()}
    world.order_by_hand(name, make_csr([name]), omitAdditionalFQDN="Y")
    number, = {order["orderNumber"] for order in world.ledger()} - before
    world.advance(number)
    return number


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A policy with a client, and orders that somebody bought at Sectigo."""
    world = World(tmp_path_factory.mktemp("world"), change=_config)
    ctl(world, "policy", "create", "shop", "names=." + ZONE, "purchases_per_day=50")
    world.client = bound_client(world, ctl_json(world, "eab", "create", "shop"))
    world.hand = {word: _by_hand(world, f"{word}.{ZONE}") for word in ("one", "two", "three", "four", "five", "bare")}
    world.foreign = _by_hand(world, "foreign.example.net")
    yield world
    world.close()


def _purchases(world):
    return sum(order["kind"] == "purchase" for order in world.ledger())


def _spent(world):
    """What counts against the limits of all, and of the policy."""
    of_policy, = [row["used"] for row in ctl_json(world, "limits")["items"] if row["policy"] == "shop"]
    return ctl_json(world, "status")["spending"], of_policy


def _outcomes(world, *words):
    return {row["order_number"]: row["outcome"]
            for row in ctl_json(world, "subscription", "adopt", *words, "--policy", "shop")["items"]}


def test_the_next_order_of_an_adopted_name_is_a_replacement(shop):
    number, before = shop.hand["one"], _purchases(shop)
    assert _outcomes(shop, number) == {number: "adopted"}
    sub, = ctl_json(shop, "subscription", "list", "--name", "one." + ZONE)["items"]
    assert sub["policy"] == "shop" and sub["state"] == "live" and sub["login"] == "main"
    spent = _spent(shop)
    for _ in range(2):
        assert "BEGIN CERTIFICATE" in _buy(shop, shop.client, ["one." + ZONE])
    assert _purchases(shop) == before, "nothing was bought"
    kinds = [order["kind"] for order in shop.ledger() if order["names"] == ["one." + ZONE]]
    assert kinds == ["purchase", "replacement", "replacement"]
    shown = ctl_json(shop, "subscription", "show", sub["id"])
    assert shown["order_number"] == number and shown["profile"] == "dv" and len(shown["certificate_ids"]) == 3
    assert _spent(shop) == spent, "counted when it was adopted, and not once more"


def test_money_and_audit_know_it(shop):
    number = shop.hand["two"]
    before = ctl_json(shop, "status")["spending"]
    _outcomes(shop, number)
    after = ctl_json(shop, "status")["spending"]
    assert after["purchases_today"] == before["purchases_today"] + 1
    assert after["amount_today_cents"] == before["amount_today_cents"] + 3500
    lines = ctl_json(shop, "audit")["items"]
    money, = [line for line in lines if line.get("order_number") == number]
    assert money["what"] == "adoption" and money["policy"] == "shop" and money["amount_cents"] == 3500
    act, = [line for line in lines if line.get("subject") == number]
    assert act["what"] == "order adopted" and act["members"] == {"policy": "shop", "login": "main"} and act["uid"] >= 0
    bought = sum(row["purchases"] for row in ctl_json(shop, "cost")["items"] if row["policy"] == "shop")
    assert bought >= 1


def test_a_preview_stores_nothing(shop):
    before, lines = ctl_json(shop, "status")["counts"], ctl_json(shop, "audit")["items"]
    said = _outcomes(shop, "--name", "." + ZONE, "--preview")
    assert said[shop.hand["three"]] == "would be adopted" and shop.foreign not in said
    assert ctl_json(shop, "status")["counts"] == before and ctl_json(shop, "audit")["items"] == lines


def test_many_at_once_by_file_and_by_name(shop, tmp_path):
    path = tmp_path / "numbers"
    path.write_text(f"# order, name\n{shop.hand['three']}, three.{ZONE}\n\n{shop.foreign}\n424242\n{shop.hand['one']}\n")
    said = _outcomes(shop, "--file", str(path))
    assert said[shop.hand["three"]] == "adopted"
    assert "does not allow its names" in said[shop.foreign]
    assert "no such order" in said["424242"]
    assert "is known" in said[shop.hand["one"]]
    said = _outcomes(shop, "--name", "f*." + ZONE)
    assert said == {shop.hand["four"]: "adopted", shop.hand["five"]: "adopted"}
    before = _purchases(shop)
    for word in ("three", "four", "five"):
        _buy(shop, shop.client, [f"{word}.{ZONE}"])
    assert _purchases(shop) == before


def test_it_serves_its_policy_alone(shop):
    """Another policy's order of the same names is another subscription: whoever may use what is bought was said."""
    number, name = shop.hand["bare"], ["bare." + ZONE]
    assert _outcomes(shop, number) == {number: "adopted"}
    other = AcmeClient(shop.directory, shop.pki.ca)
    assert other.new_account().status_code == 201
    before = _purchases(shop)
    _buy(shop, other, name)
    assert _purchases(shop) == before + 1
    _buy(shop, shop.client, name)
    assert _purchases(shop) == before + 1


def test_a_limit_does_not_keep_from_what_is_free(make_world):
    def full(config):
        _config(config)
        config["spending"]["purchases_per_day"] = 1
    world = make_world(change=full)
    number = _by_hand(world, "free." + ZONE)
    ctl(world, "policy", "create", "default", "names=." + ZONE)
    ctl(world, "subscription", "adopt", number, "--policy", "default")
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    problem(client.try_order(["dear." + ZONE]), "rateLimited", 429)
    _buy(world, client, ["free." + ZONE])
    world.restart_gateway()
    client.reconnect()
    _buy(world, client, ["free." + ZONE])
    assert _purchases(world) == 1


def test_what_is_no_request(shop):
    for words, said in ((["1"], "under which policy"), (["--policy", "shop"], "which orders"),
                        (["x1", "--policy", "shop"], "digits"), (["1", "--name", "a", "--policy", "shop"], "not by both")):
        assert said in ctl(shop, "subscription", "adopt", *words, status=FAILED).stderr
    number = shop.hand["one"]
    ctl(shop, "subscription", "adopt", number, "--policy", "nobody", status=NOT_FOUND)
    ctl(shop, "subscription", "adopt", number, "--policy", "shop", "--login", "nobody", status=NOT_FOUND)


def test_our_own_and_those_that_are_over_are_told(shop):
    _buy(shop, shop.client, ["own." + ZONE])
    own, = [order["orderNumber"] for order in shop.bought(["own." + ZONE])]
    pending = [order["orderNumber"] for order in shop.ledger()]
    shop.set_settings(issueDelayMs=3600000)
    shop.order_by_hand("slow." + ZONE, make_csr(["slow." + ZONE]))
    slow, = [order["orderNumber"] for order in shop.ledger() if order["orderNumber"] not in pending]
    shop.set_settings(issueDelayMs=0)
    assert "this gateway's own" in _outcomes(shop, own)[own]
    assert "no certificate has been issued" in _outcomes(shop, slow)[slow]


def test_what_another_gateway_or_a_test_login_bought_is_not_adopted(shop):
    """By their foreignOrderNumbers: the one is replaced by its own gateway, the other is worth nothing."""
    said = {}
    for word, number in (("theirs", "east" + 32 * "5"), ("trial", "at" + 31 * "7"), ("hash", 40 * "c")):
        name, before = f"{word}.{ZONE}", {order["orderNumber"] for order in shop.ledger()}
        shop.order_by_hand(name, make_csr([name]), omitAdditionalFQDN="Y", foreignOrderNumber=number)
        order, = {order["orderNumber"] for order in shop.ledger()} - before
        shop.advance(order)
        said[word] = _outcomes(shop, order)[order]
    assert "another gateway" in said["theirs"]
    assert "test login" in said["trial"]
    assert said["hash"] == "adopted", "another program may number its orders as it likes"


def test_a_term_that_is_over_is_not_adopted(shop):
    """The next order of its names is a purchase, whatever is stored."""
    number = _by_hand(shop, "old." + ZONE)
    shop.set_settings(reportZoneMinutes=-400 * 24 * 60)
    try:
        assert "its term is over" in _outcomes(shop, number, "--preview")[number]
        assert _outcomes(shop, number, "--days", "730", "--preview") == {number: "would be adopted"}
    finally:
        shop.set_settings(reportZoneMinutes=0)


def test_only_what_was_asked_for_is_adopted(shop):
    """Whatever else the report answers with, and however much."""
    number = _by_hand(shop, "asked." + ZONE)
    shop.set_settings(reportStrangers=150)
    try:
        assert _outcomes(shop, number, "--preview") == {number: "would be adopted"}
    finally:
        shop.set_settings(reportStrangers=0)


def test_its_audit_stands_where_it_was_stored(shop):
    """The report may take long; whoever follows the audit has read on meanwhile."""
    number = _by_hand(shop, "late." + ZONE)
    shop.set_faults({"endpoint": "WebHostReport", "action": "delay", "seconds": 3, "times": 1})
    said = {}
    asking = threading.Thread(target=lambda: said.update(_outcomes(shop, number)))
    asking.start()
    wait_for("the report that is waited for", lambda: json.loads(shop._ask_sandbox("/sandbox/faults"))["fired"])
    ctl(shop, "policy", "create", "meanwhile")
    asking.join()
    shop.set_faults()
    assert said == {number: "adopted"}
    subjects = [line.get("subject") for line in ctl_json(shop, "audit", "--all")["items"]]
    assert subjects.index("meanwhile") < subjects.index(number)
