"""Preflight: nothing is bought while Sectigo would not see what it must, and the operator sees what is missing."""

import contextlib
import http.server
import re
import threading
import time

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr, problem
from dns_server import ZONE
from loopback import release_port, take_port
from test_ctl import ctl, ctl_json


def _finalized(world, names):
    """(client, order URL): an order whose CSR is accepted."""
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    assert client.finalize(order, make_csr(names)).status_code == 200
    return client, url


def _order_id(url):
    return url.rstrip("/").rsplit("/", 1)[1]


def _wait_note(world, url):
    """What "order show" says once preflight has failed. The order stays processing, and nothing was bought."""
    world.wait_log(lambda line: "cannot be seen" in line.get("msg", ""))
    deadline = time.monotonic() + 30
    while True:  # the line comes before the commit
        shown = ctl_json(world, "order", "show", _order_id(url))
        if shown["issuance"]["note"]:
            break
        assert time.monotonic() < deadline, f"{shown}: not within 30 s"
    assert shown["status"] == "processing", shown
    assert not world.ledger()
    return shown["issuance"]["note"]


def _impatient(config):
    config["acme"]["hold_finalize"] = "0s"


@contextlib.contextmanager
def _web_server(answer):
    """A web server where the gateway looks; answer(handler) is its answer to every GET."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *_):
            pass

    port = take_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        release_port(port)


def _redirect(handler):
    handler.send_response(302)
    handler.send_header("Location", "https://elsewhere.example/file")
    handler.end_headers()


def _wrong_body(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"<html>welcome</html>")


@pytest.mark.parametrize("answer, words", [
    (_redirect, "redirects (HTTP status 302) to https://elsewhere.example/file, which Sectigo does not follow"),
    (_wrong_body, 'the body is "<html>welcome</html>" instead of "'),
], ids=["redirect", "wrong-body"])
def test_file_that_sectigo_would_not_find(make_world, answer, words):
    """Sectigo's stand-in looks elsewhere, and finds the file: so an operator who knows better can go on."""
    with _web_server(answer) as port:
        def change(config):
            _impatient(config)
            config["dcv"]["http_port"] = port

        world = make_world(learn="poll", change=change)
        names = ["file." + ZONE]
        client, url = _finalized(world, names)
        note = _wait_note(world, url)
        assert words in note and f"http://file.{ZONE}:{port}/.well-known/pki-validation/" in note, note
        ctl(world, "order", "retry", "--skip-preflight", _order_id(url))
        assert "BEGIN CERTIFICATE" in client.certificate(url)
        assert len(world.bought(names)) == 1, world.ledger()


def test_policy_may_look_at_nothing(make_world):
    with _web_server(_redirect) as port:
        def change(config):
            config["dcv"]["http_port"] = port

        world = make_world(learn="poll", change=change)
        ctl(world, "policy", "set", "default", "preflight=off")
        client, url = _finalized(world, ["unseen." + ZONE])
        assert "BEGIN CERTIFICATE" in client.certificate(url)


def test_caa_that_names_another_authority(make_world):
    world = make_world(learn="poll", change=_impatient)
    names = ["caa." + ZONE]
    world.dns.update(lambda update: (update.add("caa", 60, "A", "127.0.0.1"),
                                     update.add("caa", 60, "CAA", '0 issue "letsencrypt.org"')))
    client, url = _finalized(world, names)
    note = _wait_note(world, url)
    assert note == (f'caa.{ZONE}: the CAA record of caa.{ZONE}, issue "letsencrypt.org", does not let Sectigo issue: '
                    'add issue "sectigo.com"')
    world.dns.update(lambda update: update.add("caa", 60, "CAA", '0 issue "sectigo.com"'))
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1, world.ledger()


@pytest.mark.parametrize("record, words", [
    ('0 issue "sectigo.com; accounturi=https://sectigo.com/acct/1"', "which only Sectigo can judge"),
    ('128 future "x"', "has the critical property future"),
], ids=["accounturi", "critical"])
def test_caa_above_the_name(make_world, record, words):
    world = make_world(learn="poll", change=_impatient)
    world.dns.update(lambda update: (update.add("a.above", 60, "A", "127.0.0.1"), update.add("above", 60, "CAA", record)))
    _, url = _finalized(world, ["a.above." + ZONE])
    note = _wait_note(world, url)
    assert f"above.{ZONE}" in note and words in note, note


