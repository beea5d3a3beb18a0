"""Three gateways on a primary and a synchronous standby, and what may become of any of them while clients order: no order
is lost, none is sent to Sectigo twice, and every client that keeps coming back has its certificate.

ACMEGATE_SCALE_CASES and ACMEGATE_SCALE_SEED (tests/scale/run faults) choose how many cases, and which."""

import os
import threading
import time

import pytest

from acme_client import http_responder
from chaos_world import wait_for
from dns_server import ZONE
from fault_world import Customer, FaultWorld, check_sent, sent
from faults import CLIENTS, KINDS, draw
from lanes import Lanes, chosen
from scale_world import MODES

SHORT = len(KINDS) // 2
COUNT = int(os.environ.get("ACMEGATE_SCALE_CASES", SHORT))
SEED = int(os.environ.get("ACMEGATE_SCALE_SEED", "1"))
DURATIONS_S = (2, 9) if COUNT == SHORT else (3, 9, 25, 60)
LANES = 1 if COUNT == SHORT else 2  # of each mode
CASES = {f"{mode}-{case.title}": case for mode in MODES for case in draw(COUNT, SEED, DURATIONS_S)}
SERVED_S = 150  # also what is sent again a minute later (issuance.resend), and what a fault lasts besides


class Trial:
    """One case in a world that is whole before and afterwards."""

    def __init__(self, world, title, responder):
        self.world, self.case, self.responder = world, CASES[title], responder
        self.names = [f"{world.mode}{self.case.number}-{n}.{ZONE}" for n in range(CLIENTS)]
        self.sent_before = len(sent(world))
        self.points = {}
        self.changed = threading.Condition()

    def reach(self, point):
        with self.changed:
            self.points[point] = True
            self.changed.notify_all()

    def wait_point(self):
        if self.case.point == "sent":
            wait_for("a request to Sectigo", lambda: len(sent(self.world)) > self.sent_before)
            return
        with self.changed:
            assert self.changed.wait_for(lambda: self.case.point in self.points, SERVED_S), self.case.point

    def run(self):
        self.world.set_settings(issueDelayMs=self.case.issue_delay_ms)
        self.world.set_faults(*self.case.sectigo_faults)
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
        check_sent(self.world, self.names, self.sent_before)


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
    assert outcome is None, f"{outcome}\nseed {SEED}"


def test_nothing_was_wrong_besides(matrix):
    assert not matrix.problems, f"seed {SEED}\n" + "\n".join(matrix.problems)
