"""A number of Sectigo's belongs to one order for ever: an answer that names another's is no answer."""

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_endings import _client
from world import PUSH_PASSWORD, PUSH_USER

FIRST, SECOND = ["first." + ZONE], ["second." + ZONE]


def _quick(config):
    config["acme"]["hold_finalize"] = "0s"
    config["issuance"].update(settle_again="200ms", resend="600ms", later="200ms")
    config["profiles"][0].update(first_poll="200ms", poll_interval="500ms")


def _order(world, client, names, key=None):
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names, key)).status_code == 200
    return url


def _issuance(world, url):
    return ctl_json(world, "order", "show", url.rsplit("/", 1)[1])["issuance"]


def _subscription(world, names):
    found, = [sub for sub in ctl_json(world, "subscription", "list")["items"] if sub["names"] == names]
    return ctl_json(world, "subscription", "show", found["id"])


def _world_with_first(make_world, change=_quick):
    """A world in which one order is bought, whose numbers the next answers will name."""
    world = make_world(learn="poll", change=change)
    client = _client(world)
    client.certificate(_order(world, client, FIRST))
    first, = world.bought(FIRST)
    return world, client, first


def _check(world, client, first):
    """Each name set was bought once, and the store has the numbers that Sectigo has."""
    for names in (FIRST, SECOND):
        sold, = world.bought(names)
        sub = _subscription(world, names)
        assert sub["order_number"] == sold["orderNumber"]
        assert set(sub["certificate_ids"]) == set(sold["certificateIDs"]), sub
        numbered = [row for row in ctl_json(world, "issuance", "list")["items"]
                    if row["order_number"] == sold["orderNumber"]]
        assert numbered and {row["id"] for row in numbered} >= {sold["foreignOrderNumber"]}
    client.certificate(_order(world, client, FIRST))  # its family still works, and free
    assert len(world.bought(FIRST)) == 1


@pytest.mark.parametrize("fault", ["foreign-number", "foreign-certificate"])
def test_a_purchase_that_names_what_is_anothers_is_unknown(make_world, fault):
    """The report knows its own number; the other's stays the other's."""
    world, client, first = _world_with_first(make_world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": fault})
    url = _order(world, client, SECOND)
    client.certificate(url)
    world.wait_log(lambda line: "belongs to another order" in line.get("msg", "") and line["level"] == "error")
    assert world.requests()["AutoApplyOrder"] == 2, "no request was repeated"
    _check(world, client, first)


@pytest.mark.parametrize("fault", ["foreign-number", "foreign-certificate"])
def test_a_report_that_names_what_is_anothers_adopts_nothing(make_world, fault):
    """Both lie: held, with a sentence; once the report is right, the operator lets it go on."""
    world, client, first = _world_with_first(make_world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": fault},
                     {"endpoint": "WebHostReport", "action": fault, "times": 1})
    url = _order(world, client, SECOND)
    held = wait_for("held", lambda: (one := _issuance(world, url))["state"] == "held" and one)
    assert "belongs to another order" in held["note"] and "order drop" in held["note"]
    assert _subscription(world, FIRST)["order_number"] == first["orderNumber"]
    ctl(world, "order", "retry", url.rsplit("/", 1)[1])
    client.certificate(url)
    assert world.requests()["AutoApplyOrder"] == 2
    _check(world, client, first)


def test_the_operator_gives_up_what_never_resolves(make_world):
    """The report names another's number for ever: nothing is sent again, and the operator ends the order."""
    world, client, first = _world_with_first(make_world)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "foreign-number"},
                     {"endpoint": "WebHostReport", "action": "foreign-number", "times": -1})
    url = _order(world, client, SECOND)
    wait_for("held", lambda: _issuance(world, url)["state"] == "held")
    ctl(world, "order", "drop", url.rsplit("/", 1)[1])
    wait_for("refused", lambda: _issuance(world, url)["state"] == "refused")
    assert client.fetch(url).json()["status"] == "invalid"
    assert world.requests()["AutoApplyOrder"] == 2
    sub = _subscription(world, FIRST)
    assert (sub["order_number"], sub["certificate_ids"]) == (first["orderNumber"], first["certificateIDs"])


def test_a_replacement_with_the_certificate_of_another(make_world):
    world, client, first = _world_with_first(make_world)
    client.certificate(_order(world, client, SECOND))
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": "foreign-certificate"})
    client.certificate(_order(world, client, SECOND))
    assert world.requests()["AutoReplaceSSL"] == 1
    replaced, = [order for order in world.ledger() if order["kind"] == "replacement"]
    bought, = world.bought(SECOND)
    assert _subscription(world, SECOND)["certificate_ids"] == bought["certificateIDs"] + replaced["certificateIDs"]
    assert _subscription(world, FIRST)["certificate_ids"] == first["certificateIDs"]


def test_a_replacement_with_an_older_certificate_of_its_own_family(make_world):
    """A client that reuses its key would otherwise be told to wait for its old certificate."""
    world, client, _ = _world_with_first(make_world)
    key = ec.generate_private_key(ec.SECP256R1())
    client.certificate(_order(world, client, FIRST, key))
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": "foreign-certificate"})
    url = _order(world, client, FIRST, key)
    client.certificate(url)
    replaced = [order for order in world.ledger() if order["kind"] == "replacement"]
    assert len(replaced) == world.requests()["AutoReplaceSSL"] == 2
    assert _issuance(world, url)["certificate_id"] == replaced[1]["certificateIDs"][0]


def _push(world, order_number, certificate_id):
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(world.public_url + "/push/sectigo", auth=(PUSH_USER, PUSH_PASSWORD), timeout=30,
                              data={"orderNumber": order_number, "certificateID": certificate_id, "statusCode": "6",
                                    "status": "issued"})
        assert answer.status_code == 200


def test_a_push_that_mixes_the_numbers_of_two_orders(make_world):
    """It makes nobody's number another's: at most it makes a query due, which finds the certificate of its own."""
    def change(config):
        _quick(config)
        config["profiles"][0].update(first_poll="1h", poll_interval="1h")
    world = make_world(learn="push-certificate", change=change)
    client = _client(world)
    client.certificate(_order(world, client, FIRST))
    first, = world.bought(FIRST)
    world.set_faults({"action": "push-drop", "times": 1})
    url = _order(world, client, SECOND)
    wait_for("issued", lambda: (sold := world.bought(SECOND)) and sold[0]["state"] == "issued")
    second, = world.bought(SECOND)
    _push(world, second["orderNumber"], first["certificateIDs"][0])
    _push(world, "9" + second["orderNumber"], first["certificateIDs"][0])
    assert _issuance(world, url)["state"] == "submitted"
    _push(world, first["orderNumber"], second["certificateIDs"][0])
    client.certificate(url)
    _check(world, client, first)
