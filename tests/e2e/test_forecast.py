"""What the fleet will buy and replace: acmegatectl forecast against a real daemon, its dates and its money."""

import csv
import datetime
import io

import pytest

from acme_client import AcmeClient
from dns_server import ZONE
from test_ctl import FAILED, MISUSED, ctl, ctl_json
from test_money import _buy, bound_client
from world import World

LIFETIMES = (200, 100, 47)


def _config(config):
    config["spending"] = {"currency": "CHF"}
    config["profiles"][0]["prices"] = {"single": "35.50", "multi": "80"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """One set of names of the default policy with a certificate of 199 days, and two of the policy shop."""
    world = World(tmp_path_factory.mktemp("world"), change=_config)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    _buy(world, client, ["www." + ZONE])
    ctl(world, "policy", "create", "shop", "names=." + ZONE, "purchases_per_month=1")
    world.eab = ctl_json(world, "eab", "create", "shop")
    shop = bound_client(world, world.eab)
    _buy(world, shop, ["a.shop." + ZONE])
    ctl(world, "policy", "set", "shop", "purchases_per_month=9")
    _buy(world, shop, ["b.shop." + ZONE, "c.shop." + ZONE])
    ctl(world, "policy", "set", "shop", "purchases_per_month=1")
    yield world
    world.close()


def _month(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m")


def _rows(answer, lifetime, policy):
    return {row["month"]: row for row in answer["items"] if row["lifetime_days"] == lifetime and row["policy"] == policy}


def test_a_year_of_a_fleet(fleet):
    """A certificate of 199 days, bought today for a year, is renewed on day 145 and 290, and bought on day 345."""
    answer = ctl_json(fleet, "forecast", "--months", "13")
    assert answer["currency"] == "CHF" and set(answer["left_out"].values()) == {0}
    rows = _rows(answer, 200, "default")
    assert rows[_month(145)]["replacements"] == 1 and rows[_month(145)]["amount_cents"] == 0
    bought, = [row for row in rows.values() if row["purchases"]]
    assert bought["month"] == _month(345) and bought["purchases"] == 1 and bought["amount_cents"] == 3550
    assert bought["profile"] == "dv" and bought["login"] == "main" and bought["over_limit"] is None
    shop, = [row for row in _rows(answer, 200, "shop").values() if row["purchases"]]
    assert shop["purchases"] == 2 and shop["amount_cents"] == 3550 + 8000 and shop["unpriced"] == 0
    assert shop["over_limit"] == "policy", "two a month, and one is allowed"


def test_shorter_lifetimes_are_replaced_more_often_for_the_same_money(fleet):
    answer = ctl_json(fleet, "forecast", "--months", "13")
    sums = {one["lifetime_days"]: one for one in answer["sums"]}
    assert tuple(sums) == LIFETIMES and {one["purchases"] for one in sums.values()} == {3}
    assert {one["amount_cents"] for one in sums.values()} == {3550 + 3550 + 8000}
    assert sums[200]["replacements"] < sums[100]["replacements"] < sums[47]["replacements"]
    for lifetime in LIFETIMES:
        rows = [row for row in answer["items"] if row["lifetime_days"] == lifetime]
        assert sum(row["replacements"] for row in rows) == sums[lifetime]["replacements"]


def test_months_policy_table_and_csv(fleet):
    assert ctl_json(fleet, "forecast", "--months", "1")["items"] == []
    assert {row["policy"] for row in ctl_json(fleet, "forecast", "--policy", "shop")["items"]} == {"shop"}
    table = ctl(fleet, "forecast", "--months", "13").stdout.splitlines()
    assert table[0].split()[:2] == ["LIFETIME", "MONTH"] and any("80.00 CHF" in row or "115.50 CHF" in row for row in table)
    rows = list(csv.DictReader(io.StringIO(ctl(fleet, "forecast", "--months", "13", "--csv").stdout)))
    assert sum(float(row["amount"]) for row in rows if row["lifetime"] == "47") == 151.0
    assert "from 1 to 60" in ctl(fleet, "forecast", "--months", "61", status=FAILED).stderr
    assert "is no option of" in ctl(fleet, "cost", "--months", "3", status=MISUSED).stderr


def test_what_nobody_renews_is_left_out_and_told(fleet):
    certificate, = ctl_json(fleet, "certificate", "list", "--name", "www." + ZONE)["items"]
    ctl(fleet, "certificate", "revoke", certificate["id"])
    answer = ctl_json(fleet, "forecast", "--months", "13")
    assert answer["left_out"]["revoked"] == 1 and not _rows(answer, 200, "default")
