"""SiteLock and its add-ons in the sandbox: who may have what, when it may be renewed, upgraded and given back, and what
that costs; the accounts of third parties; orders that wait for their payment (notes 2.17 to 2.19)."""

import struct

import pytest

from sandbox_client import Csr, issue, net, shared  # noqa: F401

DAY_MS = 86_400_000
SITE = "mydomain.com"


class Clock:
    """The file that ACMEGATE_DEBUG_CLOCK names."""

    def __init__(self, folder, monkeypatch):
        self.path = folder / "clock"
        self.set(0)
        monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", str(self.path))

    def set(self, days):
        self.path.write_bytes(struct.pack("=q", int(days * DAY_MS)))


@pytest.fixture
def clock(tmp_path, monkeypatch):
    return Clock(tmp_path, monkeypatch)


@pytest.fixture
def box(clock, net):  # noqa: F811
    return net.sandbox()


def buy(box, product, days=365, **fields):
    order = {"product": product, "days": days, "domainName": SITE, "appRepEmailAddress": f"owner@{SITE}",
             "responseFormat": 1}
    return box.call("AutoApplyOrder", **{**order, **fields})


def change(box, number, product, **fields):
    return buy(box, product, previousOrderNumber=number, **fields)


def modify(box, number, product, **fields):
    return box.call("modifyThirdPartyDetails", orderNumber=number, product=product, **fields)


def cancel(box, number, product):
    return modify(box, number, product, action="CANCELLICENCE")


def refund(box, number):
    return box.call("AutoRefund", orderNumber=number, refundReasonCode=11)


def balance(box):
    return float(box.call("getAccountBalance", responseFormat=1)["balance"])


def term_days(order):
    return round((order["termEnds"] - order["termStarts"]) / 86400, 2)


# ---- ordering ----


@pytest.mark.parametrize("product, days, cost", [
    ("1059", 365, "0.00"), ("1060", 365, "149.00"), ("1060", 30, "12.24"), ("1061", 365, "249.00"),
    ("1062", 365, "349.00"), ("1082", None, "210.00"), ("1060,1068,1069,1070,1071,1078,1076", 365, "299.00"),
    ("1061,1069", 30, "22.51"), ("1062,1070", 365, "374.00")])
def test_every_licence_and_add_on_can_be_bought(box, product, days, cost):
    reply = buy(box, product, days)
    assert (reply.code, reply["totalCost"]) == (0, cost)
    order = box.order(reply["orderNumber"])
    assert order["state"] == "fulfilled" and order["domainName"] == SITE and order["autoRenew"] is True
    assert term_days(order) == (days or 365)
    assert reply["siteLockUserID"] and reply["siteLockSiteID"]


def test_the_account_is_named_in_the_eighth_and_ninth_line(box):
    lines = buy(box, "1060", responseFormat=0).lines
    assert lines[:4] == ["0", lines[1], "149.00", "1"] and lines[4:7] == ["", "", ""]
    assert lines[7].isdigit() and lines[8].startswith("site-")


@pytest.mark.parametrize("product, days, fields, code", [
    ("1060", 90, {}, -115), ("1059", 30, {}, -115), ("1082", 30, {}, -115), ("1060", None, {}, -3),
    ("1072", 365, {}, -124), ("1060,1061", 365, {}, -54), ("1059,1071", 365, {}, -121), ("1061,1068", 365, {}, -121),
    ("1060", 365, {"domainName": None}, -3), ("1060", 365, {"appRepEmailAddress": None}, -3), ("1068", 365, {}, -3),
    ("1060", 365, {"enableAutoRenew": "maybe"}, -4), ("1000", 365, {"enableAutoRenew": "Y"}, -4)])
def test_orders_are_refused(box, product, days, fields, code):
    assert buy(box, product, days, **fields).code == code
    assert box.ledger()["orders"] == []


def test_newer_web_products(box):
    for product in range(1004, 1010):
        reply = box.call("AutoApplyOrder", product=product, days=365, appRepEmailAddress=f"a{product}@example.org",
                         responseFormat=1)
        assert reply.code == 0, product
        assert cancel(box, reply["orderNumber"], product).code == 0


