"""System calls that fail, one after another over a whole order: nothing is lost, nothing is bought twice, and the log
says what to look after. What leaves the gateway useless ends it, so that its service manager starts it anew."""

import contextlib
import errno
import os

import pytest
import requests

from acme_client import http_responder
from dns_server import ZONE
from failing import BROKEN_STATUS, Order, Stubborn, failing_world
from sandbox_client import wait_for
from world import log_of

pytestmark = pytest.mark.lmdb("fails the calls by which it writes")

# {kind: what it fails with}; how many calls of each kind are chosen of all that an order makes, which tests/long takes.
FAULTS = {"write": (errno.EIO, errno.ENOSPC), "flush": (errno.EIO,), "socket": (errno.EMFILE,),
          "connect": (errno.ENETUNREACH,), "accept": (errno.EMFILE,), "send": (errno.ECONNRESET,),
          "receive": (errno.ECONNRESET,), "poll": (errno.ENOMEM,), "log": (errno.EIO,)}
STORE = ("write", "flush")
CHOSEN_OF_STORE, CHOSEN = 6, 4
# An order that takes longer than at once is gone on with after all others. Where the store failed once none does: what
# it did not take is kept for it.
AT_ONCE_S, AT_ONCE_OF_STORE_S, AT_LAST_S = 2, 20, 60


class Faults:
    """A world in which each order meets one fault."""

    def __init__(self, folder, may_end=(BROKEN_STATUS,)):
        self.world, self.failing = failing_world(folder, learn="both")
        self.stubborn = Stubborn(self.world, may_end)
        self.placed, self.slow = [], []

    def calls_of_an_order(self, responder):
        """{kind: how many}"""
        self.stubborn.obtain(["first." + ZONE], responder)
        before = self.failing.counts()
        self.stubborn.obtain(["counted." + ZONE], responder)
        return {kind: count - before[kind] for kind, count in self.failing.counts().items()}

    def meet(self, responder, kind, nth, error):
        """(whether there was such a call, what the log says)"""
        name, gateway = f"{kind}-{nth}-{errno.errorcode[error].lower()}.{ZONE}", self.world.gateway
        seen = len(gateway.lines)
        order = Order(self.stubborn, [name])
        self.failing.arm(kind, nth, error)
        if not order.see_through(responder, AT_ONCE_OF_STORE_S if kind in STORE else AT_ONCE_S):
            self.slow.append(order)
        failed = self.failing.disarm()
        self.placed.append(name)
        told = [log_of(line).get("msg", "") for line in gateway.lines[seen:]]
        if any(msg.startswith("ends, because") for msg in told):
            wait_for("the end", lambda: not gateway.is_running(), 30)
            self.stubborn.revive()
        return failed, told

    def close(self, responder):
        """Nothing was lost: all are issued. Nothing was bought twice."""
        for order in self.slow:
            assert order.see_through(responder, AT_LAST_S), (
                f"{order.names}: {order.seen}\n{self.world.gateway.tail(60)}")
        for name in self.placed:
            assert len(self.world.bought([name])) == 1, name
        placed = [call["foreignOrderNumber"] for call in self.world.calls()
                  if call["call"] == "AutoApplyOrder" and call["code"] >= 0]
        assert len(placed) == len(set(placed)) == len(self.world.ledger())


def _choose(count, chosen):
    """Of 1 to count so many, the ends among them."""
    if count <= chosen:
        return list(range(1, count + 1))
    return sorted({1 + round(i * (count - 1) / (chosen - 1)) for i in range(chosen)})


def _tells_of_the_store(told, error):
    return any(msg.startswith("store ") and (os.strerror(error) in msg or "opened anew" in msg) for msg in told)


@pytest.fixture
def faults(tmp_path):
    faults = Faults(tmp_path)
    yield faults
    faults.world.close()


