"""What is done to several gateways and their database while clients order: each kind and each point of time in its
turn, all else drawn from a seed."""

import random
import signal
import time

CLIENTS = 5  # of a case, one order each
# What happens, and to whom: the owner of the store, or one that is not.
KINDS = ("kill-owner", "freeze-owner", "hold-owner", "failover", "cut-owner", "kill-other", "freeze-other", "hold-other",
         "failover-kill", "cut-other")
# When: as soon as the first client has come so far, and up to PAUSE_S later.
POINTS = ("sent", "finalized", "ready", "order", "account")
PAUSE_S = 0.4
BEHIND_S = 1.5  # what the standby that takes over has missed
ANSWER_S = 2    # that Sectigo takes to answer an order, where the fault is to meet one on the wire
ISSUE_DELAYS_MS = (0, 500, 2000)
LASTS = ("freeze", "hold", "cut")


class Case:
    def __init__(self, number, kind, dice, durations):
        self.number, self.kind = number, kind
        self.what, self.whom = (kind.split("-") + ["owner"])[:2]
        self.point = POINTS[(number + number // len(KINDS)) % len(POINTS)]  # another one each time a kind comes round
        self.pause_s = dice.uniform(0, PAUSE_S)
        self.issue_delay_ms = dice.choice(ISSUE_DELAYS_MS)
        self.lasts_s = dice.choice(durations)
        self.pick = dice.random()

    @property
    def title(self):
        lasts = f"-{self.lasts_s}s" if self.what in LASTS else ""
        return f"{self.number}-{self.kind}{lasts}-{self.point}-{self.issue_delay_ms}ms"

    @property
    def sectigo_faults(self):
        return [{"endpoint": "AutoApplyOrder", "action": "slow", "seconds": ANSWER_S, "times": CLIENTS}
                ] if self.point == "sent" else []

    def victim(self, world):
        owner = world.owner()
        others = [name for name in world.names if name != owner]
        return owner if self.whom != "other" else others[int(self.pick * len(others))]

    def strike(self, world):
        """The fault, from its beginning to its end; what died stays dead."""
        getattr(self, "_" + self.what)(world)

    def _kill(self, world):
        world.gateways[self.victim(world)].kill()

    def _freeze(self, world):
        gateway = world.gateways[self.victim(world)]
        gateway.signal(signal.SIGSTOP)
        time.sleep(self.lasts_s)
        gateway.signal(signal.SIGCONT)

    def _hold(self, world):
        wire = world.wires[self.victim(world)]
        wire.hold()
        time.sleep(self.lasts_s)
        wire.go_on()

    def _cut(self, world):
        wire = world.wires[self.victim(world)]
        wire.cut()
        time.sleep(self.lasts_s)
        wire.mend()

    def _failover(self, world):
        """Of what was not acknowledged for want of the standby, nothing is there afterwards."""
        owner = world.owner()  # none of them is ready for long once the database acknowledges nothing
        world.pair.hold_back()
        time.sleep(BEHIND_S)
        if self.whom == "kill":
            world.gateways[owner].kill()
        world.pair.fail_over()


def draw(count, seed, durations):
    """count cases: each kind in its turn, all else by chance."""
    dice = random.Random(seed)
    return [Case(number, KINDS[number % len(KINDS)], dice, durations) for number in range(count)]
