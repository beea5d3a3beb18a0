"""Clocks that tests move: the gateway's and the stand-in's, together or apart."""

import mmap
import os
import struct
import time

from chaos_world import ChaosWorld, Order, wait_for

HOUR_S, DAY_S = 3600, 86400
YEAR_S = 365 * DAY_S
VARIABLE = "ACMEGATE_DEBUG_CLOCK"
WRONG_FOR_S = 1.5  # before a clock is set right


class Clock:
    """A file that ACMEGATE_DEBUG_CLOCK names."""

    def __init__(self, path):
        self.path = str(path)
        with open(self.path, "wb") as file:
            file.write(bytes(8))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)
        self.offset_ms = 0

    def now_s(self):
        return time.time() + self.offset_ms / 1000

    def set_s(self, ahead_s):
        """So many seconds ahead of the machine's clock; behind it where negative."""
        self.offset_ms = int(ahead_s * 1000)
        self.map[:] = struct.pack("=q", self.offset_ms)

    def move_to(self, when_s):
        """Forward only, and not at all where that time has passed while we were busy."""
        self.set_s(max(self.offset_ms / 1000, when_s - time.time()))


class ClockWorld(ChaosWorld):
    """Gateway and stand-in have a clock each."""

    def __init__(self, folder, **options):
        self.clock, self.sectigos_clock = Clock(folder / "clock"), Clock(folder / "sectigos-clock")
        super().__init__(folder, **options)

    def start_sandbox(self):
        self._with(self.sectigos_clock, super().start_sandbox)

    def start_gateway(self, **options):
        self._with(self.clock, super().start_gateway, **options)

    @staticmethod
    def _with(clock, start, **options):
        os.environ[VARIABLE] = clock.path
        try:
            start(**options)
        finally:
            del os.environ[VARIABLE]

    def doubt(self):
        return self.ctl("status")["clock"]

    def wait_sure(self):
        return wait_for("the clock is in no doubt", lambda: not self.doubt()["in_doubt"])

    def wait_doubt(self):
        return wait_for("the clock is in doubt", lambda: self.doubt()["in_doubt"])


def issuance_of(world, order):
    return world.ctl("order", "show", order.id)["issuance"]


def wait_state(world, order, *states):
    """The issuance of the order, once it is in one of the states."""
    def found():
        issuance = issuance_of(world, order)
        return issuance if issuance["state"] in states else None
    return wait_for(f"{order.names} is {' or '.join(states)}", found)


def buy(client, names, responder):
    """A subscription for these names, with its first certificate."""
    order = Order(client, names, responder)
    order.finalize()
    order.wait_valid()
