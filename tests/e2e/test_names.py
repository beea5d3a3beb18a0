"""Sectigo leaves out what it could not validate: asked once more by itself, then a truthful end."""

import pytest
from cryptography import x509

from acme_client import make_csr
from dns_server import ZONE
from test_ctl import ctl_json
from test_endings import _client, _wait_invalid
from test_logins import _ready


def _host(world, name, address):
    def change(update):
        update.delete(name + ".", "A")
        if address:
            update.add(name + ".", 5, "A", address)
    world.dns.update(change)


def _world(make_world):
    def change(config):
        config["acme"]["hold_finalize"] = "0s"
        config["dcv"]["preflight"] = "off"
        config["profiles"][0].update(first_poll="300ms", poll_interval="500ms")
    return make_world(learn="poll", change=change, issue_delay=0.5)


@pytest.mark.parametrize("mended", [True, False])
def test_www_that_fails_is_asked_for_once_more(make_world, mended):
    world = _world(make_world)
    name = ZONE  # a registrable domain: one product gives it with its www
    names = [name, "www." + name]
    _host(world, name, "127.0.0.1")
    client = _client(world)
    (url, order), = _ready(world, client, [names])
    world.set_faults({"endpoint": "AutoReplaceSSL", "action": "delay", "seconds": 1})
    _host(world, names[1], "127.0.0.9")  # nobody serves the file there
    answer = client.finalize(order, make_csr(names, common_name=name))
    assert answer.status_code == 200, answer.text
    world.wait_log(lambda line: line.get("msg") == "a certificate lacks names; it is replaced once")
    if mended:
        _host(world, names[1], "127.0.0.1")
        leaf = x509.load_pem_x509_certificate(client.certificate(url).encode())
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert sorted(found.get_values_for_type(x509.DNSName)) == sorted(names)
    else:
        assert "lacks " + names[1] in _wait_invalid(client, url)
        assert ctl_json(world, "subscription", "list")["items"][0]["state"] == "live"
    assert [order["kind"] for order in world.ledger()] == ["purchase", "replacement"]
    kept = ctl_json(world, "kept")["items"]
    assert len(kept) == (1 if mended else 2) and all("lacks" in one["reason"] for one in kept)
    assert "BEGIN CERTIFICATE" in kept[0]["certificate"]
