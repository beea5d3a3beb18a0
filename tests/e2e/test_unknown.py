"""Purchases whose outcome was not read: settled before anything is sent again, never bought twice."""

import datetime

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE


@pytest.mark.parametrize("learn", ["push-certificate", "poll"])
def test_reply_lost_after_sectigo_accepted(make_world, learn):
    world = make_world(learn=learn)
    names = ["lost." + ZONE]
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1})
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
        assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1, world.ledger()


def _quick(config):
    config["acme"]["hold_finalize"] = "0s"
    config["issuance"]["later"] = "300ms"


def _when(line):
    return datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()


def _wait_attempts(world, count):
    """The times of the first attempts that did not leave."""
    seen = []

    def is_last(line):
        if "nothing was sent" in line.get("reason", ""):
            seen.append(_when(line))
        return len(seen) == count

    world.wait_log(is_last)
    return seen


def test_sectigo_is_down_while_the_client_finalizes(make_world):
    """A request that never left is sent later, more and more seldom; the order waits and shows no error."""
    world = make_world(learn="poll", change=_quick)
    names = ["down." + ZONE]
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    world.sandbox.stop()
    answer = client.finalize(order, make_csr(names))
    assert answer.status_code == 200 and answer.json()["status"] == "processing", answer.text
    assert int(answer.headers["retry-after"]) >= 1
    first, second, third, fourth = _wait_attempts(world, 4)
    assert fourth - third > 1.5 * (second - first)
    world.start_sandbox()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1, world.ledger()
