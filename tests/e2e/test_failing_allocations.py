"""Allocations that fail, place by place over a whole order: no client is blamed for it, nothing hangs, nothing is lost,
nothing is bought twice, and the log says what was short. A place is a call stack that asks for memory (scarce.c)."""

import collections
import contextlib
import os
import random

import pytest

from acme_client import http_responder
from dns_server import ZONE
from failing import BROKEN_STATUS, Order, Stubborn, hurried_world
from scarce import Scarce
from scarce_units import Unit, library_of, meet_lines, programs
from world import log_of, program

# Of each thread and each file of ours one place is chosen; which, says the seed. tests/long takes all.
SEED = int(os.environ.get("ACMEGATE_SEED", "1"))
CHOSEN = 64
AT_ONCE_S, AT_LAST_S = 4, 90
REPEATS_MAX = 20  # as gateway/log.c has it


class Patient(Stubborn):
    """Its gateway may end where a library does that."""

    def __init__(self, world, scarce):
        self.scarce, self.faults = scarce, collections.Counter()
        super().__init__(world)

    def judge_end(self, gateway, status):
        fault = self.scarce.fault()
        if status == BROKEN_STATUS or fault is None:
            super().judge_end(gateway, status)
            return
        library = library_of(fault)
        assert library, f"acmegate ended with status {status}, at {fault}\n{gateway.tail(60)}"
        self.faults[library] += 1


class Scarcity:
    """A world in which each order meets one allocation that fails."""

    def __init__(self, folder):
        self.scarce = Scarce(folder, program("acmegate"))
        self.world = hurried_world(folder, self.scarce.environment(), learn="both")
        self.patient = Patient(self.world, self.scarce)
        self.placed, self.slow, self.unsaid = [], [], []

    def places_of_an_order(self, responder):
        self.patient.obtain(["first." + ZONE], responder)
        self.scarce.note(True)
        self.patient.obtain(["noted." + ZONE], responder)
        self.scarce.note(False)
        return self.scarce.places()

    def meet(self, responder, place):
        """Whether an allocation failed there."""
        name, gateway = f"{place.id:x}.{ZONE}", self.world.gateway
        seen, troubles = len(gateway.lines), self.patient.troubles
        order = Order(self.patient, [name])
        self.scarce.arm(place)
        try:
            at_once = order.see_through(responder, AT_ONCE_S)
        except AssertionError as wrong:
            raise AssertionError(f"{wrong}\nat {place}\n{gateway.tail(20)}") from None
        failed = self.scarce.disarm()
        self.placed.append(name)
        if not at_once:
            self.slow.append(order)
        if not gateway.is_running():
            self.patient.revive()
        felt = not at_once or self.patient.troubles > troubles
        if failed and felt and not self._is_said(gateway, seen):
            self.unsaid.append(place)
        return failed

    def _is_said(self, gateway, seen):
        """In the log, from that line on; or it is held back there, as what is said again and again."""
        told = len(gateway.lines)
        if any(tells_of_memory(line) for line in gateway.lines[seen:told]) or (
                sum(map(tells_of_memory, gateway.lines[:told])) >= REPEATS_MAX):
            return True
        with contextlib.suppress(AssertionError):
            gateway.wait_line(lambda line: tells_of_memory(line) and line not in gateway.lines[:told], 2)
            return True
        return False

    def close(self, responder):
        """Nothing was lost: all are issued. Nothing was bought twice."""
        for order in self.slow:
            assert order.see_through(responder, AT_LAST_S), (
                f"{order.names}: {order.seen}\n{self.world.gateway.tail(60)}")
        for name in self.placed:
            assert len(self.world.bought([name])) == 1, name
        sent = [call["foreignOrderNumber"] for call in self.world.calls() if call["call"] == "AutoApplyOrder"]
        assert len(sent) == len(set(sent)) == len(self.world.ledger()), "sent more than once"


def tells_of_memory(line):
    return "memory" in line.lower() or "memory" in log_of(line).get("reason", "")


def sample(places, seed, most):
    """One place of each thread and file of ours at least, where there is room for so many."""
    rng = random.Random(seed)
    groups = collections.defaultdict(list)
    for place in sorted(places, key=lambda place: place.id):
        ours = place.ours()
        groups[place.thread, ours.file if ours else ""].append(place)
    rows = [rng.choice(group) for _, group in sorted(groups.items())]
    rng.shuffle(rows)
    return rows[:most]


@pytest.fixture
def scarcity(tmp_path):
    scarcity = Scarcity(tmp_path)
    yield scarcity
    scarcity.world.close()


def meet_all(scarcity, seed, most=None):
    """An order for each place; most: of so many chosen by the seed."""
    failures = 0
    with http_responder(scarcity.world.ports["http01"]) as responder:
        noted = scarcity.places_of_an_order(responder)
        chosen = sample(noted, seed, most) if most else noted
        assert len({place.thread for place in chosen}) >= 4, {place.thread for place in chosen}
        for place in chosen:
            failures += scarcity.meet(responder, place)
        scarcity.close(responder)
    print(f"seed {seed}: {len(noted)} places ask for memory in an order, {len(chosen)} orders met one, {failures} "
          f"allocations failed, {len(scarcity.slow)} orders were late, the gateway ended {dict(scarcity.patient.faults)}")
    assert failures > len(chosen) / 2
    assert not scarcity.patient.unanswered
    assert not scarcity.unsaid, "the log says nothing of memory:\n" + "\n".join(map(str, scarcity.unsaid))


def test_places_of_an_order(scarcity):
    meet_all(scarcity, SEED, CHOSEN)


def test_a_reply_that_cannot_be_encrypted(scarcity):
    """Its connection is closed, so that nobody waits for it."""
    with http_responder(scarcity.world.ports["http01"]) as responder:
        places = [place for place in scarcity.places_of_an_order(responder)
                  if place.thread == "http" and any(frame.function == "SSL_write" for frame in place.frames)]
        assert places
        assert any([scarcity.meet(responder, place) for place in places[:4]])
        scarcity.close(responder)
    assert not scarcity.patient.unanswered
    with open(scarcity.world.path("acmegate.log"), encoding="utf-8") as log:  # of all starts
        assert "its reply could not be encrypted" in log.read()


def test_unit_programs(tmp_path):
    """Some lines of as many programs as there is time for; tests/long takes every line of all."""
    wrong = meet_lines([Unit(tmp_path, path) for path in programs()], SEED, 6, within_s=20)
    assert not wrong, "\n".join(wrong)
