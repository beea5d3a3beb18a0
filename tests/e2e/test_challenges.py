"""The challenges other than http-01, by certbot and lego, and what no challenge can give."""

import pytest

from clients import CLIENTS
from dns_server import ZONE
from pki import check_chain


def _order(world, client, names, **more):
    result = CLIENTS[client](world).order(names, **more)
    assert result.status == 0, result.output
    check_chain(result.path, world.root, names)
    assert len(world.bought(names)) == 1, world.ledger()


@pytest.mark.parametrize("client, name", [("certbot", "dns1."), ("lego", "dns2.")])
def test_dns_01(world, client, name):
    _order(world, client, [name + ZONE], dns_01=True)


def test_tls_alpn_01(world):
    _order(world, "lego", ["alpn." + ZONE], tls_alpn_01=True)  # certbot has none


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_wildcard_is_refused_while_sectigo_can_be_answered_by_http_only(world, client):
    before = len(world.ledger())
    result = CLIENTS[client](world).order(["*." + ZONE], dns_01=True)
    assert result.status != 0
    said = " ".join(result.said.split())
    assert "rejectedIdentifier" in said, said
    assert "*." + ZONE + ": a wildcard needs domain control by DNS" in said, said
    assert len(world.ledger()) == before
