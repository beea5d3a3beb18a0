"""Three gateways on a primary and a synchronous standby, and what may become of any of them while clients order: no order
is lost, none is sent to Sectigo twice, and every client that keeps coming back has its certificate.

ACMEGATE_SCALE_CASES and ACMEGATE_SCALE_SEED (tests/scale/run faults) choose how many cases, and which."""

import contextlib
import os
import threading
import time

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from chaos_world import wait_for
from database import Pair, Wire
from dns_server import ZONE
from faults import CLIENTS, KINDS, draw
from lanes import Lanes, chosen
from scale_world import MODES, READY, REPLACED, WAITS, ScaleWorld

SHORT = len(KINDS) // 2
COUNT = int(os.environ.get("ACMEGATE_SCALE_CASES", SHORT))
SEED = int(os.environ.get("ACMEGATE_SCALE_SEED", "1"))
DURATIONS_S = (2, 9) if COUNT == SHORT else (3, 9, 25, 60)
LANES = 1 if COUNT == SHORT else 2  # of each mode
CASES = {f"{mode}-{case.title}": case for mode in MODES for case in draw(COUNT, SEED, DURATIONS_S)}
SERVED_S = 150  # also what is sent again a minute later (issuance.resend), and what a fault lasts besides


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
        return sum(one == READY for one in says) == (len(says) if self.mode == "share" else 1) and all(
            one in (READY, WAITS) for one in says)

    def close(self):
        with self.stack:
            super().close()


class Customer:
    """One name. Each step again until it is answered; an order that was acknowledged is gone on with, whatever happens."""

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


class Trial:
    """One case in a world that is whole before and afterwards."""

    def __init__(self, world, title, responder):
        self.world, self.case, self.responder = world, CASES[title], responder
        self.names = [f"{world.mode}{self.case.number}-{n}.{ZONE}" for n in range(CLIENTS)]
        self.sent_before = len(self.sent())
        self.points = {}
        self.changed = threading.Condition()

    def sent(self):
        return [call for call in self.world.calls() if call["call"] == "AutoApplyOrder"]

    def reach(self, point):
        with self.changed:
            self.points[point] = True
            self.changed.notify_all()

    def wait_point(self):
        if self.case.point == "sent":
            wait_for("a request to Sectigo", lambda: len(self.sent()) > self.sent_before)
            return
        with self.changed:
            assert self.changed.wait_for(lambda: self.case.point in self.points, SERVED_S), self.case.point

    def run(self):
        self.world.set_settings(issueDelayMs=self.case.issue_delay_ms)
        until = time.monotonic() + SERVED_S + self.case.lasts_s
        customers = [Customer(self.world, self.responder, name, self.reach, until) for name in self.names]
        try:
            self.wait_point()
            time.sleep(self.case.pause_s)
            self.case.strike(self.world)
            self.world.mend()
        finally:
            for customer in customers:
                customer.thread.join()
        left = [(customer.names[0], repr(customer.last)) for customer in customers if not customer.served]
        assert not left, left
        self.check_sent()

    def check_sent(self):
        """By what has left for Sectigo, and by what was sold."""
        sent = [call["foreignOrderNumber"] for call in self.sent()[self.sent_before:]]
        assert len(sent) == len(set(sent)) == len(self.names), sent
        bought = [order["names"] for order in self.world.ledger() if order["kind"] == "purchase"]
        assert all(bought.count([name]) == 1 for name in self.names), bought


@pytest.fixture(scope="module")
def matrix(request, tmp_path_factory):
    tmp_path_factory.getbasetemp()
    lanes = Lanes()
    titles = chosen(request, "test_faults")
    modes = [[title for title in titles if title.startswith(mode)] for mode in MODES]

    def work(number, cases):
        world = FaultWorld(tmp_path_factory.mktemp(f"lane{number}"), cases[0].split("-")[0])
        try:
            with http_responder(world.ports["http01"]) as responder:
                for title in cases:
                    began = time.monotonic()
                    with lanes.trying(title):
                        Trial(world, title, responder).run()
                    print(f"{title}: {time.monotonic() - began:.1f} s, {lanes.outcome(title) or 'good'}", flush=True)
        finally:
            world.close()

    lanes.run([cases[i::LANES] for cases in modes for i in range(LANES)], work)
    return lanes


@pytest.mark.parametrize("case", CASES)
def test_faults(matrix, case):
    outcome = matrix.outcome(case)
    assert outcome is None, f"seed {SEED}\n{outcome}"


def test_nothing_was_wrong_besides(matrix):
    assert not matrix.problems, f"seed {SEED}\n" + "\n".join(matrix.problems)
