"""When a login's calls may leave: no credit, refused, failing, paced."""

from acme_client import http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_endings import _client, _requests, _settings, _wait_invalid
from test_revoke import _revoke, chain_of


def _world(make_world, learn="push-certificate", **login):
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"]["later"] = "200ms"
        config["logins"][0].update(login)
    return make_world(learn=learn, change=change)


def _names(label, count=1):
    return [[f"{label}{number}.{ZONE}"] for number in range(count)]


def _ready(world, client, lists):
    with http_responder(world.ports["http01"]) as responder:
        return [client.ready_order(names, responder) for names in lists]


def _finalize(client, ready, lists):
    for (_, order), names in zip(ready, lists):
        assert client.finalize(order, make_csr(names)).status_code == 200
    return [url for url, _ in ready]


def _held(world, count, words):
    """Until so many issuances were held for that reason."""
    seen = []

    def is_last(line):
        if line.get("msg") == "issuance is held" and words in line.get("reason", ""):
            seen.append(line)
        return len(seen) == count

    world.wait_log(is_last)


def test_without_credit_purchases_stop_and_replacements_go_on(make_world):
    world = _world(make_world)
    client = _client(world)
    old, first, second = _names("credit", 3)
    url, = _finalize(client, _ready(world, client, [old]), [old])
    client.certificate(url)
    _settings(world, creditCents=0)
    ready = _ready(world, client, [first, second, old])
    one, = _finalize(client, ready[:1], [first])
    _held(world, 1, "-15")
    two, three = _finalize(client, ready[1:], [second, old])
    _held(world, 2, "-15")
    assert "BEGIN CERTIFICATE" in client.certificate(three)  # a replacement
    assert _requests(world)["AutoApplyOrder"] == 2  # the third was not even asked
    world.restart_gateway()
    client.reconnect()
    assert ctl_json(world, "upstream", "status")["items"][0]["state"] == "no credit"
    _settings(world, creditCents=1000000)
    assert ctl_json(world, "upstream", "resume", "main")["held_made_due"] == 2
    for url, names in ((one, first), (two, second)):
        assert "BEGIN CERTIFICATE" in client.certificate(url)
        assert len(world.bought(names)) == 1
    assert ctl_json(world, "upstream", "status")["items"][0]["state"] == "open"


def test_resume_asks_a_refused_login_at_once(make_world):
    world = _world(make_world)
    client = _client(world)
    names, = _names("reopened")
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-16", "times": 1})
    url, = _finalize(client, _ready(world, client, [names]), [names])
    _held(world, 1, "-16")
    assert ctl_json(world, "upstream", "status")["items"][0]["state"] == "refused"
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1


def test_calls_rest_while_they_fail(make_world):
    world = _world(make_world)
    client = _client(world)
    lists = _names("failing", 12)
    ready = _ready(world, client, lists)
    world.sandbox.stop()
    urls = _finalize(client, ready, lists)
    world.wait_log(lambda line: "calls to Sectigo fail one after another" in line.get("msg", ""))
    assert ctl_json(world, "upstream", "status")["items"][0]["state"] == "failing"
    world.wait_log(lambda line: "nothing is sent for now" in line.get("reason", ""))
    world.start_sandbox()
    ctl(world, "upstream", "resume", "main")
    for url in urls:
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.ledger()) == 12
    assert ctl_json(world, "upstream", "status")["items"][0]["state"] == "open"


def test_calls_are_paced_and_revocations_go_first(make_world):
    """Twelve calls at once, then one every five seconds."""
    world = _world(make_world, calls_per_minute=12)
    client = _client(world)
    lists = _names("paced", 16)
    ready = _ready(world, client, lists)
    first, = _finalize(client, ready[:1], lists[:1])
    leaf = chain_of(client.certificate(first))[0]
    _finalize(client, ready[1:], lists[1:])  # more than may leave
    assert _revoke(client, leaf).status_code == 200
    wait_for("the revocation", lambda: _requests(world).get("AutoRevokeSSL"))
    assert _requests(world)["AutoApplyOrder"] < 16


def test_one_order_is_collected_at_a_time(make_world):
    """Several wait for their certificates, and Sectigo is slow to say that there is none yet: the end of the world asks
    whether two calls were under way at once."""
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["profiles"][0].update(first_poll="200ms", poll_interval="300ms")
    world = make_world(learn="poll", issue_delay=600, change=change)
    client = _client(world)
    lists = _names("collected", 4)
    ready = _ready(world, client, lists)
    world.set_faults({"endpoint": "CollectSSL", "action": "delay", "seconds": 0.5, "times": -1})
    _finalize(client, ready, lists)
    wait_for("collections", lambda: _requests(world).get("CollectSSL", 0) >= 6)


def test_held_order_is_given_up(make_world):
    """At once where nothing was sent; after a settlement where a request may have arrived."""
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["issuance"].update(settle_again="100ms", resend="100ms", settle_give_up="1s", later="100ms")
    world = make_world(change=change)
    client = _client(world)
    lists = _names("dropped", 2)
    ready = _ready(world, client, lists)
    ctl(world, "upstream", "pause", "main")
    unsent, = _finalize(client, ready[:1], lists[:1])
    _held(world, 1, "paused")
    ctl(world, "order", "drop", unsent.rsplit("/", 1)[1])
    assert "given up by the operator" in _wait_invalid(client, unsent)
    assert "refused" in ctl(world, "order", "drop", unsent.rsplit("/", 1)[1], status=1).stderr
    ctl(world, "upstream", "resume", "main")
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "status-503", "times": -1})
    unknown, = _finalize(client, ready[1:], lists[1:])
    _held(world, 1, "still unknown")
    reports = _requests(world)["WebHostReport"]
    ctl(world, "order", "drop", unknown.rsplit("/", 1)[1])
    assert "given up by the operator" in _wait_invalid(client, unknown)
    assert _requests(world)["WebHostReport"] == reports + 2
    assert world.ledger() == []