def test_the_bundle_goes_with_a_certificate_and_for_its_term(net, box):  # noqa: F811
    _, reply, order = issue(net, box, product="287,1072", days=90)
    assert reply["totalCost"] == "35.00" and term_days(order) == 90 and order["domainName"] == "www.example.org"
    assert change(box, reply["orderNumber"], "1068", domainName="www.example.org").code == -121
    assert cancel(box, reply["orderNumber"], "1072").code == 0
    assert box.order(reply["orderNumber"])["state"] == "issued"
    assert cancel(box, reply["orderNumber"], "1072").code == -20


def test_a_domain_and_an_email_have_one_account(box):
    number = buy(box, "1060")["orderNumber"]
    assert buy(box, "1061", appRepEmailAddress="other@example.org").code == -122
    assert buy(box, "1061", domainName="other.example").code == -122
    assert buy(box, "1061", domainName="other.example", appRepEmailAddress="b@other.example").code == 0
    assert cancel(box, number, "1060").code == 0
    assert buy(box, "1061").code == 0


def test_an_account_that_is_not_activated(box):
    box.settings(siteLockActivated=False)
    assert buy(box, "1060").code == -76
    box.settings(siteLockActivated=True, licenceServiceCode=-65)
    assert buy(box, "1060").code == -65


def test_call_limit_and_payment(box):
    box.settings(callLimitPerMinute=1)
    assert {modify(box, "1", "1060").code, modify(box, "1", "1060").code} <= {-4, -42}
    assert modify(box, "1", "1060").code == -42
    box.settings(callLimitPerMinute=0, paymentRequired=True)
    reply = buy(box, "1060")
    assert (reply.code, reply["totalCost"]) == (1, "149.00")
    done = box.call("AutoAuthorize", orderNumber=reply["orderNumber"])
    assert done.lines[0] == "0" and done.lines[1].isdigit() and done.lines[2].startswith("site-")
    assert box.order(reply["orderNumber"])["debited"] == "149.00"


@pytest.mark.parametrize("product", ["1062,1068", "1062,1076"])
def test_what_no_page_says_of_business(box, product):
    box.settings(doubtfulAddOns="refuse")
    assert buy(box, product).code == -121
    box.settings(doubtfulAddOns="accept")
    assert buy(box, product).code == 0


# ---- renewing, upgrading, downgrading ----


def test_renewals_only_in_the_last_30_days(box, clock):
    number = buy(box, "1060,1071")["orderNumber"]
    clock.set(334)
    early = change(box, number, "1060")
    assert early.code == -121 and "renewal period" in early["errorMessage"]
    assert change(box, number, "1060", domainName="other.example").code == -4
    assert change(box, "4711", "1060").code == -4
    clock.set(336)
    again = change(box, number, "1060", enableAutoRenew="N")
    assert (again.code, again["totalCost"]) == (0, "149.00")
    old, new = box.order(number), box.order(again["orderNumber"])
    assert round((new["termEnds"] - old["termEnds"]) / 86400) == 365 and new["autoRenew"] is False
    assert old["endedProducts"] == ",1060," and old["state"] == "fulfilled"
    assert change(box, number, "1060").code == -20
    assert buy(box, "1060").code == -122


def test_an_upgrade_costs_the_rest_of_the_term(box, clock):
    """The pages' own example: half a year of Basic for 149, upgraded to Pro for 249, costs 50."""
    number = buy(box, "1060")["orderNumber"]
    clock.set(182.5)
    asked = box.call("slGetUpgradeCost", previousOrderNumber=number, product=1061, domainName=SITE)
    upgrade = change(box, number, "1061")
    assert upgrade.code == 0 and abs(float(upgrade["totalCost"]) - 50) < 0.2
    assert asked["upgradeCost"] == upgrade["totalCost"]
    assert box.order(number)["state"] == "replaced"
    assert abs(box.order(upgrade["orderNumber"])["termEnds"] - box.order(number)["termEnds"]) < 1


