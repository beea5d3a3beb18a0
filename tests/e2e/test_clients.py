"""Debian's certbot and lego get certificates, however the gateway learns that they were issued."""

import pytest

from clients import CLIENTS
from dns_server import ZONE
from pki import check_chain
from world import LEARN, World

ONE = ["one." + ZONE]
SEVERAL = ["a." + ZONE, "b." + ZONE, "c." + ZONE]


@pytest.fixture(scope="module", params=LEARN)
def world(request, tmp_path_factory):
    one = World(tmp_path_factory.mktemp("world"), learn=request.param)
    yield one
    one.close()


@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("names", [ONE, SEVERAL], ids=["one-name", "several-names"])
def test_gets_a_certificate(world, client, names):
    names = [f"{client}-{name}" for name in names]
    result = CLIENTS[client](world).order(names)
    assert result.status == 0, result.output
    check_chain(result.path, world.root, names)
    assert len(world.bought(names)) == 1, world.ledger()
