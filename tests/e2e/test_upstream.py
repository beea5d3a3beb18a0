"""What keeps a login from working, and how soon that shows and ends: outages, a wrong password, low credit, anchors."""

import time

import pytest

from acme_client import http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import FAILED, NOT_FOUND, ctl, ctl_json
from test_endings import _client, _settings
from test_logins import _finalize, _names, _ready
from test_revoke import _revoke, chain_of


def _world(make_world, later="1s", learn="push-certificate", **login):
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"]["later"] = later
        config["logins"][0].update(login)
    return make_world(learn=learn, change=change)


def _login(world):
    return ctl_json(world, "upstream", "status")["items"][0]


def _await_state(world, state, timeout=20):
    return wait_for(f"login main {state}", lambda: _login(world)["state"] == state and _login(world), timeout)


# ---- outages ----

def test_thirty_calls_on_the_wire_when_sectigo_blinks(make_world):
    """Each that is cut off counts as one of the ten that open the breaker: the rest does not double for each."""
    world = _world(make_world)
    client = _client(world)
    lists = _names("blink", 30)
    ready = _ready(world, client, lists)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 60, "times": 30})
    urls = _finalize(client, ready, lists)
    wait_for("all are on the wire", lambda: world.requests().get("AutoApplyOrder") == 30)
    world.sandbox.kill()
    world.start_sandbox()
    back = time.monotonic()
    for url in urls:
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert time.monotonic() - back < 30
    assert [len(world.bought(names)) for names in lists] == [1] * 30
    assert _login(world)["state"] == "open"


def _break(world, client):
    """Ten purchases find nobody, so that purchases rest for a minute."""
    lists = _names("broken", 12)
    ready = _ready(world, client, lists)
    world.sandbox.stop()
    _finalize(client, ready, lists)
    world.wait_log(lambda line: "calls to Sectigo fail one after another" in line.get("msg", ""))


def test_a_revocation_waits_for_the_breaker_a_few_seconds_only(make_world):
    world = _world(make_world, later="60s")
    client = _client(world)
    names, = _names("revoked")
    url, = _finalize(client, _ready(world, client, [names]), [names])
    leaf = chain_of(client.certificate(url))[0]
    _break(world, client)
    world.start_sandbox()
    back = time.monotonic()
    assert _revoke(client, leaf).status_code == 200
    wait_for("the revocation", lambda: world.requests().get("AutoRevokeSSL") == 1, 20)
    assert time.monotonic() - back < 10


def test_what_is_unknown_is_settled_in_spite_of_the_breaker(make_world):
    world = _world(make_world, later="60s")
    client = _client(world)
    names, = _names("unknown")
    ready = _ready(world, client, [names])
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "seconds": 3, "times": 1})
    url, = _finalize(client, ready, [names])
    wait_for("it is bought", lambda: world.bought(names))
    _break(world, client)
    world.start_sandbox()
    back = time.monotonic()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert time.monotonic() - back < 15
    assert len(world.bought(names)) == 1


# ---- a login from the first moment on ----

def test_a_wrong_password_shows_at_the_start(make_world):
    world = make_world()
    wait_for("the balance", lambda: world.requests().get("getAccountBalance"), 10)
    assert wait_for("a balance", lambda: _login(world)["balance_cents"], 10) == 100000000
    world._write("login-password", "wrong\n")
    world.change = lambda config: world._write("login-password", "wrong\n")
    world.write_config()
    world.restart_gateway()
    world.wait_log(lambda line: line.get("level") == "error" and "Sectigo refuses this login" in line.get("msg", ""), 10)
    _await_state(world, "refused", 10)
    assert "(-16)" in ctl(world, "upstream", "test", "main", status=FAILED).stderr


def test_low_credit_is_seen_on_the_first_day(make_world):
    world = _world(make_world, low_credit="100.00")
    _settings(world, creditCents=5000)
    world.restart_gateway()
    world.wait_log(lambda line: line.get("level") == "error" and line.get("balance") == "50.00", 10)
    assert wait_for("credit_low", lambda: _login(world)["credit_low"], 10)