def test_an_upgrade_ends_the_add_ons_that_it_includes(box):
    number = buy(box, "1060,1068,1070")["orderNumber"]
    upgrade = change(box, number, "1061")
    assert upgrade.code == 0
    order = box.order(number)
    assert order["endedProducts"] == ",1068,1060," and order["state"] == "fulfilled"


def test_downgrades_only_in_the_refund_and_the_renewal_period(box, clock):
    number = buy(box, "1061")["orderNumber"]
    clock.set(100)
    assert change(box, number, "1060").code == -121
    clock.set(340)
    down = change(box, number, "1060")
    assert (down.code, down["totalCost"]) == (0, "0.00")
    clock.set(0)
    other = buy(box, "1061", domainName="b.example", appRepEmailAddress="b@b.example")["orderNumber"]
    assert change(box, other, "1060", domainName="b.example", appRepEmailAddress="b@b.example").code == 0


def test_free_licences_can_be_upgraded(net, box):  # noqa: F811
    number = buy(box, "1059")["orderNumber"]
    assert change(box, number, "1060")["totalCost"] == "149.00"
    _, reply, _ = issue(net, box, product="287,1072")
    assert change(box, reply["orderNumber"], "1060", domainName="www.example.org").code == 0
    assert change(box, number, "1072").code == -124


def test_an_add_on_for_a_licence_that_runs(box):
    number = buy(box, "1061")["orderNumber"]
    lower = change(box, number, "1068")
    assert lower.code == -121 and "lower tier" in lower["errorMessage"]
    addon = change(box, number, "1069", days=30)
    assert (addon.code, addon["totalCost"]) == (0, "2.05")
    assert cancel(box, number, "1061").code == 0
    assert box.order(addon["orderNumber"])["state"] == "rejected"
    assert change(box, number, "1069").code == -18


def test_what_an_upgrade_would_cost(box):
    number = buy(box, "1060")["orderNumber"]
    for key in ("cost", "totalCost", "price", "amount", "upgradeCost"):
        box.settings(upgradeCostKey=key)
        assert box.call("slGetUpgradeCost", previousOrderNumber=number, product=1061)[key] == "100.00"
    ask = {"previousOrderNumber": number, "product": 1061}
    for fields, code in (({"product": 1060}, -121), ({"product": 287}, -4), ({"product": None}, -3),
                         ({"previousOrderNumber": "4711"}, -4), ({"domainName": "other.example"}, -4),
                         ({"product": "1061,1068"}, -121), ({"nothing": 1}, -2)):
        assert box.call("slGetUpgradeCost", **{**ask, **fields}).code == code, fields
    assert box.order(number)["state"] == "fulfilled" and len(box.ledger()["orders"]) == 1


def test_a_term_that_ends(box):
    number = buy(box, "1060")["orderNumber"]
    before = balance(box)
    assert box.advance(number, step="expire")[0] == 200
    assert before - balance(box) == 149.0 and box.order(number)["state"] == "fulfilled"
    box.settings(creditCents=0)
    assert box.advance(number, step="expire")[0] == 200
    assert box.order(number)["state"] == "rejected"
    box.settings(creditCents=10 ** 8, autoRenew=False)
    other = buy(box, "1060")["orderNumber"]
    assert box.advance(other, step="expire")[0] == 200
    assert box.order(other)["state"] == "rejected"
    assert box.advance(other, step="expire")[0] == 409


# ---- ending ----


def test_refunds_within_the_refund_period(box, clock):
    start = balance(box)
    number = buy(box, "1060,1071")["orderNumber"]
    assert refund(box, number).code == 0 and balance(box) == start
    assert refund(box, number).code == -18 and cancel(box, number, "1060").code == -18
    late = buy(box, "1060")["orderNumber"]
    clock.set(15)
    assert refund(box, late).code == -18 and cancel(box, late, "1060").code == 0
    assert refund(box, late).code == -20 and start - balance(box) == 149.0
    monthly = buy(box, "1060", 30)["orderNumber"]
    assert refund(box, monthly).code == -18
    assert cancel(box, monthly, "1060").code == 0
    again = buy(box, "1060")["orderNumber"]
    clock.set(360)
    assert change(box, again, "1060").code == 0
    renewed = box.ledger()["orders"][-1]["orderNumber"]
    clock.set(370)
    assert refund(box, renewed).code == 0


