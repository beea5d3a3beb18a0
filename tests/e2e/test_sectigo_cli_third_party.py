"""The command sectigo with SiteLock, the accounts of third parties, and orders that wait for their payment."""

import pytest

from sectigo_command import (DONE, NOT_YET, REFUSED, UNCONFIRMED, UNKNOWN, USAGE, cli, on_terminal, own,
                             run)  # noqa: F401

SITE = ["--domainName", "mydomain.com", "--appRepEmailAddress", "owner@mydomain.com"]


def buy(cli, product, *arguments):
    return cli("apply", "--product", product, "--days", "365", *SITE, "--yes", "--json", *arguments)


def test_a_licence_is_bought_upgraded_and_cancelled(own):
    ran = buy(own, "1060,1071")
    number = ran.json["orderNumber"]
    assert ran.status == DONE and ran.json["totalCost"] == "174.00"
    cost = own("upgrade-cost", "--previousOrderNumber", number, "--product", "1061")
    assert cost.status == DONE and cost.values["upgradeCost"] == "100.00" and cost.values["product"] == "1061"
    ran = buy(own, "1061", "--previousOrderNumber", number, "--enableAutoRenew", "N")
    assert ran.status == DONE and ran.json["totalCost"] == "100.00"
    licence = ran.json["orderNumber"]
    end = ["third-party", "--orderNumber", licence, "--product", "1061", "--action", "CANCELLICENCE"]
    ran = on_terminal(own, "n\n", *end)
    assert ran.status == UNCONFIRMED and f"Cancel the licence of orderNumber {licence} at {own.box.url}" in ran.err
    assert own(*end).status == UNCONFIRMED and own.box.order(licence)["state"] == "fulfilled"
    assert own(*end, "--yes").status == DONE and own.box.order(licence)["state"] == "rejected"
    again = own(*end, "--yes", "--json")
    assert again.status == REFUSED and again.json["errorCode"] == -18


def test_a_cancelled_licence_is_as_good_as_cancelled_again(own):
    number = buy(own, "1059").json["orderNumber"]
    end = ["third-party", "--orderNumber", number, "--product", "1059", "--action", "CANCELLICENCE", "--yes", "--json"]
    assert own(*end).status == DONE
    again = own(*end)
    assert again.status == DONE and again.json["errorCode"] == -20


def test_what_sectigo_would_refuse_is_refused_here(cli):
    before = cli.placed()
    for product, days, code in (("1061,1068", "365", -121), ("1072", "365", -124), ("1060", "90", -115),
                                ("1082", "30", -115), ("1060,1061", "30", -54)):
        ran = cli("apply", "--product", product, "--days", days, *SITE, "--yes")
        assert ran.status == USAGE and f"Sectigo would answer {code};" in ran.err, product
    ran = cli("apply", "--product", "1069", "--days", "30", *SITE, "--yes")
    assert ran.status == USAGE and "previousOrderNumber is missing" in ran.err
    assert cli("third-party", "--orderNumber", "1", "--product", "287", "--action", "x", "--yes").status == USAGE
    ran = cli("third-party", "--orderNumber", "1", "--product", "700", "--yes")
    assert ran.status == USAGE and "CANCELLICENCE" in ran.err
    assert cli("upgrade-cost", "--product", "1060").status == USAGE
    assert cli("authorize", "--yes").status == USAGE
    assert cli.placed() == before


def test_an_order_without_a_term(own):
    ran = on_terminal(own, "y\n", "apply", "--product", "1082", *SITE)
    assert ran.status == DONE and f"Buy SiteLock 911 (1082) at {own.box.url} as partner? The account" in ran.err


def test_the_account_is_shown(own):
    ran = own("apply", "--product", "1060", "--days", "365", *SITE, "--responseFormat", "0", "--yes", "--json")
    assert ran.json["siteLockUserID"] == ran.json["orderNumber"] and ran.json["siteLockSiteID"].startswith("site-")


