"""Debian's certbot and lego get certificates, however the gateway learns that they were issued."""

import pytest

from clients import CLIENTS
from dns_server import ZONE
from pki import check_chain
from world import LEARN

ONE = ["one." + ZONE]
SEVERAL = ["a." + ZONE, "b." + ZONE, "c." + ZONE]

pytestmark = pytest.mark.parametrize("client", sorted(CLIENTS))


@pytest.fixture(scope="module", params=LEARN)
def world(request, tmp_path_factory):
    from world import World
    one = World(tmp_path_factory.mktemp("world"), learn=request.param)
    yield one
    one.close()


def _order(world, client, names, **more):
    result = CLIENTS[client](world).order(names, **more)
    assert result.status == 0, result.output
    check_chain(result.path, world.root, names)
    assert len(world.bought(names)) == 1, world.ledger()


@pytest.mark.parametrize("names", [ONE, SEVERAL], ids=["one-name", "several-names"])
def test_gets_a_certificate(world, client, names):
    _order(world, client, [f"{client}-{name}" for name in names])


def test_proves_control_by_dns_01(world, client):
    if world.learn != "push":
        pytest.skip("validation does not depend on how issuance is learned; done once")
    _order(world, client, [{"certbot": "dns1.", "lego": "dns2."}[client] + ZONE], dns_01=True)


def test_proves_control_by_tls_alpn_01(world, client):
    if world.learn != "push" or client != "lego":
        pytest.skip("certbot has no tls-alpn-01; done once")
    _order(world, client, ["alpn." + ZONE], tls_alpn_01=True)


def test_wildcard_is_refused_while_sectigo_can_be_answered_by_http_only(world, client):
    if world.learn != "push":
        pytest.skip("refused before anything is bought; done once")
    before = len(world.ledger())
    result = CLIENTS[client](world).order(["*." + ZONE], dns_01=True)
    assert result.status != 0
    said = " ".join(result.output.split())
    # certbot shows the meaning of the type and the detail; lego shows both as they are.
    assert "rejectedIdentifier" in said or "will not issue for the identifier" in said, result.output
    assert "*." + ZONE in said, result.output
    assert "wildcard" in said.lower(), result.output
    assert len(world.ledger()) == before