def test_name_without_a_global_address(make_world):
    def change(config):
        _impatient(config)
        config["dcv"]["global"] = ["::1"]

    world = make_world(learn="poll", change=change)
    _, url = _finalized(world, ["internal." + ZONE])
    note = _wait_note(world, url)
    assert "cannot be fetched" in note and "127.0.0.1 is not reachable from everywhere" in note, note
    _assert_served_by_name_alone(world, note)


def _assert_served_by_name_alone(world, note):
    """The file that the note names is there for any Host, in both cases of its name."""
    md5 = re.search("/([0-9A-F]{32})[.]txt", note)[1]
    bodies = {requests.get(f"{world.public_url}/.well-known/pki-validation/{name}.txt", headers={"Host": host},
                           timeout=30).text
              for name in (md5, md5.lower()) for host in ("whatever.example:81", "127.0.0.1", "[::1]")}
    assert len(bodies) == 1 and "\nsectigo.com\n" in bodies.pop()


# ---- after submission ----

def _nudged_after(time):
    def change(config):
        config["dcv"]["nudge_after"] = time
    return change


def test_sectigo_is_asked_once_to_look_at_once(make_world):
    world = make_world(learn="both", issue_delay=2, change=_nudged_after("500ms"))
    for names in (["once." + ZONE], ["two-a." + ZONE, "two-b." + ZONE]):
        before = world.requests()["AutoUpdateDCV"]
        client, url = _finalized(world, names)
        assert "BEGIN CERTIFICATE" in client.certificate(url)
        assert world.requests()["AutoUpdateDCV"] == before + 1
    assert not [line for line in world.log() if "at once" in line.get("msg", "")]


@pytest.mark.parametrize("learn", ["push-certificate", "push", "poll"])
def test_sectigo_is_not_asked_where_the_certificate_comes_by_itself(make_world, learn):
    """A push without the certificate, and the first look, have it collected, not asked for."""
    world = make_world(learn=learn)
    client, url = _finalized(world, ["by-itself." + ZONE])
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert world.requests().get("AutoUpdateDCV", 0) == 0


def test_it_is_asked_twice_where_a_kill_forgets_the_first(make_world):
    """Nothing changes by it: the order is sold once, and its certificate comes."""
    def change(config):
        _nudged_after("0s")(config)
        config["acme"]["hold_finalize"] = "0s"

    world = make_world(learn="poll", change=change)
    world.set_settings(lookFirstMs=3600000, lookMaxMs=3600000)
    world.stop_gateway()
    world.start_gateway(stop_at="submitted-again:before")
    names = ["asked-twice." + ZONE]
    client, url = _finalized(world, names)
    world.wait_gateway_killed()
    world.start_gateway()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert world.requests()["AutoUpdateDCV"] == 2
    assert len(world.bought(names)) == 1, world.ledger()


def test_another_unique_value_is_published(make_world):
    """Sectigo's stand-in chooses its own, does not find it at its first look, and looks again only when it is asked."""
    world = make_world(learn="push", change=_nudged_after("500ms"))
    world.set_settings(ownUniqueValue=True, lookFirstMs=3600000, lookMaxMs=3600000)
    names = ["another." + ZONE]
    client, url = _finalized(world, names)
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1, world.ledger()


@pytest.mark.parametrize("action", ["status-500", "code:-160"])
def test_that_it_would_not_changes_nothing(make_world, action):
    world = make_world(learn="push", issue_delay=2, change=_nudged_after("0s"))
    world.set_faults({"endpoint": "AutoUpdateDCV", "action": action, "times": 1})
    client, url = _finalized(world, ["grumble." + ZONE])
    world.wait_log(lambda line: "at once" in line.get("msg", ""))
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert world.requests()["AutoUpdateDCV"] == 1


