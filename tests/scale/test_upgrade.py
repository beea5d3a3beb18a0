"""A rolling upgrade: each gateway is replaced in its turn while twenty clients order through the balancer, which is told
of it a moment before; what it has begun by then, replies that are held among it, it has to end itself. No connection is
refused, no request is answered with an error, and no client fails."""

import pytest

from acme_client import make_csr
from balancer import is_ready
from chaos_world import short_times, wait_for
from scale_world import MODES, Fleet, ordering
from server import running

CLIENTS = 20
HELD_S, ISSUE_S = 20, 1  # a reply is held so long at the most, and as long as issuance takes


class Strict(Fleet):
    """Clients that put up with nothing: but for a nonce of a gateway that is no more, which costs them another try. Each
    request has a connection of its own, as where another program asks each time."""

    TIMEOUT_S = 60
    KEEPS_CONNECTIONS = False

    def serve(self, name):
        try:
            self._order_one(name)
        except Exception as failed:
            self.failed.append((name, repr(failed)))
            self.stopping.set()

    def _order_one(self, name):
        client = self.client()
        url, order = client.ready_order([name], self.responder)
        answer = client.finalize(order, make_csr([name]))
        assert answer.status_code == 200, answer.text
        assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
        self.bad_nonces.append(client.bad_nonces)


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one


def _held(config):
    short_times(config)
    config["acme"]["hold_finalize"] = f"{HELD_S}s"


def _stop(world, name):
    """In the midst of its work, where it has any."""
    if is_ready(world.own[name]["metrics"]):
        wait_for(f"{name} to be busy", lambda: world.balancer.busy(name))
    world.balancer.drain(name)
    world.stop_one(name)


def _is_there(world, name):
    """It serves; or it waits, and another one serves."""
    return is_ready(world.own[name]["metrics"]) or (
        world.mode == "standby" and world.waits(name) and world.owner() != name)


@pytest.mark.parametrize("mode", MODES)
def test_each_is_replaced(server, make_world, mode):
    world = make_world(server.connection, names=("a", "b", "c"), mode=mode, change=_held, issue_delay=ISSUE_S)
    with ordering(world, CLIENTS, Strict) as fleet:
        fleet.wait_served(CLIENTS)
        for name in ("c", "b", "a"):  # the owner of the store last
            _stop(world, name)
            world.start_one(name)
            world.balancer.use(name)
            wait_for(f"{name} anew", lambda name=name: _is_there(world, name))
            fleet.wait_served(CLIENTS // 2)
    print(f"{mode}: {len(fleet.served)} orders, badNonce {sum(fleet.bad_nonces)}")
