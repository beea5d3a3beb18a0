"""A store without room left: new work is refused with 503, what was acknowledged stays, and room brings it back."""

from acme_client import AcmeClient
from dns_server import ZONE

NAMES = [f"n{i}." + ZONE for i in range(100)]


def _order_until_refused(client, most=2000):
    """(URLs of acknowledged orders, the first refusal)"""
    kept = []
    for _ in range(most):
        answer = client.try_order(NAMES)
        if answer.status_code != 201:
            return kept, answer
        kept.append(answer.headers["location"])
    raise AssertionError(f"{most} orders fit into the store; it is not small")


def _check_refusal(answer):
    assert answer.status_code == 503, answer.text[:1000]
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["replay-nonce"]


def test_full_map(make_world):
    world = make_world(change=lambda c: c["store"].update(map_size="4MiB"))
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    kept, refused = _order_until_refused(client)
    _check_refusal(refused)
    assert kept
    for url in kept:
        assert client.fetch(url).json()["status"] == "pending"
    world.change = None
    world.write_config()
    world.kill_gateway()
    world.start_gateway()
    client.reconnect()
    for url in kept:
        assert client.fetch(url).json()["status"] == "pending"
    assert client.try_order(NAMES).status_code == 201