def test_upstream_test_asks_now(make_world):
    world = _world(make_world, later="60s")
    asked = wait_for("the first balance", lambda: world.requests().get("getAccountBalance"), 10)
    shown = ctl_json(world, "upstream", "test", "main")
    assert shown["balance_cents"] == 100000000 and "takes the login" in shown["answer"]
    assert world.requests()["getAccountBalance"] > asked
    assert "no login" in ctl(world, "upstream", "test", "other", status=NOT_FOUND).stderr
    world.sandbox.stop()
    assert "nothing was sent" in ctl(world, "upstream", "test", "main", status=FAILED).stderr
    assert _login(world)["state"] == "unreachable"
    world.start_sandbox()
    ctl(world, "upstream", "test", "main")
    assert _login(world)["state"] == "open"


# ---- what is bought is of no use ----

def _anchors(world, path):
    world.change = lambda config: (config["acme"].update(hold_finalize="0s"),
                                   config["logins"][0].update(trust_anchors=path))
    return world.write_config()


def test_a_leaf_for_an_anchor_stops_the_start(make_world):
    world = make_world()
    world.stop_gateway()
    config = _anchors(world, world.pki.certificate)
    for arguments in (["--config", config], ["--config", config, "--check-config"]):
        ended = world.run_gateway(*arguments)
        assert ended.returncode == 1, ended.output
        assert "trust_anchors" in ended.output and "is no CA's" in ended.output
    assert not world.requests().get("AutoApplyOrder")


@pytest.mark.parametrize("learn", ("poll", "push-certificate"))
def test_three_useless_purchases_pause_a_login(make_world, learn):
    """The anchors are those of another authority: what comes is withheld. The third one is enough, also over restarts."""
    world = make_world(learn=learn, change=lambda config: config["acme"].update(hold_finalize="0s"))
    client = _client(world)
    lists = _names("useless", 6)
    good, = _finalize(client, _ready(world, client, lists[:1]), lists[:1])
    client.certificate(good)
    _anchors(world, world.pki.ca)
    world.restart_gateway()
    client.reconnect()
    urls = []
    for number in (1, 2, 3):
        urls += _finalize(client, _ready(world, client, [lists[number]]), [lists[number]])
        wait_for(f"{number} withheld", lambda: len(ctl_json(world, "kept")["items"]) == number)
    world.restart_gateway()
    client.reconnect()
    urls += _finalize(client, _ready(world, client, [lists[4]]), [lists[4]])
    with pytest.raises(AssertionError):
        wait_for("a fourth one", lambda: world.requests()["AutoApplyOrder"] > 4, 5)
    world.wait_log(lambda line: line.get("msg") == "issuance is held" and "same reason" in line.get("reason", ""))
    assert world.requests()["AutoApplyOrder"] == 4 and _login(world)["state"] == "withheld"

    _anchors(world, world.root)  # mended: what was withheld is looked at again, and delivered
    world.restart_gateway()
    client.reconnect()
    for url in urls[:3]:  # within a minute after a start
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _login(world)["withheld"] == 0 and _login(world)["state"] == "withheld"
    assert ctl_json(world, "upstream", "resume", "main")["held_made_due"] == 1
    assert "BEGIN CERTIFICATE" in client.certificate(urls[3])
    assert _login(world)["state"] == "open"
    assert [len(world.bought(names)) for names in lists[:5]] == [1] * 5


def test_a_good_certificate_between_resets_the_count(make_world):
    world = make_world(learn="poll", change=lambda config: config["acme"].update(hold_finalize="0s"))
    client = _client(world)
    lists = _names("between", 5)
    for number, names in enumerate(lists):
        path = world.root if number == 2 else world.pki.ca
        _anchors(world, path)
        world.restart_gateway()
        client.reconnect()
        url, = _finalize(client, _ready(world, client, [names]), [names])
        if number == 2:
            client.certificate(url)
            wait_for("the others, too", lambda: _login(world)["withheld"] == 0)
        else:
            wait_for("withheld", lambda: _login(world)["withheld"] == (number + 1 if number < 2 else number - 2))
    assert _login(world)["state"] == "open" and world.requests()["AutoApplyOrder"] == 5
