"""Another configuration for a gateway that runs: what it changes is seen by clients, and nobody else notices."""

import copy
import os
import signal
import ssl
import threading
import time

import pytest
import requests
import yaml

from acme_client import AcmeClient, http_responder, make_csr
from loopback import release_port, take_port
from pki import ListenerPki
from process import run
from test_ctl import ctl, ctl_json
from world import program

READ_ANEW, REFUSED = "the configuration is read anew", "the configuration stays as it was"


def _write(world, config):
    # in one step: the gateway may be reading
    path = world._write("acmegate.yaml.new", yaml.safe_dump(config, sort_keys=False))
    os.replace(path, world.path("acmegate.yaml"))


def _reload(world, config, *words):
    """By acmegatectl: the keys that changed, with what they were and are."""
    _write(world, config)
    return {row["key"]: (row["was"], row["is"]) for row in ctl_json(world, "config", "reload", *words)["items"]}


def _refused(world, config, *words):
    """By acmegatectl: what it says."""
    _write(world, config)
    return ctl(world, "config", "reload", *words, status=1).stderr


@pytest.fixture
def reloaded(world):
    """The world's configuration, to be changed; put back in the end."""
    config = world.config()
    yield copy.deepcopy(config)
    _reload(world, config)


def _directory(world):
    return requests.get(world.directory, verify=world.pki.ca, timeout=60).json()


def test_by_signal(world, reloaded):
    reloaded["acme"]["website"] = "https://new.example/"
    _write(world, reloaded)
    world.gateway.signal(signal.SIGHUP)
    line = world.wait_log(lambda line: line.get("msg") == "configuration" and line.get("key") == "acme.website")
    assert line["is"] == "https://new.example/" and "was" not in line
    world.wait_log(lambda line: line.get("msg") == READ_ANEW)
    assert _directory(world)["meta"]["website"] == "https://new.example/"


def test_what_clients_are_told_and_may(world, reloaded):
    client = AcmeClient(world.directory, world.pki.ca)
    client.new_account()
    reloaded["acme"].update(identifiers_max=1, caa_identities=["ca.example"])
    reloaded["acme"]["limits"] = {"address": 0, "account": 1, "external_key": 0}
    reloaded["profiles"][0]["description"] = "Only the best"
    changed = _reload(world, reloaded)
    assert changed == {"acme.identifiers_max": ("100", "1"), "acme.limits.account": ("0", "1"),
                       "acme.caa_identities": (None, "[ca.example]"),
                       "profiles[dv].description": (None, "Only the best")}
    meta = _directory(world)["meta"]
    assert meta["caaIdentities"] == ["ca.example"] and meta["profiles"] == {"dv": "Only the best"}
    assert client.try_order(["a.acme.example", "b.acme.example"]).status_code == 400
    answers = [client.try_order(["a.acme.example"]).status_code for _ in range(3)]
    assert 429 in answers, answers


def test_listeners_come_and_go(world, reloaded):
    port, kept = take_port(), requests.Session()
    try:
        kept.verify, kept.trust_env = world.pki.ca, False
        assert kept.get(world.directory, timeout=60).status_code == 200
        reloaded["acme"]["listen"] = [f"127.0.0.1:{port}"]
        reloaded["metrics"] = {"listen": [f"127.0.0.1:{world.ports['web']}"]}
        _reload(world, reloaded)
        elsewhere = f"https://127.0.0.1:{port}/directory"
        assert requests.get(elsewhere, verify=world.pki.ca, timeout=60).status_code == 200
        metrics = requests.get(f"http://127.0.0.1:{world.ports['web']}/metrics", timeout=60).text
        assert "acmegate_build_info" in metrics
        assert kept.get(world.directory, timeout=60).status_code == 200, "the connection that was there stays"
        _wait_gone(world.directory, world.pki.ca)
    finally:
        release_port(port)


