"""Three gateways, each with a wire of its own to a primary and its standby, clients that never give up, and what has left
for Sectigo in the end."""

import contextlib
import math
import threading
import time

import requests

from acme_client import AcmeClient, make_csr
from chaos_world import wait_for
from database import Pair, Wire
from scale_world import READY, REPLACED, WAITS, ScaleWorld


class FaultWorld(ScaleWorld):
    """Each gateway has a wire of its own to a pair of servers."""

    GOOD_ENDS = (0, REPLACED)  # what was done to the last case's database may show after its customers are served

    def __init__(self, folder, mode):
        with contextlib.ExitStack() as stack:
            self.pair = Pair()
            stack.callback(self.pair.close)
            self.wires = {name: Wire(str(folder), name, self.pair) for name in "abc"}
            for wire in self.wires.values():
                stack.callback(wire.close)
            super().__init__(folder, None, names=tuple("abc"), mode=mode)
            self.stack = stack.pop_all()

    def connection_of(self, name):
        return self.wires[name].connection

    def mend(self):
        """What has died is there again, and all is as before the fault."""
        self.pair.mend()
        wait_for("all gateways to be there again", self._is_whole)

    def _is_whole(self):
        for name in self.names:
            if not self.gateways[name].is_running():
                status = self.gateways[name].wait_end()
                assert status in (-9, REPLACED), self.gateways[name].tail(40)
                self.ended(name, status)
                self.start_one(name)
        says = [self.health(name) for name in self.names]
        ready = [name for name, one in zip(self.names, says) if one == READY]
        return (len(ready) == (len(says) if self.mode == "share" else 1) and
                sum(map(self.owns, ready)) == 1 and all(one in (READY, WAITS) for one in says))

    def close(self):
        with self.stack:
            super().close()


class Customer:
    """One name, wanted until that time. Each step again until it is answered; an order that was acknowledged is gone on with, whatever happens."""

    TIMEOUT_S = 5  # a gateway that is stopped answers nobody

    def __init__(self, world, responder, name, reached, until):
        self.world, self.responder, self.names, self.reached, self.until = world, responder, [name], reached, until
        self.client, self.served, self.last, self.csr = None, False, None, make_csr([name])
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(TimeoutError):
            self._again(self._make_client)
            self.reached("account")
            self.url, self.order = self._again(self._finalize)
            self.reached("finalized")
            self.served = self._again(self._fetch)

    def _again(self, step):
        while time.monotonic() < self.until:
            try:
                return step()
            except (requests.RequestException, AssertionError, KeyError) as failed:
                self.last = failed
            if self.client:
                self.client.reconnect()
            time.sleep(0.1)
        raise TimeoutError

    def _make_client(self):
        self.client = AcmeClient(self.world.directory, self.world.pki.ca, timeout=self.TIMEOUT_S)
        assert self.client.new_account().status_code == 201

    def _finalize(self):
        url, order = self.client.new_order(self.names)
        self.reached("order")
        self.client.authorize(order, self.responder)
        self.reached("ready")
        answer = self.client.finalize(order, self.csr)
        assert answer.status_code == 200, answer.text
        return url, order

    def _fetch(self):
        return self.client.certificate(self.url).count("BEGIN CERTIFICATE") >= 2


def sent(world, from_s=0, to_s=math.inf):
    """The order numbers of all requests to buy that were read, in that order; between two times of time.monotonic()."""
    return [call["foreignOrderNumber"] for call in world.calls()
            if call["call"] == "AutoApplyOrder" and from_s <= call["readMs"] / 1000 < to_s]


def check_sent(world, names, before=0):
    """Each name once, by what has left for Sectigo since so many had, and by what was sold."""
    numbers = sent(world)[before:]
    assert len(numbers) == len(set(numbers)) == len(names), numbers
    bought = [order["names"] for order in world.ledger() if order["kind"] == "purchase"]
    assert all(bought.count([name]) == 1 for name in names), bought
