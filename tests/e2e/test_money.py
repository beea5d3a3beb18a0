"""Money: spending limits, the cheapest product, CSRs without CN, and what is written down about each purchase."""

import contextlib
import datetime
import time

import pytest
import requests
import yaml

from acme_client import AcmeClient, http_responder, make_csr, problem
from dns_server import ZONE
from test_ctl import ctl, ctl_json, money_lines
from test_policy import bound_client

DV, WILDCARD, MULTI = "488", "489", "492"


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _buy(world, client, names, common_name=None):
    """The certificate of a new order, as text."""
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        answer = client.finalize(order, make_csr(names, common_name=common_name))
    assert answer.status_code == 200, answer.text
    return client.certificate(url)


def _next_month():
    day = datetime.datetime.now(datetime.timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return ((day + datetime.timedelta(days=32)).replace(day=1)).timestamp()


def _limited(**limits):
    def change(config):
        config["spending"] = limits
        config["acme"]["hold_finalize"] = "0s"
        config["profiles"][0]["prices"] = {"single": "30.00", "wildcard": 100, "multi": 70}
    return change


def test_a_limit_holds_what_was_ordered_and_refuses_what_comes(make_world):
    """Two orders are ready before one of them uses up the limit: the other is held, at no error of its client."""
    world = make_world(change=_limited(purchases_per_month=1))
    client = _client(world)
    first, second, third = (["limit%d.%s" % (i, ZONE)] for i in range(3))
    with http_responder(world.ports["http01"]) as responder:
        ready = [client.ready_order(names, responder) for names in (first, second)]
    assert client.finalize(ready[0][1], make_csr(first)).status_code == 200
    assert "BEGIN CERTIFICATE" in client.certificate(ready[0][0])
    answer = client.finalize(ready[1][1], make_csr(second))
    assert answer.status_code == 200 and answer.json()["status"] == "processing"
    world.wait_log(lambda line: line.get("msg") == "issuance is held")
    held, = ctl_json(world, "issuance", "list", "--state", "held")["items"]
    assert "1 purchases a month" in held["note"]
    due_s = ctl_json(world, "issuance", "show", held["id"])["due_ms"] / 1000
    assert _next_month() <= due_s <= _next_month() + 60
    assert client.fetch(ready[1][0]).json()["status"] == "processing"

    refused = client.try_order(third)
    assert "spending limit" in problem(refused, "rateLimited", 429)["detail"]
    assert 0 < int(refused.headers["retry-after"]) <= 31 * 86400
    assert "BEGIN CERTIFICATE" in _buy(world, client, first), "a replacement is free, so it is not limited"
    assert [line["what"] for line in money_lines(world)] == ["purchase", "replacement"]

    world.change = _limited(purchases_per_month=2)
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    # The start has looked at it already, unless this is faster.
    assert ctl_json(world, "upstream", "resume", "main")["held_made_due"] in (0, 1)
    assert "BEGIN CERTIFICATE" in client.certificate(ready[1][0])
    assert len(world.bought(first)) == len(world.bought(second)) == 1 and world.bought(third) == []
    problem(client.try_order(third), "rateLimited", 429)


def test_a_limit_of_money_counts_what_sectigo_charged(make_world):
    """30.00 was expected and reserved, 35.00 was charged: of 64.99 there is no room for another 30.00, of 65.00 there
    is."""
    world = make_world(change=_limited(amount_per_month="64.99"))
    client = _client(world)
    _buy(world, client, ["charged." + ZONE])
    line, = money_lines(world)
    assert line["amount_cents"] == 3500 and line["product"] == int(DV)
    assert "64.99 EUR a month" in problem(client.try_order(["more." + ZONE]), "rateLimited", 429)["detail"]
    world.change = _limited(amount_per_month="65.00")
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    _buy(world, client, ["more." + ZONE])
    problem(client.try_order(["another." + ZONE]), "rateLimited", 429)


def test_a_purchase_is_counted_once_however_it_went(make_world):
    """Reserved, killed with the request on its way, settled, sent again, charged otherwise than expected."""
    world = make_world(learn="both", change=_limited(purchases_per_month=1))
    client = _client(world)
    names = ["counted." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        world.stop_gateway()
        world.start_gateway(stop_at="submitting")
        client.reconnect()
        with contextlib.suppress(requests.RequestException):
            client.finalize(order, make_csr(names))
    world.wait_gateway_killed()
    world.start_gateway()
    client.reconnect()
    spent = ctl_json(world, "status")["spending"]
    assert (spent["purchases_this_month"], spent["amount_this_month_cents"]) in ((1, 3000), (1, 3500))
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    spent = ctl_json(world, "status")["spending"]
    assert (spent["purchases_this_month"], spent["amount_this_month_cents"]) == (1, 3500)
    assert len(world.bought(names)) == 1


def test_a_purchase_that_was_refused_gives_its_reservation_back(make_world):
    world = make_world(change=_limited(purchases_per_month=1))
    client = _client(world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-11"})
    names = ["given-back." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        client.finalize(order, make_csr(names))
    assert client.wait(url, ("processing",))["status"] == "invalid"
    assert "BEGIN CERTIFICATE" in _buy(world, client, names)


@pytest.fixture(scope="module")
def shop(world):
    return world, _client(world)


def test_a_domain_and_its_www_take_a_product_for_one_name(shop):
    world, client = shop
    names = [ZONE, "www." + ZONE]
    for _ in range(2):
        assert "BEGIN CERTIFICATE" in _buy(world, client, names)
    order, = world.bought(names)
    assert order["product"] == DV
    assert [look["name"] for look in order["dcv"]] == names, "Sectigo has looked at both"
    replaced, = (one for one in world.ledger() if one["kind"] == "replacement" and sorted(one["names"]) == names)
    assert replaced["product"] == DV


def test_other_sets_take_a_product_for_many_names(shop):
    world, client = shop
    for names in (["a." + ZONE, "www.a." + ZONE], [ZONE, "a." + ZONE]):
        _buy(world, client, names)
        order, = world.bought(names)
        assert order["product"] == MULTI


def test_names_that_no_product_gives_are_refused_at_once(make_world):
    def change(config):
        config["profiles"][0]["products"] = {"single": 488}
    world = make_world(change=change)
    client = _client(world)
    detail = problem(client.try_order(["a." + ZONE, "b." + ZONE]), "rejectedIdentifier", 400)["detail"]
    assert "order one for each name" in detail


@pytest.mark.parametrize("how, product", [("as_is", None), ("domain_names", DV), ("multi_domain", MULTI),
                                          ("refuse", None)])
def test_csr_without_cn(make_world, how, product):
    """As certbot sends it, to a Sectigo that takes none (as_is), and to one that takes names beside it."""
    def change(config):
        config["profiles"][0]["csr_without_cn"] = how
    world = make_world(change=change)
    client = _client(world)
    names = ["bare." + ZONE]
    world.set_settings(csrWithoutCommonName="refuse" if how in ("as_is", "multi_domain") else "accept")
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        answer = client.finalize(order, make_csr(names))
    if how == "refuse":
        problem(answer, "badCSR", 400)
        assert client.fetch(url).json()["status"] == "ready"
        answer = client.finalize(order, make_csr(names, common_name=names[0]))
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    elif how == "as_is":
        order = client.wait(url, ("processing",))
        assert order["status"] == "invalid" and "-8" in order["error"]["detail"]
        assert world.bought(names) == []
    else:
        assert "BEGIN CERTIFICATE" in client.certificate(url)
        bought, = world.bought(names)
        assert bought["product"] == product


def test_the_product_is_chosen_for_the_csr_that_leaves(make_world):
    """The first CSR has a CN and is refused; the one that waited behind it has none, and takes another product."""
    def change(config):
        config["profiles"][0]["csr_without_cn"] = "multi_domain"
        config["acme"]["hold_finalize"] = "0s"
    world = make_world(change=change)
    names = ["waited." + ZONE]
    ctl(world, "upstream", "pause", "main")
    with http_responder(world.ports["http01"]) as responder:
        for common_name in (names[0], None):
            client = _client(world)
            url, order = client.ready_order(names, responder)
            assert client.finalize(order, make_csr(names, common_name=common_name)).status_code == 200
    world.wait_log(lambda line: line.get("msg") == "issuance is held")
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-11"})
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    bought, = world.bought(names)
    assert bought["product"] == MULTI


def test_a_sold_subscription_serves_after_the_table_was_edited(make_world):
    """Its product is not in the profile any more: replacements go on all the same, and nothing is bought."""
    world = make_world()
    client = _client(world)
    names = ["edited." + ZONE]
    _buy(world, client, names)

    def change(config):
        config["profiles"][0]["products"] = {"wildcard": 489}
    world.change = change
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    assert "BEGIN CERTIFICATE" in _buy(world, client, names)
    assert len(world.bought(names)) == 1
    problem(client.try_order(["new." + ZONE]), "rejectedIdentifier", 400)


def test_a_policy_has_limits_of_its_own(make_world):
    """One account under each of two policies: the one is over its limit, the other is not."""
    world = make_world(change=_limited())
    ctl(world, "policy", "create", "small", "names=*", "purchases_per_month=1")
    ctl(world, "policy", "create", "rich", "names=*", "cents_per_month=7000")
    clients = {}
    for policy in ("small", "rich"):
        clients[policy] = bound_client(world, ctl_json(world, "eab", "create", policy))
    _buy(world, clients["small"], ["small." + ZONE])
    detail = problem(clients["small"].try_order(["other." + ZONE]), "rateLimited", 429)["detail"]
    assert 'of the policy "small" of 1 purchases a month' in detail
    for name in ("rich.", "richer."):
        _buy(world, clients["rich"], [name + ZONE])
    detail = problem(clients["rich"].try_order(["richest." + ZONE]), "rateLimited", 429)["detail"]
    assert 'of the policy "rich" of 70.00 EUR' in detail
    ctl(world, "policy", "set", "small", "purchases_per_month=0")
    _buy(world, clients["small"], ["other." + ZONE])

    lines = money_lines(world)
    bought = [line for line in lines if line["what"] == "purchase"]
    assert [line["policy"] for line in bought] == ["small", "rich", "rich", "small"]
    assert all(line["key"] and line["account"] for line in bought)
    sums = {line["policy"]: line for line in ctl_json(world, "cost")["items"]}
    assert {policy: (line["purchases"], line["amount_cents"]) for policy, line in sums.items()} == {
        "small": (2, 7000), "rich": (2, 7000)}
    assert "small" in ctl(world, "cost").stdout


def test_ov_names_the_organisation_of_the_policy(make_world):
    """Without one it is refused; with one it is sent; a CSR that names another is refused."""
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["profiles"][0]["products"] = {"single": 316}
    world = make_world(learn="both", change=change)
    client = _client(world)
    names = ["ov." + ZONE]
    detail = problem(client.try_order(names), "invalidProfile", 400)["detail"]
    assert "organization" in detail
    ctl(world, "policy", "create", "default", "names=*", "organization=Sectigo", "street=5 Becker Farm Road",
        "locality=Roseland", "state=NJ", "postal_code=07068", "country=US", "contact_email=ov@acme.example")
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    problem(client.finalize(order, make_csr(names, common_name=names[0], organization="Somebody else")), "badCSR", 400)
    assert client.finalize(order, make_csr(names, common_name=names[0])).status_code == 200
    deadline = time.monotonic() + 60
    while not world.bought(names):
        assert time.monotonic() < deadline, "a purchase: not within 60 s"
        time.sleep(0.05)
    bought, = world.bought(names)
    assert bought["product"] == "316" and bought["organizationName"] == "Sectigo"
    world.advance(bought["orderNumber"])
    assert "BEGIN CERTIFICATE" in client.certificate(url)


def test_check_config_counts_what_an_edit_would_orphan(make_world):
    """Beside the running daemon, which goes on; then without it; then where there is no store."""
    world = make_world()
    ctl(world, "policy", "create", "gone", "names=*")
    key = ctl_json(world, "eab", "create", "gone")
    client = _client(world)
    for names in (["one." + ZONE], ["two." + ZONE]):
        _buy(world, client, names)
    _buy(world, bound_client(world, key), ["three." + ZONE])

    def check(edit):
        config = world.config()
        edit(config)
        path = world._write("edited.yaml", yaml.safe_dump(config, sort_keys=False))
        done = world.run_gateway("--config", path, "--check-config")
        assert done.returncode == 0, done.output
        return done.output

    def rename(config):
        config["profiles"][0]["name"] = config["default_profile"] = "renamed"

    def turn_to_test(config):
        config["logins"][0]["test"] = True

    def move(config):
        config["logins"].append({**config["logins"][0], "name": "second"})
        config["profiles"][0]["login"] = "second"

    assert "3 paid subscriptions, all of which go on serving" in check(lambda config: None)
    assert "of 3 paid subscriptions 3 would serve no order" in check(rename)
    assert "3 whose profile is not configured, 0 whose profile has another" in check(rename)
    for edit in (turn_to_test, move):
        assert "0 whose profile is not configured, 3 whose profile has another login" in check(edit)
    assert "BEGIN CERTIFICATE" in _buy(world, client, ["one." + ZONE]), "the daemon has not noticed"
    ctl(world, "policy", "create", "heir", "names=*")
    ctl(world, "eab", "set", key["id"], "policy=heir")
    ctl(world, "policy", "delete", "gone")
    assert "of 3 paid subscriptions 1 would serve no order" in check(lambda config: None)
    world.stop_gateway()
    assert "1 whose policy is gone" in check(lambda config: None)
    assert "; the start makes one" in check(
        lambda config: config.update(store=world.store("nowhere")))