def _wait_gone(url, ca):
    """Each loop closes its own share of the address when it hears of the change."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            requests.get(url, verify=ca, timeout=60)
        except requests.ConnectionError:
            return
    raise AssertionError(f"{url} still answers")


def test_certificates(world, reloaded, tmp_path):
    """Of other files, and of the same files with something else in them."""
    address = ("127.0.0.1", world.ports["acme"])
    before = ssl.get_server_certificate(address)
    other = ListenerPki(str(tmp_path))
    reloaded["acme"]["tls"] = {"certificate": other.certificate, "key": other.key}
    _reload(world, reloaded)
    deadline = time.monotonic() + 60
    while ssl.get_server_certificate(address) == before and time.monotonic() < deadline:
        pass
    with open(other.certificate, encoding="utf-8") as file:
        assert ssl.get_server_certificate(address).strip() in file.read()


def test_the_push_and_the_log(world, reloaded):
    url = world.public_url + "/elsewhere"
    assert requests.get(url, timeout=60).status_code == 404
    reloaded["public"]["push"]["path"] = "/elsewhere"
    reloaded["log_requests"] = True
    _reload(world, reloaded)
    assert requests.get(url, timeout=60).status_code == 401
    world.wait_log(lambda line: line.get("msg") == "request" and line.get("path") == "/elsewhere"
                   and line["level"] == "info")


def test_logins_and_profiles(world, reloaded):
    """A login and a profile that are new sell at once; a pause of the old one stays."""
    ctl(world, "upstream", "pause", "main")
    login = {**reloaded["logins"][0], "name": "second"}
    reloaded["logins"].append(login)
    reloaded["profiles"].append({**copy.deepcopy(reloaded["profiles"][0]), "name": "other", "login": "second"})
    changed = _reload(world, reloaded)
    assert changed["logins[second].password_file"] == (None, "(set)")
    states = {row["login"]: row["state"] for row in ctl_json(world, "upstream", "status")["items"]}
    assert states["main"] == "paused" and "second" in states
    with http_responder(world.ports["http01"]) as responder:
        client = AcmeClient(world.directory, world.pki.ca)
        client.new_account()
        answer = client.try_order(["second.acme.example"], profile="other")
        assert answer.status_code == 201, answer.text
        url, order = answer.headers["location"], answer.json()
        client.authorize(order, responder)
        client.finalize(order, make_csr(["second.acme.example"]))
        client.certificate(url)
    assert len(world.bought(["second.acme.example"])) == 1
    ctl(world, "upstream", "resume", "main")
    assert "paid subscriptions" in _refused(world, world.config())
    _reload(world, world.config(), "--accept-orphans")


def test_resolvers(world, reloaded):
    """Validation asks the new ones: nobody listens there, so a challenge is not met."""
    port = take_port()
    try:
        reloaded["validation"].update(resolvers=[f"127.0.0.1@{port}"], timeout="1s")
        _reload(world, reloaded)
        with http_responder(world.ports["http01"]) as responder:
            client = AcmeClient(world.directory, world.pki.ca)
            client.new_account()
            _, order = client.new_order(["resolver.acme.example"])
            with pytest.raises(AssertionError, match="invalid"):
                client.authorize(order, responder)
    finally:
        release_port(port)


@pytest.mark.parametrize("spoil, words", [
    (lambda config: config.update(colour="red"), ["colour"]),
    (lambda config: config["acme"].update(tls={"certificate": "/nowhere", "key": "/nowhere"}), ["acme.tls", "/nowhere"]),
    (lambda config: config["logins"][0].update(trust_anchors="/dev/null"), ["trust_anchors"]),
    (lambda config: config["acme"].update(listen=["192.0.2.1:443"]), ["192.0.2.1"]),
    (lambda config: config.update(instance="b"), ["instance", "restart"]),
    (lambda config: config["store"].update(path=config["store"].get("path", "") + "2", map_size="512MiB")
     if "path" in config["store"] else config["store"]["postgresql"].update(schema="other"), ["store.", "restart"]),
    (lambda config: config["acme"].update(threads=3), ["acme.threads", "restart"]),
])
def test_a_bad_one_changes_nothing(world, reloaded, spoil, words):
    reloaded["acme"]["website"] = "https://never.example/"
    spoil(reloaded)
    said = _refused(world, reloaded)
    for word in words:
        assert word in said, said
    assert "website" not in _directory(world)["meta"]
    if "restart" not in words:  # --check-config says the same
        checked = run([program("acmegate"), "--check-config", "--config", world.path("acmegate.yaml")], world.folder)
        assert checked.output.strip().splitlines()[-1] in said, (checked.output, said)
    world.gateway.signal(signal.SIGHUP)
    world.wait_log(lambda line: line.get("msg", "").startswith(REFUSED) and words[0] in line.get("reason", ""))


def test_a_preview_changes_nothing(world, reloaded):
    reloaded["acme"]["website"] = "https://preview.example/"
    assert _reload(world, reloaded, "--preview") == {"acme.website": (None, "https://preview.example/")}
    assert "website" not in _directory(world)["meta"]


def _buy(world, name):
    with http_responder(world.ports["http01"]) as responder:
        client = AcmeClient(world.directory, world.pki.ca)
        client.new_account()
        url, order = client.ready_order([name], responder)
        client.finalize(order, make_csr([name]))
        client.certificate(url)


def test_orphans_are_told_first(make_world):
    world = make_world(learn="poll")
    _buy(world, "paid.acme.example")
    config = world.config()
    config["profiles"][0]["name"] = config["default_profile"] = "renamed"
    said = _refused(world, config)
    assert "of 1 paid subscriptions 1 would serve no order any more" in said and "profile is not configured" in said
    world.gateway.signal(signal.SIGHUP)
    world.wait_log(lambda line: line.get("msg", "").startswith(REFUSED) and "paid subscriptions" in line["reason"])
    assert _directory(world)["meta"]["profiles"] == {"dv": "dv"}
    _reload(world, config, "--accept-orphans")
    assert _directory(world)["meta"]["profiles"] == {"renamed": "renamed"}


def test_a_start_tells_of_orphans(make_world):
    """On a thread of its own, for which nothing waits."""
    world = make_world(learn="poll")
    _buy(world, "kept.acme.example")
    world.stop_gateway()
    config = world.config()
    config["profiles"][0]["name"] = config["default_profile"] = "renamed"
    _write(world, config)
    world.start_gateway()
    line = world.wait_log(lambda line: line.get("msg", "").startswith("paid subscriptions have no place"))
    assert "of 1 paid subscriptions 1 would serve no order any more" in line["reason"]


def test_a_purchase_under_way_is_told_too(make_world):
    """Not paid yet, and held: without its profile nobody would take it further."""
    world = make_world(learn="poll", change=lambda config: config["acme"].update(hold_finalize="0s"))
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-15", "times": 1})
    with http_responder(world.ports["http01"]) as responder:
        client = AcmeClient(world.directory, world.pki.ca)
        client.new_account()
        url, order = client.ready_order(["held.acme.example"], responder)
        client.finalize(order, make_csr(["held.acme.example"]))
        deadline = time.monotonic() + 60
        while ctl_json(world, "issuance", "list")["items"][0]["state"] != "held":
            assert time.monotonic() < deadline, "a held purchase: not within 60 s"
        config = world.config()
        config["profiles"][0]["name"] = config["default_profile"] = "renamed"
        assert "1 purchases under way would go no further" in _refused(world, config)
        ctl(world, "upstream", "resume", "main")
        client.certificate(url)
    assert len(world.bought(["held.acme.example"])) == 1


CLIENTS, ORDERS, EVERY_S = 20, 2, 0.2


def _order(world, responder, index, failures):
    """Over one connection, which has to last."""
    try:
        client = AcmeClient(world.directory, world.pki.ca)
        client.new_account()
        for number in range(ORDERS):
            name = f"load{index}-{number}.acme.example"
            url, order = client.ready_order([name], responder)
            assert client.finalize(order, make_csr([name])).status_code == 200
            client.certificate(url)
    except BaseException as wrong:  # in its thread it would be lost
        failures.append(wrong)


def test_under_load(make_world):
    """A reload every so often, of nearly everything that can change, while a fleet orders."""
    world = make_world(learn="poll")
    failures, reloads = [], 0
    with http_responder(world.ports["http01"]) as responder:
        clients = [threading.Thread(target=_order, args=(world, responder, index, failures))
                   for index in range(CLIENTS)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            reloads += 1
            config = world.config()
            odd = reloads % 2
            config["acme"].update(website=f"https://{reloads}.example/", hold_finalize="1s" if odd else "20s",
                                  connections=1000 + reloads)
            config["metrics" if odd else "log_requests"] = ({"listen": [f"127.0.0.1:{world.ports['web']}"]} if odd
                                                            else True)
            config["validation"]["timeout"] = f"{10 + reloads % 5}s"
            config["logins"][0].update(calls_per_minute=0 if odd else 100000, timeout=f"{100 + reloads % 7}s")
            config["profiles"][0]["description"] = f"number {reloads}"
            config["dcv"]["nudge_after"] = f"{10 + odd}s"
            assert "acme.website" in _reload(world, config)
            time.sleep(EVERY_S)  # the rate is what this is about
        for client in clients:
            client.join()
    assert not failures, failures
    assert reloads >= 3, "it was over too soon to say anything"
    for index in range(CLIENTS):
        for number in range(ORDERS):
            assert len(world.bought([f"load{index}-{number}.acme.example"])) == 1
    assert {row["login"] for row in ctl_json(world, "upstream", "status")["items"]} == {"main"}