def test_parameters_that_the_pages_do_not_name(own):
    number = own("apply", "--product", "700", "--days", "365", "--appRepEmailAddress", "a@example.org", "--yes",
                 "--json").json["orderNumber"]
    change = ["third-party", "--orderNumber", number, "--product", "700", "--parameter"]
    assert own(*change, "userName=me=you", "--parameter", "email=a@example.org", "--yes").status == DONE
    assert own.box.order(number)["details"] == "userName=me=you\nemail=a@example.org\n"
    assert own(*change, "userName", "--yes").status == USAGE
    assert own(*change, "=x", "--yes").status == USAGE
    twice = own(*change, "product=701", "--yes")
    assert twice.status == USAGE and "product is given twice" in twice.err
    assert own("balance", "--parameter", "a=b").status == USAGE
    own.box.settings(unseenParameters="refuse")
    assert own(*change, "userName=me", "--yes").status == REFUSED


# ---- payment ----


def waiting(cli, *arguments):
    cli.box.settings(paymentRequired=True)
    return cli.order(None, *arguments)


def test_an_order_that_waits_says_how_it_is_paid(own):
    ran = waiting(own)
    number = ran.values["orderNumber"]
    assert ran.status == DONE and ran.values["payment"] == "required"
    assert f"sectigo authorize --url {own.box.url}" in ran.err and f"--orderNumber {number}" in ran.err
    assert own("collect", "--orderNumber", number).status == NOT_YET
    ran = on_terminal(own, "n\n", "authorize", "--orderNumber", number)
    assert ran.status == UNCONFIRMED and f"Authorize the order with orderNumber {number} at" in ran.err
    assert "The account is charged with its price." in ran.err
    assert own("authorize", "--orderNumber", number).status == UNCONFIRMED
    assert own.box.order(number)["state"] == "unpaid"
    ran = own("authorize", "--orderNumber", number, "--yes", "--json")
    assert ran.status == DONE and ran.json == {"outcome": "done", "errorCode": 0, "orderNumber": number}
    assert own.box.wait_state(number, "issued")["debited"] == "35.00"
    assert own("authorize", "--orderNumber", number, "--yes").status == REFUSED


def test_authorizing_for_a_try(own):
    number = waiting(own, "--json").json["orderNumber"]
    ran = own("authorize", "--orderNumber", number, "--dry-run", "--disableSWP", "Y")
    assert ran.status == DONE and ran.out.startswith(f"POST {own.box.url}/products/!AutoAuthorize\n")
    assert "disableSWP=Y" in ran.out and "loginPassword=***" in ran.out
    ran = on_terminal(own, "y\n", "authorize", "--orderNumber", number, "--test", "Y")
    assert ran.status == DONE and "Nothing is authorized or charged." in ran.err
    assert own.box.order(number)["state"] == "unpaid"


@pytest.mark.parametrize("fault", ["lose-reply-after-accept", "html-after-accept", "truncate"])
def test_an_authorization_of_unknown_outcome(own, fault):
    number = waiting(own, "--json").json["orderNumber"]
    own.box.fault(fault, "AutoAuthorize")
    ran = own("authorize", "--orderNumber", number, "--yes")
    assert ran.status == UNKNOWN and "may have been authorized and paid" in ran.err
    assert f"--orderNumber {number}" in ran.err and "sectigo status" in ran.err
    assert own.box.order(number)["debited"] == "35.00"


def test_an_authorization_is_refused(own):
    number = waiting(own, "--json").json["orderNumber"]
    own.box.settings(creditCents=0)
    ran = own("authorize", "--orderNumber", number, "--yes")
    assert ran.status == REFUSED and "Not enough credit" in ran.err
    assert own("authorize", "--orderNumber", "77", "--yes").status == REFUSED
    assert own("reject", "--orderNumber", number, "--yes").status == DONE
    assert own("authorize", "--orderNumber", number, "--yes", "--json").json["errorCode"] == -20


def test_unknown_outcome_of_a_cancellation(own):
    number = buy(own, "1060").json["orderNumber"]
    own.box.fault("lose-reply-after-accept", "modifyThirdPartyDetails")
    ran = own("third-party", "--orderNumber", number, "--product", "1060", "--action", "CANCELLICENCE", "--yes")
    assert ran.status == UNKNOWN and "may have been cancelled" in ran.err


def test_the_catalogue_has_them():
    ran = run("products", "--family", "SiteLock", "--json").json
    assert {row["product"]: row["days"] for row in ran["products"]} | {"1082": "none", "1072": "any"} == {
        row["product"]: row["days"] for row in ran["products"]}
    assert len(ran["products"]) == 12
    assert len(run("products", "--family", "Web", "--json").json["products"]) == 10