def test_cancelling_gives_back_what_can_be_given_back(box):
    start = balance(box)
    number = buy(box, "1060,1071")["orderNumber"]
    assert cancel(box, number, "1071").code == 0
    assert box.order(number)["endedProducts"] == ",1071," and start - balance(box) == 174.0
    assert cancel(box, number, "1071").code == -20
    assert cancel(box, number, "1060").code == 0 and balance(box) == start


def test_an_add_on_alone_is_not_refunded(box):
    number = buy(box, "1061")["orderNumber"]
    addon = change(box, number, "1069")["orderNumber"]
    assert refund(box, addon).code == -18
    assert cancel(box, addon, "1069").code == 0
    assert refund(box, addon).code == -20


def test_third_parties(box):
    number = box.call("AutoApplyOrder", product=700, days=365, appRepEmailAddress="a@example.org",
                      responseFormat=1)["orderNumber"]
    assert modify(box, number, 700, qualysLoginName="me", userName="me2").text == "errorCode=0"
    assert box.order(number)["details"] == "qualysLoginName=me\nuserName=me2\n"
    box.settings(unseenParameters="refuse", actionRequired=True)
    refused = modify(box, number, 700, userName="me")
    assert refused.code == -2 and "userName" in refused["errorMessage"]
    assert modify(box, number, 700, qualysLoginName="me").code == -3
    assert modify(box, number, 700, action="RENAME").code == -4
    assert modify(box, number, 701, action="CANCELLICENCE").code == -4
    assert modify(box, number, None, action="CANCELLICENCE").code == -3
    assert modify(box, "4711", 700, action="CANCELLICENCE").code == -4
    assert cancel(box, number, 700).code == 0 and cancel(box, number, 700).code == -20
    assert box.order(number)["state"] == "rejected"
    assert box.request("GET", "/products/!modifyThirdPartyDetails?a=b").code == -17


# ---- payment ----


def unpaid(net, box):
    net.host("www.example.org")
    csr = Csr("www.example.org")
    net.web.publish(csr)
    box.settings(paymentRequired=True)
    reply = box.apply(csr)
    assert (reply.code, box.order(reply["orderNumber"])["state"]) == (1, "unpaid")
    return reply["orderNumber"]


def test_payment_is_authorized(net, box):  # noqa: F811
    number = unpaid(net, box)
    assert box.call("AutoAuthorize", orderNumber=number, test="Y").text == "0\n"
    assert box.order(number)["state"] == "unpaid"
    assert box.call("AutoAuthorize", orderNumber=number).text == "0\n"
    order = box.wait_state(number, "issued")
    assert order["debited"] == "35.00" and order["webProducts"] is True
    other = unpaid(net, box)
    assert box.call("AutoAuthorize", orderNumber=other, disableSWP="Y").code == 0
    assert box.order(other)["webProducts"] is False


def test_authorizations_are_refused(net, box):  # noqa: F811
    number = unpaid(net, box)
    assert box.call("AutoAuthorize").code == -3
    assert box.call("AutoAuthorize", orderNumber="4711").code == -4
    assert box.call("AutoAuthorize", orderNumber=number, responseFormat=1).code == -2
    box.settings(creditCents=0)
    assert box.call("AutoAuthorize", orderNumber=number).code == -15
    assert box.order(number)["state"] == "unpaid"
    assert box.call("AutoReject", orderNumber=number).lines[0] == "0"
    assert box.call("AutoAuthorize", orderNumber=number).code == -20


@pytest.mark.parametrize("again, code, charged", [("refuse", -4, "35.00"), ("accept", 0, "35.00"), ("charge", 0, "70.00")])
def test_authorizing_again(net, box, again, code, charged):  # noqa: F811
    number = unpaid(net, box)
    box.settings(authorizeAgain=again)
    assert box.call("AutoAuthorize", orderNumber=number).code == 0
    assert box.call("AutoAuthorize", orderNumber=number).code == code
    assert box.order(number)["debited"] == charged