def meet_all(faults, kinds, chosen):
    """An order for each of the chosen calls of each kind, and what all of them came to."""
    failures = 0
    with http_responder(faults.world.ports["http01"]) as responder:
        counts = faults.calls_of_an_order(responder)
        for kind in kinds:
            assert counts[kind] > 0, kind
            for nth in _choose(counts[kind], chosen or counts[kind]):
                for error in FAULTS[kind]:
                    failed, told = faults.meet(responder, kind, nth, error)
                    failures += failed
                    assert not failed or kind not in STORE or _tells_of_the_store(told, error), told
        faults.close(responder)
    print(f"{len(faults.placed)} orders, {failures} calls failed, {len(faults.slow)} orders were late, "
          f"{len(faults.stubborn.ended)} new starts")
    assert failures > len(faults.placed) / 2
    assert not faults.slow or not set(kinds) <= set(STORE)
    assert not faults.stubborn.unanswered


@pytest.mark.parametrize("kinds, chosen", ((STORE, CHOSEN_OF_STORE),
                                           (tuple(kind for kind in FAULTS if kind not in STORE), CHOSEN)),
                         ids=("store", "others"))
def test_each_call_of_an_order(faults, kinds, chosen):
    meet_all(faults, kinds, chosen)


@pytest.mark.parametrize("error", (errno.ENOSPC, errno.EROFS), ids=("full", "read-only"))
def test_a_disk_that_stays_so(faults, error):
    """From some write of an order on none succeeds: not ready, and nothing is lost once they do again."""
    world, failing, stubborn = faults.world, faults.failing, faults.stubborn
    with http_responder(world.ports["http01"]) as responder:
        writes = faults.calls_of_an_order(responder)["write"]
        for nth in _choose(writes, 3):
            order = Order(stubborn, [f"from-{nth}.{ZONE}"])
            stubborn.starts = False
            failing.arm("write", nth, error, lasting=True)
            told = world.gateway.lines
            order.see_through(responder, 0.7)
            assert not failing.failed() or _readyz(world) in (503, None)
            failing.disarm()
            stubborn.starts = True
            faults.slow.append(order)
            faults.placed += order.names
        faults.close(responder)
    assert _tells_of_the_store([log_of(line).get("msg", "") for line in told], error)


def test_a_start_with_a_store_that_is_read_only(faults):
    world, failing = faults.world, faults.failing
    world.stop_gateway()
    failing.arm("open", 1, errno.EROFS, lasting=True)
    world.start_gateway(wait=False)
    gateway, world.gateway = world.gateway, None
    assert gateway.wait_end() == 1
    failing.disarm()
    assert "Read-only file system" in gateway.tail() and world.path("store") in gateway.tail(), gateway.tail()
    world.start_gateway()


def _readyz(world):
    """The status; None where nobody answers any more."""
    try:
        return requests.get(world.acme_url + "/readyz", verify=world.pki.ca, timeout=10).status_code
    except requests.ConnectionError:
        return None


def _is_broken(gateway):
    return any("nothing can be read or stored any more until it is opened anew" in line for line in gateway.lines)


def test_a_store_that_needs_a_new_start(faults):
    """LMDB's meta page cannot be written, by one of the writes of a probe: not ready, and the end with a status after
    which the unit starts it anew."""
    world, failing = faults.world, faults.failing
    gateway = world.gateway
    for nth in range(1, 12):
        failing.arm("write", nth, errno.EIO)
        wait_for("a probe of which a write fails", lambda: _readyz(world) and failing.failed())
        with contextlib.suppress(AssertionError):
            wait_for("what the log says", lambda: _is_broken(gateway), 0.5)
            break
    assert _is_broken(gateway) and _readyz(world) in (503, None)
    assert gateway.wait_end() == BROKEN_STATUS
    assert "ends, because" in gateway.tail()
    failing.disarm()
    world.start_gateway()
    wait_for("it is ready", lambda: _readyz(world) == 200)
