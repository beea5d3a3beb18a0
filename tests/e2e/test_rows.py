"""Section 5 of the contract, row by row: what each code of each call leads to, on a first send and on a repeat."""

import itertools
import threading

import pytest

from acme_client import http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_endings import _client, _requests
from test_revoke import _revoke, chain_of
from world import World

APPLY, REPLACE = "AutoApplyOrder", "AutoReplaceSSL"
_numbers = itertools.count()

# The error that an order ends with.
CSR = {-5: "rejectedIdentifier", -6: "rejectedIdentifier", -9: "badCSR", -10: "badCSR", -11: "badCSR",
       -12: "badCSR", -13: "badCSR", -18: "rejectedIdentifier", -19: "rejectedIdentifier",
       -35: "rejectedIdentifier", -40: "badCSR", -162: "badCSR"}
CONFIGURATION = (-1, -2, -3, -4, -7, -8, -17, -65, -115)
UNLISTED = (-999,)
PERHAPS_PLACED, HELD, LATER, UNKNOWN = (-55,), (-15, -16), (-26, -42), (-14,)
OVER = (-20, -21, -36)
VALID = "valid"


def _quick(config):
    config["acme"]["hold_finalize"] = "10s"
    config["issuance"].update(settle_again="100ms", resend="100ms", later="100ms")
    config["profiles"][0].update(first_poll="200ms", poll_interval="300ms")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("rows"), learn="both", change=_quick)
    world.client = _client(world)
    world.names = ["subscribed." + ZONE]  # of the replacements
    assert _order(world, world.names)[0] == VALID
    yield world
    world.close()


def _order(world, names):
    """(outcome, detail)"""
    with http_responder(world.ports["http01"]) as responder:
        url, order = world.client.ready_order(names, responder)
    answer = world.client.finalize(order, make_csr(names))
    assert answer.status_code == 200, answer.text
    seen = answer.json() if answer.json()["status"] in ("valid", "invalid") else world.client.wait(url, {"processing"})
    if seen["status"] == "valid":
        return VALID, ""
    return seen["error"]["type"].rsplit(":", 1)[1], seen["error"]["detail"]


def _resume_held(world, done):
    """The operator, who resumes the login as soon as an issuance is held."""
    while not done.wait(0.05):
        if ctl_json(world, "issuance", "list", "--state", "held")["items"]:
            ctl(world, "upstream", "resume", "main")
            return


def _run(world, call, code, first=None):
    """(outcome, requests of the call, kinds of the orders placed) of one order whose request is answered so (None: as
    Sectigo likes); first is what becomes of one before it."""
    names = world.names if call == REPLACE else [f"row{next(_numbers)}." + ZONE]
    before, sold = _requests(world).get(call, 0), world.ledger()
    rules = [{"endpoint": call, "action": first, "times": 1}] if first else []
    if code is not None:
        rules.append({"endpoint": call, "action": f"code:{code}", "times": 1, "skip": 1 if first == LOST else 0})
    world.set_faults(*rules)
    done = threading.Event()
    operator = threading.Thread(target=_resume_held, args=(world, done))
    if code in HELD:
        operator.start()
    try:
        outcome, _ = _order(world, names)
    finally:
        done.set()
        if code in HELD:
            operator.join(60)
    return outcome, _requests(world)[call] - before, [one["kind"] for one in world.ledger()[len(sold):]]


KIND = {APPLY: "purchase", REPLACE: "replacement"}
NOT_DONE, LOST = "status-503", "lose-reply-after-accept"  # both leave the outcome unknown
CALLS = pytest.mark.parametrize("call", [APPLY, REPLACE])


@CALLS
@pytest.mark.parametrize("code", [*CSR, *CONFIGURATION])
def test_refused_at_first(world, call, code):
    assert _run(world, call, code) == (CSR.get(code, "serverInternal"), 1, [])


@CALLS
@pytest.mark.parametrize("code", UNLISTED)
def test_a_code_that_nobody_documented(world, call, code):
    """No answer: final only after the report has twice shown no such order."""
    reports = _requests(world).get("WebHostReport", 0)
    assert _run(world, call, code) == ("serverInternal", 1, [])
    assert _requests(world)["WebHostReport"] - reports >= 2


@CALLS
@pytest.mark.parametrize("code", [-9, -40, -35, -2, -115, -999])
def test_refused_at_a_repeat(world, call, code):
    """Only after the report has twice shown no such order."""
    reports = _requests(world).get("WebHostReport", 0)
    assert _run(world, call, code, NOT_DONE) == (CSR.get(code, "serverInternal"), 2, [])
    assert _requests(world)["WebHostReport"] - reports >= 3


