"""What plots and the page are made of: by day, what is under way, a calendar, how long things take, an order's story."""

import datetime

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from test_ctl import FAILED, NOT_FOUND, ctl, ctl_json
from test_money import _buy
from world import World

HELD, SEEN = ["held." + ZONE], ["seen." + ZONE]


def _with_prices(config):
    config["spending"] = {"currency": "CHF"}
    config["profiles"][0]["prices"] = {"single": "35", "wildcard": "120", "multi": "80"}
    config["acme"]["hold_finalize"] = "5s"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A purchase, its replacement, and one that is held."""
    one = World(tmp_path_factory.mktemp("world"), change=_with_prices)
    client = AcmeClient(one.directory, one.pki.ca)
    assert client.new_account().status_code == 201
    _buy(one, client, SEEN)
    _buy(one, client, SEEN)
    ctl(one, "upstream", "pause", "main")
    with http_responder(one.ports["http01"]) as responder:
        _, order = client.ready_order(HELD, responder)
        client.finalize(order, make_csr(HELD))
    one.wait_log(lambda line: line.get("msg") == "issuance is held")
    one.orders = {tuple(row["names"]): row["id"] for row in ctl_json(one, "order", "list")["items"]}
    yield one
    one.close()


def test_days(world):
    shown = ctl_json(world, "days", "--days", "7")
    today = datetime.datetime.now(datetime.timezone.utc).date()
    days = [row["day"] for row in shown["items"]]
    assert days == sorted(days) and len(days) == 7 and shown["currency"] == "CHF"
    assert days[-1] in (today.isoformat(), (today - datetime.timedelta(1)).isoformat())  # midnight may just have passed
    total = {key: sum(row[key] for row in shown["items"]) for key in shown["items"][0] if key != "day"}
    assert total == {"certificates": 2, "purchases": 1, "replacements": 1, "refunds": 0, "amount_cents": 3500}
    assert len(ctl_json(world, "days")["items"]) == 30
    assert "35.00 CHF" in ctl(world, "days", "--days", "2").stdout


def test_live(world):
    held, = ctl_json(world, "live")["items"]
    assert held["state"] == "held" and held["names"] == HELD and held["order"] == world.orders[tuple(HELD)]
    assert "upstream resume" in held["note"] or "paused" in held["note"], held
    assert held["due_ms"] > held["changed_ms"] and ctl_json(world, "live")["more"] is False
    assert ctl_json(world, "live", "--state", "held")["items"] and not ctl_json(world, "live", "--state", "blocked")["items"]
    ctl(world, "live", "--state", "collected", status=FAILED)


def test_calendar(world):
    shown = ctl_json(world, "calendar", "--days", "400")["items"]
    ending = {row["day"]: row["certificates"] for row in shown if row["certificates"]}
    newest = ctl_json(world, "certificate", "list", "--newest", "--limit", "1")["items"][0]["not_after_ms"]
    assert ending == {datetime.datetime.fromtimestamp(newest / 1000, datetime.timezone.utc).date().isoformat(): 1}
    assert len(ctl_json(world, "calendar")["items"]) == 90 and len(shown) == 400


def test_latency(world):
    rows = {(row["what"], row["of"]): row for row in ctl_json(world, "latency")["items"]}
    certificates = rows["time to certificate", "push"]
    assert certificates["count"] == 2 == sum(bucket["count"] for bucket in certificates["buckets"])
    assert certificates["half_within_seconds"] <= certificates["most_within_seconds"] and certificates["mean_seconds"] > 0
    assert certificates["buckets"][-1]["up_to_seconds"] is None
    assert rows["call to Sectigo", "AutoApplyOrder"]["count"] == 1 == rows["call to Sectigo", "AutoReplaceSSL"]["count"]
    assert ("commit", None) in rows and " ms" in ctl(world, "latency").stdout


def _told(world, names):
    return ctl_json(world, "order", "story", world.orders[tuple(names)])["items"]


def test_the_story_of_an_order_that_went_well(world):
    order = ctl_json(world, "order", "list")["items"][0]["id"]
    told = ctl_json(world, "order", "story", order)["items"]
    steps = [(line["who"], line["what"], line["state"]) for line in told]
    times = [line["time_ms"] for line in told]
    assert times == sorted(times)
    wanted = [("client", "newOrder", None), ("client", "challenge", None), ("client", "finalize", None),
              ("control", "preflight", "submitting"), ("sectigo", "AutoApplyOrder", "submitted"),
              ("push", "push", "collected"), ("client", "certificate fetched", None)]
    rest = iter(steps)  # a push that comes twice is told twice
    assert all(step in rest for step in wanted), steps
    placed, = [line for line in told if line["what"] == "AutoApplyOrder"]
    number = ctl_json(world, "order", "show", order)["issuance"]["order_number"]
    assert placed["words"].startswith(f"Sectigo has it as order {number}.")


def test_the_story_of_one_that_waits(world):
    ctl(world, "order", "retry", world.orders[tuple(HELD)])
    told = _told(world, HELD)
    assert told[-1]["state"] in ("held", "published") and any(line["who"] == "operator" for line in told)
    assert any(line["state"] == "held" and "paused" in (line["words"] or "") for line in told), told
    ctl(world, "order", "story", "no-such-order", status=NOT_FOUND)