def _unlooked(config):
    _impatient(config)
    config["dcv"]["preflight"] = "off"


@pytest.mark.parametrize("learn", ["push-certificate", "poll"])
def test_caa_that_forbids_a_paid_order(make_world, learn):
    """The gateway hears of it, looks at CAA by itself, and has Sectigo look again once that allows it."""
    world = make_world(learn=learn, change=_unlooked)
    names = ["late-caa." + ZONE]
    world.dns.update(lambda update: (update.add("late-caa", 60, "A", "127.0.0.1"),
                                     update.add("late-caa", 60, "CAA", '0 issue "letsencrypt.org"')))
    client, url = _finalized(world, names)
    world.wait_log(lambda line: "CAA keeps Sectigo from issuing" in line.get("msg", ""))
    assert world.requests()["RetryCAACheck"] == 0
    deadline = time.monotonic() + 30
    while True:
        shown = ctl_json(world, "order", "show", _order_id(url))
        if (shown["issuance"]["note"] or "").startswith(f"Sectigo may not issue: late-caa.{ZONE}: the CAA record"):
            break
        assert time.monotonic() < deadline, f"{shown}: not within 30 s"
    assert shown["status"] == "processing" and shown["issuance"]["state"] == "blocked", shown
    world.dns.update(lambda update: update.replace("late-caa", 60, "CAA", '0 issue "sectigo.com"'))
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert world.requests()["RetryCAACheck"] == 1
    assert len(world.bought(names)) == 1, world.ledger()


def test_killed_before_caa_is_asked_about_again(make_world):
    """RetryCAACheck is stored before it leaves: what a kill in between may have sent is not sent again at once."""
    world = make_world(learn="push-certificate", change=_unlooked)
    names = ["killed-caa." + ZONE]
    world.dns.update(lambda update: (update.add("killed-caa", 60, "A", "127.0.0.1"),
                                     update.add("killed-caa", 60, "CAA", '0 issue "letsencrypt.org"')))
    client, url = _finalized(world, names)
    world.wait_log(lambda line: "CAA keeps Sectigo from issuing" in line.get("msg", ""))
    world.stop_gateway()
    world.dns.update(lambda update: update.replace("killed-caa", 60, "CAA", '0 issue "sectigo.com"'))
    world.start_gateway(stop_at="blocked-again", wait=False)
    world.wait_gateway_killed()
    world.start_gateway()
    client.reconnect()
    deadline = time.monotonic() + 30
    while "waits for its turn" not in (ctl_json(world, "order", "show", _order_id(url))["issuance"]["note"] or ""):
        assert time.monotonic() < deadline, "a turn that is waited for: not within 30 s"
    assert world.requests()["RetryCAACheck"] == 0
    assert client.fetch(url).json()["status"] == "processing"


# ---- addresses ----

@pytest.mark.parametrize("method, asked", [("http", "HTTP_CSR_HASH"), ("ip_address_pre", "IP_ADDRESS_PRE")])
def test_address_beside_a_name(make_world, method, asked):
    def change(config):
        config["dcv"]["ip_method"] = method

    world = make_world(learn="poll", change=change)
    names = ["127.0.0.1", "beside." + ZONE]
    client, url = _finalized(world, names)
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    order, = world.bought(names)
    methods = {domain["name"]: domain["method"] for domain in order["dcv"]}
    assert methods["127.0.0.1"] == asked, methods
    assert methods["beside." + ZONE] == "HTTP_CSR_HASH", methods


def test_address_alone(make_world):
    world = make_world(learn="poll")
    client, url = _finalized(world, ["127.0.0.1"])
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    order, = world.bought(["127.0.0.1"])
    assert order["product"] in (492, "492"), order


def test_address_where_no_multi_domain_product_is_sold(make_world):
    def change(config):
        del config["profiles"][0]["products"]["multi"]

    world = make_world(change=change)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    answer = client.try_order(["127.0.0.1"])
    assert "which only multi-domain products have" in problem(answer, "rejectedIdentifier", 400)["detail"]