@pytest.mark.parametrize("call, first", [(APPLY, None), (REPLACE, None), (REPLACE, NOT_DONE)])
@pytest.mark.parametrize("code", PERHAPS_PLACED)
def test_perhaps_placed_earlier(world, call, code, first):
    """The repeat of a purchase that is refused so is waited for (test_worst_day.py)."""
    reports = _requests(world).get("WebHostReport", 0)
    assert _run(world, call, code, first) == ("serverInternal", 2 if first else 1, [])
    assert _requests(world)["WebHostReport"] - reports >= 2


@CALLS
@pytest.mark.parametrize("first", [None, NOT_DONE])
@pytest.mark.parametrize("code", [*HELD, *LATER, *UNKNOWN])
def test_goes_on_and_is_placed_once(world, call, code, first):
    assert _run(world, call, code, first) == (VALID, 3 if first else 2, [KIND[call]])


@pytest.mark.parametrize("first", [None, NOT_DONE])
@pytest.mark.parametrize("code", OVER)
def test_subscription_is_over(world, code, first):
    """The next request buys, once."""
    assert _run(world, REPLACE, code, first) == (VALID, 2 if first else 1, ["purchase"])


@pytest.fixture
def lagging(world):
    """The first was placed, its answer lost; the report knows it only from the fourth look on, which is the second
    after the repeat; and the stand-in checks no numbers, so that a third request would buy again."""
    world.set_settings(reportLagLooks=3, checkNumbers=False)
    yield world
    world.set_settings(reportLagLooks=0, checkNumbers=True)


@CALLS
@pytest.mark.parametrize("code", [-9, -40, -2, -999, *PERHAPS_PLACED, *HELD, *LATER, *UNKNOWN])
def test_placed_lost_and_then_answered_so(lagging, call, code):
    assert _run(lagging, call, code, LOST) == (VALID, 2, [KIND[call]])


@pytest.mark.parametrize("code", OVER)
def test_replaced_lost_and_then_over(lagging, code):
    assert _run(lagging, REPLACE, code, LOST) == (VALID, 2, ["replacement"])


@CALLS
def test_placed_lost_and_then_refused_by_its_number(lagging, call):
    """As Sectigo says it by itself, where it checks them."""
    lagging.set_settings(checkNumbers=True)
    assert _run(lagging, call, None, LOST) == (VALID, 2, [KIND[call]])


@pytest.mark.parametrize("code", [0, -22, -26, -1, -3, -14, -42, -999])
def test_collection_goes_on(world, code):
    """Not yet, or an answer that says nothing about the order."""
    world.set_faults({"endpoint": "CollectSSL", "action": f"code:{code}", "times": 2},
                     {"endpoint": APPLY, "action": "push-drop", "times": 1})
    assert _order(world, [f"row{next(_numbers)}." + ZONE]) == (VALID, "")


@pytest.mark.parametrize("code", [-20, -21])
def test_collection_ends(world, code):
    names = [f"row{next(_numbers)}." + ZONE]
    world.set_faults({"endpoint": "CollectSSL", "action": f"code:{code}", "times": 1},
                     {"endpoint": APPLY, "action": "push-drop", "times": 1})
    outcome, detail = _order(world, names)
    assert outcome == "serverInternal" and "Sectigo has ended the order" in detail
    dead, = [one for one in ctl_json(world, "subscription", "list")["items"] if one["names"] == names]
    assert dead["state"] == "dead"
    # AutoRefund -20 is a success.
    world.set_faults({"endpoint": "AutoRefund", "action": "code:-20", "times": 1})
    ctl(world, "subscription", "refund", dead["id"])
    wait_for("the refund", lambda: ctl_json(world, "subscription", "show", dead["id"])["state"] == "ended")


@pytest.mark.parametrize("code, requests", [(-20, 1), (-21, 1), (-1, 2), (-14, 2), (-42, 2)])
def test_revocation(world, code, requests):
    """-20 and -21 confirm it; anything else is asked again."""
    with http_responder(world.ports["http01"]) as responder:
        url, order = world.client.ready_order([f"row{next(_numbers)}." + ZONE], responder)
    world.client.finalize(order, make_csr([name["value"] for name in order["identifiers"]]))
    leaf = chain_of(world.client.certificate(url))[0]
    before, done = _requests(world).get("AutoRevokeSSL", 0), _revoked(world)
    world.set_faults({"endpoint": "AutoRevokeSSL", "action": f"code:{code}", "times": 1})
    _revoke(world.client, leaf)
    wait_for("the revocation", lambda: _revoked(world) == done + 1)
    assert _requests(world)["AutoRevokeSSL"] == before + requests


def _revoked(world):
    return sum(line["what"] == "revocation" for line in ctl_json(world, "audit", "--limit", "1000")["items"])
