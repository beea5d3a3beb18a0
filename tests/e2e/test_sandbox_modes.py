"""What the sandbox tells of the calls that it read, and how it plays numbers and reports by its settings."""

import contextlib
import datetime
import http.client
import time

from sandbox_client import Csr, net, wait_for  # noqa: F401

NAME = "modes.example.org"


def _calls(box):
    return box.json("GET", "calls")[1]


def _apply(box, foreign, csr=None, **fields):
    return box.apply(csr or Csr(NAME), foreignOrderNumber=foreign, checkFONIsUnique="Y", uniqueValue="abc", **fields)


def _report(box, **fields):
    return box.call("WebHostReport", **fields)


def test_calls_are_told_in_the_order_of_being_read(net):
    box = net.sandbox()
    number = _apply(box, "f1")["orderNumber"]
    _report(box, foreignOrderNumber="f1")
    _report(box, foreignOrderNumber="nobody")
    _apply(box, "f1")
    box.call("GetDetailedOrderStatus", orderNumber=number, queryType=2)
    calls = _calls(box)
    assert [(one["call"], one["code"], one["found"]) for one in calls] == [
        ("AutoApplyOrder", 0, -1), ("WebHostReport", 0, 1), ("WebHostReport", 0, 0), ("AutoApplyOrder", -4, -1),
        ("GetDetailedOrderStatus", 0, 1)]
    assert (calls[0]["foreignOrderNumber"], calls[0]["uniqueValue"], calls[0]["placed"]) == ("f1", "abc", number)
    assert "placed" not in calls[3] and calls[4]["orderNumber"] == number and calls[4]["queryType"] == "2"
    assert len({one["connection"] for one in calls}) == 5, "each came on a connection of its own"
    assert all(one["readMs"] <= one["endedMs"] and abs(one["time"] - time.time()) < 60 for one in calls)
    assert not any(one["lost"] for one in calls)
    assert not any("loginPassword" in one or "csr" in one for one in calls)


def test_calls_say_whose_answer_was_lost(net):
    box = net.sandbox()
    lost = ("lose-reply-after-accept", "close-without-reply", "truncate", "html-after-accept", "status-500-after-accept")
    for action in lost:
        box.fault(action)
        with contextlib.suppress(OSError, http.client.HTTPException):
            _apply(box, action)
    box.fault("status-503")
    _apply(box, "not-done")
    calls = _calls(box)
    assert [one["lost"] for one in calls] == [True] * len(lost) + [False]
    assert all(one.get("placed") for one in calls[:-1]) and calls[-1]["httpStatus"] == 503
    assert "placed" not in calls[-1]


def test_numbers_may_go_unchecked(net):
    box = net.sandbox()
    csr = Csr(NAME)
    first = _apply(box, "same", csr)["orderNumber"]
    assert _apply(box, "same", csr).code == -4 and _apply(box, "other", csr).code == -55
    box.settings(checkNumbers=False)
    second = _apply(box, "same", csr)["orderNumber"]
    report = _report(box, foreignOrderNumber="same")
    assert [report["1_orderNumber"], report["2_orderNumber"]] == [first, second]


def test_a_report_lags(net):
    box = net.sandbox()
    box.settings(reportLagLooks=2)
    _apply(box, "looked-for")
    assert [_report(box, foreignOrderNumber="looked-for")["noOfResults"] for _ in range(3)] == ["0", "0", "1"]
    box.settings(reportLagLooks=0, reportLagMs=700)
    _apply(box, "young")
    assert _report(box, foreignOrderNumber="young")["noOfResults"] == "0"
    wait_for("the order in the report", lambda: _report(box, foreignOrderNumber="young")["noOfResults"] == "1")
    calls = _calls(box)
    young = [one for one in calls if one.get("foreignOrderNumber") == "young"]
    assert young[-1]["readMs"] - young[0]["readMs"] >= 600


def test_a_report_of_many_orders_comes_in_pages(net):
    box = net.sandbox()
    box.settings(reportStrangers=1500, reportPageMax=1000)
    _apply(box, "ours")
    page = _report(box)
    assert page["noOfResults"] == "1501" and page.get("1000_orderNumber") and not page.get("1001_orderNumber")
    rest = _report(box, firstResultNo=1001, lastResultNo=5000)
    assert rest["501_foreignOrderNumber"] == "ours" and not rest.get("502_orderNumber")
    assert _report(box, foreignOrderNumber="ours")["noOfResults"] == "1"


def test_a_report_writes_names_and_dates_otherwise(net):
    box = net.sandbox()
    names = ["a.modes.example.org", "b.modes.example.org"]
    order = {"product": 279, "domainNames": ",".join(names), "validationTokens": "HTTPCSRHASH,HTTPCSRHASH",
             "dcvMethod": None, "omitAdditionalFQDN": None}
    _apply(box, "many", Csr(*names), **order)
    plain = _report(box)
    assert plain["1_1_domain"] == ",".join(names)
    box.settings(reportNames="shuffled", reportZoneMinutes=-480)
    other = _report(box)
    assert other["1_1_domain"] == "B.MODES.EXAMPLE.ORG, A.MODES.EXAMPLE.ORG"
    when = [datetime.datetime.fromisoformat(one["1_dateTime"]) for one in (plain, other)]
    assert when[0] - when[1] == datetime.timedelta(hours=8)
